"""What can be wrong with a question, each with the place in the text and what would be right."""

from __future__ import annotations

from ...errors import ConfigurationError

_SHOWN = 90  # characters of a filter around the place that is wrong


class QueryError(ConfigurationError):
    """A question that can't be answered as it is put."""


class FilterError(QueryError):
    """A filter that is not understood; the message shows the place.

    Parameters
    ----------
    problem
        What is wrong.
    text
        The filter.
    start, end
        Place of the problem in it, as offsets.
    remedy
        What would be right.
    """

    def __init__(self, problem: str, text: str = "", start: int = 0, end: int = 0, remedy: str = "") -> None:
        super().__init__(f"filter, column {start + 1}: {problem}\n{_pointed(text, start, end)}", remedy)
        self.arguments = (problem, text, start, end, remedy)
        self.column = start + 1

    def __reduce__(self) -> tuple[type[FilterError], tuple[str, str, int, int, str]]:
        return FilterError, self.arguments


class UnknownName(QueryError):
    """A name of a field or collection that there is not."""


class NotInitialised(ConfigurationError):
    """The database has no collections yet."""


class NoSuchDocument(QueryError):
    """No document, or more than one, goes by the name given."""


def _pointed(text: str, start: int, end: int) -> str:
    """Part of the text around a place, and a line below that points at it."""
    flat = "".join(" " if letter.isspace() else letter for letter in text)
    first = max(0, min(start - _SHOWN // 2, len(flat) - _SHOWN))
    cut = flat[first : first + _SHOWN]
    lead = "…" if first else ""
    tail = "…" if first + _SHOWN < len(flat) else ""
    length = max(1, min(end, first + _SHOWN) - start)
    return f"    {lead}{cut}{tail}\n    {' ' * (len(lead) + start - first)}{'^' * length}"
