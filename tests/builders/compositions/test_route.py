"""From known materials to judged compositions, on models that train in a second; what counts is the way through."""

from collections.abc import Iterator
from typing import Any

import pytest
import snapshots
from contents import current, differences
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.campaigns.composition_settings import Compositions
from exfolio.builders.compositions import sample_stage
from exfolio.builders.compositions.novelty_stages import CompositionNoveltyStage, KnownCompositionsStage
from exfolio.builders.compositions.route import composition_route
from exfolio.builders.engine.execution.beside import Beside
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import refresh
from exfolio.builders.training import trained, training_stage
from exfolio.builders.training.training_stage import TrainingStage
from exfolio.models.composition.magpie import featurize
from exfolio.models.composition.matgan.model import MatGAN
from exfolio.models.composition.matgan.sampling import sample as sampled
from exfolio.models.composition.screening import screen
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.schema import is_up_to_date
from lab_source import Crash, crash_after
from layers_and_compositions import put_compositions
from moves import check
from plans import run_all
from toy_stages import put_materials, retire_materials

METALS = ("Li", "Na", "K", "Mg", "Ca", "Sr", "Ba", "Zn", "Cd", "Ti", "Zr", "Mo", "W")
LAYERED = [f"{metal}{x}2" for metal in ("Ti", "Zr", "Mo", "W", "Nb", "Ta") for x in ("S", "Se", "Te")]
OTHERS = [f"{metal}{x}" for metal in ("Mg", "Ca", "Sr", "Ba", "Zn", "Cd") for x in ("O", "S", "Se", "Te")]
OTHERS += [f"{metal}{x}" for metal in ("Li", "Na", "K") for x in ("F", "Cl", "Br", "I")]
GATES = [
    {"name": "balanced", "field": "electronegativity_balanced", "is": True},
    {"name": "new", "field": "novel", "is": True},
    {"name": "2D", "field": "p_2d", "at_least": 0.5},
    {"name": "bound", "field": "predicted_formation_energy", "below": 0},
]
SMALL = {
    "draws": 500,
    "matgan": {"config": {"warm_up_epochs": 2, "adversarial_epochs": 0, "report_draws": 100, "width": 32}},
    "classifier": {"config": {"kind": "forest", "forest_trees": 20, "folds": 0}},
    "roost": {"config": {"epochs": 1, "width": 8, "hidden": 16, "trunk": [16]}},
    "gates": GATES,
    "energies_from": None,
}


@pytest.fixture
def known(registry: Connection) -> Connection:
    """Layered dichalcogenides and salts with formation energies."""
    put_materials(
        registry,
        [
            {
                "material_id": f"t:{formula}",
                "formula_reduced": formula,
                "layered_claimed": formula in LAYERED,
                "formation_energy": -0.1 * number,
            }
            for number, formula in enumerate(LAYERED + OTHERS)
        ],
    )
    return registry


def run_route(connection: Connection, wanted: Compositions, **options: Any) -> dict[str, StageReport]:
    return run_all(connection, composition_route(wanted).stages, **options)


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Keep what the whole way made, for the tests that begin at its end."""
    return {}


@pytest.fixture
def route(
    registry: Connection, made: dict[str, Any], request: pytest.FixtureRequest
) -> tuple[Connection, Compositions, dict[str, StageReport]]:
    wanted = Compositions.model_validate(SMALL)
    if made:
        snapshots.put_back(registry, made["registry"])
    else:
        reports = run_route(request.getfixturevalue("known"), wanted)
        made |= {"reports": reports, "registry": snapshots.take(registry)}
    return registry, wanted, made["reports"]


def compositions(connection: Connection, **query: Any) -> dict[str, dict[str, Any]]:
    found: Iterator[dict[str, Any]] = connection.database["compositions"].find(query, {"_id": 0})
    return {doc["formula_reduced"]: doc for doc in found}


def test_every_composition_that_was_drawn_stays_with_the_gate_it_fell_at(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, _, reports = route

    found = compositions(connection)

    assert reports["sample-compositions"].inserted == len(found) > 50
    assert sum(doc["times_drawn"] for doc in found.values()) <= 500
    neutral, balanced = screen(list(found))
    assert [doc["charge_neutral"] for doc in found.values()] == neutral.tolist()
    assert [doc["electronegativity_balanced"] for doc in found.values()] == balanced.tolist()
    assert {name for name, doc in found.items() if not doc["novel"]} == set(found) & {*LAYERED, *OTHERS}
    assert all(0 <= doc["p_2d"] <= 1 and doc["p_2d_model"].startswith("classifier-") for doc in found.values())
    fallen = {doc["rejected_by"] for doc in found.values() if doc["status"] == "rejected"}
    assert "balanced" in fallen
    assert all(doc["rejected_by"] == "balanced" for doc in found.values() if not doc["electronegativity_balanced"])
    assert all("predicted_formation_energy" in doc for doc in found.values() if doc["status"] == "promoted")


def test_the_probabilities_are_those_of_the_classifier(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    from exfolio.models.composition.classifier.model import unpack

    connection, _, _ = route
    model = trained.need(connection, "classifier")
    found = compositions(connection)

    probabilities = trained.load(connection, "classifier", model["model_id"], unpack).probability(list(found))

    assert [doc["p_2d"] for doc in found.values()] == pytest.approx(probabilities.tolist(), abs=1e-6)
    assert featurize(list(found)).shape == (len(found), 132)


def test_a_second_run_does_nothing(route: tuple[Connection, Compositions, dict[str, StageReport]]) -> None:
    connection, wanted, _ = route

    again = run_route(connection, wanted)

    assert {name for name, report in again.items() if report.due or report.written} == set()


def test_another_classifier_makes_its_results_and_the_verdicts_due_and_nothing_else(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, wanted, _ = route
    run_stage(
        TrainingStage("classifier", config={"kind": "forest", "forest_trees": 10, "folds": 0}, seed=5), connection
    )
    trained = connection.database["trained_models"].find_one({"kind": "classifier", "seed": 5}) or {}
    chosen = wanted.classifier.model_copy(update={"use": trained["model_id"]})

    again = run_route(connection, wanted.model_copy(update={"classifier": chosen}))

    due = {name for name, report in again.items() if report.due}
    assert due == {"classify-compositions", "judge-compositions"}
    assert again["classify-compositions"].updated == len(compositions(connection))


def test_a_model_of_other_settings_changes_nothing_for_a_campaign_that_trains_its_own(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, wanted, _ = route
    run_stage(
        TrainingStage("classifier", config={"kind": "forest", "forest_trees": 10, "folds": 0}, seed=6), connection
    )

    again = run_route(connection, wanted)

    assert {name for name, report in again.items() if report.due} == set()


def test_a_changed_threshold_changes_verdicts_alone(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, _, _ = route
    stricter = [gate | ({"at_least": 1.0} if gate["field"] == "p_2d" else {}) for gate in GATES]

    again = run_route(connection, Compositions.model_validate({**SMALL, "gates": stricter}))

    assert {name for name, report in again.items() if report.written} <= {"judge-compositions"}


def test_a_composition_is_no_longer_novel_when_a_material_of_it_comes_and_novel_again_when_it_goes(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, wanted, _ = route
    formula = next(name for name, doc in compositions(connection).items() if doc["novel"])

    put_materials(connection, [{"material_id": "t:new", "formula_reduced": formula}])
    came = run_route(connection, wanted)
    assert compositions(connection)[formula]["novel"] is False
    assert came["known-compositions"].updated == 1

    retire_materials(connection, ["t:new"])
    run_route(connection, wanted)
    assert compositions(connection)[formula]["novel"] is True


def sampling(connection: Connection, draws: int, **options: Any) -> StageReport:
    wanted = Compositions.model_validate({**SMALL, "draws": draws})
    [stage] = [stage for stage in composition_route(wanted).stages if stage.name == "sample-compositions"]
    return run_stage(stage, connection, **options)


def counts(connection: Connection) -> dict[str, int]:
    return {name: doc["times_drawn"] for name, doc in compositions(connection).items()}


@pytest.fixture
def one_sample(route: tuple[Connection, Compositions, dict[str, StageReport]]) -> dict[str, int]:
    """What 1,000 draws from the trained model come to."""
    connection, _, _ = route
    model = trained.load(connection, "matgan", trained.find(connection, "matgan")["model_id"], MatGAN.from_bytes)
    sample = sampled(model, 1000, seed=0)
    return dict(zip(sample.formulas, sample.times_drawn.tolist(), strict=True))


def test_more_draws_draw_the_new_ones_alone_and_come_to_what_one_sample_does(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
    one_sample: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given 500 draws, noted as an earlier version did
    connection, _, reports = route
    noted = {"done": reports["sample-compositions"].inserted, "complete": True}
    connection.database["stage_states"].update_one({"stage": "sample-compositions"}, {"$set": {"partial": noted}})
    firsts: list[int] = []

    def watched(*arguments: Any, first: int, **options: Any) -> Any:
        firsts.append(first)
        return sampled(*arguments, first=first, **options)

    monkeypatch.setattr(sample_stage, "sample", watched)

    # When twice as many are asked for, in a run that is cut off, and in the next
    with pytest.raises(Crash):
        sampling(connection, 1000, batch_size=7, progress=crash_after(2))
    between = counts(connection)
    sampling(connection, 1000)

    # Then no draw was drawn that had been there, and all are counted once
    assert set(firsts) == {500}
    assert between != counts(connection) == one_sample

    # When fewer are asked for, then the others stay; and of more again only the new ones are drawn
    assert sampling(connection, 700).note == "1,000 draws are there, and 700 asked for: the others stay"
    assert counts(connection) == one_sample
    sampling(connection, 1010)
    assert (firsts[-1], sum(counts(connection).values()) >= sum(one_sample.values())) == (1000, True)
    assert sampling(connection, 1010).did_anything is False


def test_draws_are_counted_anew_where_the_count_of_another_stage_stands(
    route: tuple[Connection, Compositions, dict[str, StageReport]], one_sample: dict[str, int]
) -> None:
    # Given compositions that another stage had drawn first, as often as it did, and which has withdrawn
    connection, _, _ = route
    first_drawn = {"facets.sample.stage": "sample-compositions@other", "times_drawn": 99, "generator": "other"}
    connection.database["compositions"].update_many({}, {"$set": first_drawn})

    sampling(connection, 1000)

    drawn_again = {name: times for name, times in counts(connection).items() if times != 99}
    assert drawn_again.items() <= one_sample.items()
    assert len(drawn_again) > 14


def test_what_is_drawn_is_as_a_campaign_wishes_it(known: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    models = {kind: {"train": False} for kind in ("matgan", "classifier", "roost")}
    wish = {"containing": ["Li", "O"], "balanced": True}

    run_route(known, Compositions.model_validate({**SMALL, **models, "draws": 30, "wish": wish}))

    drawn = compositions(known).values()
    assert len(drawn) > 20
    assert all({"Li", "O"} <= set(doc["elements"]) and doc["electronegativity_balanced"] for doc in drawn)

    # And what no draw meets is an error that says so
    monkeypatch.setattr("exfolio.models.composition.matgan.wishing_generator._IN_VAIN", 10_000)
    vain = Compositions.model_validate(
        {**SMALL, **models, "draws": 30, "wish": {"only": ["K", "Cs"], "balanced": True}}
    )
    with pytest.raises(ConfigurationError, match="none is as wished: of K, Cs alone; balanced"):
        run_route(known, vain)


def test_a_registry_applies_the_models_that_come_along_until_it_has_its_own(known: Connection) -> None:
    # Given a campaign that trains nothing, in a registry that has trained nothing
    untrained = {**SMALL, "draws": 50, **{kind: {"train": False} for kind in ("matgan", "classifier", "roost")}}

    run_route(known, Compositions.model_validate(untrained))

    drawn = compositions(known).values()
    assert len(drawn) > 40
    assert {doc["generator"][:15] for doc in drawn} == {"shipped-matgan-"}
    assert {doc["p_2d_model"][:19] for doc in drawn} == {"shipped-classifier-"}
    assert {doc["energy_model"][:14] for doc in drawn if "energy_model" in doc} == {"shipped-roost-"}
    assert sum(doc["p_2d_relatives"] > 0 for doc in drawn) > 10
    # And what these have learnt from is not new, though this registry has it not
    drawn_again = [doc for doc in drawn if doc.get("learnt_by_models")]
    assert drawn_again
    assert {doc["novel"] for doc in drawn_again} == {False}
    assert {doc["formula_reduced"] for doc in drawn_again}.isdisjoint({*LAYERED, *OTHERS})

    # When it has a classifier of its own, then that says it of them all
    run_route(known, Compositions.model_validate({**untrained, "classifier": SMALL["classifier"]}))

    assert {doc["p_2d_model"][:11] for doc in compositions(known).values()} == {"classifier-"}


@pytest.mark.parametrize(
    ("gates", "message"),
    [
        ([{"name": "x", "field": "p2d", "at_least": 0.5}], "did you mean p_2d"),
        ([{"name": "x", "field": "novel", "at_least": 0.5}], "is compared by is: true or is: false"),
        ([], "give at least one gate"),
    ],
)
def test_gates_that_compositions_cannot_meet_are_refused(gates: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Compositions.model_validate({"gates": gates})


@pytest.mark.endurance
def test_the_second_process_finds_the_models_too(
    route: tuple[Connection, Compositions, dict[str, StageReport]],
) -> None:
    connection, wanted, _ = route
    connection.database["compositions"].delete_many({})
    connection.database["stage_states"].delete_many({"stage": {"$regex": "compositions"}})

    run_route(connection, wanted, processes=2, batch_size=50)

    found = compositions(connection)
    assert len(found) > 50
    assert all("p_2d" in doc for doc in found.values())


def test_what_is_novel_follows_a_material_that_moves(registry: Connection) -> None:
    states = {"old": "MoS2", "other": "MgO", "new": "WSe2"}

    def fill(state: str) -> None:
        put_materials(registry, [{"material_id": "t:x1", "formula_reduced": states[state]}])
        if not registry.database["compositions"].count_documents({}):
            put_compositions(registry, "MoS2", "WSe2")

    check(
        registry,
        put=fill,
        retire=lambda: retire_materials(registry, ["t:x1"]),
        stages=lambda: [CompositionNoveltyStage(), KnownCompositionsStage()],
    )


@pytest.mark.endurance
def test_neither_batches_nor_processes_change_what_a_route_makes_nor_indexes_made_last(
    route: tuple[Connection, Compositions, dict[str, StageReport]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the drawn compositions on; the models are those that were trained once."""
    monkeypatch.setattr(sample_stage, "_MANY", 1)
    connection, wanted, _ = route
    undisturbed = current(connection)
    drawn = [doc["formula_reduced"] for doc in connection.database["compositions"].find()]
    assert len(drawn) > 14
    kept = {"materials", "trained_models", "artefacts.files", "artefacts.chunks", "counters"}
    for name in set(connection.database.list_collection_names()) - kept:
        states = {"stage": {"$regex": "^train"}} if name == "stage_states" else {}
        connection.database[name].delete_many({"$nor": [states]} if states else {})

    run_route(connection, wanted, batch_size=7, processes=2)

    assert differences(current(connection), undisturbed) == []
    assert is_up_to_date(connection)


@pytest.mark.endurance
def test_what_is_trained_beside_the_others_makes_the_same(known: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given what a refresh makes that does one thing after the other
    plain = {"name": "drawn", "description": "drawn ones", "dimension": 2, "compositions": SMALL}
    wanted = Campaign.model_validate({**plain, "gates": [{"name": "new", "field": "novel", "is": True}]})
    refresh(known, [wanted])
    one_by_one = current(known)
    assert len(one_by_one["trained_models"]) == 3
    for name in ("compositions", "trained_models", "structures", "candidates", "stage_states", "resting_points"):
        known.database[name].delete_many({})

    # When Roost is trained in a process of its own, while the generator draws
    monkeypatch.setattr(training_stage, "MUCH_DATA", 0)
    started: list[str] = []
    start = Beside.start
    monkeypatch.setattr(Beside, "start", lambda self, stage: (started.append(stage.name), start(self, stage)))
    done = refresh(known, [wanted], processes=2)

    # Then all is as before, energies and verdicts with it, and nothing is due again
    assert started == ["train:roost"]
    assert not done.errors
    assert differences(current(known), one_by_one) == []
    assert refresh(known, [wanted], processes=2).nothing_done
