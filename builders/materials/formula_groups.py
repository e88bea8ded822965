"""What stages share that compare structures formula by formula: only those of one formula can be the same."""

from __future__ import annotations

from collections.abc import Iterable

from ...stores.connection import Connection
from ...stores.documents import Material, RegistryDocument
from ..engine.batches import Doc
from ..engine.selection.group_members import Members

KNOWN_STRUCTURES = Members(
    Material,
    "formula_reduced",
    ("structure",),
    ("structure",),
    {"structure": {"$exists": True}, "disordered": {"$ne": True}},
)
"""Known materials whose structure can be compared."""
_ASKED_AT_ONCE = 10_000


def formulas_in(
    connection: Connection, document: type[RegistryDocument], among: Iterable[str], criteria: Doc | None = None
) -> list[str]:
    """Those formulas, in order, of which a collection has a document.

    Parameters
    ----------
    connection
        The registry.
    document
        Class of the collection's documents.
    among
        Reduced formulas.
    criteria
        What the document has to meet; None: that it is current.
    """
    collection = connection.database[document.collection_name()]
    wanted = sorted(set(among))
    present: list[str] = []
    for start in range(0, len(wanted), _ASKED_AT_ONCE):  # an answer of the server holds 16 MB
        some = {"formula_reduced": {"$in": wanted[start : start + _ASKED_AT_ONCE]}}
        present += collection.distinct("formula_reduced", {**some, **(criteria or {"deprecated": False})})
    return sorted(present)
