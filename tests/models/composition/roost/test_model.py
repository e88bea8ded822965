"""Formation energies from stoichiometry: the network against a literal one, training, prediction, and bad input."""

import csv
import gzip
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from exfolio.models.composition.formula.formulas import UnknownElement, UnparsableFormula, parse, parse_or_report
from exfolio.models.composition.roost.graph import Graphs
from exfolio.models.composition.roost.learner import (
    RoostLearner,
    TrainingSet,
    UnfitTrainingSet,
    learning_rate,
    network_of,
    robust_loss,
)
from exfolio.models.composition.roost.model import (
    KIND,
    Prediction,
    Roost,
    RoostConfig,
    RoostEnsemble,
    UnseenElement,
    element_properties,
    network_from,
    predict,
)
from exfolio.models.learning.loop import train
from exfolio.models.learning.threads import threads_of_torch
from exfolio.models.learning.weights import WrongModel, pack, unpack
from literal_roost import LiteralRoost, edges
from numpy.typing import NDArray

SMALL = RoostConfig(
    embedding="learnt",
    known_energies=False,
    width=16,
    layers=2,
    heads=2,
    hidden=16,
    trunk=(32, 32, 16),
    epochs=4,
    batch_size=32,
)
#: From one element to eight, so that the passes over falling numbers of neighbours are all walked.
MIXED = ["LiFePO4", "Fe", "NaCl", "O2", "CaTiO3", "KNa2Mg5Al3Si12O30F3H2", "Mg2RuH6", "Cd5Fe2P8O28", "CuSO4(H2O)5"]


def known(config: RoostConfig, seed: int = 0) -> Roost:
    """Give an untrained network that takes every element."""
    torch.manual_seed(seed)
    network = Roost(config, element_properties(config.embedding)).eval()
    network.seen[1:] = True
    for layer in [*network.messages, network.pooling]:
        layer.power.data.uniform_(0.3, 1.7)
    return network


def formation_energies(folder: Path, n: int) -> tuple[list[str], list[float]]:
    with gzip.open(folder / "critexam.csv.gz", "rt") as file:
        rows = [row for row, _ in zip(csv.DictReader(file), range(n), strict=False)]
    return [row["formula"] for row in rows], [float(row["formation_energy_per_atom"]) for row in rows]


@pytest.mark.parametrize("embedding", ["learnt", "magpie", "matscholar", "described", "both"])
def test_the_network_is_the_published_one(embedding: str) -> None:
    # Given formulas of one to eight elements, and the network written edge by edge and head by head as in the paper
    network = known(RoostConfig.published(embedding=embedding, hidden=32, trunk=(64, 48, 48)))
    literal = LiteralRoost(network)
    batch = Graphs.of(parse(MIXED)).batch(np.arange(len(MIXED)))
    # When both compute
    with torch.no_grad():
        fast, slow = network(batch), literal(*edges(MIXED))
    # Then they agree to the precision of the numbers
    for ours, theirs in zip(fast, slow, strict=True):
        assert theirs.std() > 1e-3
        torch.testing.assert_close(ours, theirs[batch.order], rtol=1e-5, atol=1e-5)


def test_the_gradients_are_those_of_the_published_network() -> None:
    config = RoostConfig.published(embedding="learnt", hidden=24, trunk=(64, 48, 48))
    network = known(config)
    literal = LiteralRoost(network)
    batch = Graphs.of(parse(MIXED)).batch(np.arange(len(MIXED)))
    targets = torch.linspace(-2, 1, len(MIXED))

    robust_loss(*network(batch), targets[batch.order]).backward()
    robust_loss(*literal(*edges(MIXED)), targets).backward()

    def close(ours: torch.Tensor | None, theirs: torch.Tensor | None) -> None:
        assert ours is not None
        assert theirs is not None
        assert theirs.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5 * float(theirs.abs().max()))

    assert network.learnt is not None
    close(network.learnt.weight.grad, literal.elements.grad)
    layers = [*zip(network.messages, literal.messages, strict=True), (network.pooling, literal.pooling)]
    for ours, heads in layers:
        first = torch.cat(ours.first.grad.split(2 * config.heads * config.hidden), dim=1)
        for index, head in enumerate(heads):
            gates = slice(index * config.hidden, (index + 1) * config.hidden)
            messages = slice((config.heads + index) * config.hidden, (config.heads + index + 1) * config.hidden)
            close(first[gates], head.gate.first.weight.grad)
            close(first[messages], head.message.first.weight.grad)
            close(ours.bias.grad[messages], head.message.first.bias.grad)
            close(ours.gate.grad[index : index + 1], head.gate.last.weight.grad)
            close(ours.last.grad[:, gates], head.message.last.weight.grad)
            close(ours.power.grad[index], head.power.grad[0])
    close(network.output.weight.grad, literal.output.weight.grad)


def test_a_formula_is_predicted_the_same_alone_in_company_and_in_any_spelling() -> None:
    network = known(SMALL)
    many = predict(network, MIXED * 30)
    alone = [predict(network, [formula]).mean[0] for formula in MIXED]
    np.testing.assert_array_equal(many.mean, alone * 30)
    spelt = predict(network, ["Fe2O3", "O3Fe2", "Fe4O6", "Fe0.4O0.6"]).mean
    np.testing.assert_allclose(spelt, spelt[0], atol=1e-6)
    assert abs(predict(network, ["FeO"]).mean[0] - spelt[0]) > 1e-4


@pytest.fixture(scope="module")
def full_sized(shared_data: Path) -> tuple[RoostEnsemble, list[str]]:
    """Networks of the sizes that are used, one of them told of 400 known energies, and 300 other compositions."""
    formulas, energies = formation_energies(shared_data, 700)
    learners = [
        RoostLearner(config, TrainingSet.of(formulas[:400], energies[:400]), seed=seed)
        for seed, config in enumerate([RoostConfig(), RoostConfig.untold_large()])
    ]
    ensemble = RoostEnsemble(tuple(network_of(learner.config, learner.state()) for learner in learners))
    return ensemble, formulas[400:]


@pytest.mark.parametrize("at_once", [1, 7, 64, 150, 300])
def test_predictions_are_the_same_bit_by_bit_however_they_are_batched(
    full_sized: tuple[RoostEnsemble, list[str]], at_once: int
) -> None:
    ensemble, formulas = full_sized
    together = predict(ensemble, formulas, unseen="nan")
    assert np.isfinite(together.mean).sum() > 250
    asked = formulas[: 40 if at_once == 1 else len(formulas)]
    parts = [predict(ensemble, asked[start : start + at_once], unseen="nan") for start in range(0, len(asked), at_once)]
    for name, whole in together._asdict().items():
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), whole[: len(asked)])


def test_neither_order_nor_threads_change_a_bit_of_a_prediction(full_sized: tuple[RoostEnsemble, list[str]]) -> None:
    ensemble, formulas = full_sized
    with threads_of_torch(1):
        forwards = predict(ensemble, formulas, unseen="nan")
    with threads_of_torch(2):
        backwards = predict(ensemble, formulas[::-1], unseen="nan")
    np.testing.assert_array_equal(backwards.mean[::-1], forwards.mean)
    np.testing.assert_array_equal(backwards.std[::-1], forwards.std)


def test_it_learns_formation_energies_of_real_compounds(shared_data: Path) -> None:
    # Given 800 compounds of the Materials Project, and 200 others
    formulas, energies = formation_energies(shared_data, 1000)
    training = TrainingSet.of(formulas[:800], energies[:800])
    validation = TrainingSet.of(formulas[800:], energies[800:])
    config = RoostConfig(
        embedding="both", known_energies=False, hidden=16, trunk=(64, 32), epochs=8, batch_size=32, learning_rate=3e-3
    )
    # When a small network learns for some seconds
    learner = RoostLearner(config, training, validation, seed=1)
    outcome = train(learner, epochs=config.epochs, seed=1, watch="validation_mae")
    # Then it is three times closer than the mean is, and knows where it errs more
    guess = np.abs(validation.targets - training.targets.mean()).mean()
    predicted = predict(network_of(config, outcome.best), validation.formulas)
    errors = np.abs(predicted.mean - validation.targets)
    assert errors.mean() == pytest.approx(outcome.history[outcome.best_epoch]["validation_mae"], rel=1e-4)
    assert errors.mean() < guess / 3
    sure = predicted.std < np.median(predicted.std)
    assert errors[sure].mean() < errors[~sure].mean()


def test_a_network_told_of_known_energies_learns_the_rest_and_carries_them(shared_data: Path) -> None:
    # Given 1,000 compounds, of which it knows 800
    formulas, energies = formation_energies(shared_data, 1000)
    training = TrainingSet.of(formulas[:800], energies[:800])
    validation = TrainingSet.of(formulas[800:], energies[800:])
    config = RoostConfig(hidden=16, trunk=(64, 32), epochs=5, batch_size=32, learning_rate=3e-3)
    # When it learns for some seconds
    learner = RoostLearner(config, training, validation, seed=1)
    outcome = train(learner, epochs=config.epochs, seed=1, watch="validation_mae")
    # Then its weights predict as it did, the known ones are in them, and an ensemble asks each of its members
    first = RoostEnsemble((network_of(config, outcome.best),))
    again = RoostEnsemble.from_bytes(first.to_bytes())
    predicted = predict(again, validation.formulas)
    mae = outcome.history[outcome.best_epoch]["validation_mae"]
    assert np.abs(predicted.mean - validation.targets).mean() == pytest.approx(mae, rel=1e-4)
    assert mae < np.abs(validation.targets - training.targets.mean()).mean() / 3
    plain = network_of(SMALL, RoostLearner(SMALL, training, seed=2).state())
    mixed = predict(RoostEnsemble((plain, *again.members, *again.members)), formulas[800:805])
    apart = [predict(member, formulas[800:805]).mean for member in (plain, *again.members, *again.members)]
    np.testing.assert_allclose(mixed.mean, np.mean(apart, axis=0), atol=1e-5)
    # And weights of when features told of a composition's own energy are refused, as they would be of other features
    settings, state = unpack(first.to_bytes(), KIND)
    del state["members"][0]["context.features_made"]
    with pytest.raises(WrongModel, match=r"other features of known energies .* train the model again"):
        RoostEnsemble.from_bytes(pack(KIND, settings, state))


def test_the_energy_of_a_known_compound_is_predicted_from_the_others(shared_data: Path) -> None:
    formulas, energies = formation_energies(shared_data, 200)
    config = RoostConfig.from_dict(SMALL.to_dict() | {"known_energies": True, "batch_size": 200})

    def before_learning(values: list[float]) -> NDArray[np.float64]:
        network = network_of(config, RoostLearner(config, TrainingSet.of(formulas, values), seed=1).state())
        assert network.context is not None
        network.context.scale[:] = 1
        network.context.centre[:] = 0
        network.target[:] = torch.tensor([0.0, 1.0])
        return predict(network, formulas).mean

    expected = before_learning(energies)
    oxide = next(row for row, formula in enumerate(formulas) if parse([formula]).nelements[0] == 2 and "O" in formula)
    changed = before_learning([energy - 5 * (row == oxide) for row, energy in enumerate(energies)])
    assert changed[oxide] == pytest.approx(expected[oxide], abs=1e-6)
    assert np.abs(changed - expected).max() > 1e-3


def test_a_resumed_training_ends_as_an_undisturbed_one(shared_data: Path) -> None:
    data = TrainingSet.of(*formation_energies(shared_data, 150))

    def learner() -> RoostLearner:
        return RoostLearner(SMALL, data, data, seed=3)

    whole = train(learner(), epochs=4, seed=5)
    kept: list[bytes] = []
    train(learner(), epochs=2, seed=5, checkpoint=kept.append)
    resumed = train(learner(), epochs=4, seed=5, resume=kept[-1])

    assert resumed.history == whole.history
    for name, weights in network_of(SMALL, whole.best).state_dict().items():
        assert torch.equal(network_of(SMALL, resumed.best).state_dict()[name], weights), name


def test_members_of_an_ensemble_differ_by_their_seed_and_their_spread_is_part_of_the_uncertainty() -> None:
    data = TrainingSet.of(MIXED, np.linspace(-3, 0, len(MIXED)))
    members = tuple(network_of(SMALL, RoostLearner(SMALL, data, seed=seed).state()) for seed in (1, 2, 3))
    one, all_three = predict(members[0], MIXED), predict(RoostEnsemble(members), MIXED)
    each = np.stack([predict(member, MIXED).mean for member in members])
    np.testing.assert_allclose(all_three.mean, each.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(all_three.epistemic, each.std(axis=0), atol=1e-6)
    np.testing.assert_allclose(all_three.std, np.hypot(all_three.aleatoric, all_three.epistemic))
    assert (all_three.epistemic > 0).all()
    assert (one.epistemic == 0).all()


@pytest.mark.parametrize("embedding", ["learnt", "both"])
def test_weights_are_packed_and_read_back(embedding: str) -> None:
    ours = RoostConfig.from_dict(SMALL.to_dict() | {"embedding": embedding})
    ensemble = RoostEnsemble((known(ours, 1), known(ours, 2)))
    again = RoostEnsemble.from_bytes(ensemble.to_bytes())
    assert [member.config for member in again.members] == [ours, ours]
    for mine, theirs in zip(predict(again, MIXED), predict(ensemble, MIXED), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    # What was packed before there were known energies has no word of them
    config, state = unpack(ensemble.to_bytes(), KIND)
    for member in config["members"]:
        del member["known_energies"], member["untold"]
    earlier = RoostEnsemble.from_bytes(pack(KIND, config, state))
    np.testing.assert_array_equal(predict(earlier, MIXED).mean, predict(ensemble, MIXED).mean)
    with pytest.raises(WrongModel, match="matgan"):
        RoostEnsemble.from_bytes(pack("matgan", {}, {}))


def test_the_elements_of_the_training_set_bound_what_is_predicted() -> None:
    # Given a network that has seen sodium, potassium, chlorine and bromine
    data = TrainingSet.of(["NaCl", "KCl", "NaBr"], [-2.1, -2.2, -1.9])
    network = network_of(SMALL, RoostLearner(SMALL, data, seed=1).state())
    # Then it says which formulas are beyond it, or leaves them out if asked to
    with pytest.raises(UnseenElement, match=r"2 formulas \(first: number 1\).*Cs, Pu") as caught:
        predict(network, ["KBr", "CsCl", "PuBr3"])
    assert caught.value.symbols == ("Cs", "Pu")
    means = predict(network, ["KBr", "CsCl", "PuBr3"], unseen="nan").mean
    assert np.isfinite(means).tolist() == [True, False, False]


def test_formulas_reported_bad_give_no_number() -> None:
    parsed, failures = parse_or_report(["NaCl", "Xx2", "Fe2O3"])
    assert list(failures) == [1]
    predicted = predict(known(SMALL), parsed)
    assert isinstance(predicted, Prediction)
    for values in predicted:
        assert np.isfinite(values).tolist() == [True, False, True]
    assert predict(known(SMALL), []).mean.shape == (0,)


def test_bad_formulas_are_errors() -> None:
    network = known(SMALL)
    with pytest.raises(UnknownElement, match="Xx"):
        predict(network, ["NaCl", "Xx2O"])
    with pytest.raises(UnparsableFormula, match="unexpected"):
        predict(network, ["Na+Cl-"])


def test_training_sets_that_teach_nothing_are_errors() -> None:
    with pytest.raises(UnfitTrainingSet, match="the training set is empty"):
        TrainingSet.of([], [])
    with pytest.raises(UnfitTrainingSet, match="1 targets of the validation set are not finite \\(number 1 is nan\\)"):
        TrainingSet.of(["NaCl", "KCl"], [-2.0, np.nan], name="validation")
    with pytest.raises(UnfitTrainingSet, match="2 formulas, but targets of shape \\(3,\\)"):
        TrainingSet.of(["NaCl", "KCl"], [1, 2, 3])
    with pytest.raises(UnknownElement):
        TrainingSet.of(["NaQq"], [1.0])
    salt, caesium = TrainingSet.of(["NaCl"], [-2.0]), TrainingSet.of(["CsCl"], [-2.0])
    with pytest.raises(UnfitTrainingSet, match="elements that the training set does not: Cs"):
        RoostLearner(SMALL, salt, caesium, seed=1)


@pytest.mark.parametrize(("how", "expected"), [("lowest", [-2.0, -1.0]), ("mean", [-1.5, -1.0])])
def test_polymorphs_are_one_composition(how: str, expected: list[float]) -> None:
    merged = TrainingSet.of(["Ti2O4", "MgO", "TiO2"], [-1.0, -1.0, -2.0], duplicates=how)
    assert [merged.formulas.composition(i).keys() for i in range(2)] == [{"O", "Ti"}, {"O", "Mg"}]
    np.testing.assert_allclose(merged.targets, expected)


def test_the_robust_loss_is_least_where_the_predicted_deviation_is_that_of_the_errors() -> None:
    # The standard deviation of a Laplace distribution with mean absolute error 0.2 is sqrt(2) 0.2
    log_stds = torch.linspace(-3, 0, 301)
    losses = [float(robust_loss(torch.tensor([0.2, -0.2]), value.repeat(2), torch.zeros(2))) for value in log_stds]
    assert float(log_stds[int(np.argmin(losses))].exp()) == pytest.approx(2**0.5 * 0.2, rel=0.01)


def test_schedules() -> None:
    cycle = [learning_rate(RoostConfig(learning_rate=1e-3, warm_up=0.1), step, 1000) for step in range(1000)]
    assert cycle[0] == pytest.approx(4e-5)
    assert np.argmax(cycle) == 100
    assert max(cycle) == pytest.approx(1e-3)
    assert cycle[-1] < 2e-6
    assert {learning_rate(RoostConfig.published(), step, 1000) for step in range(1000)} == {3e-4}


def test_configs() -> None:
    assert RoostConfig.from_dict(SMALL.to_dict()) == SMALL
    paper = RoostConfig.published()
    assert (paper.batch_size, paper.learning_rate, paper.weight_decay, paper.average) == (128, 3e-4, 1e-6, None)
    assert (paper.embedding, paper.known_energies) == ("matscholar", False)
    assert (paper.width, paper.layers, paper.heads, paper.hidden) == (64, 3, 3, 256)
    assert paper.trunk == (1024, 512, 256)
    with pytest.raises(ValueError, match="no such setting: depth; there are embedding, known_energies"):
        RoostConfig.from_dict({"depth": 3})
    with pytest.raises(ValueError, match="batch_size is a whole number of at least 1, not 0"):
        RoostConfig(batch_size=0)
    with pytest.raises(ValueError, match="word2vec"):
        RoostConfig(embedding="word2vec")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="untold is a share"):
        RoostConfig(untold=1.0)
    with pytest.raises(ValueError, match="known_energies=True goes with a context"):
        Roost(RoostConfig(embedding="learnt", known_energies=True))
    with pytest.raises(ValueError, match="element table"):
        Roost(RoostConfig(embedding="magpie", known_energies=False))


def test_predicting_imports_no_featurizer() -> None:
    network = known(RoostConfig.from_dict(SMALL.to_dict() | {"embedding": "both"}))
    expected = predict(network, ["NaCl"]).mean[0]
    program = (
        "import sys; from exfolio.models.composition.roost.model import RoostEnsemble, predict; "
        "model = RoostEnsemble.from_bytes(sys.stdin.buffer.read()); "
        "print(predict(model, ['NaCl']).mean[0]); assert 'matminer' not in sys.modules"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], input=RoostEnsemble((network,)).to_bytes(), capture_output=True, check=True
    )
    assert float(ran.stdout) == pytest.approx(expected, abs=1e-6)


def test_a_network_made_again_predicts_and_learns_no_more() -> None:
    again = network_from(SMALL, dict(known(SMALL).state_dict()))
    assert not any(weight.requires_grad for weight in again.parameters())
    with pytest.raises(ValueError, match="at least one member"):
        RoostEnsemble(())
