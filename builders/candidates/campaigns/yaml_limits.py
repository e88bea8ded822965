"""How large and how deep a YAML text may be, looked at before anything is made of it.

What aliases stand for is counted each time they stand there: nine lines can stand for 10^9 values. What is nested too
deep would be more than the parser, which is recursive, has a stack for.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

LARGEST: Final = 1_000_000
"""Characters of a file; a campaign that names ten thousand sources has half as many."""
_DEEPEST: Final = 40
_MOST_VALUES: Final = 100_000


class BeyondLimits(ValueError):
    """A text that is too large or too deep.

    Attributes
    ----------
    line
        Where it becomes so, from 1.
    """

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem, line)
        self.problem = problem
        self.line = line


def read_limited(path: Path) -> str:
    """Text of a file.

    Raises
    ------
    BeyondLimits
        It is too large.
    OSError, UnicodeDecodeError
        It can't be read.
    """
    with path.open(encoding="utf-8") as file:
        text = file.read(LARGEST + 1)
    _check_length(text)
    return text


def check_limits(text: str) -> None:
    """Look whether YAML text keeps to the limits; what is not valid YAML is for others to say.

    Raises
    ------
    BeyondLimits
        It does not.
    YAMLError
        It is not valid up to where it was looked at.
    """
    _check_length(text)
    total = 0
    values_of: dict[str, int] = {}  # by anchor, what it stands for
    around: list[tuple[str | None, int]] = []  # collections not ended: anchor, and how many values came before
    for event in YAML(typ="rt", pure=True).parse(StringIO(text)):
        line = event.start_mark.line + 1
        if isinstance(event, CollectionStartEvent):
            around.append((event.anchor, total))
            total += 1
        elif isinstance(event, CollectionEndEvent):
            anchor, before = around.pop()
            _name(values_of, anchor, total - before)
        elif isinstance(event, ScalarEvent):
            _name(values_of, event.anchor, 1)
            total += 1
        elif isinstance(event, AliasEvent):
            if any(anchor == event.anchor for anchor, _ in around):
                raise BeyondLimits(f"*{event.anchor} stands for what it is part of", line)
            total += values_of.get(event.anchor, 1)
        if len(around) > _DEEPEST:
            raise BeyondLimits(f"nested more than {_DEEPEST} levels deep", line)
        if total > _MOST_VALUES:
            raise BeyondLimits(f"stands for more than {_MOST_VALUES:,} values", line)


def _name(values_of: dict[str, int], anchor: Any, number: int) -> None:
    if anchor:
        values_of[anchor] = number


def _check_length(text: str) -> None:
    if len(text) > LARGEST:
        raise BeyondLimits(f"larger than {LARGEST:,} characters", 1)
