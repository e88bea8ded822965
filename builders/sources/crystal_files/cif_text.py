"""The text of a CIF block as names and values, by the grammar of CIF 1.1; knows no crystals.

Of CIF 2.0 it reads texts in three quotes, and lists and tables, each as one value.

Grammar: S. R. Hall, J. D. Westbrook, International Tables for Crystallography G (2006), chapter 2.2.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..records.raw_record import BadRecord

_TOKEN = re.compile(
    r"""
      \#[^\n]*
    | (?P<quotes>\"{3}|'{3})(?P<triple>.*?)(?P=quotes)(?=\s|\Z)
    | ^;(?P<text>.*?)\n;(?=\s|\Z)
    | '(?P<single>(?:[^'\n]|'(?=\S))*)'(?=\s|\Z)
    | "(?P<double>(?:[^"\n]|"(?=\S))*)"(?=\s|\Z)
    | (?P<bare>\S+)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_HEADING = re.compile(r"\s*data_\S*", re.IGNORECASE)
_NUMBER = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,9})?)(?:\((\d+)\))?", re.ASCII)
_REMEDY = "correct the file"

Value = str | None
"""A value as it is written; None for the unknown (``?``) and what does not apply (``.``)."""


@dataclass(frozen=True, slots=True)
class Number:
    """A number with its standard uncertainty, 0 where none is stated, and half its last digit."""

    value: float
    uncertainty: float = 0.0
    rounding: float = 0.0


@dataclass(slots=True)
class Block:
    """Names and values of a data block, in lower case and with underscores in place of the dots of newer dictionaries.

    Attributes
    ----------
    items
        Single values by name.
    loops
        Columns of values by name; those of a loop are equally long.
    """

    items: dict[str, Value] = field(default_factory=dict)
    loops: dict[str, list[Value]] = field(default_factory=dict)

    def first(self, names: Sequence[str]) -> Value:
        """Value of the first of some names that has one, the first row's where it stands in a loop."""
        for name in names:
            value = self.items.get(name) or next(iter(self.loops.get(name, ())), None)
            if value is not None:
                return value
        return None

    def any_value(self, beginning: re.Pattern[str]) -> bool:
        """Whether a name that begins so has a value."""
        values = self.loops | {name: [value] for name, value in self.items.items()}
        return any(any(values[name]) for name in values if beginning.match(name))

    def column(self, name: str) -> list[Value] | None:
        """Values of a name, of one row where it stands alone; None where it is not there."""
        if name in self.loops:
            return self.loops[name]
        return [self.items[name]] if name in self.items else None

    def number(self, names: Sequence[str]) -> Number | None:
        """Number that the first of some names with a value has; None where there is none.

        Raises
        ------
        BadRecord
            The value is no number.
        """
        value = self.first(names)
        return None if value is None else read_number(value, names[0])


def read_block(text: str) -> Block:
    """Read a data block; its heading may stand before it.

    Raises
    ------
    BadRecord
        It breaks the grammar.
    """
    tokens = _tokens(text[match.end() :] if (match := _HEADING.match(text)) else text)
    block = Block()
    names: list[str] = []
    values: list[Value] = []
    looping = False
    for kind, token in tokens:
        if kind == "name":
            if looping and not values:
                names.append(token or "")
                continue
            if looping:
                _close(block, names, values)
                looping, names, values = False, [], []
            value_kind, value = next(tokens, ("end", None))
            if value_kind != "value":
                raise BadRecord(f"{token} has no value", remedy=_REMEDY)
            _keep(block, token or "", value)
        elif kind == "loop":
            if looping:
                _close(block, names, values)
            looping, names, values = True, [], []
        elif looping and names:
            values.append(token)
        else:
            raise BadRecord(f"the value {token!r:.60} belongs to no name", remedy=_REMEDY)
    if looping:
        _close(block, names, values)
    return block


def read_number(text: str, name: str) -> Number:
    """Read a number such as ``5.6402(3)``.

    Raises
    ------
    BadRecord
        It is none.
    """
    match = _NUMBER.fullmatch(text)
    if match is None:
        comma = "; the decimal sign of a CIF is the point" if re.search(r"\d,\d", text) else ""
        raise BadRecord(f"{name} is no number but {text!r:.60}{comma}", remedy=_REMEDY)
    value = float(match[1])
    mantissa, _, exponent = match[1].lower().partition("e")
    last_digit = float(f"1e{int(exponent or 0) - len(mantissa.partition('.')[2])}")
    if not math.isfinite(value + last_digit):
        raise BadRecord(f"{name} is beyond all numbers: {text:.60}", remedy=_REMEDY)
    return Number(value, float(match[2] or 0) * last_digit, last_digit / 2)


def _tokens(text: str) -> Iterator[tuple[str, Value]]:
    depth = list_start = 0  # of brackets that are open, and where the first one is
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group is None:
            continue
        token = match[group]
        if depth > 0:
            depth += _opened(token) if group == "bare" else 0
            if depth <= 0:
                yield "value", text[list_start : match.end()]
        elif group != "bare":
            yield "value", token.strip("\n") if group == "text" else token
        elif token[0] == "_":
            yield "name", token.lower().replace(".", "_")
        elif token in ("?", "."):
            yield "value", None
        elif token[0] in "[{" and (depth := _opened(token)) > 0:
            list_start = match.start()
        elif token[0] in "'\"" or (token[0] == ";" and text[match.start() - 1 : match.start()] in ("", "\n")):
            what = "a text field" if token[0] == ";" else "a quote"
            raise BadRecord(f"{what} is not closed: {token:.60}", remedy=_REMEDY)
        elif (lowered := token.lower()) == "loop_":
            yield "loop", None
        elif lowered in ("global_", "stop_") or lowered.startswith("save_"):
            raise BadRecord(f"it holds {token:.60}, which has no meaning in a CIF of crystals", remedy=_REMEDY)
        else:
            yield "value", token
    if depth > 0:
        raise BadRecord(f"a list is not closed: {text[list_start : list_start + 60]}", remedy=_REMEDY)


def _opened(token: str) -> int:
    """How many more brackets of lists and tables a token opens than it closes."""
    token = _QUOTED.sub("", token)
    return token.count("[") + token.count("{") - token.count("]") - token.count("}")


def _close(block: Block, names: list[str], values: list[Value]) -> None:
    if not names or len(values) % len(names):
        shown = ", ".join(names[:4])
        raise BadRecord(
            f"a loop of {len(names)} columns ({shown} …) holds {len(values)} values, which fill no whole rows",
            remedy=_REMEDY,
        )
    for place, name in enumerate(names):
        if name in block.items or name in block.loops:
            raise BadRecord(f"{name} stands twice in the block", remedy="leave one of them out")
        block.loops[name] = values[place :: len(names)]


def _keep(block: Block, name: str, value: Value) -> None:
    """Keep a single value; a name may stand again with the same one, or with none, as in files of AMCSD."""
    before = block.items.get(name)
    if name in block.loops or (before and value and before != value):
        raise BadRecord(f"{name} stands twice in the block", remedy="leave one of them out")
    block.items[name] = before or value
