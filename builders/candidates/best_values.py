"""Picks the value a candidate is judged by, where several of one kind are known by different methods.

Knows no list of kinds: whatever kind of property a structure has, its candidates have a value of it. What goes before
what is `method_ranking`'s.
"""

from __future__ import annotations

from math import hypot
from typing import Any, Final, NamedTuple

from ...models.calculation.methods import Level, parse_method, potential_of, with_dispersion
from ...stores.documents import Candidate, Property
from ...stores.documents.property import COMPOUNDS, DISPERSION
from ..engine.batches import Doc
from ..materials.method_ranking import rank
from ..properties.stability.potential_stability_stage import WAYS as PARTS_OF_STABILITY
from .campaigns.ranking import Ranking

_COMPARED_WITH_NOTHING: Final = "energy"
"""Total energies, which mean something only beside others by the same method."""
_NO_VALUES: Final = (_COMPARED_WITH_NOTHING, "energy_over_bulk", *PARTS_OF_STABILITY)
"""Kinds that values are made of: of energies over a bulk are made exfoliation energies, with their intervals."""
_LEAST: Final = Property.BASES[-1]
_OF_COMPOSITION: Final = "composition"
_DIGITS: Final = 6
MOST_ATTRACTION: Final = 0.2
"""eV/atom: the most that attraction between the layers of a phase brings. What takes more to be exfoliated is bound by
more than dispersion (the threshold of 2DMatPedia: J. Zhou et al., Sci. Data 6, 86 (2019)), which functionals without it
describe; of 636 layered crystals of JARVIS 90 % have less by optB88-vdW."""
ATTRACTION: Final = (0.096, 0.128)
"""eV/atom by which what other phases attract each other by may be less and more than the exfoliation energy of the
layer above them. By D3(BJ), of 119 layers within 0.4 eV/atom of CHGNet's hull, 90 % lie from 0.079 below to 0.071 above
it (median -0.004; of one half by the other 88 %), and true attraction from 0.055 below that to 0.106 above."""
_USUAL: Final = Ranking()
_Trust = tuple[int, bool, int]


def best_values(properties: list[Doc], *, ranking: Ranking | None = None) -> dict[str, Any]:
    """Fields of a candidate that come from its properties.

    Kinds with a field of their own are there, all others in ``values``. What is known of the composition alone decides
    about no structure made of it: it is left to `of_composition`. ``methods`` names how each was got, ``lows``
    and ``highs`` the ends of the intervals that are stated.

    Parameters
    ----------
    properties
        `properties` documents of one structure: kind, method, basis, value, unit, low, high, stale.
    ranking
        What goes first beside the usual order.
    """
    ranking = ranking or _USUAL
    known: dict[str, list[Doc]] = {}
    for doc in properties:
        if doc.get("basis") == _OF_COMPOSITION:
            continue
        if doc.get("value") is not None and doc["kind"] not in _NO_VALUES:
            known.setdefault(doc["kind"], []).append(doc)
            if doc["kind"] == "band_gap" and Level.HSE06 in parse_method(doc["method"]).levels:
                known.setdefault("hse_band_gap", []).append(doc)
    fields: dict[str, Any] = {}
    chosen: dict[str, Doc] = {}
    named: dict[str, dict[str, Any]] = {"values": {}, "methods": {}, "lows": {}, "highs": {}}
    for name, docs in known.items():
        chosen[name] = docs[0] if len(docs) == 1 else most_trusted(docs, ranking)
    if (distances := known.get("energy_above_hull")) is not None:
        best = chosen["energy_above_hull"]
        chosen["energy_above_hull"] = _surer_of_layer(distances, best, chosen.get("exfoliation_energy"))
    for name, best in chosen.items():
        has_field = name in Candidate.VALUE_FIELDS or name == "hse_band_gap"
        (fields if has_field else named["values"])[name] = best["value"]
        named["methods"][name] = best["method"]
        for end, ends in (("low", named["lows"]), ("high", named["highs"])):
            if best.get(end) is not None:
                ends[name] = best[end]
    if (layer := with_attraction(chosen.get("energy_above_hull"), chosen.get("exfoliation_energy"))) is not None:
        fields["energy_above_hull"] = layer.value
        named["lows"]["energy_above_hull"], named["highs"]["energy_above_hull"] = layer.low, layer.high
        named["methods"]["energy_above_hull"] += layer.told
    return {**fields, **{name: content for name, content in named.items() if content}}


def _surer_of_layer(distances: list[Doc], best: Doc, exfoliation: Doc | None) -> Doc:
    """The distance of a layer that counts: without D3(BJ) where its exfoliation energy tells more than that does.

    That is so above a phase of its own composition, and of one only: it is what the layer lies above its bulk by.
    """
    if len(best.get("competing") or ()) != 1:
        return best
    without = [doc for doc in distances if with_dispersion(doc["method"]) == best["method"]]
    layer = with_attraction(without[0], exfoliation) if without else None
    surer = layer is not None and ("high" not in best or layer.high < best["high"])
    return without[0] if surer else best


def of_composition(properties: list[Doc]) -> dict[str, Doc] | None:
    """Values known of the composition but of no structure, by kind: the most trusted one with its method."""
    known: dict[str, list[Doc]] = {}
    for doc in properties:
        if doc.get("basis") == _OF_COMPOSITION and doc.get("value") is not None:
            known.setdefault(doc["kind"], []).append(doc)
    best = {kind: most_trusted(docs) for kind, docs in known.items()}
    return {kind: {"value": doc["value"], "method": doc["method"]} for kind, doc in sorted(best.items())} or None


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
    others = {potential_of(doc["method"]) for doc in properties if doc["kind"] == _COMPARED_WITH_NOTHING} - {name}
    return [doc for doc in properties if doc.get("basis") != "potential" or potential_of(doc["method"]) not in others]


def most_trusted(docs: list[Doc], ranking: Ranking = _USUAL) -> Doc:
    """The value of a kind that counts, of several known ones.

    A bound counts only where there is no value, or where it is trusted more than the best value and contradicts it.
    """
    places, first = ranking.place_of_basis, ranking.first(docs[0]["kind"])

    def trust(doc: Doc) -> _Trust:
        return places[doc.get("basis", _LEAST)], bool(doc.get("stale")), rank(doc["kind"], doc["method"], first)

    def order(doc: Doc) -> tuple[_Trust, str, float, str]:  # of values that are trusted alike the lowest
        # Two potentials' are not compared: of them that counts whose name comes first.
        whose = doc["method"] if doc.get("basis") == "potential" else ""
        return trust(doc), whose, doc["value"], doc["method"]

    values = [doc for doc in docs if not _is_bound(doc)]
    if not values:
        return min(docs, key=order)
    best = min(values, key=order)
    if len(values) == len(docs):
        return best
    against = [doc for doc in docs if _is_bound(doc) and _excludes(doc, best) and trust(doc) < trust(best)]
    return min(against, key=order, default=best)


class OfLayer(NamedTuple):
    """Distance of a layer to the hull with the attraction that the method lacks, eV/atom, and how that was told."""

    value: float
    low: float
    high: float
    told: str


def with_attraction(distance: Doc | None, exfoliation: Doc | None) -> OfLayer | None:
    """The distance of a layer to the hull where it lacks dispersion and little else; None where it does not, or more.

    A layer lies above its bulk by the exfoliation energy. Without dispersion little of that is left, but it is not
    below zero. So where the distance is one to a phase of its own composition, what it lacks is at most the true
    exfoliation energy. Where it is one to other phases, these lack their own attraction, whatever that of the layer's
    bulk is: `MOST_ATTRACTION` at most, and by a potential about as much as the layer's bulk (`ATTRACTION`) up to that,
    where stage `potential-dispersion` does not tell it of each. Errors of a potential, which are measured, have nothing
    to do with what it lacks: the two add as independent ones do.
    """
    if distance is None or exfoliation is None:
        return None
    most = exfoliation.get("high")
    if most is None and _is_bound(exfoliation):
        return None
    lacks, completeness = distance.get("lacks") or [], (distance.get("details") or {}).get("completeness") or {}
    if DISPERSION not in lacks or (COMPOUNDS in lacks and "deeper_by" not in completeness):
        return None
    value, low = distance["value"], distance["low"]
    error = value - low
    by_potential = distance.get("basis") == "potential"
    if error and not by_potential:  # uncertain otherwise too
        return None
    binding = exfoliation["value"]
    most = binding if most is None else most
    among_others = bool(completeness.get("deeper_by"))  # that the hull lacks, and which the value counts
    if not among_others and len(distance.get("competing") or ()) == 1:
        told = "; at most with the exfoliation energy on top"
        return OfLayer(value, low, _rounded(value + hypot(most, error)), told)
    highest = value + hypot(max(most, MOST_ATTRACTION), error)
    if not by_potential:
        told = f"; at most with {MOST_ATTRACTION:g} eV/atom of attraction within the competing phases on top"
        return OfLayer(value, low, _rounded(highest), told)
    attracted = value + min(max(binding, 0.0), MOST_ATTRACTION)  # what binds more is described without dispersion
    added = "the exfoliation energy" if binding <= MOST_ATTRACTION else f"{MOST_ATTRACTION:g} eV/atom"
    less, more = ATTRACTION
    return OfLayer(
        _rounded(attracted),
        _rounded(max(low, attracted - hypot(error, less))),
        _rounded(min(highest, attracted + hypot(error, more))),
        f"; with {added} on top, for the attraction within the competing phases",
    )


def _rounded(energy: float) -> float:
    return round(float(energy), _DIGITS)


def _is_bound(doc: Doc) -> bool:
    return (doc.get("low") is None) != (doc.get("high") is None)


def _excludes(bound: Doc, other: Doc) -> bool:
    if bound.get("low") is not None:
        return bool(other["value"] < bound["low"])
    return bool(other["value"] > bound["high"])
