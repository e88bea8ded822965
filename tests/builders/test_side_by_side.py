"""Campaigns of one registry that differ in a setting: each is judged by what its own settings made."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from functools import cache, reduce
from inspect import isclass
from itertools import product
from operator import getitem
from pathlib import Path
from typing import Any, get_args

import pytest
from contents import empty
from exfolio.builders import extensions
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.settings_labels import claimed
from exfolio.builders.engine.stage import Stage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.builders.properties.potential.layers.exfoliation_values_stage import ExfoliationValuesStage
from exfolio.builders.properties.potential.potential_energies_stage import PotentialEnergiesStage
from exfolio.builders.properties.potential.potential_values_stage import PotentialValuesStage
from exfolio.builders.properties.pourbaix_stage import PourbaixStage
from exfolio.builders.recipe import stages_of
from exfolio.builders.refresh import refresh
from exfolio.builders.reports.diagram_phases import potential_energies
from exfolio.models.calculation.methods import without_settings
from exfolio.stores.connection import Connection
from filled_registry import put_calculations, put_entries, put_structures
from installed_packages import install
from known_crystals import crystals, put, revisions
from pydantic import BaseModel
from pymatgen.core import Composition
from toy_potential import Elastic

Doc = dict[str, Any]
GATES = [
    {"name": "formed", "field": "formation_energy", "below": 0},
    {"name": "low", "field": "among_lowest", "is": True},
    {"name": "stable", "field": "energy_above_hull", "at_most": 0.02},
]
JUDGED = ("structure_id", "status", "gates", "known_as", "relaxed_duplicate_of", "methods")


def stretched(name: str, by: float) -> Doc:
    """A crystal of the handbook, each of its lengths so many times as long."""
    (crystal,) = crystals(name)
    for vector in crystal["structure"]["lattice"]["matrix"]:
        vector[:] = [by * length for length in vector]
    return crystal


def propose(connection: Connection) -> None:
    """CdI2, known far from rest only, and proposed at rest, and at two distances from it."""
    put(connection, [*crystals("Cd-hcp", "I-molecular"), stretched("CdI2-CdI2", 1.22)])
    proposed = []
    for by in (1.0, 1.11, 1.22):
        crystal = stretched("CdI2-CdI2", by)
        kept = {field: crystal[field] for field in ("structure", "formula_reduced", "chemsys", "elements")}
        proposed.append({"structure_id": f"st-{by}", "dimension": 3, "valid": True, **kept})
    put_structures(connection, proposed)


def campaign(name: str, **settings: Any) -> Campaign:
    plain = {"name": name, "dimension": 3, "judges": ["template"], "gates": GATES}
    return Campaign.model_validate({**plain, **settings})


def judged(connection: Connection, name: str) -> list[Doc]:
    """What is said of the candidates of a campaign, whatever labels its settings have."""
    docs = connection.database["candidates"].find({"campaign": name, "deprecated": False}).sort("structure_id", 1)
    said = [{field: doc.get(field) for field in JUDGED} for doc in docs]
    for doc in said:
        doc["methods"] = {kind: without_settings(method) for kind, method in (doc["methods"] or {}).items()}
    return said


def alone(connection: Connection, fill: Callable[[Connection], None], wanted: Campaign) -> list[Doc]:
    """The same where there is no other campaign."""
    empty(connection)
    fill(connection)
    refresh(connection, [wanted])
    return judged(connection, wanted.name)


@pytest.fixture
def elastic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doc:
    """Settings of the potential that another package brings."""
    install(
        tmp_path,
        monkeypatch,
        "elastic",
        modules={},
        entries={"exfolio.potentials": {"elastic": "toy_potential:Elastic"}},
    )
    monkeypatch.setattr(extensions, "installed", cache(extensions.installed))  # which scans all that is installed
    return {"model": "elastic", "relax": True, "reference_window": 0.05, "relax_lowest": 2, "max_seconds": None}


LIMITS: dict[str, tuple[Doc, int]] = {
    "first": ({}, 4),
    "steps": ({"max_steps": 2}, 4),
    "seconds": ({"max_seconds": 1e-9}, 4),
    "window": ({"reference_window": None}, 1),
    "fewer": ({"relax_lowest": 1}, 0),
    "static": ({"relax": False}, 0),
}
"""By campaign: what it wants otherwise than the first, and how many crystals it relaxes that none before it has."""


@pytest.mark.endurance
def test_each_campaign_is_judged_by_its_own_limits_of_a_potential(registry: Connection, elastic: Doc) -> None:
    campaigns = [campaign(name, potential={**elastic, **setting}) for name, (setting, _) in LIMITS.items()]
    # Of some elements, though of the same limits as another
    campaigns.append(campaign("kept", elements=["Cd", "I"], potential={**elastic, "max_steps": 2}))
    expected = {wanted.name: alone(registry, propose, wanted) for wanted in campaigns}
    assert all(expected[name] != expected["first"] for name in expected if name != "first")

    # One after the other: what two make alike is computed once
    empty(registry)
    propose(registry)
    relaxed = {}
    for wanted in campaigns:
        Elastic.relaxed.clear()
        refresh(registry, [wanted])
        relaxed[wanted.name] = len(Elastic.relaxed)
    assert relaxed == {name: number for name, (_, number) in LIMITS.items()} | {"kept": 0}
    assert {name: judged(registry, name) for name in expected} == expected
    for name, known in (("first", {"Cd", "I"}), ("window", {"Cd", "I", "CdI2"})):  # as diagrams show them
        (judge,) = registry.database["stage_states"].find({"stage": f"judge:{name}"})
        method = judge["maker"]["arguments"]["values_by"]["values"]
        drawn = potential_energies(registry, ["Cd", "I", "Cd-I"], ["Cd", "I"], method)
        assert drawn is not None
        assert {doc["formula_reduced"] for doc, _ in drawn.energies} == known
    before = revisions(registry)
    for again in (campaigns[:1], campaigns[-1:], campaigns):
        refresh(registry, again)
        assert revisions(registry) == before

    # All at once, in another order
    empty(registry)
    propose(registry)
    refresh(registry, campaigns[::-1])
    assert {name: judged(registry, name) for name in expected} == expected


def test_how_much_is_done_in_one_refresh_tells_no_values_apart(registry: Connection, elastic: Doc) -> None:
    """Who wants all of a stage that another campaign limits gets all."""
    limited = campaign("a-little", potential={**elastic, "relax": False, "max_structures": 1})
    generous = campaign("everything", potential={**elastic, "relax": False})
    propose(registry)

    refresh(registry, [limited, generous])

    assert registry.database["properties"].count_documents({"kind": "energy"}) == 3
    assert registry.database["properties"].distinct("method", {"basis": "potential"}) == ["Elastic 1 static"]
    before = revisions(registry)
    refresh(registry, [limited])
    assert revisions(registry) == before


def calculate(connection: Connection) -> None:
    """MgO with the pseudopotentials of its scheme, and a better one with others."""
    entries = {"Mg": -1.6, "O2": -4.95, "H2": -3.4, "MgO": -6.3, "H2O": -4.9}
    compositions = {name: Composition(name).get_el_amt_dict() for name in entries}
    corrected = [(name, compositions[name], name, energy) for name, energy in entries.items()]
    put_entries(connection, corrected)
    structures, calculations = [], []
    for name, energy, potcar in (("as-usual", -5.7, "Mg_pv"), ("otherwise", -5.9, "Mg")):
        formula = {"chemsys": "Mg-O", "formula_reduced": "MgO"}
        structures.append({"structure_id": name, "dimension": 3, **formula})
        calculations.append(
            {
                "calculation_id": f"calc-{name}",
                "composition": {"Mg": 1.0, "O": 1.0},
                "energy": 2 * energy,
                "energy_per_atom": energy,
                "functional": "GGA",
                "task_type": "Static",
                "converged": True,
                "set_aside": False,
                "potcar_symbols": [f"PAW_PBE {potcar}", "PAW_PBE O"],
                **formula,
            }
        )
    put_structures(connection, structures)
    put_calculations(connection, calculations, [doc["structure_id"] for doc in structures])


IN_WATER = [
    {"name": "stable", "field": "energy_above_hull", "at_most": 0.1},
    {"name": "in water", "field": "pourbaix_energy", "at_most": 0.4},
]
IONS = [
    {
        "formula": "Mg[2+]",
        "charge": 2,
        "major_elements": "Mg",
        "gibbs_formation_kj_mol": -600.0,
        "reference_solid": "MgO",
        "gibbs_formation_reference_solid_kj_mol": -569.4,
    }
]
"""One of them, at another energy than in the table that comes with the program."""


HULLS: dict[str, Doc] = {
    "first": {},
    "potcars": {"hull": {"check_potcar": False}},
    "uncorrected": {"hull": {"scheme": "none"}},
    "ions": {"pourbaix": {"ions": "mine.json"}},
}


@pytest.fixture
def ions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of ions, by the name that campaigns give."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.json").write_text(json.dumps(IONS))


@pytest.fixture
def formulas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of formulas, by the name that campaigns give."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.txt").write_text("MoSSe\n")


@pytest.mark.endurance
@pytest.mark.usefixtures("ions")
def test_each_campaign_is_judged_by_its_own_hull_and_ions(registry: Connection) -> None:
    usual: Doc = {"gates": IN_WATER, "pourbaix": {}}
    campaigns = [campaign(name, **{**usual, **setting}) for name, setting in HULLS.items()]
    expected = {wanted.name: alone(registry, calculate, wanted) for wanted in campaigns}
    assert all(expected[name] != expected["first"] for name in expected if name != "first")

    for wanted in campaigns[:-1]:  # the last is there
        refresh(registry, [wanted])

    assert {name: judged(registry, name) for name in expected} == expected
    before = revisions(registry)
    for again in (campaigns[-1:], campaigns[:1], campaigns):
        refresh(registry, again)
        assert revisions(registry) == before


MODEL = {"config": {}, "filters": {"materials": "nelements<5"}, "seed": 7, "train": False, "use": "m-1"}
OTHERWISE: Doc = {
    "dimension": 2,
    "sources": [{"kind": "handbook"}],
    "judges": [],
    "elements": ["Mg", "O"],
    "gates": [{"name": "new", "field": "novel", "is": True}],
    "routes": {
        "top-down": {"rules": "paper", "vacuum": 15.0},
        "bottom-up": {"at_once": "one", "max_elements": 3, "max_period_step": 2},
        "template": {
            "dimension": 2,
            "structures": 5,
            "min_p_2d": 0.5,
            "max_predicted_formation_energy": 1.0,
            "match_structures": False,
            "new": True,
        },
        "crystal-gan": {
            "layout": {"name": "ca-ti-o", "slots": {"Ca": 8, "Ti": 8, "O": 24}},
            "oxidation": {"element": "Mn", "least": 2, "most": 4, "states": {"Mg": 2, "O": -2}},
            "cells": [[1, 1, 3]],
            "reduced": True,
            "structures": 20,
            "of": 50,
            "max_draws": 500,
            "seed": 1,
            "model": {**MODEL, "config": {"profile": "paper"}},
        },
    },
    "compositions": {
        "draws": 10,
        "formulas": ["MoSSe"],
        "formulas_from": "list.txt",
        "seed": 1,
        "oxidation_states": "icsd16",
        "energies_from": 0.1,
        "wish": {"containing": ["O"], "only": ["Ti", "O"], "balanced": True, "near": "TiO2", "within": 3.0},
        "matgan": {**MODEL, "config": {"width": 32}},
        "classifier": {**MODEL, "config": {"folds": 0}},
        "roost": {**MODEL, "config": {"width": 8}},
        "gates": [{"name": "known", "field": "novel", "is": False}],
    },
    "potential": {
        "model": "elastic",
        "relax": False,
        "reference_window": 0.2,
        "relax_lowest": 5,
        "max_steps": 50,
        "force_tolerance": 0.2,
        "max_seconds": 60.0,
    },
    "exfoliation": {"potentials": ["sevennet-0-d3"], "relax": True},
    "hull": {"scheme": "none", "check_potcar": False},
    "ranking": {"bases": ["potential"], "methods": {"any": ["GGA"]}},
    "pourbaix": {
        "ph": [1, 7],
        "potential_vs_rhe": 1.0,
        "concentration": 1e-3,
        "filter_solids": True,
        "ions": "mine.json",
    },
}
OTHERWISE["stability"] = {"potentials": ["chgnet", "sevennet-0"], "distorted": False}
"""Another value of every setting of a campaign than it has by default, or in `USUAL`."""
USUAL: Doc = {"routes": {"crystal-gan": {"layout": "mg-mn-o", "of": 40}}, "potential": {"relax": True}}
USUAL["compositions"] = {"gates": [{"name": "new", "field": "novel", "is": True}]}
MAKES_NO_DIFFERENCE = {"name", "description", "sources", "budgets.candidates", "potential.max_structures"}
"""What is said of a campaign, and limits of how much is done: never another value."""


def settings_of(model: type[BaseModel], at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Paths of all settings; of a model in a model those of the latter."""
    for name, field in model.model_fields.items():
        path = (*at, field.alias or name)
        inner = [kind for kind in (field.annotation, *get_args(field.annotation)) if isclass(kind)]
        models = [kind for kind in inner if issubclass(kind, BaseModel)]
        apart = models and path[-1] != "oxidation"
        yield from settings_of(models[0], path) if apart else [path]


NEEDS = {
    ("potential", "model"): ["elastic"],
    ("pourbaix", "ions"): ["ions"],
    ("compositions", "formulas_from"): ["formulas"],
}
SETTINGS = [path for path in settings_of(Campaign) if not {path[0], ".".join(path)} & MAKES_NO_DIFFERENCE]


def changed(path: tuple[str, ...]) -> tuple[Doc, Doc]:
    """Settings of a campaign around one of them, and the same with that one otherwise."""
    usual: Doc = {}
    inner, known, otherwise = usual, USUAL, OTHERWISE
    for part in path[:-1]:
        inner[part] = {**known.get(part, {})}
        inner, known, otherwise = inner[part], known.get(part, {}), otherwise[part]
    other = deepcopy(usual)
    there = reduce(getitem, path[:-1], other)
    there[path[-1]] = otherwise[path[-1]]
    return usual, other


def told_apart(plan: dict[str, Stage]) -> Iterator[tuple[Doc, str | None]]:
    """What decides about values that campaigns may want otherwise each, and what tells those of one from others'."""
    by = plan["judge"].by
    for stage in plan.values():
        if isinstance(stage, HullStage):
            yield stage.arguments(), by.hull
        elif isinstance(stage, PourbaixStage):  # of the rest that of the formation energies tells
            yield {"ions": stage.config()["ions"]}, by.conditions
        elif isinstance(stage, PotentialValuesStage):
            yield stage.config(), by.values
        elif isinstance(stage, PotentialEnergiesStage) and stage.method == by.energies:
            yield stage.config(), by.energies
        elif isinstance(stage, ExfoliationValuesStage):
            yield stage.arguments(), by.exfoliation


@pytest.mark.parametrize("path", SETTINGS, ids=".".join)
def test_campaigns_may_differ_in_every_setting(
    registry: Connection, path: tuple[str, ...], request: pytest.FixtureRequest
) -> None:
    """No stage is wanted in two ways under one name, and what comes out otherwise is told apart."""
    for fixture in NEEDS.get(path, ()):
        request.getfixturevalue(fixture)
    unkept: Doc = {}
    plans = []
    for name, settings in zip(("first", "other"), changed(path), strict=True):
        wanted = campaign(name, **settings)
        stages = stages_of(wanted, claimed(registry, name, unkept=unkept))
        plans.append({("judge" if stage.name.startswith("judge:") else stage.name): stage for stage in stages})
    first, other = plans

    assert {name for name in first.keys() & other.keys() - {"judge"}
            if first[name].fingerprint != other[name].fingerprint} == set()  # fmt: skip
    assert first.keys() != other.keys() or first["judge"].config() != other["judge"].config()
    for (settings, name), (others, other_name) in product(told_apart(first), told_apart(other)):
        if settings.keys() == others.keys():
            assert name != other_name or settings == others
