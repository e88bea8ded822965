"""How far relaxing moved the atoms of a route's structures, as the field gives the RMSD to the relaxed structure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final, NamedTuple

from ....models.potential.displacement import rms_displacement
from ....models.structure.serialization import from_plain
from ....stores.connection import Connection
from ...engine.batches import Doc
from ...properties.potential.potential_stage import KIND as ENERGY

_MOST_COMPARED: Final = 2000


class Displacement(NamedTuple):
    """Mean RMSD in Å, and over how many structures."""

    mean: float
    structures: int


def displacement(connection: Connection, structures: Collection[str]) -> Displacement | None:
    """Mean root mean square displacement by relaxing; of many structures of the first 2,000 by id. None without any.

    Parameters
    ----------
    structures
        Ids of proposed structures, looked at as far as some potential has relaxed them.
    """
    relaxed: Doc = {"kind": ENERGY, "details.structure": {"$exists": True}, "deprecated": False, "value": {"$ne": None}}
    fields = {"_id": 0, "structure_id": 1, "details.structure": 1}
    after = {
        doc["structure_id"]: doc["details"]["structure"]
        for doc in connection.database["properties"]
        .find({**relaxed, "structure_id": {"$in": sorted(structures)}}, fields)
        .sort("structure_id", 1)
        .limit(_MOST_COMPARED)
    }
    before = connection.database["structures"].find(
        {"structure_id": {"$in": sorted(after)}}, {"_id": 0, "structure_id": 1, "structure": 1}
    )
    moved = [rms_displacement(from_plain(doc["structure"]), from_plain(after[doc["structure_id"]])) for doc in before]
    return Displacement(sum(moved) / len(moved), len(moved)) if moved else None
