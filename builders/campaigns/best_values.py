"""Picks the value a candidate is judged by, where several of one kind are known by different methods."""

from __future__ import annotations

import re
from typing import Any, Final

from ..work import Doc

KINDS: Final = ("formation_energy", "exfoliation_energy", "energy_above_hull", "pourbaix_energy", "band_gap")
BASES: Final = ("calculation", "same-structure", "parent", "known hull", "composition", "potential")
"""Which basis wins: the first."""

GAP_METHODS: Final = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (r"^experiment", r"HSE06", r"HSE|PBE0|PBEO|B3LYP|hybrid|G0W0|GW", r"SCAN|mBJ|TPSS|M06", r"\+U|_U")
)
"""Which method of a band gap wins within one basis: measured, HSE06, other hybrids, meta-GGAs, with U, and last
the rest (plain GGA underestimates gaps most)."""

HSE06: Final = GAP_METHODS[1]


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
    rank = 0
    if one["kind"] == "band_gap":
        found = (number for number, pattern in enumerate(GAP_METHODS) if pattern.search(one["method"]))
        rank = next(found, len(GAP_METHODS))
    return bool(one.get("bound")), basis, bool(one.get("stale")), rank, one["value"], one["method"]
