"""A model is trained once for each config and data, can be cut off, and says all it depends on.

The model is the mean of a field: what matters here is the way of a training through the registry.
"""

from dataclasses import replace
from typing import Any, ClassVar

import pytest
import torch
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.training import trained, training_stage
from exfolio.builders.training.known_compositions import least_values
from exfolio.builders.training.model_kind import Desk, Kind, Trained, TrainingError, TrainingSet, learn
from exfolio.builders.training.training_stage import TrainingStage, training_set_of
from exfolio.models.learning.loop import Figures, State
from exfolio.models.learning.weights import pack, unpack
from exfolio.stores.bookkeeping import artefacts
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from toy_stages import put_materials


class Mean:
    def __init__(self, values: torch.Tensor, rate: float) -> None:
        self.values, self.rate = values, rate
        self.mean = torch.zeros(1)

    def epoch(self, number: int) -> Figures:  # noqa: ARG002
        chosen = self.values[torch.randint(len(self.values), (1,))]
        self.mean += self.rate * (chosen - self.mean)
        return {"error": (self.values - self.mean).abs().mean().item()}

    def state(self) -> State:
        return {"mean": self.mean}

    def load_state(self, state: State) -> None:
        self.mean = state["mean"].clone()


class MeanKind(Kind):
    name = "mean"
    default_queries: ClassVar[dict[str, str]] = {"materials": ""}

    def settle(self, config: dict[str, Any]) -> dict[str, Any]:
        known = {"epochs": 30, "rate": 0.1}
        if unknown := config.keys() - known.keys():
            raise TypeError(f"there is no setting {min(unknown)!r}")
        return {**known, **config}

    def describe_settings(self) -> str:
        return "Settings: epochs=30, rate=0.1"

    def draw(self, connection: Connection) -> TrainingSet:
        values = least_values(connection, self.queries["materials"], "formation_energy")
        if not values:
            raise TrainingError("no material has a formation energy", "Ingest some.")
        return TrainingSet({"values": values}, {"compositions": len(values)})

    def train(self, content: dict[str, Any], seed: int, desk: Desk) -> Trained:
        learner = Mean(torch.tensor(list(content["values"].values())), self.config["rate"])
        state, curve, seconds, _ = learn(learner, desk, epochs=self.config["epochs"], seed=seed)
        return Trained(pack("mean", self.config, state), curve[-1], curve, seconds)


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_stage, "kind_of_model", lambda _name: MeanKind)


@pytest.fixture
def energies(registry: Connection) -> Connection:
    """Two polymorphs of one composition, and another one."""
    put_materials(
        registry,
        [
            {"material_id": "t:1", "formula_reduced": "MgO", "formation_energy": -3.0},
            {"material_id": "t:2", "formula_reduced": "MgO", "formation_energy": -2.0},
            {"material_id": "t:3", "formula_reduced": "ZnO", "formation_energy": -1.8},
        ],
    )
    return registry


def models(connection: Connection) -> list[dict[str, Any]]:
    return list(connection.database["trained_models"].find({}, {"_id": 0}).sort("created_at", 1))


def mean_of(connection: Connection, model: dict[str, Any]) -> float:
    _, state = unpack(artefacts.get(connection, model["weights"]), "mean")
    return float(state["mean"])


def test_a_model_is_recorded_with_all_it_depends_on(energies: Connection) -> None:
    run_stage(TrainingStage("mean", config={"epochs": 5}, seed=7), energies)

    [model] = models(energies)
    assert model["model_id"].startswith("mean-")
    assert model["config"] == {"epochs": 5, "rate": 0.1}
    assert (model["seed"], model["data"], model["data_query"]) == (7, {"compositions": 2}, {"materials": ""})
    assert len(model["curve"]) == 5
    assert model["metrics"] == model["curve"][-1]
    assert model["versions"]["torch"] == torch.__version__.split("+")[0] or "+" in model["versions"]["torch"]
    assert training_set_of(energies, model) == {"values": {"MgO": -3.0, "ZnO": -1.8}}
    assert trained.need(energies, "mean")["model_id"] == model["model_id"]


def test_it_is_not_trained_twice(energies: Connection) -> None:
    run_stage(TrainingStage("mean"), energies)
    report = run_stage(TrainingStage("mean", on_new_data=True), energies)

    assert report.written == report.due == 0
    assert len(models(energies)) == 1


def test_new_data_are_learnt_only_where_that_is_wanted(energies: Connection) -> None:
    run_stage(TrainingStage("mean"), energies)
    put_materials(energies, [{"material_id": "t:4", "formula_reduced": "CdO", "formation_energy": -1.3}])

    assert run_stage(TrainingStage("mean"), energies).written == 0
    assert run_stage(TrainingStage("mean", on_new_data=True), energies).inserted == 1
    assert [model["data"]["compositions"] for model in models(energies)] == [2, 3]


def test_a_training_that_is_stopped_ends_as_if_it_had_not_been(energies: Connection) -> None:
    run_stage(TrainingStage("mean", seed=1), energies)
    [whole] = models(energies)
    energies.database["trained_models"].delete_many({})

    class StopsAfterTen(TrainingStage):
        def tell(self) -> None:
            if self.steps == (10, 30):
                self.asked_to_stop = lambda: True

    with pytest.raises(KeyboardInterrupt, match=r"step 10 of 30.*run again to go on"):
        run_stage(StopsAfterTen("mean", seed=1), energies)
    assert models(energies) == []
    assert artefacts.checkpoint(energies, whole["model_id"]) is not None

    report = run_stage(TrainingStage("mean", seed=1), energies)

    assert report.inserted == 1
    [resumed] = models(energies)
    assert resumed["model_id"] == whole["model_id"]
    assert resumed["weights"] == whole["weights"]
    assert resumed["content_hash"] == whole["content_hash"]
    assert resumed["curve"] == whole["curve"]
    assert artefacts.checkpoint(energies, whole["model_id"]) is None


def test_how_long_a_training_took_is_told_but_is_no_part_of_its_hash(energies: Connection) -> None:
    class Slow(MeanKind):
        def train(self, content: dict[str, Any], seed: int, desk: Desk) -> Trained:
            return replace(super().train(content, seed, desk), seconds=1000.0)

    run_stage(TrainingStage("mean", seed=1), energies)
    [quick] = models(energies)
    energies.database["trained_models"].delete_many({})
    stage = TrainingStage("mean", seed=1)
    stage.kind = Slow()
    run_stage(stage, energies)
    [slow] = models(energies)

    assert (quick["seconds"] < 1000, slow["seconds"]) == (True, 1000.0)
    assert slow["content_hash"] == quick["content_hash"]
    assert slow["weights"] == quick["weights"]


def test_another_seed_or_setting_is_another_model(energies: Connection) -> None:
    for changes in ({}, {"seed": 2}, {"config": {"rate": 0.2}}):
        run_stage(TrainingStage("mean", **changes), energies)

    made = models(energies)
    for name in ("model_id", "weights", "content_hash"):
        assert len({model[name] for model in made}) == 3


def test_a_damaged_checkpoint_is_dropped(energies: Connection) -> None:
    run_stage(TrainingStage("mean"), energies)
    model_id = models(energies)[0]["model_id"]
    energies.database["trained_models"].delete_many({})
    artefacts.put_checkpoint(energies, model_id, b"no checkpoint")

    with pytest.raises(TrainingError, match="its checkpoint can't be used"):
        run_stage(TrainingStage("mean"), energies)

    assert run_stage(TrainingStage("mean"), energies).inserted == 1


def test_no_data_is_an_error_with_its_remedy(registry: Connection) -> None:
    with pytest.raises(TrainingError, match="no material has a formation energy"):
        run_stage(TrainingStage("mean"), registry)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="config of mean: there is no setting 'epoch'"):
        TrainingStage("mean", config={"epoch": 3})
    with pytest.raises(ConfigurationError, match="mean draws no 'positives'"):
        TrainingStage("mean", queries={"positives": "x"})


def test_a_device_that_is_not_there_is_refused(energies: Connection) -> None:
    class Elsewhere(MeanKind):
        def train(self, content: dict[str, Any], seed: int, desk: Desk) -> Trained:  # noqa: ARG002
            from exfolio.models.learning.device import choose

            choose("tpu" if desk.device == "auto" else desk.device)
            raise AssertionError

    stage = TrainingStage("mean")
    stage.kind = Elsewhere()
    with pytest.raises(ConfigurationError, match="no device is called 'tpu'"):
        run_stage(stage, energies)
