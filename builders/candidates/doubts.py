"""What speaks against a candidate, a proposed structure or a composition beside the gates, worked out when it is asked.

No gate looks at it. A doubt is a sentence with the figures it rests on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...models.calculation.methods import Level, parse_method, potential_of
from ...models.composition.formula.chemists_formula import chemists_formula
from ...models.energetics.reliability.known_of_composition import KnownEnergy, contradiction
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from ..engine.batches import Doc
from ..properties.hulls.set_free import LEAST_BOUND
from ..properties.potential import known_potentials
from .best_values import most_trusted
from .composition_view import composition_view

if TYPE_CHECKING:
    from ...models.structure.sizes.site_exchange import AlikeElements

_ENERGY = "formation_energy"
_OF_KNOWN_CRYSTALS = "top-down"
_CRYSTALS_NAMED = 3
_LIKELY = 0.5


def doubts(connection: Connection, doc: Doc) -> list[str]:
    """Doubts about a document of candidates, structures or compositions: sentences.

    - A formation energy predicted from the composition far from those that are known of it (`contradiction`), but for
      what a model has learnt from others.
    - Elements so alike that they may mix where the structure tells them apart (`alike_elements`): ``may be
      disordered``. Layers of known crystals are as ordered as these.
      What the exchange of two of them costs is told with it, where that is known.
    - A compound next to the hull or above that falls apart into phases with an anion or a metal left over (`set_free`).
    - A structure of exchanged elements that such an exchange seldom leaves as it is.
    - What models say of a composition of whose family they have learnt nothing, or that they have learnt itself.
    - A layer that was not cut from a crystal, where crystals of its composition are known and none is layered:
      molecules, chains or a network.
    """
    pairs = exchangeable(connection, doc)[1]
    known = _known_costs(connection, doc) if pairs else {}
    costs = (known.get(frozenset(pair.elements), "") for pair in pairs)
    alike = (
        f"may be disordered: {_in_words(pair)}, on sites with the same neighbours{cost}"
        for pair, cost in zip(pairs, costs, strict=True)
    )
    of_structure = (*_of_exchange(connection, doc), *_of_decomposition(connection, doc))
    of_models = _of_models(connection, doc)
    return [*of_models, *_of_energy(connection, doc), *of_structure, *_of_bulk(connection, doc), *alike]


def exchange_costs(connection: Connection, doc: Doc, potential_name: str) -> list[str]:
    """What exchanging alike atoms of a candidate or proposal costs by a potential: sentences; it takes seconds each.

    Raises
    ------
    ConfigurationError
        There is no such potential, or what it needs is not installed.
    """
    plain, pairs = exchangeable(connection, doc)
    if plain is None or not pairs:
        return []
    # A potential takes a second to import, for those who ask for it.
    from ...models.potential.site_exchange import exchange_cost
    from ...models.structure.serialization import from_plain

    potential = known_potentials.potential(potential_name)
    if not potential.is_installed():
        raise ConfigurationError(f"{potential.title} is not installed", potential.remedy)
    told = []
    for pair in pairs:
        cost = exchange_cost(potential, from_plain(plain), pair)
        names = " and ".join(pair.elements)
        if cost is None:
            told.append(f"{potential.name} has no energy for an exchange of {names}")
            continue
        verdict = "it mixes" if cost.mixes else "it can be made in order"
        told.append(
            f"exchanging one {names} of {cost.atoms} atoms costs {cost.energy:.2f} eV by {potential.name}: an order "
            f"holds up to about {cost.holds_up_to:.0f} K, so {verdict}"
        )
    return told


def exchangeable(connection: Connection, doc: Doc) -> tuple[Doc | None, list[AlikeElements]]:
    """Structure of a candidate or proposal, and the pairs of its elements that may mix; none of a composition."""
    if doc.get("route") == _OF_KNOWN_CRYSTALS or not doc.get("structure_id"):
        return None, []
    plain = doc.get("structure")
    if plain is None:
        stored = connection.database["structures"].find_one({"structure_id": doc["structure_id"]}, {"structure": 1})
        plain = (stored or {}).get("structure")
    if plain is None:
        return None, []
    # What knows structures takes a second to import, and most that is asked about has none.
    from ...models.structure.serialization import BadStructure, from_plain
    from ...models.structure.sizes.site_exchange import alike_elements

    try:
        return plain, alike_elements(from_plain(plain))
    except BadStructure:
        return None, []


def _of_models(connection: Connection, doc: Doc) -> Iterator[str]:
    if doc.get("p_2d") is None and doc.get("predicted_formation_energy") is None:
        return
    said: Doc | None = doc
    if doc.get("structure_id"):  # a candidate has its values from the composition
        view = composition_view(connection, doc.get("campaign", ""))
        said = connection.database["compositions"].find_one({"formula_reduced": doc["formula_reduced"]}, {"_id": 0})
        said = view.as_said(said) if view and said else None
    if said is None:
        return
    if said.get("p_2d_relatives") == 0:
        yield (
            "no neighbour known: the classifier has learnt no composition of the same amounts of elements of the same "
            "groups; P(2D) is worth what its folds by family say, not those by composition"
        )
    if said.get("learnt_by_models"):
        yield (
            "not new to the world: models that come along have learnt from this composition, so the Materials Project "
            "or a list of two-dimensional materials has it"
        )
    if said.get("energy_learnt"):
        yield "seen: the model has learnt the formation energy of this very composition, so this is no prediction"


def _of_energy(connection: Connection, doc: Doc) -> Iterator[str]:
    predicted = doc.get("predicted_formation_energy")
    if predicted is None:
        return
    query: Doc = {"formula_reduced": doc["formula_reduced"], "deprecated": False, _ENERGY: {"$exists": True}}
    fields = {"_id": 0, "source": 1, _ENERGY: 1, f"methods.{_ENERGY}": 1}
    known = []
    for material in connection.database["materials"].find(query, fields):
        method = material.get("methods", {}).get(_ENERGY, "")
        if parse_method(method).levels != (Level.MODEL,):
            name = ", ".join(part for part in (material["source"], method) if part)
            known.append(KnownEnergy(material[_ENERGY], name))
    if told := contradiction(predicted, known):
        yield told


def _known_costs(connection: Connection, doc: Doc) -> dict[frozenset[str], str]:
    """What exchanging alike elements costs, in words, by the elements."""
    query = {"structure_id": doc["structure_id"], "kind": "exchange_energy", "deprecated": False}
    stored = connection.database["properties"].find_one(query, {"_id": 0, "method": 1, "details.pairs": 1}) or {}
    return {
        frozenset(pair["elements"]): _cost_in_words(pair, stored["method"])
        for pair in stored.get("details", {}).get("pairs", [])
    }


def _cost_in_words(pair: Doc, method: str) -> str:
    energy, order = pair["energy"], pair["holds_up_to"]
    return f"; exchanging one of each costs {energy:.2f} eV by {method}: an order holds up to about {order} K"


def _of_exchange(connection: Connection, doc: Doc) -> Iterator[str]:
    if doc.get("route") != "bottom-up" or not doc.get("structure_id"):
        return
    fields = {"_id": 0, "substitution_chance": 1, "parent_id": 1}
    made = connection.database["structures"].find_one({"structure_id": doc["structure_id"]}, fields) or {}
    chance = made.get("substitution_chance")
    if chance is not None and chance < _LIKELY:
        yield (
            f"of exchanges like this one {chance:.0%} leave the structure as it is, by known crystals: "
            f"{chemists_formula(doc['formula_reduced'])} is likelier to have another than that of {made['parent_id']}"
        )


def _of_decomposition(connection: Connection, doc: Doc) -> Iterator[str]:
    if not doc.get("structure_id"):
        return
    query = {"structure_id": doc["structure_id"], "kind": "energy_above_hull", "deprecated": False}
    query |= {"basis": "potential", "value": {"$type": "number"}}
    details = ("details.sets_free", "details.falls_into")
    fields = dict.fromkeys(("value", "low", "high", "stale", "kind", "method", "basis", *details), 1)
    stored = list(connection.database["properties"].find(query, {"_id": 0, **fields}))
    if not stored:
        return
    counts = potential_of(most_trusted(stored)["method"])  # as a candidate is judged by, whatever the others say
    # With dispersion a layer lies farther from the hull than its bulk, whose distance is what tells.
    value = min((doc for doc in stored if potential_of(doc["method"]) == counts), key=lambda doc: float(doc["value"]))
    told = value.get("details", {})
    freed = " and ".join(told.get("sets_free", []))
    if freed and value["value"] > LEAST_BOUND:
        phases = told.get("falls_into", [])  # not told by earlier versions
        into = " + ".join(chemists_formula(phase["formula"]) for phase in phases) or "other phases"
        yield (
            f"falls into {into}, {value['value']:+.3f} eV/atom from the hull by {value['method']}: {freed} would be "
            f"set free, which its ions oxidise or reduce (known compounds that do lie {-LEAST_BOUND:g} and more below)"
        )


def _of_bulk(connection: Connection, doc: Doc) -> Iterator[str]:
    if doc.get("dimension") != 2 or doc.get("route") == _OF_KNOWN_CRYSTALS:
        return
    query = {"formula_reduced": doc["formula_reduced"], "deprecated": False}
    fields = {"_id": 0, "material_id": 1, "layered": 1, "layering.kind": 1, "dimension_claimed": 1}
    known = list(connection.database["materials"].find(query, fields).sort("material_id"))
    crystals = [material for material in known if material.get("layered") is False]
    if not crystals or any(material.get("layered") or material.get("dimension_claimed") == 2 for material in known):
        return
    kinds = {material["material_id"]: material.get("layering", {}).get("kind", "no layers") for material in crystals}
    named = [f"{name}: {kind}" for name, kind in kinds.items()][:_CRYSTALS_NAMED]
    formula = chemists_formula(doc["formula_reduced"])
    more = f", and {len(crystals) - len(named)} more" if len(crystals) > len(named) else ""
    yield (
        f"no known crystal of {formula} is layered ({', '.join(named)}{more}), so there is "
        "none to take this layer off: an exfoliation energy is that of such layers, stacked"
    )


def _in_words(pair: AlikeElements) -> str:
    first, second = pair.elements
    one, other = pair.charges
    charged = "" if not one and not other else f", charges {one:+g} and {other:+g}"
    return f"{first} and {second} are alike (radii {pair.radius_difference:.0%} apart{charged})"
