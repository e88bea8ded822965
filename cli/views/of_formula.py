"""What the registry knows of a formula, in all collections, as ``exfolio show MoS2`` lists it."""

from __future__ import annotations

import re
from typing import Any, Final

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection
from ...stores.query.columns import columns_of
from ...stores.query.language.conditions import of_formula
from ...stores.query.language.fields import fields_of
from ...stores.query.search import Search, require_initialised
from ..display.cells import plural, table_of, values_in_table
from ..display.console import out
from ..display.tables import print_table

Doc = dict[str, Any]

COLLECTIONS: Final = (
    *("materials", "compositions", "structures", "calculations", "properties", "candidates", "reference_entries"),
)
_WHERE_KNOWN: Final = {"materials": ("synthesised", "synthesis_method")}
"""Further columns, shown where a document has them."""
_MOST: Final = 10
_LOOKS_LIKE_ONE: Final = re.compile(r"[A-Z(\[0-9][^:_/-]*")


def reduced_formula(text: str) -> str | None:
    """Reduced formula in the registry's spelling, of a formula as a person writes it; None where it is no formula."""
    if not _LOOKS_LIKE_ONE.fullmatch(text) or len(text) > 200:
        return None
    from ...models.composition.formula.formulas import describe  # half a second, for those who ask for a formula

    try:
        return describe(text).reduced
    except ValueError:
        return None


def known_of(connection: Connection, formula: str) -> dict[str, Doc]:
    """Documents of a reduced formula that are not deprecated, by collection: how many, and the first of them.

    Collections without any are left out.
    """
    require_initialised(connection)
    known = {}
    for collection in COLLECTIONS:
        condition = of_formula(fields_of(collection), formula)
        names = [*columns_of(collection), *_WHERE_KNOWN.get(collection, ())]
        asked = Search(collection, conditions=[condition], fields=names, limit=_MOST)
        if documents := list(asked.documents(connection)):
            total = asked.count_quickly(connection).number if len(documents) == _MOST else len(documents)
            known[collection] = {"total": total, "documents": documents}
    return known


def print_known(formula: str, known: dict[str, Doc]) -> None:
    """Print a table for each collection, and how to see the rest."""
    shown = chemists_formula(formula)
    for collection, found in known.items():
        fields = fields_of(collection)
        further = _WHERE_KNOWN.get(collection, ())
        known_further = [name for name in further if any(name in document for document in found["documents"])]
        names = [*columns_of(collection), *known_further]
        columns = [fields.get(name) for name in names if name != "formula_reduced"]
        columns = columns or [fields.get("formula_reduced")]
        out.print(f"\n[bold]{plural(found['total'], collection)}[/] of {shown}", soft_wrap=True)
        print_table(table_of(columns, [values_in_table(doc, columns) for doc in found["documents"]], key=fields.key))
        if found["total"] > len(found["documents"]):
            rest = f"exfolio query {collection} --formula '{shown}' --limit 0"
            out.print(f"… and {found['total'] - len(found['documents']):,} more: {rest}", soft_wrap=True, style="dim")
