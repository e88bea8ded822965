"""What the kinds of model draw from the registry, what they refuse, and what a report says of them."""

from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.reports.model_report import report
from exfolio.builders.training import trained
from exfolio.builders.training.model_kind import TrainingError
from exfolio.builders.training.model_kinds import kind_of_model
from exfolio.builders.training.training_stage import TrainingStage, training_set_of
from exfolio.models.composition.roost.model import RoostEnsemble, predict
from exfolio.stores.bookkeeping import artefacts
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.query.language.query_errors import FilterError
from toy_stages import put_materials

TINY_MATGAN = {"warm_up_epochs": 1, "adversarial_epochs": 1, "steps_per_epoch": 1, "width": 16, "critic_width": 16}
TINY_MATGAN |= {"batch_size": 8, "report_draws": 300, "validation_draws": 50}
TINY_ROOST = {"epochs": 2, "width": 8, "hidden": 16, "trunk": [16], "batch_size": 16}


@pytest.fixture
def oxides(registry: Connection) -> Connection:
    """Forty oxides and sulphides, two of them layered; one element; one that no 85 x 8 array holds."""
    metals = ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Al", "Ga", "In", "Ti", "Zr", "Hf", "Mn", "Fe", "Co")
    formulas = [f"{metal}{x}" for metal in metals for x in ("O", "S")] + ["Fe", "Mo9Se11", "MoS2", "WS2"]
    docs: list[dict[str, Any]] = [
        {"material_id": f"t:{name}", "formula_reduced": name, "formation_energy": -0.05 * i, "layered_claimed": False}
        for i, name in enumerate(formulas)
    ]
    docs[-1]["layered_claimed"] = docs[-2]["layered_claimed"] = True
    put_materials(registry, docs)
    return registry


def trained_model(connection: Connection, kind: str, config: dict[str, Any]) -> dict[str, Any]:
    run_stage(TrainingStage(kind, config=config), connection)
    return trained.need(connection, kind)


@pytest.mark.parametrize(
    ("kind", "queries", "facets"),
    [
        ("roost", {}, {"record"}),  # so it can begin before anything is known of layers
        ("classifier", {}, {"record", "layers"}),
        ("matgan", {"materials": "preferred.band_gap > 1"}, {"record", "preferred"}),
    ],
)
def test_a_kind_depends_on_what_it_draws_and_asks_for(kind: str, queries: dict[str, str], facets: set[str]) -> None:
    assert set(kind_of_model(kind)(None, queries).facets()) == facets


def test_matgan_learns_compositions_that_fit_and_sets_some_aside(oxides: Connection) -> None:
    model = trained_model(oxides, "matgan", {**TINY_MATGAN, "held_out": 0.25})

    content = training_set_of(oxides, model)

    assert model["data"]["compositions"] == 40
    assert model["data"]["single_elements"] == 1
    assert model["data"]["not_representable"] == 1
    assert not {"Fe", "Mo9Se11"} & {*content["learnt"], *content["held_out"]}
    assert len(content["learnt"]) + len(content["held_out"]) == 38
    assert 0 < len(content["held_out"]) < 20
    assert model["metrics"]["draws"] == 300


def test_matgan_can_learn_from_what_passes_the_screens_alone(oxides: Connection) -> None:
    drawn = kind_of_model("matgan")({"learn_from": "passing"}).draw(oxides)

    assert drawn.described["electronegativity_balanced"] == len(drawn.content["learnt"]) < 38
    assert "FeS" in drawn.content["learnt"]


def test_the_classifier_takes_a_composition_with_a_layered_polymorph_as_two_dimensional(oxides: Connection) -> None:
    put_materials(oxides, [{"material_id": "t:layered", "formula_reduced": "CdS", "layered_claimed": True}])
    # What nobody calls two-dimensional, but lies in layers in its crystal, is learnt as neither.
    found = {"formula_reduced": {"$in": ["MgO", "WS2"]}}
    oxides.database["materials"].update_many(found, {"$set": {"layered": True}})

    drawn = kind_of_model("classifier")().draw(oxides)

    is_2d = dict(zip(drawn.content["formulas"], drawn.content["is_2d"], strict=True))
    assert {name for name, label in is_2d.items() if label} == {"MoS2", "WS2", "CdS"}
    assert len(is_2d) == 39
    assert "MgO" not in is_2d
    assert drawn.described["neither"] == 1


def test_roost_learns_the_most_stable_polymorph_and_is_measured_on_what_it_has_not_seen(oxides: Connection) -> None:
    put_materials(oxides, [{"material_id": "t:rutile", "formula_reduced": "MgO", "formation_energy": -3.1}])
    model = trained_model(oxides, "roost", {**TINY_ROOST, "members": 2})

    assert training_set_of(oxides, model)["formation_energy"]["MgO"] == -3.1
    sizes = [model["metrics"][f"{part}_compositions"] for part in ("training", "validation", "test")]
    assert sum(sizes) == 40
    ensemble = RoostEnsemble.from_bytes(artefacts.get(oxides, model["weights"]))
    assert len(ensemble.members) == 2
    assert predict(ensemble, ["MgO"]).epistemic[0] > 0
    assert len(model["curve"]) == 4


def test_an_ensemble_that_is_stopped_goes_on_with_the_member_it_was_at(oxides: Connection) -> None:
    config = {**TINY_ROOST, "others": [{"known_energies": False, "untold": 0.0, "hidden": 8}]}
    whole = trained_model(oxides, "roost", config)
    oxides.database["trained_models"].delete_many({})

    class StopsInTheSecond(TrainingStage):
        told = 0

        def tell(self) -> None:
            self.told += 1
            self.asked_to_stop = lambda: self.told >= 3

    with pytest.raises(KeyboardInterrupt, match="run again to go on"):
        run_stage(StopsInTheSecond("roost", config=config), oxides)
    resumed = trained_model(oxides, "roost", config)

    assert resumed["weights"] == whole["weights"]
    assert resumed["content_hash"] == whole["content_hash"]


@pytest.mark.endurance
@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("matgan", TINY_MATGAN),
        ("matgan", {**TINY_MATGAN, "networks": "convolutional", "warm_up_epochs": 0, "likelihood_weight": 0.0}
         | {"kept_share": 1.0}),
        ("classifier", {"boosted_rounds": 3, "inner_folds": 2, "folds": 2}),
        ("classifier", {"kind": "forest", "forest_trees": 5, "folds": 0}),
        ("roost", {**TINY_ROOST, "members": 2}),
    ],
    ids=["matgan", "published matgan", "classifier", "published classifier", "roost"],
)  # fmt: skip
def test_the_same_data_settings_and_seed_give_the_same_model_byte_for_byte(
    oxides: Connection, kind: str, config: dict[str, Any]
) -> None:
    first = trained_model(oxides, kind, config)
    oxides.database["trained_models"].delete_many({})
    second = trained_model(oxides, kind, config)

    assert second["created_at"] > first["created_at"]
    assert second["weights"] == first["weights"]
    assert second["content_hash"] == first["content_hash"]


@pytest.mark.parametrize("kind", ["matgan", "classifier", "roost", "crystal-gan"])
def test_an_empty_registry_is_an_error_with_its_remedy(registry: Connection, kind: str) -> None:
    with pytest.raises(TrainingError, match=r"match|holds no composition|none fits") as raised:
        run_stage(TrainingStage(kind, on_new_data=True), registry)
    assert "ngest" in raised.value.remedy


def test_a_refresh_of_an_empty_registry_leaves_trainings_out(registry: Connection) -> None:
    report = run_stage(TrainingStage("roost"), registry)
    assert report.written == 0
    assert "left out: 0 compositions with a formation energy" in report.note


def test_one_class_only_is_an_error_that_names_it(oxides: Connection) -> None:
    with pytest.raises(TrainingError, match="no composition of two-dimensional materials"):
        run_stage(TrainingStage("classifier", queries={"positives": 'source = "2dmatpedia"'}, on_new_data=True), oxides)


def test_a_wrong_filter_is_pointed_at(oxides: Connection) -> None:
    with pytest.raises(FilterError, match="formation_enrgy"):
        run_stage(TrainingStage("roost", queries={"materials": "formation_enrgy < 0"}), oxides)


@pytest.mark.parametrize(
    ("kind", "config", "message"),
    [
        ("matgan", {"widht": 3}, "widht"),
        ("matgan", {"learn_from": "some"}, "learn_from is 'all' or 'passing'"),
        ("classifier", {"folds": 1}, "folds is 0 or at least 2"),
        ("classifier", {"kind": "svm"}, "svm"),
        ("roost", {"members": 0}, "members is at least 1"),
        ("roost", {"validation": 0.9, "test": 0.2}, "shares that leave some"),
        ("roost", {"others": {"hidden": 8}}, "one {name: value} for each member"),
        ("roost", {"others": [{"hiden": 8}]}, "hiden"),
        ("roost", {"profile": "exact"}, "profile is one of published, accurate"),
    ],
)
def test_wrong_settings_are_named_with_those_there_are(kind: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        TrainingStage(kind, config=config)
    assert raised.value.remedy.startswith("Settings: ")


def test_the_published_profile_is_one_word_away() -> None:
    stage = TrainingStage("roost", config={"profile": "published", "epochs": 3})
    assert stage.kind.config["batch_size"] == 128
    assert stage.kind.config["epochs"] == 3
    assert TrainingStage("matgan", config={"profile": "published"}).kind.config["networks"] == "convolutional"


def test_the_accurate_profile_has_a_member_that_is_told_nothing() -> None:
    config = TrainingStage("roost", config={"profile": "accurate", "batch_size": 64}).kind.config
    assert (config["members"], config["batch_size"], config["known_energies"]) == (3, 64, True)
    assert [(other["known_energies"], other["hidden"]) for other in config["others"]] == [(False, 128)]


def test_damaged_weights_are_said_to_be_so(oxides: Connection) -> None:
    model = trained_model(oxides, "classifier", {"kind": "forest", "forest_trees": 5, "folds": 0})
    wrong = artefacts.put(oxides, b"no weights", what="test")
    oxides.database["trained_models"].update_one({}, {"$set": {"weights": wrong}})

    from exfolio.models.composition.classifier.model import unpack

    with pytest.raises(ConfigurationError, match=f"{model['model_id']}.*damaged"):
        trained.load(oxides, "classifier", model["model_id"], unpack)


def test_a_report_has_the_figures_beside_the_published_ones(oxides: Connection) -> None:
    matgan = trained_model(oxides, "matgan", {**TINY_MATGAN, "held_out": 0.25})
    text, plots = report(oxides, matgan)
    assert "| charge neutral, of draws (smact_default) |" in text
    assert "84.8%" in text
    assert set(plots) == {"distributions", "training"}

    forest = trained_model(oxides, "classifier", {"kind": "forest", "forest_trees": 5, "folds": 2})
    text, plots = report(oxides, forest)
    assert "| threshold |" in text
    assert "| by family: same amounts, elements of the same groups | – |" in text  # both are of one family
    assert set(plots) == {"curves"}
