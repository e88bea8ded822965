"""Whether a gate asks of a document what such a document has, by a condition that such a field can meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, Final

from mongoengine import BooleanField, FloatField, IntField, ListField, MapField, StringField

from ....stores.documents import RegistryDocument
from .gates import FURTHER, OF_LISTS, Gate

_COMPARED_WITH: Final = {
    BooleanField: bool,
    StringField: str,
    IntField: float,
    FloatField: float,
    ListField: list,
    MapField: dict,
}
_IN_WORDS: Final[dict[type, str]] = {
    bool: "is: true or is: false",
    str: "is: TEXT",
    list: "include, exclude or only: [ELEMENT, …]",
    dict: "element: ELEMENT and at_most, at_least, below, above or between",
    float: "at_most, at_least, below, above, between or is: NUMBER",
}


def checked_field(
    gate: Gate,
    document: type[RegistryDocument],
    *,
    what: str,
    allowed: Iterable[str] | None = None,
    further: Iterable[str] = (),
) -> Gate:
    """The gate, if its field is one that can be judged.

    Parameters
    ----------
    gate
        The gate.
    document
        Class of the documents that are judged.
    what
        What these are called, for the message.
    allowed
        The fields a gate may look at; every number, text, and yes or no without.
    further
        What they have numbers of beside their fields, as a gate names it.

    Raises
    ------
    ValueError
        Saying what would be right.
    """
    name = f"gate {gate.name!r}"
    fields: dict[str, Any] = document._fields
    fitting = {field: kind for field, kind in ((n, _kind(f)) for n, f in fields.items()) if kind and field != FURTHER}
    if allowed is not None:
        fitting = {field: fitting[field] for field in allowed}
    fitting |= dict.fromkeys(further, float)
    compared = fitting.get(gate.field)
    if compared is None and (allowed is not None or gate.field not in fields):
        close = get_close_matches(gate.field, fitting, n=3)
        remedy = f"did you mean {' or '.join(close)}?" if close else f"there are: {', '.join(sorted(fitting))}"
        raise ValueError(f"{name}: {what} have no field {gate.field!r}; {remedy}")
    if compared is None:
        raise ValueError(f"{name}: a condition can't be put on {gate.field}, which is no number, text, or yes or no")
    value = gate.between[0] if gate.between else gate.threshold[1]
    asked = list if gate.threshold[0] in OF_LISTS else type(value)
    if (compared is dict) != (gate.element is not None) or (asked is not (float if compared is dict else compared)):
        raise ValueError(f"{name}: {gate.field} is compared by {_IN_WORDS[compared]}, not by {gate.condition!r}")
    return gate


def first_double(gates: Sequence[Gate]) -> int | None:
    """Place of the first gate that has the name of an earlier one; None where there is none."""
    names = [gate.name for gate in gates]
    return next((i for i, name in enumerate(names) if name in names[:i]), None)


def _kind(field: object) -> type | None:
    for made_by, kind in _COMPARED_WITH.items():
        if isinstance(field, made_by):
            return None if made_by is ListField and not isinstance(field.field, StringField) else kind
    return None
