"""The steps, in order. One that was released stays as it is, and names what there was then: another follows it.

Registries of versions 1 and 2 were brought up to date without numbers, each by whatever it lacked. So the steps begin
at 3, and all of them run on such a registry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from pymongo.database import Database

from ..documents.candidate import letters_of
from . import short_notes
from .migration import Change, Migration, Updates, pipeline

Doc = dict[str, Any]

_VALUES: Final = (
    *("formation_energy", "exfoliation_energy", "energy_above_hull", "pourbaix_energy", "band_gap"),
    *("dynamic_stability", "elastic_stability"),
)


def _made_by(collection: str, facet: str) -> Change:
    """Name the one stage that made each document, as facets noted it."""
    maker = pipeline({"$set": {"made_by": [f"$facets.{facet}.stage"]}})
    return Change(collection, {"made_by": _ABSENT}, (), maker)


def _where(side: str, bound: str, value: str) -> Doc:
    return {"$cond": [{"$eq": [bound, side]}, value, "$$REMOVE"]}


def _part(revision: str | Doc, field: str = "") -> Callable[[Database[Doc], Sequence[Doc]], Updates]:
    """Give a part the revision of the whole."""
    return pipeline({"$set": {f"facets.structure{field}": revision}})


_ABSENT: Final = {"$exists": False}
_GENERATOR: Final = [{"collection": "trained_models", "id": "$generator"}]
_LAST_OF_RECORDS: Final = {"$ifNull": ["$facets.record", "$rev"]}
_ENDS = pipeline(
    {"$set": {"low": _where("lower", "$bound", "$value"), "high": _where("upper", "$bound", "$value")}},
    {"$unset": "bound"},
)
_ENDS_BY_FIELD = pipeline(
    {
        "$set": {
            ends: {name: _where(side, f"$bounds.{name}", f"${name}") for name in _VALUES}
            for ends, side in (("lows", "lower"), ("highs", "upper"))
        }
    },
    {"$unset": "bounds"},
)

STEPS: Final = (
    Migration(
        3,
        "name the stage that made a structure or a composition",
        (_made_by("compositions", "sample"), _made_by("structures", "proposal")),
    ),
    Migration(
        4,
        "state bounds of values as ends of intervals",
        (
            Change("properties", {"bound": {"$exists": True}}, (), _ENDS),
            Change("candidates", {"bounds": {"$exists": True}}, (), _ENDS_BY_FIELD),
        ),
    ),
    Migration(5, "shorten the notes of who wrote what", short_notes.changes()),
    Migration(
        6,
        "give the structure of a material a revision of its own",
        (
            Change("materials", {"facets.structure": _ABSENT}, (), _part("$facets.record.rev", ".rev")),
            Change("counters", {"_id": "materials", "facets.structure": _ABSENT}, (), _part(_LAST_OF_RECORDS)),
        ),
    ),
    Migration(
        7,
        "say the verdicts of a candidate's gates in letters",
        (
            Change(
                "candidates",
                {"gate_verdicts": _ABSENT},
                (),
                pipeline({"$set": {"gate_verdicts": letters_of("$gates")}}),
            ),
        ),
    ),
    Migration(
        8,
        "leave out origins of compositions that their generator says",
        (Change("compositions", {"$expr": {"$eq": ["$origins", _GENERATOR]}}, (), pipeline({"$unset": "origins"})),),
    ),
)
