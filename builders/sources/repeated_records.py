"""Finds records that have the id of another one: the first in the order of reading counts, a later one is set apart.

Knows ids, places and contents of documents; which files are read, and why, is the stage's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import compress

import numpy as np
from numpy.typing import NDArray
from pymongo.database import Database

from ...stores.bookkeeping.quarantine import Refused
from ...stores.documents import RegistryDocument
from ...stores.writes.written import Written
from ..engine.batches import Doc, Prepared
from .retirement import PendingRetirements

Hashes = NDArray[np.uint64]
Claim = Callable[[Doc, Doc], bool]
"""Whether the record at an origin (the first one) still has its id, though this pass has not met it."""


class MetIds:
    """The ids that were met, by hashes of 64 bit: 8 bytes for each, however many there are.

    Examples
    --------
    >>> met = MetIds()
    >>> met.add(["a", "b"])
    >>> list(met.among(["b", "c"]))
    [True, False]
    """

    def __init__(self) -> None:
        self._sorted: list[Hashes] = []  # each at least twice as long as the next, so there are few

    def add(self, ids: Sequence[str]) -> None:
        """Note ids."""
        if not ids:
            return
        new = np.unique(_hashes(ids))
        while self._sorted and len(self._sorted[-1]) < 2 * len(new):
            new = np.union1d(self._sorted.pop(), new)
        self._sorted.append(new)

    def among(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Which of these ids were noted."""
        wanted = _hashes(ids)
        met = np.zeros(len(wanted), dtype=bool)
        for known in self._sorted:
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            met |= known[at] == wanted
        return met


@dataclass
class Repeats:
    """What a sifting took out.

    Attributes
    ----------
    same
        Records that say what the first one says; nothing is lost with them.
    other
        Records that say something else, for quarantine.
    files
        Files with either.
    """

    same: int = 0
    other: dict[tuple[str, str], Refused] = field(default_factory=dict)
    files: set[str] = field(default_factory=set)


class RepeatedRecords:
    """Sifts the batches of one pass over a source.

    Parameters
    ----------
    documents
        By collection, its document class and the facet in which what was made of a record lies.
    """

    def __init__(self, documents: dict[str, tuple[type[RegistryDocument], str]]) -> None:
        self._documents = documents
        self.met = {name: MetIds() for name in documents}

    def sift(
        self, prepared: Prepared, database: Database[Doc], claims: Claim | None, pending: PendingRetirements
    ) -> Repeats:
        """Take repeated records out of what is ready to be written.

        Parameters
        ----------
        prepared
            A batch, in the order of reading; all before it are written.
        database
            The database, to look up the first one.
        claims
            Tells which records keep their ids though they are not read in this pass; None where all are.
        pending
            What no file had any more when its file was read last.
        """
        repeats = Repeats()
        for name, docs in prepared.documents.items():
            if docs:
                prepared.documents[name] = self._sifted(name, docs, database, claims, pending, repeats)
        if repeats.other:
            prepared.refused += repeats.other.values()
            prepared.went_well = [
                item
                for item in prepared.went_well
                if (item.origins[0]["id"], item.origins[0]["place"]) not in repeats.other
            ]
        return repeats

    def _sifted(
        self,
        name: str,
        docs: list[Written],
        database: Database[Doc],
        claims: Claim | None,
        pending: PendingRetirements,
        repeats: Repeats,
    ) -> list[Written]:
        document, facet = self._documents[name]
        keys = [doc.key for doc in docs]
        met = self.met[name].among(keys)
        asked = keys if claims is not None else list(compress(keys, met))
        stored = _first_ones(database, name, document.KEY, facet, set(asked) - pending.among(name, asked))
        met_keys = set(compress(keys, met))
        here: dict[str, Written] = {}
        for doc in docs:
            origin = doc.origins[0]
            first = stored.get(doc.key)
            if (earlier := here.get(doc.key)) is not None:
                first_origin, digest = earlier.origins[0], earlier.hash
            elif first and (doc.key in met_keys or (claims is not None and claims(first["origin"], origin))):
                first_origin, digest = first["origin"], first["hash"]
            else:
                here[doc.key] = doc
                continue
            repeats.files.add(origin["id"])
            if doc.hash == digest:
                repeats.same += 1
            else:
                repeats.other[origin["id"], origin["place"]] = repeated(doc.key, origin, first_origin)
        self.met[name].add(list(here))
        return list(here.values())


def _first_ones(database: Database[Doc], collection: str, key: str, facet: str, keys: Iterable[str]) -> dict[str, Doc]:
    """Origin and hash of the current documents of these keys."""
    query = {key: {"$in": list(keys)}, "deprecated": False}
    if not query[key]["$in"]:  # type: ignore[index]
        return {}
    fields = {"_id": 0, key: 1, "origins": 1, f"facets.{facet}.hash": 1}
    return {
        doc[key]: {"origin": doc["origins"][0], "hash": doc["facets"][facet]["hash"]}
        for doc in database[collection].find(query, fields)
        if doc.get("origins")
    }


def repeated(key: str, origin: Doc, first: Doc) -> Refused:
    """A complaint of a record that has the id of another one.

    Parameters
    ----------
    key
        The id.
    origin, first
        Where the two stand.
    """
    where = str(first.get("place") or "a record")
    if first.get("id") != origin["id"]:
        where += f" of {first.get('id')}"
    return Refused(
        origin["id"],
        origin["place"],
        f"{key} is the id of {where} too, which says something else",
        "give one of the two another id, or take it out",
        key,
    )


def _hashes(ids: Sequence[str]) -> Hashes:
    digests = b"".join(hashlib.blake2b(one.encode("utf-8", "surrogatepass"), digest_size=8).digest() for one in ids)
    return np.frombuffer(digests, dtype=np.uint64)
