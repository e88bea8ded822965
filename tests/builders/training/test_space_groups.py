"""Kinds `space-groups` and `space-groups-bulk`: layers and salts known apart, drawn from the registry and learnt."""

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.reports.model_report import report
from exfolio.builders.structures.space_group_lookup import ranking_weights
from exfolio.builders.structures.template_loading import predict_structures
from exfolio.builders.structures.template_structures_stage import TemplateStructuresStage
from exfolio.builders.training import trained
from exfolio.builders.training.model_kind import TrainingError
from exfolio.builders.training.training_stage import TrainingStage, training_set_of
from exfolio.models.structure.symmetry.lattice_predictor import unpack
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from layers_and_compositions import layer, material, put_compositions, salt
from pymatgen.core import Lattice, Structure
from toy_stages import put_materials

# a, Å: layers after Rasmussen, Thygesen, J. Phys. Chem. C 119, 13169 (2015); salts measured at room temperature.
PRISMATIC = [("Mo", "S", 3.18), ("Mo", "Se", 3.32), ("W", "S", 3.19), ("W", "Se", 3.32), ("Nb", "S", 3.35)]
OCTAHEDRAL = [("Ti", "S", 3.41), ("Ti", "Se", 3.53), ("Zr", "S", 3.68), ("Zr", "Se", 3.77), ("Hf", "S", 3.64)]
SALTS = [
    *(("Li", "F", 4.03), ("Li", "Cl", 5.13), ("Na", "F", 4.62), ("Na", "Cl", 5.64), ("Na", "Br", 5.97)),
    *(("K", "F", 5.35), ("K", "Cl", 6.29), ("Mg", "O", 4.21), ("Ca", "O", 4.81), ("Sr", "O", 5.16)),
]
CUBES = [
    *(("Cs", "Cl", 4.12), ("Cs", "Br", 4.29), ("Cs", "I", 4.57), ("Tl", "Cl", 3.83), ("Tl", "Br", 3.97)),
    *(("Al", "Ni", 2.89), ("Al", "Co", 2.86), ("Ti", "Fe", 2.98)),
]
TINY = {"trees": 10}


@pytest.fixture
def known(registry: Connection) -> Connection:
    """Ten layers of two space groups, ten salts, and the bulk of graphite's kind that a source wrongly calls 2D."""
    docs = [
        *(material(f"1H-{m}{x}2", layer(m, x, a, prismatic=True)) for m, x, a in PRISMATIC),
        *(material(f"1T-{m}{x}2", layer(m, x, a, prismatic=False)) for m, x, a in OCTAHEDRAL),
        *(material(f"{m}{x}", salt(m, x, a), dimension=3) for m, x, a in SALTS),
        material("twin", layer("Mo", "S", 3.18, prismatic=True)),
        material("RbCl", salt("Rb", "Cl", 6.58), dimension=2),
    ]
    put_materials(registry, docs)
    return registry


def test_layers_are_learnt_apart_from_salts(known: Connection) -> None:
    run_stage(TrainingStage("space-groups", config=TINY), known)
    model = trained.need(known, "space-groups")

    content = training_set_of(known, model)

    assert model["data"] == {
        "structures": 11,
        "without_symmetry": 0,
        "others": 11,
        "learnt": 10,  # twins once
        "compositions": 10,
        "space_groups": 2,
    }
    assert sorted(set(content["space_groups"])) == [164, 187]
    by_formula = dict(zip(content["formulas"], content["lattices"], strict=True))
    assert by_formula["MoS2"] == pytest.approx([3.18, 3.18, 3.13, 90, 90, 120])  # periods and thickness, no vacuum
    predictor = trained.load(known, "space-groups", model["model_id"], unpack)
    assert predictor.config.dimension == 2
    assert [guesses[0].space_group for guesses in predictor.predict(["HfSe2", "MoTe2"])] == [164, 187]


def test_a_training_is_measured_and_reported(known: Connection) -> None:
    run_stage(TrainingStage("space-groups", config={**TINY, "folds": 2}), known)
    model = trained.need(known, "space-groups")

    assert model["metrics"]["bravais_top_1"] == 1.0  # all are hP
    assert model["metrics"]["most_frequent_space_group"] == 0.5
    assert model["metrics"]["cross_validation"]["folds"] == 2
    text, _ = report(known, model)
    assert "space group top 1" in text


@pytest.mark.parametrize("kind", ["space-groups", "space-groups-bulk"])
def test_the_same_data_settings_and_seed_give_the_same_model_byte_for_byte(known: Connection, kind: str) -> None:
    config = {**TINY, "folds": 2}
    run_stage(TrainingStage(kind, config=config), known)
    first = trained.need(known, kind)
    known.database["trained_models"].delete_many({})
    run_stage(TrainingStage(kind, config=config), known)
    second = trained.need(known, kind)

    assert second["weights"] == first["weights"]
    assert second["content_hash"] == first["content_hash"]


def test_bulk_crystals_are_a_kind_of_their_own(known: Connection) -> None:
    run_stage(TrainingStage("space-groups-bulk", config={**TINY, "folds": 0}), known)
    model = trained.need(known, "space-groups-bulk")

    assert model["data"]["compositions"] == 10
    assert model["metrics"] == {}
    predictor = trained.load(known, "space-groups-bulk", model["model_id"], unpack)
    [[best]] = predictor.predict(["KBr"])
    assert (best.bravais, best.space_group, best.lattice[5]) == ("cF", 225, 90)


@pytest.mark.parametrize("kind", ["space-groups", "space-groups-bulk"])
def test_too_few_structures_are_an_error_with_its_remedy(registry: Connection, kind: str) -> None:
    put_materials(registry, [material("MoS2", layer("Mo", "S", 3.18, prismatic=True))])
    with pytest.raises(TrainingError, match="needs 10") as raised:
        run_stage(TrainingStage(kind, on_new_data=True), registry)
    assert "ngest" in raised.value.remedy


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"folds": 1}, "folds is 0 or at least 2"),
        ({"tolerance": 0}, "tolerance is above 0 Å"),
        ({"dimension": 3}, "kinds of their own"),
        ({"treees": 5}, "treees"),
    ],
)
def test_wrong_settings_are_named_with_those_there_are(config: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        TrainingStage("space-groups", config=config)
    assert raised.value.remedy.startswith("Settings: ")


def test_structures_from_templates_tell_the_probability_of_their_space_group(known: Connection) -> None:
    run_stage(TemplateStage(), known)
    before = predict_structures(known, "HfSe2")
    run_stage(TrainingStage("space-groups", config={**TINY, "folds": 0}), known)

    after = predict_structures(known, "HfSe2")

    assert {one.space_group_probability for one in before} == {None}
    assert [one.template_id for one in after] == [one.template_id for one in before], "it tells, and does not rank"
    told = {one.space_group: one.space_group_probability for one in after}
    assert set(told) == {164, 187}
    assert sum(told.values()) == pytest.approx(1)
    assert told[164] > told[187]

    put_compositions(known, "HfSe2")
    run_stage(TemplateStructuresStage(), known)
    stored = list(known.database["structures"].find({"formula_reduced": "HfSe2", "deprecated": False}))
    assert {doc["predicted_space_group"]: doc["space_group_probability"] for doc in stored} == pytest.approx(told)


def test_only_bulk_crystals_are_ranked_by_their_space_group() -> None:
    assert ranking_weights({225: 0.25, 221: 0.0}, 3) == {225: 0.5, 221: 0.0}
    assert ranking_weights({164: 0.25}, 2) is None
    assert ranking_weights(None, 3) is None


def test_a_bulk_structure_of_the_likelier_space_group_comes_first(registry: Connection) -> None:
    # given what crystallises like rock salt and what like caesium chloride
    salts = [material(m + x, salt(m, x, a), dimension=3) for m, x, a in SALTS]
    cubes = [
        material(m + x, Structure(Lattice.cubic(a), [m, x], [[0, 0, 0], [0.5, 0.5, 0.5]]), dimension=3)
        for m, x, a in CUBES
    ]
    put_materials(registry, [*salts, *cubes])
    run_stage(TemplateStage(), registry)
    before = predict_structures(registry, "BaO", dimension=3)
    run_stage(TrainingStage("space-groups-bulk", config={"trees": 60, "folds": 0}), registry)

    after = predict_structures(registry, "BaO", dimension=3)

    assert [one.space_group for one in after] == [225, 221]
    assert after[0].space_group_probability > after[1].space_group_probability
    assert after[0].share > before[0].share
