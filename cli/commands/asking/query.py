"""``exfolio query``: ask the registry."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Annotated, Any, Final

import typer
from rich.markup import escape
from rich.table import Table

from ....builders.exports.rows import Format, write_csv, write_json, write_jsonl
from ....stores.connection import Connection, connect
from ....stores.errors import ConfigurationError
from ....stores.query.columns import NEWEST_FIRST, all_columns, columns_of
from ....stores.query.counting import Count
from ....stores.query.language.fields import Field, fields_of, has_deprecation
from ....stores.query.search import Search, require_initialised
from ...display.cells import plural, table_of, values_in_table
from ...display.console import JsonOption, begin, err, out, print_json, write_line
from ...display.tables import print_table
from ...views.selection import Selection, takes_selection

_AS_WRITTEN: Final = re.compile(r"\b(?:formula|chemical_formula_descriptive)\s*=")
_OF_FORMULAS: Final = " (formula is as its source wrote it; formula_reduced is found in any spelling)"

TABLE_LIMIT: Final = 50
"""Rows of a table where no limit is given."""


def register(app: typer.Typer) -> None:
    """Add ``query`` to the app."""
    app.command()(query)


@takes_selection
def query(
    *,
    selection: Selection,
    fields: Annotated[
        str, typer.Option("--fields", "--columns", metavar="A,B,C", help="Fields to show, in order; all for every one.")
    ] = "",
    sort: Annotated[
        str, typer.Option(metavar="[-]A,…", help="Order by these fields, - for descending; missing values come last.")
    ] = "",
    limit: Annotated[
        int | None,
        typer.Option(min=0, help=f"At most so many; 0 for all. A table has {TABLE_LIMIT} when left out."),
    ] = None,
    after: Annotated[
        str | None, typer.Option(metavar="ID", help="Begin behind this document: the last one of the page before.")
    ] = None,
    offset: Annotated[
        int, typer.Option(min=0, help="Leave out so many at the beginning; --after is quicker for the next page.")
    ] = 0,
    count: Annotated[bool, typer.Option("--count", help="Only say how many there are, exactly.")] = False,
    format_: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.table,
    json: JsonOption = False,
    fields_help: Annotated[
        bool, typer.Option("--fields-help", help="List the fields of the collection, with units, and leave.")
    ] = False,
) -> None:
    """Ask the registry: documents of a collection that meet a filter and all options.

    Filters are OPTIMADE's (https://www.optimade.org), with the fields of the collection as names. A value that is a
    bound or an interval meets a condition where all of the interval does; --possible: where some of it does.
    How many there are is said on stderr, beyond 10,000 as an estimate (~); none found is no error.

    \b
    Examples:
      exfolio query --elements Mn,O --ehull-max 0.08
      exfolio query 'elements HAS ALL "Mn","O" AND energy_above_hull <= 0.08'
      exfolio query materials 'layered = TRUE AND NOT elements HAS ANY "Pb","Hg"' --sort band_gap
      exfolio query candidates 'status = "promoted"' --fields id,formula_reduced,band_gap --format csv
      exfolio query failures 'stage STARTS WITH "ingest"' --json
      exfolio query materials --fields-help
    """  # noqa: D301 - the backspace tells the help to keep the lines
    collection = selection.asked
    if fields_help:
        _print_fields(collection, json=json)
        return
    chosen = _format(format_, json=json)
    columns = _columns(collection, fields, chosen)
    asked = selection.search(
        fields=columns,
        sort=_split(sort) or NEWEST_FIRST.get(collection, ()),
        limit=TABLE_LIMIT if limit is None and chosen is Format.table else limit,
        offset=offset,
        after=after,
    )
    with connect(begin()) as connection:
        require_initialised(connection)
        if count:
            _print_count(connection, asked, json=json)
        else:
            _answer(connection, asked, chosen)


def _print_count(connection: Connection, asked: Search, *, json: bool) -> None:
    number = asked.count(connection)
    if json:
        print_json({"collection": asked.collection, "filter": asked.filter, "count": number})
    else:
        out.print(plural(number, asked.collection))


def _answer(connection: Connection, asked: Search, chosen: Format) -> None:
    documents = asked.documents(connection)
    # Nothing is printed before the first document is there, so that an error is all there is to see.
    first = list(islice(documents, 1))
    page = _Page(asked)
    documents = page.passed_through(chain(first, documents))
    total = None
    if chosen is Format.table:
        _print_table(documents, asked.columns, key=asked.known.key)
    elif chosen is Format.csv:
        write_csv(documents, asked.columns, write_line)
    elif chosen is Format.json:
        total = asked.count_quickly(connection)
        facts = {"total": total.number} | ({} if total.exact else {"total_is_estimate": True})
        write_json(documents, write_line, collection=asked.collection, filter=asked.filter, **facts)
    else:
        write_jsonl(documents, write_line)
    if total is None:
        total = asked.count_quickly(connection) if page.may_be_cut else Count(page.number, exact=True)
    err.print(page.told(total, is_table=chosen is Format.table), soft_wrap=True, style="dim")
    if not total.number and has_deprecation(asked.collection) and is_empty(connection, asked.collection):
        told = f"The registry has no {asked.collection} at all yet: {_MADE_BY.get(asked.collection, _MADE)}"
        err.print(told, markup=False, soft_wrap=True)


@dataclass(slots=True)
class _Page:
    """What of the documents that match is shown."""

    asked: Search
    number: int = 0
    last: str | None = None

    def passed_through(self, documents: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Documents as they are, counted."""
        for document in documents:
            self.number += 1
            self.last = document.get(self.asked.known.key)
            yield document

    @property
    def may_be_cut(self) -> bool:
        """Whether there may be more than is shown."""
        asked = self.asked
        is_begun = asked.offset > 0 or asked.after is not None
        return is_begun or not self.number or bool(asked.limit and self.number >= asked.limit)

    def told(self, total: Count, *, is_table: bool) -> str:
        """Say how many match, and which of them are shown."""
        asked, number = self.asked, self.number
        if not total.number:
            hint = _OF_FORMULAS if _AS_WRITTEN.search(asked.filter or "") else ""
            return f"No {plural(0, asked.collection).removeprefix('0 ')} found.{hint}"
        found = f"{total.mark}{plural(total.number, asked.collection)}"
        if number == total.number:
            return found
        first, last = asked.offset + 1, asked.offset + number
        shown = f"the first {number:,} shown" if first == 1 else f"{first:,} to {last:,} shown"
        if asked.after is not None:
            shown = f"{number:,} behind {asked.after} shown"
        if not number:
            shown = "none of them shown"
        if not (is_table and number):
            return f"{found}, {shown}"
        begun = asked.after is not None and self.last and number == asked.limit
        more = f"; the next: --after {shlex.quote(str(self.last))}" if begun else ""
        return f"{found}, {shown} (--limit 0 shows all{more})"


def is_empty(connection: Connection, collection: str) -> bool:
    """Whether a collection has no documents at all."""
    return connection.database[collection].find_one({}, {"_id": 1}) is None


def _print_table(documents: Iterator[dict[str, Any]], columns: Sequence[Field], *, key: str) -> None:
    rows = [values_in_table(document, columns) for document in documents]
    if rows:
        print_table(table_of(columns, rows, key=key), remedy="a wider window, --fields, or --format csv")


def _format(chosen: Format, *, json: bool) -> Format:
    if json and chosen not in (Format.table, Format.json):
        raise ConfigurationError(f"--json and --format {chosen} contradict each other", "Leave one of them out.")
    return Format.json if json else chosen


def _columns(collection: str, names: str, chosen: Format) -> tuple[str, ...]:
    if names.strip() == "all":
        return all_columns(collection)
    if names:
        return _split(names)
    return () if chosen in (Format.json, Format.jsonl) else columns_of(collection)


def _split(names: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in names.split(",") if name.strip())


def _print_fields(collection: str, *, json: bool) -> None:
    known = fields_of(collection)
    if json:
        print_json(
            [
                {
                    "name": field.path,
                    "kind": field.kind,
                    "unit": field.unit or None,
                    "description": field.description,
                    "choices": list(field.choices) or None,
                    "optimade": field.standard or None,
                }
                for field in known
            ]
        )
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True, style="bold")
    table.add_column("values", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("meaning")
    for field in known:
        alias = f" [dim](OPTIMADE: {field.standard})[/]" if field.standard and field.standard != field.path else ""
        table.add_row(field.path, field.kind, field.unit, f"{escape(field.description)}{alias}")
    print_table(table)
    out.print(
        f"\nIn a filter, write the name as it is or as _exfolio_<name>. Example:\n"
        f"  exfolio query {collection} '{_EXAMPLES.get(collection, _key_example(collection))}'",
        soft_wrap=True,
        markup=False,
    )


_MADE: Final = "exfolio refresh --help"
_MADE_BY: Final = {
    "materials": "exfolio ingest --help",
    "reference_entries": "exfolio ingest --help",
    "calculations": "exfolio ingest vasp FOLDER",
}
"""What fills a collection, where a refresh does not do it by itself."""
_EXAMPLES: Final = {
    "materials": 'elements HAS ALL "Mo","S" AND layered = TRUE',
    "candidates": 'status = "promoted" AND exfoliation_energy <= 0.1',
    "structures": 'route = "top-down" AND space_group.number = 187',
    "properties": 'kind = "exfoliation_energy" AND value < 0.1',
    "compositions": "p_2d >= 0.95 AND charge_neutral = TRUE",
    "failures": "parked = TRUE",
    "runs": 'state != "succeeded"',
}


def _key_example(collection: str) -> str:
    return f'{fields_of(collection).key} STARTS WITH "…"'
