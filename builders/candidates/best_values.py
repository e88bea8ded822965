"""Picks the value a candidate is judged by, where several of one kind are known by different methods."""

from __future__ import annotations

from typing import Any, Final

from ..engine.batches import Doc
from ..materials.method_ranking import HSE06, RELAXED, rank

KINDS: Final = ("formation_energy", "exfoliation_energy", "energy_above_hull", "pourbaix_energy", "band_gap")
BASES: Final = ("calculation", "same-structure", "parent", "known hull", "composition", "potential")
"""Which basis wins: the first."""


def best_values(properties: list[Doc], *, conditions: str | None = None) -> dict[str, Any]:
    """Give the fields of a candidate that come from its properties.

    ``methods`` names how each was got, ``bounds`` those that are only bounds of the true value.

    Parameters
    ----------
    properties
        `properties` documents of one structure: kind, method, basis, value, bound.
    conditions
        Of the campaign's Pourbaix energies; those at other conditions are passed over.
    """
    values: dict[str, Any] = {}
    methods: dict[str, str] = {}
    bounds: dict[str, str] = {}
    for kind in KINDS:
        known = [one for one in properties if one["kind"] == kind and one.get("value") is not None]
        if kind == "pourbaix_energy" and conditions is not None:
            known = [one for one in known if one["method"].endswith(f", {conditions}")]
        if known:
            best = min(known, key=_order)
            values[kind] = best["value"]
            methods[kind] = best["method"]
            if best.get("bound"):
                bounds[kind] = best["bound"]
        if kind == "band_gap":
            hybrid = [one for one in known if HSE06.search(one["method"])]
            if hybrid:
                best = min(hybrid, key=_order)
                values["hse_band_gap"] = best["value"]
                methods["hse_band_gap"] = best["method"]
    if methods:
        values["methods"] = methods
    if bounds:
        values["bounds"] = bounds
    return values


def _order(one: Doc) -> tuple[bool, int, bool, int, float, str]:
    # A bound, whoever it comes from, says less than any value.
    basis = BASES.index(one.get("basis", BASES[-1]))
    # Of energies the lowest counts whatever the method, but for a potential's; of gaps the one by the best method.
    if one["kind"] == "band_gap":
        place = rank("band_gap", one["method"])
    else:
        place = int(one.get("basis") == "potential" and not RELAXED.search(one["method"]))
    return bool(one.get("bound")), basis, bool(one.get("stale")), place, one["value"], one["method"]
