"""Why candidates and compositions were promoted, rejected, or wait: their gates, and what is known beside them."""

from __future__ import annotations

from typing import Any, Final

from ...stores.bookkeeping.overview import STATUSES
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from ..properties.hulls.limits import LACKS_DISPERSION
from .campaigns.gate_outline import outlines
from .campaigns.gates import pass_through
from .composition_view import composition_view
from .doubts import doubts

Doc = dict[str, Any]

_MODELS: Final = {"p_2d": "p_2d_model", "predicted_formation_energy": "energy_model"}
_OF_LAYERS: Final = {"_id": 0, "material_id": 1, "formula_reduced": 1, "layered": 1, "dimensionality": 1, "layering": 1}


def verdicts_on(connection: Connection, identity: str, *, formula: str | None = None) -> list[Doc]:
    """Find how campaigns judge a candidate, a structure or a formula, with what is known beside the gates.

    Parameters
    ----------
    connection
        The database.
    identity
        Id of a candidate or a structure, or the beginning of one.
    formula
        Reduced formula, where the identity is one: of candidates, and of a composition that was drawn.

    Returns
    -------
    list of dict
        Documents of candidates, then of compositions as if they were; beside their own fields ``compared_with``
        (sources), ``made`` (known materials that have been made), ``doubts`` (sentences), ``bulk`` (layer analysis of
        the crystal that a layer was cut from), and warnings and refusals in the gates.

    Raises
    ------
    ConfigurationError
        None is found, or several whose ids begin so.
    """
    of_formula = [*_of_formula(connection, formula), *_compositions(connection, formula)] if formula else []
    verdicts = of_formula or _candidates(connection, identity)
    for doc in verdicts:
        _add_warnings(connection, doc)
        if doc.get("structure_id") and "p_2d" in doc:
            _add_models(connection, doc)
        if doc.get("novelty_class"):
            doc["compared_with"] = sorted(connection.database["materials"].distinct("source", {"deprecated": False}))
        doc["made"] = _made(connection, doc.get("known_as") or [])
        doc["doubts"] = doubts(connection, doc)
        if doc.get("route") == "top-down":
            doc["bulk"] = layer_verdict(connection, doc.get("parent_id"))
    return verdicts


def _compositions(connection: Connection, formula: str) -> list[Doc]:
    """Say of a generated composition how every campaign that draws some judges it."""
    hidden = {"_id": 0, "facets": 0, "origins": 0}
    composition = connection.database["compositions"].find_one(
        {"formula_reduced": formula, "deprecated": False}, hidden
    )
    if composition is None:
        return []
    verdicts = []
    for campaign in outlines(connection):
        view = composition_view(connection, campaign.name)
        if (
            campaign.compositions is None
            or view is None
            or view.drawn_by not in composition.get("made_by", [view.drawn_by])
        ):
            continue
        said = view.as_said(composition)
        methods = {name: said.get(model) for name, model in _MODELS.items()}
        verdicts.append(
            {
                **said,
                "candidate_id": f"{campaign.name}/{formula}",
                "route": "drawn" if composition.get("generator") else "listed",
                "parent_id": composition.get("generator"),
                "methods": {name: method for name, method in methods.items() if method},
                **pass_through(campaign.compositions.gates, said),
            }
        )
    return verdicts


def _of_formula(connection: Connection, formula: str) -> list[Doc]:
    """Candidates of a formula, whoever made them: promoted ones first, then those that wait."""
    found = connection.database["candidates"].find({"formula_reduced": formula, "deprecated": False})
    return sorted(found, key=lambda doc: (STATUSES.index(doc["status"]), doc["candidate_id"]))


def _candidates(connection: Connection, identity: str) -> list[Doc]:
    collection = connection.database["candidates"]
    exact = list(collection.find({"$or": [{"candidate_id": identity}, {"structure_id": identity}]}))
    if exact:
        return exact
    upper = identity[:-1] + chr(ord(identity[-1]) + 1) if identity else identity
    among = {"$gte": identity, "$lt": upper}
    candidates = list(collection.find({"$or": [{"candidate_id": among}, {"structure_id": among}]}).limit(10))
    if not candidates:
        raise ConfigurationError(
            f"no candidate is called {identity!r}", "List some: exfolio query candidates --limit 20"
        )
    if len({doc["structure_id"] for doc in candidates}) > 1:
        names = ", ".join(doc["candidate_id"] for doc in candidates[:5])
        raise ConfigurationError(f"{identity!r} may be several candidates: {names} …", "Give more of the id.")
    return candidates


def _add_warnings(connection: Connection, doc: Doc) -> None:
    """Put to each gate on a value what warns of that value, or why there is none."""
    told = {"$or": [{"warnings.0": {"$exists": True}}, {"refused": {"$exists": True}}]}
    query = {"structure_id": doc.get("structure_id"), "deprecated": False, **told}
    for warned in connection.database["properties"].find(query) if doc.get("structure_id") else ():
        for gate in doc["gates"]:
            if gate["field"].removeprefix("values.") != warned["kind"]:
                continue
            if "refused" in warned and gate.get("value") is None:
                asked = f"{gate['name']}, in {warned['unit']}" if warned.get("unit") else gate["name"]
                gate["warnings"] = [*gate.get("warnings", []), f"{asked}: {warned['method']}: {warned['refused']}"]
            method, _, added = doc.get("methods", {}).get(warned["kind"], "").partition("; ")
            same = "value" in gate and (added or gate["value"] == warned.get("value"))
            if same and (method == warned["method"] if added else method.startswith(warned["method"])):
                # What was added says of itself that it is the attraction that the method lacks.
                gate["warnings"] = [one for one in warned["warnings"] if not (added and one == LACKS_DISPERSION)]


def _add_models(connection: Connection, doc: Doc) -> None:
    """Name the models that told what a candidate has of its composition."""
    view = composition_view(connection, doc["campaign"])
    composition = connection.database["compositions"].find_one({"formula_reduced": doc["formula_reduced"]}, {"_id": 0})
    if view is None or composition is None:
        return
    said = view.as_said(composition)
    models = {name: said.get(model) for name, model in _MODELS.items() if said.get(name) == doc.get(name)}
    doc["methods"] = {**{name: model for name, model in models.items() if model}, **doc.get("methods", {})}


def _made(connection: Connection, known_as: list[str]) -> list[Doc]:
    """Of the materials that a candidate is known as those that have been made: how, and by whom."""
    told = {"_id": 0, "material_id": 1, "synthesis_method": 1, "reference": 1}
    query = {"material_id": {"$in": known_as}, "synthesised": True}
    return list(connection.database["materials"].find(query, told).sort("material_id")) if known_as else []


def layer_verdict(connection: Connection, material_id: str | None) -> Doc | None:
    """Layer analysis of a known material, by its id; None where there is none."""
    query = {"material_id": material_id, "layering": {"$exists": True}}
    return connection.database["materials"].find_one(query, _OF_LAYERS) if material_id else None
