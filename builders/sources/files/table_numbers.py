"""Numbers in the cells of tables, with the remedy where a cell holds none.

Knows signs and spellings; knows nothing of quantities and units.
"""

import math
import re

from ..records.raw_record import BadRecord

_OTHER_DECIMAL = {
    ".": re.compile(r"[-+]?\d+(?:\.\d{3})*,\d+(?:[eE][-+]?\d+)?"),
    ",": re.compile(r"[-+]?\d*\.\d+(?:[eE][-+]?\d+)?"),
}
"""Numbers with the decimal sign that is not the one of the table."""
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:[.,'\s]\d{3})+(?:[.,]\d+)?")
"""Numbers whose signs may part thousands."""
_MINUS = "\u2212"
"""The minus sign of Unicode, as journals print it."""
_DASHES = re.compile("[\u2010-\u2015]\\s*[.,\\d]")


def cell_number(cell: str, name: str, decimal: str) -> float:
    """Number in a cell.

    Parameters
    ----------
    cell
        Its text, which is not empty.
    name
        What it is the number of, for the complaint.
    decimal
        Sign before the decimals.

    Raises
    ------
    BadRecord
        It holds none, or none that is finite.
    """
    cell = cell.replace(_MINUS, "-")
    try:
        # Python would read 1_000; a point beside a decimal comma parts thousands, or is a slip.
        if "_" in cell or (decimal == "," and "." in cell):
            raise ValueError
        value = float(cell.replace(decimal, ".") if decimal != "." else cell)
    except ValueError:
        remedy = _remedy(cell, decimal)
        raise BadRecord(f"{name} is no number but {cell[:40]!r}", remedy=remedy) from None
    if not math.isfinite(value):
        raise BadRecord(f"{name} is {cell}, which is not finite", remedy="leave the cell empty where it is not known")
    return value


def _remedy(cell: str, decimal: str) -> str:
    other, sign = (",", "comma") if decimal == "." else (".", "point")
    if _THOUSANDS.fullmatch(cell):
        return f"write it without signs between thousands; if it has a decimal {sign}: --decimal {other}"
    if _OTHER_DECIMAL[decimal].fullmatch(cell):
        return f"decimal {sign}: --decimal {other}"
    if _DASHES.match(cell):
        return "write a minus as -, not as a dash"
    if re.search(r"\d", cell):
        return "give a number alone, without unit, bound, range or uncertainty, or keep the column as text"
    return "leave the cell empty where it is not known"
