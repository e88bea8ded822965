"""How much of the known materials a route's structures cover, on samples: fingerprints cost some 0.1 s a structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ....models.evaluation.coverage import Coverage, Fingerprint, coverage, fingerprint
from ....models.structure.serialization import from_plain
from ....stores.canonical import text_hash
from ....stores.connection import Connection

_KEYS: Final = {"structures": "structure_id", "materials": "material_id"}


@dataclass(frozen=True, slots=True)
class Covered:
    """Coverage of known materials, beside what known ones cover of each other.

    Attributes
    ----------
    dimension
        2 for layers, else 3.
    made, known
        Structures that were looked at.
    by_route
        Of the known ones by the route's.
    by_known
        Of the same by as many other known ones, as far as there are any.
    """

    dimension: int
    made: int
    known: int
    by_route: Coverage | None
    by_known: Coverage | None


class Sample:
    """Structures of a registry with their fingerprints, each made once however many routes it is compared with.

    Parameters
    ----------
    connection
        The registry.
    most
        So many of each set are looked at, drawn by the hash of their ids.
    """

    def __init__(self, connection: Connection, most: int) -> None:
        self.most = most
        self._database = connection.database
        self._prints: dict[str, Fingerprint] = {}

    def covered(self, dimension: int, made: Sequence[str], known: Sequence[str]) -> Covered:
        """Compare a route's structures with known ones.

        Parameters
        ----------
        dimension
            Of all of them.
        made
            Ids of structures.
        known
            Ids of materials.
        """
        some, others = self._drawn(made, self.most), self._drawn(known, 2 * self.most)
        there, rest = others[::2], others[1::2]
        of_made, of_known = self._read("structures", some), self._read("materials", there)
        of_rest = self._read("materials", rest)
        return Covered(dimension, len(some), len(there), coverage(of_made, of_known), coverage(of_rest, of_known))

    @staticmethod
    def _drawn(ids: Sequence[str], most: int) -> list[str]:
        return sorted(ids, key=text_hash)[:most]

    def _read(self, name: str, ids: Sequence[str]) -> list[Fingerprint]:
        key = _KEYS[name]
        missing = [one for one in ids if one not in self._prints]
        for doc in self._database[name].find({key: {"$in": missing}}, {"_id": 0, key: 1, "structure": 1}):
            self._prints[doc[key]] = fingerprint(from_plain(doc["structure"]))
        return [self._prints[one] for one in ids if one in self._prints]
