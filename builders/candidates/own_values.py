"""Which values of a structure a campaign is judged by: not those that came of settings which others want.

Values that campaigns want by other settings each stand side by side, told apart by their methods or by who wrote them.
What depends on no campaign's settings counts for all.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from ...models.calculation.methods import potential_of, with_dispersion, without_settings
from ...stores.documents import ReferenceEntry
from ..engine.batches import Doc
from ..properties.potential.layers.exfoliation_values_stage import STAGE
from ..properties.potential.potential_stage import KIND
from ..properties.stability.stability_values_stage import STAGE as STABILITY


class ValuesBy(NamedTuple):
    """What the values are made by that a campaign is judged by; of what is None any count.

    Attributes
    ----------
    hull
        Name of the stage that makes its hulls of calculations.
    energies, values
        Methods of its potential's energies, and of what they mean beside others.
    relaxed
        Label under which structures carry what they turned out to be when that potential relaxed them; None where it
        relaxes none.
    conditions
        With which the methods of its Pourbaix energies end.
    exfoliation
        Name of the stage that makes its exfoliation energies by potentials; empty where none does.
    stability
        Name of the stage that joins what potentials say of stability; likewise.
    """

    hull: str | None = None
    energies: str | None = None
    values: str | None = None
    relaxed: str | None = ""
    conditions: str | None = None
    exfoliation: str | None = None
    stability: str | None = None


def own_values(properties: list[Doc], by: ValuesBy) -> list[Doc]:
    """Properties of a structure without those that other settings made, and those that rest on them.

    Parameters
    ----------
    properties
        `properties` documents of one structure: kind, method, basis, facets.value.stage, details.formation_energy_by.
    by
        What the campaign's own are made by.
    """
    own = [
        doc
        for doc in properties
        if not (
            _by_another_stage(doc, by.hull)
            or _by_another_stage(doc, by.exfoliation, like=STAGE)
            or _by_another_stage(doc, by.stability, like=STABILITY)
            or _by_another_way(doc, by)
            or _at_other_conditions(doc, by)
        )
    ]
    if len(own) == len(properties):
        return own
    formed = {doc["method"] for doc in own if doc["kind"] == "formation_energy"}
    others = {doc["method"] for doc in properties if doc["kind"] == "formation_energy"} - formed
    return [doc for doc in own if doc.get("details", {}).get("formation_energy_by") not in others]


def _by_another_stage(doc: Doc, mine: str | None, *, like: str = "") -> bool:
    """Whether a value was made by a stage of the same kind as the campaign's own, and not by that.

    Parameters
    ----------
    doc
        The property.
    mine
        Name of the campaign's stage; empty where it has none, None where any counts.
    like
        What names of such stages begin with; those of the campaign's own without.
    """
    if mine is None:
        return False
    stage = str(doc.get("facets", {}).get("value", {}).get("stage", ""))
    return stage.startswith(like or f"{mine.partition(':')[0]}:") and stage != mine


def _by_another_way(doc: Doc, by: ValuesBy) -> bool:
    """Whether the same potential took structures another way, or by other settings."""
    if by.values is None or doc.get("basis") != "potential":
        return False
    wanted = (by.energies,) if doc["kind"] == KIND else (by.values, with_dispersion(by.values))
    method = doc["method"].removesuffix(f", {by.conditions}")
    return without_settings(method) in _ways(by.values) and method not in wanted


def _at_other_conditions(doc: Doc, by: ValuesBy) -> bool:
    """Whether an energy in water is one under other conditions, or by other ions."""
    if by.conditions is None or doc["kind"] != "pourbaix_energy":
        return False
    return not doc["method"].endswith(f", {by.conditions}")


@lru_cache
def _ways(method: str) -> frozenset[str]:
    name = potential_of(method)
    ways = [f"{name} {way}" for way in ReferenceEntry.AS_TAKEN]
    return frozenset([*ways, *(with_dispersion(way) for way in ways)])
