"""The questions people ask of each collection, and the index that answers each without looking at anything else.

Indexes that stages need stand with the documents; one for people stands here, beside the question it is for, and goes
when that does. They are four kinds:

- *equal*: the field, whether deprecated, the key. Gives documents in the order of their keys, and counts them from the
  index alone.
- *in order*: the field, the key. Gives documents in the order of the field. Where few documents have the field it holds
  these only; those without come last, in the order of their keys.
- *of an interval*: the high end, the low one, the value, the key. Gives documents in the order of the high end, which
  is the worse one where it rises: what is exact, what has both ends, what is open above, each by itself.
- *part*: the same of a small part of a large collection.

A condition that most documents meet needs none: in the order of the keys, or of another index, enough of them come
soon. One that few meet does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Index:
    """Fields in order, ``-`` in front for descending, and the part of the collection it is of; all of it without."""

    fields: tuple[str, ...]
    part: Mapping[str, Any] = field(default_factory=dict)

    @property
    def keys(self) -> list[tuple[str, int]]:
        """Fields and directions."""
        return [(name.removeprefix("-"), -1 if name.startswith("-") else 1) for name in self.fields]

    @property
    def name(self) -> str:
        """Name on the server: the fields with their directions, and of what part."""
        whole = "_".join(f"{name}_{direction}" for name, direction in self.keys)
        parts = (f"_where_{name}_{'known' if isinstance(of, Mapping) else of}" for name, of in self.part.items())
        return whole + "".join(parts).lower()


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the index that answers it.

    Attributes
    ----------
    asked
        In words.
    filter, sort
        As a person writes them.
    index
        What it is answered by; None: any, since most documents meet the filter.
    """

    asked: str
    index: Index | None
    filter: str = ""
    sort: tuple[str, ...] = ()


def _equal(name: str, key: str, part: Mapping[str, Any] | None = None) -> Index:
    return Index((name, "deprecated", key), part or {})


def _in_order(name: str, key: str, part: Mapping[str, Any] | None = None) -> Index:
    return Index((name, key), part or {})


def _of_interval(high: str, low: str, name: str, key: str, *equal: str) -> Index:
    return Index((*equal, high, low, name, key))


def _known(name: str) -> dict[str, Any]:
    return {name: {"$exists": True}}


def _of_formulas(key: str) -> tuple[Question, ...]:
    """What is asked of everything that has a formula."""
    system, elements = _equal("chemsys", key), _equal("elements", key)
    return (
        Question("of a chemical system", system, 'chemsys = "Mo-S"'),
        Question("of a chemical system and those within", system, 'elements HAS ONLY "Li","O","Mn"'),
        Question("with an element", elements, 'elements HAS "O"'),
        Question("with some elements", elements, 'elements HAS ALL "Mo","S"'),
        Question("with some elements and no other", system, 'elements HAS ALL "Mo","S" AND nelements = 2'),
    )


def _formula(key: str) -> Question:
    return Question("of a formula", _equal("formula_reduced", key), 'formula_reduced = "MoS2"')


def _materials() -> tuple[Question, ...]:
    key = "material_id"
    values = ("formation_energy", "energy_above_hull", "exfoliation_energy", "band_gap")
    by_value = {name: _in_order(name, key, _known(name)) for value in values for name in (value, f"preferred.{value}")}
    number = _equal("space_group.number", key, _known("space_group.number"))
    return (
        _formula(key),
        *_of_formulas(key),
        Question("of a source", _equal("source", key), 'source = "handbook"'),
        Question("that consist of layers", _equal("layered", key, {"layered": True}), "layered = TRUE"),
        *(Question(f"by {name}", index, sort=(name,)) for name, index in by_value.items()),
        Question(
            "within a band gap",
            by_value["preferred.band_gap"],
            "preferred.band_gap >= 1.6 AND preferred.band_gap <= 1.7",
            ("preferred.band_gap",),
        ),
        Question("that are stable", by_value["energy_above_hull"], "energy_above_hull <= 0", ("energy_above_hull",)),
        Question("of a space group", number, "space_group.number = 187"),
    )


def _compositions() -> tuple[Question, ...]:
    key = "formula_reduced"
    by_energy, promoted = "predicted_formation_energy", {"status": "promoted"}
    probability, energy = _in_order("-p_2d", key), _in_order(by_energy, key, _known(by_energy))
    return (
        *_of_formulas(key),
        Question("of three elements that are new", None, "nelements = 3 AND novel = TRUE"),
        Question("likely to be two-dimensional", probability, sort=("-p_2d",)),
        Question(
            "with an element, likely ones first",
            Index(("elements", "deprecated", "-p_2d", key)),
            'elements HAS "O"',
            ("-p_2d",),
        ),
        Question("of low energy", energy, sort=(by_energy,)),
        Question("balanced, of low energy", energy, "electronegativity_balanced = TRUE", (by_energy,)),
        Question("promoted", _equal("status", key, promoted), 'status = "promoted"'),
        Question("promoted, likely ones first", _in_order("-p_2d", key, promoted), 'status = "promoted"', ("-p_2d",)),
        Question("waiting", _equal("status", key, {"status": "waiting"}), 'status = "waiting"'),
        Question(
            "waiting for a gate",
            _equal("waiting_for", key, {"status": "waiting"}),
            'status = "waiting" AND waiting_for = "energy"',
        ),
        Question("rejected by a gate", None, 'rejected_by = "charge neutral"'),
        Question(
            "rejected by a gate, likely ones first",
            Index(("rejected_by", "deprecated", "-p_2d", key)),  # counts them as well
            'rejected_by = "probability of 2D"',
            ("-p_2d",),
        ),
    )


def _structures() -> tuple[Question, ...]:
    key = "structure_id"
    return (
        _formula(key),
        *_of_formulas(key),
        Question("made in a way", _equal("route", key), 'route = "top-down"'),
    )


def _properties() -> tuple[Question, ...]:
    kind = 'kind = "exfoliation_energy"'
    return (
        Question("of a kind", _equal("kind", "property_id"), kind),
        Question(
            "of a kind, the least first", _of_interval("high", "low", "value", "property_id", "kind"), kind, ("value",)
        ),
    )


def _candidates() -> tuple[Question, ...]:
    key = "candidate_id"
    by_status = Index(("deprecated", "status", key, "campaign"))  # equal, in order, and counted by campaign
    return (
        _formula(key),
        *_of_formulas(key),
        Question("of a campaign", None, 'campaign = "two-dimensional"'),  # a range of keys
        Question("by status", by_status, sort=("status",)),
        Question("promoted", by_status, 'status = "promoted"'),
        Question(
            "of a campaign that are promoted",
            by_status,  # within the range of its keys
            'campaign = "two-dimensional" AND status = "promoted"',
        ),
        Question("rejected by a gate", _equal("rejected_by", key), 'rejected_by = "energy above hull"'),
        Question("waiting for a gate", _equal("waiting_for", key), 'waiting_for = "band gap"'),
        *(
            Question(
                f"by {name}, the worse end of an interval",
                _of_interval(f"highs.{name}", f"lows.{name}", name, key),
                sort=(name,),
            )
            for name in ("exfoliation_energy", "energy_above_hull", "band_gap")
        ),
    )


QUESTIONS: Final[Mapping[str, tuple[Question, ...]]] = {
    "materials": _materials(),
    "compositions": _compositions(),
    "structures": _structures(),
    "properties": _properties(),
    "candidates": _candidates(),
    "failures": (Question("the newest", Index(("-last_failed_at", "failure_id")), sort=("-last_failed_at",)),),
}
"""The questions of each collection, beside those by its key."""

RETIRED: Final[Mapping[str, tuple[str, ...]]] = {
    "materials": ("formula_reduced_1", "chemsys_1", "elements_1", "source_1"),
    "compositions": ("chemsys_1", "elements_1", "p_2d_1"),
    "structures": ("formula_reduced_1", "chemsys_1", "elements_1", "route_1"),
    "candidates": (
        *("formula_reduced_1", "elements_1", "energy_above_hull_1"),
        *("campaign_1_status_1_rejected_by_1", "campaign_1", "status_1_deprecated_1_candidate_id_1"),
    ),
}
"""Indexes of earlier versions in whose place others stand."""


_CHANGES: Final = Index(("deprecated", "updated_at"))
_FUNNEL: Final = Index(("campaign", "deprecated", "gate_verdicts"))
_OF_ALL_SIZES: Final = frozenset({"materials", "compositions", "structures", "properties", "candidates"})


def indexes_of(collection: str) -> tuple[Index, ...]:
    """Indexes for the questions of a collection, each once; of large ones also for what changed, and for funnels."""
    found = [_CHANGES] if collection in _OF_ALL_SIZES else []
    for question in QUESTIONS.get(collection, ()):
        if question.index is not None and question.index not in found:
            found.append(question.index)
    return (*found, _FUNNEL) if collection == "candidates" else tuple(found)
