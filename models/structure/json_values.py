"""Properties of structures and sites as JSON and a database can hold them; the others are left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

import numpy as np

_NAMES_OF_CLASSES: Final = frozenset({"@module", "@class", "@version", "@callable"})
_MAX_DEPTH: Final = 4
_LARGEST_INTEGER: Final = 2**63


def is_storable_number(value: object) -> TypeGuard[float]:
    """Whether it is a number that JSON and a database can hold: JSON itself knows integers of any length."""
    if isinstance(value, int):
        return abs(value) < _LARGEST_INTEGER
    return isinstance(value, float) and math.isfinite(value)


def _plain_value(value: object, depth: int = 0) -> Any:
    """JSON form of a property's value; TypeError where there is none or a number is not finite."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if value is None or isinstance(value, bool | str) or is_storable_number(value):
        return value
    if depth < _MAX_DEPTH:
        if isinstance(value, list | tuple):
            return [_plain_value(item, depth + 1) for item in value]
        # A dict that names a class would be imported by pymatgen's reader.
        if (
            isinstance(value, dict)
            and all(isinstance(name, str) for name in value)
            and not _NAMES_OF_CLASSES & set(value)
        ):
            return {name: _plain_value(item, depth + 1) for name, item in value.items()}
    raise TypeError(type(value).__name__)


def plain_properties(properties: object) -> dict[str, Any]:
    """Those properties that JSON can hold."""
    kept: dict[str, Any] = {}
    if isinstance(properties, Mapping):
        for name, value in properties.items():
            try:
                if isinstance(name, str) and name not in _NAMES_OF_CLASSES:
                    kept[name] = _plain_value(value)
            except TypeError:
                continue  # documented: such properties are left out
    return kept
