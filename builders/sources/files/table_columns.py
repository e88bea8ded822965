"""What each column of a table is, by options and by headers that leave no doubt.

Knows headers, fields and units; never sees a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..records.source_options import SourceOptionError
from ..records.units import UNITS_OF_FIELD, Conversion, UnitError, completed, conversion, field_of_header
from .open_files import SourceFileError

FORMULA_HEADERS = ("formula", "composition", "formula_pretty", "pretty_formula", "reduced_formula")
"""Headers taken as the formula, the first found, where no option says which column it is."""
ID_HEADERS = ("material_id",)
"""Headers taken as the id where no option says which column it is."""
TEXT_FIELDS = ("prototype", "reference", "discovery", "parent_id")
"""Fields a column of text may be given to."""
MAX_FAULTS = 20
"""Faults of a header or a row that are told at once."""

_KEYS = ("formula", "id", "space_group")


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What each column of a table is: places of columns, and how values are converted."""

    formula: int
    source_id: int | None
    space_group: int | None
    values: tuple[tuple[int, str, Conversion], ...]
    texts: tuple[tuple[int, str], ...]
    extra: tuple[tuple[int, str], ...]


def parse_columns(options: Sequence[str]) -> dict[str, str]:
    """Read options such as ``formation_energy=Heat_of_formation:eV/atom`` for `Table`'s `columns`.

    Raises
    ------
    SourceOptionError
        Where one is not of that form, or a field is named twice.
    """
    columns: dict[str, str] = {}
    for option in options:
        name, equals, column = option.partition("=")
        if not (equals and name.strip() and column.strip()):
            msg = f"{option!r} is not of the form FIELD=COLUMN or FIELD=COLUMN:UNIT"
            raise SourceOptionError(msg)
        if name.strip() in columns:
            msg = f"the field {name.strip()!r} is given two columns"
            raise SourceOptionError(msg)
        columns[name.strip()] = column.strip()
    return columns


def check_fields(columns: Mapping[str, str]) -> None:
    """Check that every field named can be given a column.

    Raises
    ------
    SourceOptionError
        Where one can't.
    """
    fields = (*_KEYS, *TEXT_FIELDS, *UNITS_OF_FIELD)
    for name in columns:
        if name not in fields:
            msg = f"a column can't be {name!r}; it can be one of {', '.join(fields)}"
            raise SourceOptionError(msg)


def plan_table(
    header: Sequence[str], *, columns: Mapping[str, str], keep: Sequence[str] = (), where: str = ""
) -> TablePlan:
    """Plan which column becomes which field, and how its values are converted.

    Parameters
    ----------
    header
        Names of the columns.
    columns
        Field to column, as in `table.Table`.
    keep
        Columns to keep as they are, though their headers look like a property.
    where
        Which file it is, for messages: ``" of 'a.csv'"``.

    Raises
    ------
    SourceFileError
        Where no column is the formula, an option names a column that isn't there, or a property has no unit.
    """
    named = {name: _split_unit(text, header) for name, text in columns.items()}
    shown = ", ".join(header)
    faults = [
        f"there is no column {column!r} (for {name}) among the columns{where}: {shown}"
        for name, (column, _) in named.items()
        if column not in header
    ]
    formula = named["formula"][0] if "formula" in named else _first(FORMULA_HEADERS, header)
    if formula is None:
        faults.append(
            f"no column{where} is called {' or '.join(FORMULA_HEADERS)}: {shown}; "
            'say which holds the formula: columns={"formula": "NAME"}, on the command line --column formula=NAME'
        )
    source_id = named["id"][0] if "id" in named else _first(ID_HEADERS, header)
    used = {column for column, _ in named.values()} | {formula, source_id}
    values = {name: pair for name, pair in named.items() if name in UNITS_OF_FIELD}
    for column in header:
        meant = None if column in used or column in keep else field_of_header(column)
        if meant is None or meant[0] in named:
            continue
        if meant[0] in values:
            faults.append(f"{values[meant[0]][0]!r} and {column!r} are both the {meant[0]}; say which with an option")
            continue
        values[meant[0]] = (column, meant[1])
        used.add(column)
    conversions: dict[str, Conversion] = {}
    for name, (column, unit) in values.items():
        try:
            conversions[name] = _conversion(name, column, unit)
        except SourceFileError as error:
            faults.append(str(error))
    if faults or formula is None:
        more = f"\n… and {len(faults) - MAX_FAULTS} more" if len(faults) > MAX_FAULTS else ""
        raise SourceFileError("\n".join(faults[:MAX_FAULTS]) + more)
    places = {column: place for place, column in enumerate(header)}
    space_groups = named.get("space_group")
    return TablePlan(
        formula=places[formula],
        source_id=None if source_id is None else places[source_id],
        space_group=None if space_groups is None else places[space_groups[0]],
        values=tuple((places[column], name, conversions[name]) for name, (column, _) in values.items()),
        texts=tuple((places[named[name][0]], name) for name in TEXT_FIELDS if name in named),
        extra=tuple(
            (place, column or f"column {place + 1}") for place, column in enumerate(header) if column not in used
        ),
    )


def _split_unit(text: str, header: Sequence[str]) -> tuple[str, str | None]:
    """Take ``column:unit`` apart; a column may have colons in its name."""
    if text in header:
        return text, None
    column, colon, unit = text.rpartition(":")
    return (column, unit) if colon else (text, None)


def _conversion(name: str, column: str, unit: str | None) -> Conversion:
    if unit is None:
        meant = field_of_header(column)
        unit = meant[1] if meant and meant[0] == name else None
    own = UNITS_OF_FIELD[name][0]
    if unit is None:
        msg = (
            f"the column {column!r} is a {name}, but its unit is not stated; say so, e.g. "
            f'columns={{"{name}": "{column}:{own}"}}, on the command line --column "{name}={column}:{own}" '
            "(or keep it as it is with keep / --keep)"
        )
        raise SourceFileError(msg)
    try:
        return conversion(name, completed(unit, column))
    except UnitError as error:
        msg = f"column {column!r}: {error}"
        raise SourceFileError(msg) from error


def _first(names: Sequence[str], header: Sequence[str]) -> str | None:
    for name in names:
        for column in header:
            if column.lower() == name:
                return column
    return None
