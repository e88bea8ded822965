"""What stages share that compare structures formula by formula: only those of one formula can be the same."""

from __future__ import annotations

from collections.abc import Iterable

from ...stores.connection import Connection
from ...stores.documents import Material, RegistryDocument
from ..engine.group_members import Members

KNOWN_STRUCTURES = Members(
    Material,
    "formula_reduced",
    ("record",),
    ("structure",),
    {"structure": {"$exists": True}, "disordered": {"$ne": True}},
)
"""Known materials whose structure can be compared."""
_ASKED_AT_ONCE = 10_000


def formulas_in(connection: Connection, document: type[RegistryDocument], among: Iterable[str]) -> list[str]:
    """Give those formulas, in order, of which a collection has a current document."""
    collection = connection.database[document.collection_name()]
    wanted = sorted(set(among))
    present: list[str] = []
    for start in range(0, len(wanted), _ASKED_AT_ONCE):  # an answer of the server holds 16 MB
        some = {"formula_reduced": {"$in": wanted[start : start + _ASKED_AT_ONCE]}, "deprecated": False}
        present += collection.distinct("formula_reduced", some)
    return sorted(present)
