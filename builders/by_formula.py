"""What stages share that compare structures formula by formula: only those of one formula can be the same."""

from __future__ import annotations

from collections.abc import Iterable

from ..stores.connection import Connection
from ..stores.documents import Material, RegistryDocument
from .group_stage import Members

KNOWN_STRUCTURES = Members(
    Material,
    "formula_reduced",
    ("record",),
    ("structure",),
    {"structure": {"$exists": True}, "disordered": {"$ne": True}},
)
"""Known materials whose structure can be compared."""


def formulas_in(connection: Connection, document: type[RegistryDocument], among: Iterable[str]) -> list[str]:
    """Give those formulas, in order, of which a collection has a current document."""
    present = connection.database[document.collection_name()].distinct("formula_reduced", {"deprecated": False})
    return sorted(set(among) & set(present))
