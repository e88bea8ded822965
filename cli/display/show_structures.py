"""The structures that were made of a composition, best first, as ``exfolio show`` lists them."""

from __future__ import annotations

from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from ...stores.connection import Connection
from ...stores.query.lookup import Found
from .cells import MARKS, print_table, text_of
from .console import out

Doc = dict[str, Any]

_SHOWN: Final = (
    *("structure_id", "route", "rank", "parent_id", "dimension", "substitution", "template_distance", "probability"),
    *("oxidation_match", "space_group", "valid", "novel", "known_as", "duplicate_of"),
)
_MOST: Final = 50


def structures_of(connection: Connection, found: Found) -> list[Doc]:
    """Give the current structures of a composition, by route and rank; of anything else none."""
    if found.collection != "compositions":
        return []
    query = {"formula_reduced": found.key, "deprecated": False}
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
    for name in ("share", "ElMD", "group"):
        table.add_column(name, justify="right")
    for name in ("valid", "novel"):
        table.add_column(name)
    for one in structures[:_MOST]:
        mapping = (one.get("substitution") or {}).items()
        share, distance = one.get("probability"), one.get("template_distance")
        table.add_row(
            f"{one.get('dimension', '')}D {one.get('rank', '')}",
            escape(str(one["structure_id"])),
            escape(str(one.get("route", ""))),
            escape(str(one.get("parent_id", ""))),
            escape(", ".join(f"{old} > {new}" for old, new in mapping if old != new)),
            "" if share is None else f"{share:.3f}",
            "" if distance is None else f"{distance:.2f}",
            text_of((one.get("space_group") or {}).get("number")),
            _mark(one.get("valid")),
            _novelty(one),
        )
    print_table(table)
    if len(structures) > _MOST:
        out.print("[dim]… and more; all of them: exfolio query structures[/]")


def _mark(value: bool | None) -> str:  # noqa: FBT001
    return {True: MARKS["passed"], False: MARKS["failed"], None: MARKS["unknown"]}[value]


def _novelty(one: Doc) -> str:
    if one.get("duplicate_of"):
        return f"[yellow]repeats {escape(str(one['duplicate_of']))}[/]"
    if one.get("known_as"):
        return f"[yellow]known: {escape(', '.join(one['known_as'][:2]))}[/]"
    return _mark(one.get("novel"))
