"""OPTIMADE's filter grammar: a text becomes a tree, or an error that points at the place.

The grammar is the one of optimade-python-tools, read by lark's LALR parser: its own Earley parser gives the same trees
in twenty times the time, without the places, and keeps no difference between TRUE and FALSE.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from importlib.resources import files
from typing import Final

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from .query_errors import FilterError

GRAMMAR: Final = "v1.2.0.lark"
MAX_LENGTH: Final = 20_000
"""Longest filter, in characters: thousands of comparisons."""
MAX_NESTING: Final = 20
"""Deepest nesting of parentheses; each may add four levels to the query, of which the server takes 100."""

_KEPT_LENGTH: Final = 500
_KEPT: Final = 128
"""So many filters, none longer, are read once: pages of one question follow each other, and reading takes a third of
the processor time that this process needs for a page."""

_KEYWORDS: Final = frozenset(
    {"AND", "OR", "NOT", "IS", "KNOWN", "UNKNOWN", "CONTAINS", "STARTS", "ENDS", "WITH", "LENGTH"}
    | {"HAS", "ALL", "ONLY", "ANY", "TRUE", "FALSE"}
)
_QUOTES: Final = "'“”‘’`"


def parse(text: str) -> Tree[Token] | None:
    """Parse a filter.

    Returns
    -------
    lark.Tree or None
        The one ``expression``; None for an empty filter.

    Raises
    ------
    FilterError
        It is no filter, or longer or deeper than the limits.
    """
    return _kept(text) if len(text) <= _KEPT_LENGTH else _parsed(text)


def _parsed(text: str) -> Tree[Token] | None:
    _check_size(text)
    try:
        tree = _parser().parse(text)
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    expressions = [child for child in tree.children if isinstance(child, Tree)]
    if len(expressions) > 1:  # the grammar takes them, and says nothing of what they would mean together
        start, end = place(expressions[1])
        raise FilterError("AND or OR is missing before this", text, start, end)
    return expressions[0] if expressions else None


def place(node: Tree[Token] | Token) -> tuple[int, int]:
    """Start and end of a node in the text: of its first token, and of its last."""
    first = last = node
    while isinstance(first, Tree):
        first = first.children[0]
    while isinstance(last, Tree):
        last = last.children[-1]
    return int(first.start_pos or 0), int(last.end_pos or 0)


_kept = lru_cache(_KEPT)(_parsed)


@cache
def _parser() -> Lark:
    text = files("optimade.grammar").joinpath(GRAMMAR).read_text(encoding="utf-8")
    # Every token is kept: a node's place is found from them. Propagated by lark, places take half the time.
    return Lark(text, parser="lalr", maybe_placeholders=False, keep_all_tokens=True)


def _check_size(text: str) -> None:
    if len(text) > MAX_LENGTH:
        raise FilterError(f"{len(text):,} characters are more than {MAX_LENGTH:,}", text, MAX_LENGTH, MAX_LENGTH)
    depth = 0
    quoted = escaped = False
    for i, letter in enumerate(text):
        if "\ud800" <= letter <= "\udfff" or letter == "\0":
            raise FilterError(f"U+{ord(letter):04X} is no character of a text", text.replace(letter, "?"), i, i + 1)
        if quoted:
            quoted = escaped or letter != '"'
            escaped = letter == "\\" and not escaped
        elif letter == '"':
            quoted = True
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth > MAX_NESTING:
                raise FilterError(f"parentheses are nested deeper than {MAX_NESTING}", text, i, i + 1)


def _explained(text: str, error: UnexpectedInput) -> FilterError:
    end_of_text = len(text.rstrip())
    if isinstance(error, UnexpectedEOF) or (isinstance(error, UnexpectedToken) and error.token.type == "$END"):
        return FilterError("it ends too early", text, end_of_text, end_of_text + 1, _expected(error))
    start = int(error.pos_in_stream or 0)
    name = re.match(r"\w*", text[start:]) or [""]
    before = re.search(r"(\w+)\s+$", text[:start])
    if before and _is_keyword_in_lower_case(before[1]):  # it passed for a name, and what follows can't
        word = before[1]
        return FilterError(f"{word!r} is not known", text, *before.span(1), f"Write {word.upper()}.")
    if _is_keyword_in_lower_case(word := name[0]):
        return FilterError(f"{word!r} is not known", text, start, start + len(word), f"Write {word.upper()}.")
    if isinstance(error, UnexpectedToken):
        word = str(error.token)
        return FilterError(f"{word!r} cannot stand here", text, start, start + len(word), _expected(error))
    letter = text[start]
    if isinstance(error, UnexpectedCharacters) and letter == '"':
        return FilterError("the closing quotation mark is missing", text, start, len(text))
    word = text[start:].split(maxsplit=1)[0]
    if letter in _QUOTES:
        advice = 'Text stands in straight double quotes: "Mn".'
    elif letter.isalpha():
        advice = f'Names are lower-case, keywords upper-case, and text stands in double quotes: "{word}".'
    else:
        advice = _expected(error)
    return FilterError(f"{word!r} cannot stand here", text, start, start + len(word), advice)


def _is_keyword_in_lower_case(word: str) -> bool:
    return word.upper() in _KEYWORDS and word not in _KEYWORDS


def _expected(error: UnexpectedInput) -> str:
    # What the lexer would have let pass is more than what the parser takes at this place.
    expected = set(getattr(error, "accepts", None) or getattr(error, "expected", None) or ())
    if "IDENTIFIER" in expected and "LPAR" in expected and "_AND" not in expected:
        return 'A comparison is missing here, such as: elements HAS "Mn" or energy_above_hull <= 0.08'
    if "OPERATOR" in expected and "HAS" in expected:
        return "After a name comes = != < <= > >=, HAS, CONTAINS, STARTS WITH, ENDS WITH, LENGTH, or IS KNOWN."
    if "ESCAPED_STRING" in expected and "_AND" not in expected:
        return 'A value is missing here: a number, TRUE, FALSE, or text in double quotes: "Mn".'
    if "SIGNED_INT" in expected and "_AND" not in expected:
        return "A whole number is missing here: 3"
    if "RPAR" in expected:
        return "Join comparisons with AND or OR, or close the parenthesis."
    if "_AND" in expected:
        return 'Join comparisons with AND or OR; a list of values follows HAS ALL, HAS ANY or HAS ONLY: "Mn", "O".'
    return 'Example: elements HAS ALL "Mn", "O" AND energy_above_hull <= 0.08'
