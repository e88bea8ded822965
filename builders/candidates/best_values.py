"""Picks the value a candidate is judged by, where several of one kind are known by different methods.

Knows no list of kinds: whatever kind of property a structure has, its candidates have a value of it.
"""

from __future__ import annotations

from typing import Any, Final

from ...stores.documents import Candidate, Property
from ..engine.batches import Doc
from ..materials.method_ranking import HSE06, RELAXED, rank

BASES: Final = Property.BASES
"""Which basis wins: the first."""
_COMPARED_WITH_NOTHING: Final = "energy"
"""Total energies, which mean something only beside others by the same method."""
_ENERGY: Final = "eV/atom"


def best_values(properties: list[Doc], *, conditions: str | None = None) -> dict[str, Any]:
    """Fields of a candidate that come from its properties.

    Kinds with a field of their own are there, all others in ``values``. ``methods`` names how each was got, ``bounds``
    those that are only bounds of the true value.

    Parameters
    ----------
    properties
        `properties` documents of one structure: kind, method, basis, value, unit, bound.
    conditions
        Of the campaign's Pourbaix energies; those at other conditions are passed over.
    """
    known: dict[str, list[Doc]] = {}
    for doc in properties:
        if doc.get("value") is not None and _counts(doc, conditions):
            known.setdefault(doc["kind"], []).append(doc)
    fields: dict[str, Any] = {}
    further: dict[str, float] = {}
    methods: dict[str, str] = {}
    bounds: dict[str, str] = {}
    for kind, docs in known.items():
        best = min(docs, key=_order)
        (fields if kind in Candidate.VALUE_FIELDS else further)[kind] = best["value"]
        methods[kind] = best["method"]
        if best.get("bound"):
            bounds[kind] = best["bound"]
    hybrid = [doc for doc in known.get("band_gap", ()) if HSE06.search(doc["method"])]
    if hybrid:
        best = min(hybrid, key=_order)
        fields["hse_band_gap"] = best["value"]
        methods["hse_band_gap"] = best["method"]
    named = {"values": further, "methods": methods, "bounds": bounds}
    return {**fields, **{name: content for name, content in named.items() if content}}


def by_one_potential(properties: list[Doc], name: str | None) -> list[Doc]:
    """Properties of a structure without those that other potentials gave; all of them without a name.

    Energies by two potentials mean nothing beside each other. Each leaves a total energy of its own by its method.

    Parameters
    ----------
    properties
        As for `best_values`.
    name
        Of the potential whose values count.
    """
    if name is None:
        return properties
    methods = {doc["method"] for doc in properties if doc["kind"] == _COMPARED_WITH_NOTHING}
    others = {method for method in methods if method.rpartition(" ")[0] != name}
    return [doc for doc in properties if doc.get("basis") != "potential" or doc["method"] not in others]


def _counts(doc: Doc, conditions: str | None) -> bool:
    if doc["kind"] == "pourbaix_energy" and conditions is not None:
        return bool(doc["method"].endswith(f", {conditions}"))
    return bool(doc["kind"] != _COMPARED_WITH_NOTHING)


def _order(doc: Doc) -> tuple[Any, ...]:
    # A bound, whoever it comes from, says less than any value.
    basis = BASES.index(doc.get("basis", BASES[-1]))
    # Of energies the lowest counts whatever the method, but for a potential's: what was relaxed goes first, and two
    # potentials' are not compared. Of all else the one by the best method.
    if doc["unit"] == _ENERGY:
        place = int(doc.get("basis") == "potential" and not RELAXED.search(doc["method"]))
    else:
        place = rank(doc["kind"], doc["method"])
    whose = doc["method"] if doc.get("basis") == "potential" else ""
    return bool(doc.get("bound")), basis, bool(doc.get("stale")), place, whose, doc["value"], doc["method"]
