"""Options of sources, checked alike for those that read files and those that ask services."""

import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class SourceOptionError(ValueError):
    """An option of a source that can't be meant; the message says what may be given."""


def source_of_class(source_class: type[Any], kind: str, options: Mapping[str, Any]) -> Any:
    """Make a source of its class, a dataclass; options that are None are left out.

    Raises
    ------
    SourceOptionError
        The class has no such option, or lacks one.
    """
    given = {name: value for name, value in options.items() if value is not None}
    known = {field.name for field in fields(source_class)}
    if unknown := sorted(given.keys() - known):
        in_order = ", ".join(field.name for field in fields(source_class))
        raise SourceOptionError(f"a source of kind {kind} has no option {', '.join(unknown)}; it has: {in_order}")
    if "paths" in known and "paths" not in given:
        raise SourceOptionError(f"a source of kind {kind} needs the path of a file or folder")
    return source_class(**given)


def checked_name(name: str) -> str:
    """Name of a source, as it is given.

    Raises
    ------
    SourceOptionError
        It holds what an id can't.
    """
    if not _NAME.fullmatch(name):
        raise SourceOptionError(f"the source can't be called {name!r}; use letters, digits, dot, dash and underscore")
    return name


def checked_dimension(dimension: int | None) -> int | None:
    """Dimension that a source claims of its records, as it is given; None where it claims none.

    Raises
    ------
    SourceOptionError
        It is not 0 to 3.
    """
    if dimension not in (None, 0, 1, 2, 3):
        raise SourceOptionError(f"the dimension is {dimension!r}; give 2 for layers and monolayers, 3 for bulk")
    return dimension
