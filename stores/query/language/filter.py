"""From an OPTIMADE filter to a MongoDB query.

Only names of known fields become names in the query and only values become values, so no text of a person is ever an
operator or a pattern. NOT is carried down to the comparisons, as it has to be where values may be missing: an unknown
value meets neither a comparison nor its negation (OPTIMADE 1.2, "Handling unknown property names and values"). The same
holds for a value that is only known to lie within an interval; see `intervals`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from lark import Token, Tree

from .fields import Field, Fields
from .grammar import parse, place
from .intervals import OPERATORS, compared, compared_fields
from .query_errors import FilterError
from .spelling import IDS, SPELLINGS, notations

Query = dict[str, Any]
Node = Tree[Token]

_OPPOSITE: Final = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
_SWAPPED: Final = {"=": "=", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}
_PUNCTUATION: Final = frozenset({"LPAR", "RPAR", "COMMA", "COLON", "DOT", "_AND", "_OR"})
_LARGEST_INTEGER: Final = 2**63 - 1
_KNOWN: Final[Query] = {"$ne": None}
_NOTHING: Final[Query] = {"_id": {"$exists": False}}


def compile_filter(text: str, fields: Fields, *, possible: bool = False) -> Query:
    """Translate a filter.

    Parameters
    ----------
    text
        A filter in OPTIMADE's language. Names are OPTIMADE's, ``_exfolio_<field>``, or the bare field.
    fields
        The collection it is put to.
    possible
        Match what may meet the filter, where a value is an interval; else what certainly does.

    Returns
    -------
    dict
        A query that only compares fields with values; empty for an empty filter.

    Raises
    ------
    FilterError
        The filter is wrong; points at the place and says what would be right.

    Examples
    --------
    >>> from exfolio.stores.query.language.fields import fields_of
    >>> compile_filter('elements HAS ALL "Mn","O" AND nsites <= 8', fields_of("candidates"))
    {'$and': [{'elements': {'$all': ['Mn', 'O']}}, {'nsites': {'$lte': 8}}]}
    """
    tree = parse(text)
    return {} if tree is None else _Translation(text, fields, possible).either(tree, negated=False)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value in the filter and its place; a name is one too."""

    value: Any
    start: int
    end: int
    name: bool = False

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        if self.name:
            return "a name"
        if isinstance(self.value, bool):
            return "TRUE or FALSE"
        return "text" if isinstance(self.value, str) else "a number"


@dataclass(frozen=True, slots=True)
class _Translation:
    text: str
    fields: Fields
    possible: bool

    # The logic: expression, expression_clause, expression_phrase

    def either(self, node: Node, *, negated: bool) -> Query:
        parts = [self.both(child, negated=negated) for child in _trees(node)]
        return _joined("$and" if negated else "$or", parts)

    def both(self, node: Node, *, negated: bool) -> Query:
        parts = [self.phrase(child, negated=negated) for child in _trees(node)]
        return _joined("$or" if negated else "$and", parts)

    def phrase(self, node: Node, *, negated: bool) -> Query:
        turned = any(isinstance(child, Token) and child.type == "NOT" for child in node.children)
        inner = next(_trees(node))
        if inner.data == "expression":
            return self.either(inner, negated=negated != turned)
        comparison = next(_trees(inner))
        if comparison.data == "constant_first_comparison":
            return self.constant_first(comparison, negated=negated != turned)
        return self.property_first(comparison, negated=negated != turned)

    # The comparisons

    def constant_first(self, node: Node, *, negated: bool) -> Query:
        left, operator, right = node.children
        value, name = self.value(_tree(left)), self.value(_tree(right))
        if not name.name:
            raise self.error(name, "a value is compared with a value", "One side must be the name of a field.")
        return self.compare(self.field(name), _SWAPPED[str(operator)], value, negated=negated)

    def property_first(self, node: Node, *, negated: bool) -> Query:
        name_node, rest = _trees(node)
        name = self.name(name_node)
        field = self.field(name)
        words = [child for child in rest.children if not (isinstance(child, Token) and child.type in _PUNCTUATION)]
        if rest.data == "value_op_rhs":
            return self.compare(field, str(words[0]), self.value(_tree(words[1])), negated=negated)
        if rest.data == "known_op_rhs":
            return {field.path: _KNOWN if (str(words[1]) == "KNOWN") != negated else None}
        if rest.data == "fuzzy_string_op_rhs":
            return self.part_of_text(field, name, str(words[0]), self.value(_tree(words[-1])), negated=negated)
        if rest.data == "set_op_rhs":
            return self.has(field, name, words, negated=negated)
        if rest.data == "length_op_rhs":
            operator = str(words[1]) if len(words) == 3 else "="
            return self.length(field, name, operator, self.value(_tree(words[-1])), negated=negated)
        raise self.error(name, "lists can't be compared element by element with ':'", "Ask for each list by itself.")

    def compare(self, field: Field, operator: str, value: _Value, *, negated: bool) -> Query:
        if value.name:
            return self.compare_fields(field, operator, value, negated=negated)
        if field.kind in ("list", "object", "list of objects"):
            how = f'{field.path} HAS "…"' if field.kind == "list" else f"{field.path}.<part>"
            what = f"{field.path} is {_with_article(field.kind)} and can't be compared"
            raise self.error(value, what, f"Write: {how}")
        stored = self.stored(field, value, exact=operator in ("=", "!="))
        if isinstance(stored, bool) and operator not in ("=", "!="):
            raise self.error(value, f"{operator} does not go with TRUE or FALSE", "Use = or !=.")
        if field.many and (negated or operator == "!="):
            positive = operator if operator != "!=" else "="
            query = {OPERATORS[positive]: stored}
            return {field.path: query if negated and operator == "!=" else {"$not": query, **_KNOWN}}
        operator = _OPPOSITE[operator] if negated else operator
        if operator in ("=", "!=") and field.path in IDS and len(alike := notations(stored)) > 1:
            return {field.path: {"$in": alike} if operator == "=" else {"$nin": [*alike, None]}}
        return compared(field, operator, stored, possible=self.possible)

    def compare_fields(self, field: Field, operator: str, name: _Value, *, negated: bool) -> Query:
        if (other := self.fields.find(name.value)) is None:
            what = f"{name.value!r} is no field of {self.fields.collection}"
            if (word := name.value.upper()) in ("TRUE", "FALSE"):
                raise self.error(name, what, f"Write {word}.")
            raise self.error(name, what, f'If it is meant as text, quote it: "{name.value}"')
        numeric = ("integer", "number")
        same = field.kind == other.kind or (field.kind in numeric and other.kind in numeric)
        if not same or not (field.sortable and other.sortable):
            raise self.error(name, f"{field.path} ({field.kind}) can't be compared with {other.path} ({other.kind})")
        operator = _OPPOSITE[operator] if negated else operator
        holds = {"$expr": compared_fields(field, operator, other, possible=self.possible)}
        return {"$and": [{field.path: _KNOWN}, {other.path: _KNOWN}, holds]}

    def part_of_text(self, field: Field, name: _Value, how: str, value: _Value, *, negated: bool) -> Query:
        if field.kind not in ("text", "any"):
            raise self.error(name, f"{field.path} is {_with_article(field.kind)}, and {how} is for text")
        if not isinstance(value.value, str) or value.name:
            raise self.error(value, f"{how} wants text, not {value.kind}", 'Text stands in double quotes: "Mn".')
        literal = re.escape(value.value)
        pattern = {"CONTAINS": literal, "STARTS": f"^{literal}", "ENDS": rf"{literal}\z"}[how]
        return {field.path: {"$not": {"$regex": pattern}, **_KNOWN} if negated else {"$regex": pattern}}

    def has(self, field: Field, name: _Value, words: list[Any], *, negated: bool) -> Query:
        how = str(words[1]) if isinstance(words[1], Token) else "ANY"
        last = _tree(words[-1])
        nodes = list(_trees(last)) if last.data == "value_list" else [last]
        inner = [child for child in last.children if isinstance(child, Token) and child.type == "OPERATOR"]
        if how in OPERATORS or inner:
            raise self.error(name, f"a comparison inside HAS is not supported for {field.path}")
        if field.kind != "list" and not field.many:
            what = "is an object" if field.kind == "object" else f"is a single value ({field.kind})"
            raise self.error(name, f"{field.path} {what}, and HAS is for lists", f"Write: {field.path} = …")
        values = [self.stored(field, self.value(node), exact=True) for node in nodes]
        if how == "ALL":
            return {field.path: {"$not": {"$all": values}, **_KNOWN} if negated else {"$all": values}}
        if how == "ANY":
            return {field.path: {"$nin": [*values, None]} if negated else {"$in": values}}
        if field.many:
            raise self.error(name, f"HAS ONLY is not supported for {field.path}")
        others = {"$elemMatch": {"$nin": values}}
        if negated:
            return {"$or": [{field.path: others}, {field.path: {"$size": 0}}]}
        return {field.path: {"$not": others}, f"{field.path}.0": {"$exists": True}}

    def length(self, field: Field, name: _Value, operator: str, value: _Value, *, negated: bool) -> Query:
        if field.kind not in ("list", "list of objects"):
            raise self.error(name, f"{field.path} is {_with_article(field.kind)}, and LENGTH is for lists")
        operator = _OPPOSITE[operator] if negated else operator
        n = int(value.value)
        if field.path == "elements" and "nelements" in self.fields.by_path:  # a number that has been counted before
            return {"nelements": {"$nin": [n, None]} if operator == "!=" else {OPERATORS[operator]: n}}
        if operator in ("=", "!="):
            if n < 0:
                return _NOTHING if operator == "=" else {field.path: _KNOWN}
            return {field.path: {"$size": n} if operator == "=" else {"$not": {"$size": n}, **_KNOWN}}
        least = n if operator in (">=", "<") else n + 1  # a list is longer than n when it has an entry number n
        longer = operator in (">=", ">")
        if least <= 0:
            return {field.path: _KNOWN} if longer else _NOTHING
        return {field.path: _KNOWN, f"{field.path}.{least - 1}": {"$exists": longer}}

    # Names and values

    def field(self, name: _Value) -> Field:
        if (field := self.fields.find(name.value)) is None:
            raise self.error(name, f"{self.fields.collection} have no field {name.value!r}", self.advice(name))
        return field

    def advice(self, name: _Value) -> str:
        return self.fields.advice(name.value)

    def name(self, node: Node) -> _Value:
        parts = [str(child) for child in node.children if isinstance(child, Token) and child.type not in _PUNCTUATION]
        return _Value(".".join(parts), *place(node), name=True)

    def value(self, node: Node) -> _Value:
        if node.data == "property":
            return self.name(node)
        inner = node.children[0]
        if isinstance(inner, Tree):
            return self.value(inner)
        start, end = place(inner)
        if inner.type in ("SIGNED_INT", "SIGNED_FLOAT"):
            size = abs(float(inner))  # first, since Python reads no integer of more than 4,300 digits
            number = int(inner) if inner.type == "SIGNED_INT" and size < 1e20 else float(inner)
            if math.isinf(size) or (inner.type == "SIGNED_INT" and abs(number) > _LARGEST_INTEGER):
                raise self.error(_Value(number, start, end), "the number is too large")
            return _Value(number, start, end)
        if inner.type == "ESCAPED_STRING":
            return _Value(re.sub(r"\\(.)", r"\1", inner[1:-1], flags=re.DOTALL), start, end)
        return _Value(str(inner) == "TRUE", start, end)

    def stored(self, field: Field, value: _Value, *, exact: bool) -> Any:
        """Value as the field would hold it; raises `FilterError` for one it can't hold."""
        given = value.value
        kind = field.members if field.kind == "list" else field.kind
        if value.name:
            raise self.error(value, f"{given!r} is no value", f'Text stands in double quotes: "{given}".')
        is_number = isinstance(given, int | float) and not isinstance(given, bool)
        fits = {
            "text": isinstance(given, str),
            "integer": is_number,
            "number": is_number,
            "true or false": isinstance(given, bool),
            "date": isinstance(given, str),
            "any": True,
        }[kind]
        if not fits:
            unit = f" in {field.unit}" if field.unit and field.kind in ("integer", "number") else ""
            raise self.error(value, f"{field.path} is {_with_article(kind)}{unit}, not {value.kind}", _EXAMPLES[kind])
        if kind == "date":
            return self.date(value)
        if exact and isinstance(given, str):
            if field.choices and given not in field.choices:
                near = difflib.get_close_matches(given, field.choices, n=1)
                meant = f"Did you mean {near[0]!r}? " if near else ""
                raise self.error(value, f"{field.path} is never {given!r}", f"{meant}It is {_or(field.choices)}.")
            if field.path in SPELLINGS:
                return self.spelt(field, value)
        return given

    def spelt(self, field: Field, value: _Value) -> str:
        try:
            return SPELLINGS[field.path](value.value)
        except ValueError as error:
            raise self.error(value, str(error)) from error

    def date(self, value: _Value) -> datetime:
        try:
            moment = datetime.fromisoformat(value.value)
        except ValueError as error:
            raise self.error(value, f"{value.value!r} is no date", _EXAMPLES["date"]) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    def error(self, where: _Value, problem: str, remedy: str = "") -> FilterError:
        return FilterError(problem, self.text, where.start, where.end, remedy)


_EXAMPLES: Final = {
    "text": 'Text stands in double quotes: "Mn".',
    "integer": "Write a number without quotes: 3",
    "number": "Write a number without quotes: 0.08",
    "true or false": "Write TRUE or FALSE without quotes.",
    "date": 'Write a date in quotes: "2026-01-31" or "2026-01-31T12:00:00Z" (UTC).',
    "any": "",
}


def _with_article(kind: str) -> str:
    return kind if kind in ("text", "true or false") else f"an {kind}" if kind[0] in "aio" else f"a {kind}"


def _or(names: tuple[str, ...]) -> str:
    return " or ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def _joined(operator: str, parts: list[Query]) -> Query:
    return parts[0] if len(parts) == 1 else {operator: parts}


def _trees(node: Node) -> Iterator[Node]:
    return (child for child in node.children if isinstance(child, Tree))


def _tree(child: Any) -> Node:
    if not isinstance(child, Tree):
        raise TypeError(f"{child!r} is no node of the grammar that is expected here")
    return child
