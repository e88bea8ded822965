"""Random filters find what plain Python finds among the same documents, by three-valued logic."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.query.search import Search

Doc = dict[str, Any]
Condition = Callable[[Doc], bool | None]
"""Whether a document meets it; None where it has no value."""
NUMBERS = {"nelements": (1, 2, 3), "nsites": (2, 3, 8), "energy_above_hull": (0.0, 0.05, 0.08), "band_gap": (0.0, 1.6)}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
WITHIN: dict[str, Callable[[str, str], bool]] = {
    "STARTS WITH": str.startswith,
    "ENDS WITH": str.endswith,
    "CONTAINS": str.__contains__,
}
HELD: dict[str, Callable[[set[str], set[str]], bool]] = {
    "HAS ALL": set.issuperset,
    "HAS ANY": lambda have, asked: bool(have & asked),
    "HAS ONLY": set.issubset,
}


def leaf(chance: random.Random) -> tuple[str, Condition]:
    kind = chance.randrange(5)
    if kind == 0:
        name, sign = chance.choice(list(NUMBERS)), chance.choice(list(COMPARED))
        value = chance.choice(NUMBERS[name])
        return f"{name} {sign} {value}", lambda doc: None if doc.get(name) is None else COMPARED[sign](doc[name], value)
    if kind == 1:
        name, known = chance.choice([*NUMBERS, "layered"]), chance.random() < 0.5
        return f"{name} IS {'KNOWN' if known else 'UNKNOWN'}", lambda doc: (doc.get(name) is not None) is known
    if kind == 2:
        how, text = chance.choice(list(WITHIN)), chance.choice(["Mn", "O", "O2", "S", "Na", "2", "Cl"])
        return f'formula_reduced {how} "{text}"', lambda doc: WITHIN[how](doc["formula_reduced"], text)
    if kind == 3:
        how, asked = chance.choice(list(HELD)), set(chance.sample(["Mn", "O", "Ti", "Na", "Cl", "S"], 2))
        written = ",".join(f'"{element}"' for element in sorted(asked))
        return f"elements {how} {written}", lambda doc: HELD[how](set(doc["elements"]), asked)
    truth = chance.random() < 0.5
    return (
        f"layered = {str(truth).upper()}",
        lambda doc: None if doc.get("layered") is None else doc["layered"] is truth,
    )


def filter_of(chance: random.Random, depth: int) -> tuple[str, Condition]:
    if depth == 0 or chance.random() < 0.3:
        return leaf(chance)
    left, of_left = filter_of(chance, depth - 1)
    if chance.random() < 0.25:
        return f"NOT ({left})", lambda doc: None if of_left(doc) is None else not of_left(doc)
    right, of_right = filter_of(chance, depth - 1)
    word, settled = chance.choice([("AND", False), ("OR", True)])

    def either(doc: Doc) -> bool | None:
        parts = of_left(doc), of_right(doc)
        return settled if settled in parts else None if None in parts else not settled

    return f"({left}) {word} ({right})", either


@pytest.mark.endurance
def test_370_random_filters_find_what_plain_python_finds(registry: Connection) -> None:
    documents = list(Search("materials", "").documents(registry))
    chance = random.Random(370)
    some = 0
    for _ in range(370):
        text, holds = filter_of(chance, 3)
        found = {doc["material_id"] for doc in Search("materials", text).documents(registry)}
        assert found == {doc["material_id"] for doc in documents if holds(doc)}, text
        some += 0 < len(found) < len(documents)
    assert some > 150, "most of them tell documents apart"
