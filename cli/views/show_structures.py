"""The structures that were made of a composition, best first, as ``exfolio show`` lists them."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from ...stores.connection import Connection
from ...stores.query.lookup import StoredDocument
from ..display.cells import MARKS, text_of
from ..display.console import out
from ..display.tables import print_table

Doc = dict[str, Any]

_SHOWN: Final = (
    *("structure_id", "route", "rank", "parent_id", "dimension", "substitution", "template_distance", "probability"),
    *("oxidation_match", "space_group", "valid", "novel", "known_as", "duplicate_of"),
)
_MOST: Final = 50


def structures_of(connection: Connection, stored: StoredDocument) -> list[Doc]:
    """Structures of a composition that are not deprecated, by route and rank; of anything else none."""
    if stored.collection != "compositions":
        return []
    query = {"formula_reduced": stored.key, "deprecated": False}
    structures = connection.database["structures"].find(query, {"_id": 0, **dict.fromkeys(_SHOWN, 1)})
    order = [("dimension", 1), ("route", -1), ("rank", 1), ("structure_id", 1)]
    return list(structures.sort(order).limit(_MOST + 1))


def print_structures(structures: list[Doc]) -> None:
    """Print them as a table."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    for name in ("structure", "route", "from"):
        table.add_column(name, no_wrap=True)
    table.add_column("substitution", no_wrap=True)
    for name in ("chance", "ElMD", "group"):
        table.add_column(name, justify="right")
    for name in ("valid", "novel"):
        table.add_column(name)
    for proposed in structures[:_MOST]:
        mapping = (proposed.get("substitution") or {}).items()
        chance, distance = proposed.get("probability"), proposed.get("template_distance")
        table.add_row(
            f"{proposed.get('dimension', '')}D {proposed.get('rank', '')}",
            escape(str(proposed["structure_id"])),
            escape(str(proposed.get("route", ""))),
            escape(str(proposed.get("parent_id", ""))),
            escape(", ".join(f"{old} > {new}" for old, new in mapping if old != new)),
            "" if chance is None else f"{chance:.2f}",
            "" if distance is None else f"{distance:.2f}",
            text_of((proposed.get("space_group") or {}).get("number")),
            _mark(proposed.get("valid")),
            _novelty(proposed),
        )
    print_table(table)
    if len(structures) > _MOST:
        out.print("[dim]… and more; all of them: exfolio query structures[/]")


def _mark(value: bool | None) -> str:  # noqa: FBT001
    return {True: MARKS["passed"], False: MARKS["failed"], None: MARKS["unknown"]}[value]


def _novelty(proposed: Doc) -> str:
    if proposed.get("duplicate_of"):
        return f"[yellow]repeats {escape(str(proposed['duplicate_of']))}[/]"
    if proposed.get("known_as"):
        return f"[yellow]known: {escape(', '.join(proposed['known_as'][:2]))}[/]"
    return _mark(proposed.get("novel"))
