"""Single values of a record, of the type and size they have to be, and what is left over of a record.

Knows the units of fields and what can be stored; knows no file format and no database.
"""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from .raw_record import BadRecord
from .units import PLAUSIBLE, UNITS_OF_FIELD

MAX_EXTRA_BYTES: Final = 64 * 1024
"""A single value of ``extra`` larger than this, as JSON, is left out and named in ``extra.left_out``."""

_INT64: Final = 2**63


def number(record: Mapping[str, Any], key: str) -> float | None:
    """Take a number from a record; None where it is missing or null.

    Raises
    ------
    BadRecord
        Where it is something else, or not finite.
    """
    value = record.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRecord(f"{key} is not a number but {value!r:.60}", remedy="correct the record, or leave the field out")
    try:
        taken = float(value)
    except OverflowError:  # JSON has whole numbers of any length
        taken = math.inf
    if not math.isfinite(taken):
        msg = f"{key} is {value!s:.60}, which is not finite"
        raise BadRecord(msg, remedy="leave the field out where it is not known")
    return taken


def text(record: Mapping[str, Any], key: str) -> str | None:
    """Take a text from a record; None where it is missing, null or empty.

    Raises
    ------
    BadRecord
        Where it is something else.
    """
    value = record.get(key)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise BadRecord(f"{key} is not a text but {value!r:.60}", remedy="correct the record, or leave the field out")
    return value


def check_value(field: str, value: float) -> float:
    """Check that a field can have a value, and hand it back.

    Raises
    ------
    BadRecord
        Where a band gap is negative, or a value is so large that its unit or what it is per must be another.
    """
    if field == "band_gap" and value < 0:
        raise BadRecord(f"the band gap is {value:g} eV, which is negative", remedy="give 0 for a metal")
    low, high = PLAUSIBLE.get(field, (-math.inf, math.inf))
    if not low <= value <= high:
        unit = UNITS_OF_FIELD[field][0]
        raise BadRecord(
            f"the {field} is {value:.4g} {unit}, and none is known beyond {low:g} to {high:g}: is the unit right?",
            remedy="state the unit, and whether it is per atom or per formula, or correct the value",
        )
    return value


def extra_fields(record: Mapping[str, Any], *, used: frozenset[str]) -> dict[str, Any]:
    """Collect what a record holds beside the fields already used, in a form that can be stored.

    Values stay as they are; in keys, what MongoDB queries can't reach ("." and a leading "$") becomes "_"; names of
    Python classes are left out. Values larger than `MAX_EXTRA_BYTES` are left out and named in ``left_out``.

    Raises
    ------
    BadRecord
        Where a number is not finite or too large to store, or a text is not Unicode.
    """
    extra: dict[str, Any] = {}
    left_out: list[str] = []
    for key, value in record.items():
        if key in used or key.startswith("@") or value is None:
            continue
        if isinstance(value, list | dict) and len(json.dumps(value)) > MAX_EXTRA_BYTES:
            left_out.append(key)
        elif (name := _key(key)) in extra:
            raise BadRecord(f"two of its fields are stored as {name}: {key} is one", remedy="rename one of them")
        else:
            extra[name] = storable(value, key)
    return {**extra, "left_out": sorted(left_out)} if left_out else extra


def storable(value: Any, place: str) -> Any:
    """Convert a JSON value to a form that can be stored.

    Raises
    ------
    BadRecord
        As `extra_fields`; `place` names the value.
    """
    if isinstance(value, float) and not math.isfinite(value):
        raise BadRecord(f"{place} is {value}, which is not finite", remedy="leave the field out where it is not known")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise BadRecord(f"{place} is an integer beyond 64 bits", remedy="write it as a text or with a decimal point")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise BadRecord(f"{place} holds half a character: {error.reason}", remedy="correct the text") from error
    if isinstance(value, list):
        return [storable(item, place) for item in value]
    if isinstance(value, dict):
        return {_key(key): storable(item, f"{place}.{key}") for key, item in value.items() if not key.startswith("@")}
    return value


def _key(key: str) -> str:
    return storable(key, "a key").replace(".", "_").replace("\x00", "_").replace("$", "_") or "_"
