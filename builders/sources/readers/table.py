"""Reader of tables (CSV, TSV, JSON of flat records) of formulas and properties with declared units.

Which column is what is said by options and by headers that leave no doubt (see `units`); the rest is kept as text.
"""

import logging
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np

from ....models.composition.formula.formulas import describe_all, parse_or_report, reduced_formulas
from ..files.file_reader import FileReader
from ..files.json_rows import is_json, json_rows
from ..files.open_files import SourceFileError, quoted
from ..files.table_columns import MAX_FAULTS, TablePlan, check_fields, plan_table
from ..files.table_lines import COMMENT, SEPARATORS, Row, rows, sniff_encoding, sniff_separator
from ..files.table_numbers import cell_number
from ..records.material_fields import Occurrences, claim, facts_fields, identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value
from ..records.source_options import SourceOptionError
from ..records.units import UNITS_OF_FIELD, canonical

logger = logging.getLogger(__name__)

_ROWS_AT_ONCE = 4096
_LIKE_AN_ID = re.compile(r"(?:.*[_ -])?id", re.IGNORECASE)
_LETTERS_AND_DIGITS = re.compile(r"\w")
_UNITS = frozenset(unit for _, understood in UNITS_OF_FIELD.values() for unit in understood)


@dataclass(frozen=True, kw_only=True)
class Table(FileReader):
    """Formulas with properties, one material a row.

    Rows without an id are called ``<reduced formula>-<n>``, n counted in the file; with several files the name of the
    file comes first.

    Attributes
    ----------
    columns
        Field to column: ``{"formation_energy": "Heat_of_formation:eV/atom", "formula": "Material", "id": "id"}``.
        Fields are ``formula``, ``id``, ``space_group`` (a number), those of `TEXT_FIELDS`, and, with a unit after the
        last colon, those of `UNITS_OF_FIELD`.
    keep
        Columns to keep as they are, though their headers look like a property.
    method
        How the values were got (e.g. ``PBE``, ``experiment``).
    reference
        Publication to cite.
    dimension
        2 or 3, where the source claims it of all its records.
    synthesised
        Whether all of its records have been made; not said where it is None.
    separator, encoding
        Of the files; sniffed where not given.
    decimal
        Sign before the decimals of numbers, ``.`` or ``,``.

    Raises
    ------
    SourceOptionError
        An option can't be meant.
    """

    kind: ClassVar[str] = "table"
    version: ClassVar[int] = 5
    file_kinds: ClassVar[str] = "tables (.csv, .tsv; JSON of flat records)"
    suffixes: ClassVar[tuple[str, ...]] = (".csv", ".tsv")

    columns: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    synthesised: bool | None = None
    separator: str | None = None
    encoding: str | None = None
    decimal: str = "."

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields(self.columns)
        if self.separator is not None and len(self.separator) != 1:
            msg = f"a separator is one character, not {self.separator!r}; usual ones are {SEPARATORS}"
            raise SourceOptionError(msg)
        if self.decimal not in (".", ","):
            msg = f"a decimal sign is . or , and not {self.decimal!r}"
            raise SourceOptionError(msg)
        if self.encoding is not None:
            try:
                "text".encode(self.encoding)
            except LookupError as error:
                msg = f"there is no encoding called {self.encoding!r}; usual ones are utf-8, utf-16 and cp1252"
                raise SourceOptionError(msg) from error

    def records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        """Read the rows of a table; those without an id are numbered here, since only here the order is known.

        Raises
        ------
        SourceFileError
            Where the header does not say what is needed.
        """
        if is_json(path):
            yield from self._records(path, json_rows(path))
            return
        encoding = self.encoding or sniff_encoding(path)
        separator = self.separator or sniff_separator(path, encoding)
        with closing(rows(path, encoding=encoding, separator=separator)) as table_rows:
            yield from self._records(path, table_rows)

    def _records(self, path: Path, table_rows: Iterator[Row | BadRecord]) -> Iterator[RawRecord | BadRecord]:
        header, comments = self._header(path, table_rows)
        try:
            plan = self._plan(header, where=f" of {quoted(path)}")
        except SourceFileError as error:
            if not comments:
                raise
            msg = f"{error}\n(lines {', '.join(map(str, comments))} begin with {COMMENT} and were taken for comments)"
            raise SourceFileError(msg) from error
        table_rows = (row for row in table_rows if not _is_comment(row, header))
        occurrences, prefix = Occurrences(), self.id_prefix(path)
        if plan.source_id is None:
            _say_which_may_be_the_id(path, [column for _, column in plan.extra])
        index = 0
        while block := list(islice(table_rows, _ROWS_AT_ONCE)):
            named = (
                _named(block, header, plan, occurrences, prefix)
                if plan.source_id is None
                else [_checked(row, header) for row in block]
            )
            for row, source_id in zip(block, named, strict=True):
                if isinstance(row, BadRecord):
                    yield row.moved(row.place, index)
                elif isinstance(source_id, BadRecord):
                    yield source_id.at(RawRecord(f"row {row.line}", index, None))
                else:
                    yield RawRecord(f"row {row.line}", index, (header, row.cells, source_id))
                index += 1

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one row; `parse_many` is far faster for many.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        result = self.parse_many([raw])[0]
        if isinstance(result, BadRecord):
            raise result
        return result

    def parse_many(self, raws: Sequence[RawRecord]) -> list[Documents | BadRecord]:
        """Make the document of each row, in order; a bad row gives its `BadRecord`."""
        results: list[Documents | BadRecord] = []
        start = 0
        while start < len(raws):
            header = raws[start].payload[0]
            stop = start + 1
            while stop < len(raws) and raws[stop].payload[0] == header:
                stop += 1
            results += self._parse_rows(raws[start:stop], self._plan(header))
            start = stop
        return results

    def _parse_rows(self, raws: Sequence[RawRecord], plan: TablePlan) -> list[Documents | BadRecord]:
        cells = [raw.payload[1] for raw in raws]
        formulas = [row[plan.formula].strip() for row in cells]
        parsed, failures = parse_or_report(formulas)
        facts = describe_all(parsed)
        natoms = np.bincount(parsed.rows, weights=parsed.amounts, minlength=len(parsed)).tolist()
        common = self._common(plan)
        results: list[Documents | BadRecord] = []
        for index, raw in enumerate(raws):
            try:
                row = cells[index]
                if (bad := _no_formula(formulas[index], failures.get(index), row)) is not None:
                    raise bad
                source_id = raw.payload[2] if plan.source_id is None else _id(row[plan.source_id])
                document = identity(self.source, source_id, self.source_version)
                document["formula"] = formulas[index]
                document |= facts_fields(facts[index])
                document |= common
                _fill(document, row, plan, natoms[index], self.method, self.decimal)
                results.append({"materials": [document]})
            except BadRecord as bad:
                results.append(bad.at(raw))
        return results

    def _common(self, plan: TablePlan) -> dict[str, Any]:
        taken = {name for _, name in plan.texts}
        common: dict[str, Any] = {}
        if self.reference and "reference" not in taken:
            common["reference"] = self.reference
        claim(common, dimension=self.dimension, synthesised=self.synthesised)
        return common

    def _plan(self, header: Sequence[str], *, where: str = "") -> TablePlan:
        return plan_table(header, columns=self.columns, keep=self.keep, where=where)

    def _header(self, path: Path, table_rows: Iterator[Row | BadRecord]) -> tuple[tuple[str, ...], list[int]]:
        """Read the names of the columns, and the lines of comments above them."""
        comments: list[int] = []
        first = next(table_rows, None)
        while isinstance(first, Row) and first.cells[0].lstrip().startswith(COMMENT):
            comments.append(first.line)
            first = next(table_rows, None)
        if first is None:
            msg = f"{quoted(path)} is empty"
            raise SourceFileError(msg)
        if isinstance(first, BadRecord):
            msg = f"the header of {quoted(path)} can't be read: {first.reason}; {first.remedy}"
            raise SourceFileError(msg)
        header = tuple(cell.strip() for cell in first.cells)
        stored = [_storable_name(name) for name in header]  # a.b and a_b would be one field
        twice = sorted({name for name in header if name and stored.count(_storable_name(name)) > 1})
        if twice:
            msg = f"{quoted(path)} has more than one column called {', '.join(map(repr, twice))}; rename all but one"
            raise SourceFileError(msg)
        return header, comments


def _say_which_may_be_the_id(path: Path, columns: Sequence[str]) -> None:
    """Say that ids are made, where a column looks as if it held some."""
    for column in columns:
        if column.isprintable() and _LIKE_AN_ID.fullmatch(column):
            remedy = f"if {column!r} holds ids, say --column {shlex.quote(f'id={column}')}"
            logger.info("%s: ids are made of formulas and move with the rows; %s", quoted(path), remedy)
            return


def _is_comment(row: Row | BadRecord, header: tuple[str, ...]) -> bool:
    # An id may begin so, too.
    return isinstance(row, Row) and len(row.cells) != len(header) and row.cells[0].lstrip().startswith(COMMENT)


def _checked(row: Row | BadRecord, header: tuple[str, ...]) -> BadRecord | None:
    if isinstance(row, BadRecord):
        return row
    if len(row.cells) != len(header):
        return BadRecord(
            f"it has {len(row.cells)} cells where the header has {len(header)}", remedy="correct the row, or quote it"
        )
    if tuple(cell.strip() for cell in row.cells) == header:
        return BadRecord("it repeats the header", remedy="leave it out where tables are joined")
    return None


def _named(
    block: Sequence[Row | BadRecord], header: tuple[str, ...], plan: TablePlan, occurrences: Occurrences, prefix: str
) -> list[str | BadRecord]:
    """Ids of the rows, numbered by reduced formula; the complaint where a row can't be numbered."""
    faults = [_checked(row, header) for row in block]
    formulas = [
        row.cells[plan.formula].strip() if fault is None and isinstance(row, Row) else "H"
        for row, fault in zip(block, faults, strict=True)
    ]
    parsed, failures = parse_or_report(formulas)
    reduced = reduced_formulas(parsed)
    ids: list[str | BadRecord] = []
    for index, fault in enumerate(faults):
        if fault is not None:
            ids.append(fault)
        elif (bad := _no_formula(formulas[index], failures.get(index), cast("Row", block[index]).cells)) is not None:
            ids.append(bad)
        else:
            ids.append(prefix + occurrences.next_id(reduced[index]))
    return ids


def _no_formula(formula: str, failure: object, row: Sequence[str]) -> BadRecord | None:
    """Complaint about a formula that can't be read, or that programs write where there is none."""
    if formula == "NaN":
        return BadRecord("the formula is NaN, as of a missing value", remedy="write Na1N1 where the elements are meant")
    if failure is None:
        return None
    if not _LETTERS_AND_DIGITS.search(formula) and any(canonical(cell.strip(" ()[]")) in _UNITS for cell in row):
        return BadRecord("it holds units and no formula", remedy="state units in the header or by --column")
    return BadRecord(f"bad formula {failure}", remedy="write element symbols and amounts")


def _id(cell: str) -> str:
    source_id = cell.strip()
    if not source_id:
        raise BadRecord("its id is empty", remedy="fill in the id, or choose another column for it")
    return source_id


def _fill(
    document: dict[str, Any], row: Sequence[str], plan: TablePlan, natoms: float, method: str | None, decimal: str
) -> None:
    """Take the fields of a row into its document.

    Parameters
    ----------
    document
        The document.
    row
        Cells.
    plan
        What they are.
    natoms
        Atoms of the formula as it is written in the row.
    method
        How values were got.
    decimal
        Sign before the decimals.

    Raises
    ------
    BadRecord
        Values can't be used: all of them, in one complaint.
    """
    computed = []
    faults: list[BadRecord] = []
    for place, name, how in plan.values:
        if cell := row[place].strip():
            try:
                value = cell_number(cell, name, decimal) * how.factor
                document[name] = check_value(name, value / natoms if how.per_formula else value)
                computed.append(name)
            except BadRecord as bad:
                faults.append(bad)
    if faults:
        told = faults[:MAX_FAULTS]
        raise BadRecord(
            "; ".join(bad.reason for bad in told), remedy="; ".join(dict.fromkeys(bad.remedy for bad in told))
        )
    if method and computed:
        document["methods"] = dict.fromkeys(computed, method)
    for place, name in plan.texts:
        if cell := row[place].strip():
            document[name] = cell
    if plan.space_group is not None and (cell := row[plan.space_group].strip()):
        document["space_group"] = space_group(int(cell) if cell.isdecimal() else cell)
    if extra := {_storable_name(name): row[place] for place, name in plan.extra if row[place]}:
        document["extra"] = extra


def _storable_name(column: str) -> str:
    return column.replace(".", "_").replace("$", "_").replace("\x00", "_")
