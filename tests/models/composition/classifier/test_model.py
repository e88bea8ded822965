"""The classifiers learn from compositions, come back from bytes bit by bit, and refuse what is none."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition import magpie
from exfolio.models.composition.classifier.config import ClassifierConfig
from exfolio.models.composition.classifier.fitting import fit, pack
from exfolio.models.composition.classifier.model import Classifier, digest, feature_labels, unpack
from exfolio.models.composition.classifier.training_compositions import UnfitTrainingSet, training_set
from exfolio.models.composition.formula.formulas import UnknownElement, UnparsableFormula
from exfolio.models.learning import weights
from exfolio.models.learning.packed import unpack_arrays
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

FOREST = ClassifierConfig(kind="forest", forest_trees=25, forest_max_depth=12)
BOOSTED = ClassifierConfig(kind="boosted", boosted_rounds=30, boosted_members=2, inner_folds=5)


def column(path: Path, n: int) -> list[str]:
    with gzip.open(path, "rt") as file:
        formulas = [row["formula"] for row in csv.DictReader(file)]
    return random.Random(5).sample(formulas, n)


@pytest.fixture(scope="module")
def sample(shared_data: Path) -> tuple[list[str], np.ndarray]:
    """Give distinct compositions, 2D and others."""
    formulas, is_2d = training_set(
        column(shared_data / "2dmatpedia_formulas.csv.gz", 700), column(shared_data / "matbench_mp_e_form.csv.gz", 2500)
    )
    labels = dict(zip(formulas, is_2d.tolist(), strict=True))
    names = sorted(labels)
    random.Random(6).shuffle(names)
    return names, np.array([labels[name] for name in names])


@pytest.fixture(scope="module")
def fitted(sample: tuple[list[str], np.ndarray]) -> dict[str, Classifier]:
    formulas, is_2d = sample
    return {config.kind: fit(formulas[:1800], is_2d[:1800], config, seed=3) for config in (FOREST, BOOSTED)}


@pytest.mark.parametrize(("kind", "least"), [("forest", 0.85), ("boosted", 0.9)])
def test_compositions_of_2d_materials_are_told_from_others(sample, fitted, kind: str, least: float) -> None:
    formulas, is_2d = sample
    probabilities = fitted[kind].probability(formulas[1800:])
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    assert roc_auc_score(is_2d[1800:], probabilities) > least


def test_the_forest_is_scikit_learns_on_magpie_features(sample, fitted) -> None:
    formulas, is_2d = sample
    peer = RandomForestClassifier(25, max_depth=12, random_state=3)
    peer.fit(magpie.featurize(formulas[:1800]), is_2d[:1800])
    expected = peer.predict_proba(magpie.featurize(formulas[1800:]))[:, 1]
    np.testing.assert_array_equal(fitted["forest"].probability(formulas[1800:]), expected)


@pytest.mark.parametrize("kind", ["forest", "boosted"])
def test_a_packed_classifier_comes_back_bit_by_bit(sample, fitted, kind: str) -> None:
    formulas, _ = sample
    again = unpack(pack(fitted[kind]))
    assert again.config == fitted[kind].config
    np.testing.assert_array_equal(again.probability(formulas, threads=2), fitted[kind].probability(formulas))


@pytest.mark.parametrize("kind", ["forest", "boosted"])
@pytest.mark.parametrize("at_once", [1, 7, 500])
def test_probabilities_are_the_same_bit_by_bit_however_compositions_are_batched(
    sample, fitted, kind: str, at_once: int
) -> None:
    asked = sample[0][: 40 if at_once == 1 else 1200]
    together = fitted[kind].probability(asked[::-1], threads=2)[::-1]
    parts = [fitted[kind].probability(asked[start : start + at_once]) for start in range(0, len(asked), at_once)]
    np.testing.assert_array_equal(np.concatenate(parts), together)


def test_the_same_seed_gives_the_same_classifier_and_another_seed_another(sample) -> None:
    formulas, is_2d = sample
    for config in (ClassifierConfig(kind="forest", forest_trees=3), ClassifierConfig(boosted_rounds=3, inner_folds=3)):
        first, second, other = (
            fit(formulas[:400], is_2d[:400], config, seed=seed).probability(formulas) for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, second)
        assert (first != other).any()


def test_what_looks_two_dimensional_without_being_called_so_is_learned_as_neither(sample) -> None:
    """Given layers that no list has, when learned as others or as neither, then the latter finds more of them."""
    formulas, is_2d = np.array(sample[0][:1200]), sample[1][:1200].copy()
    hidden = np.flatnonzero(is_2d)[::3]
    is_2d[hidden] = False
    quick = {"boosted_rounds": 30, "inner_folds": 5, "boosted_columns": 60}
    found = [
        fit(formulas.tolist(), is_2d, ClassifierConfig(**quick, unlabelled_above=above), seed=1)
        .probability(formulas[hidden].tolist())
        .mean()
        for above in (1.0, 0.3)
    ]
    assert found[1] > found[0] + 0.1


def test_it_says_of_how_many_relatives_it_has_learned(fitted) -> None:
    """Given what was learned, when asked of compositions, then those of which no relative was are told apart."""
    told = fitted["boosted"].known_of_family(["MoS2", "W2Se4", "Xe3AgHg7"])
    assert told[0] == told[1] > 0
    assert told[2] == 0
    assert fitted["forest"].known_of_family(["MoS2"]) is None


def test_the_way_a_composition_is_written_does_not_matter(fitted) -> None:
    for classifier in fitted.values():
        np.testing.assert_array_equal(
            classifier.probability(["Mo2S4", "LiFePO4"]), classifier.probability(["S2 Mo", "Li3Fe3(PO4)3"])
        )


def test_progress_is_told_up_to_the_end(sample) -> None:
    formulas, is_2d = sample
    told: list[tuple[int, int]] = []
    config = ClassifierConfig(kind="forest", forest_trees=25, forest_max_depth=2)
    fit(formulas[:200], is_2d[:200], config, progress=lambda done, total: told.append((done, total)))
    assert told == [(10, 25), (20, 25), (25, 25)]


@pytest.mark.parametrize("config", [FOREST, BOOSTED], ids=["forest", "boosted"])
def test_training_sets_that_teach_nothing_are_refused(config: ClassifierConfig) -> None:
    with pytest.raises(UnfitTrainingSet, match="empty"):
        fit([], [], config)
    with pytest.raises(UnfitTrainingSet, match="both classes are needed"):
        fit(["MoS2", "WS2"], [True, True], config)


def test_formulas_that_are_none_are_refused_by_name(fitted) -> None:
    with pytest.raises(UnknownElement, match="no element 'Xx'"):
        fit(["MoS2", "Xx2O"], [True, False], FOREST)
    for classifier in fitted.values():
        with pytest.raises(UnknownElement, match="no element 'Xx'"):
            classifier.probability(["MoS2", "Xx2O"])
        with pytest.raises(UnparsableFormula, match="position 3"):
            classifier.probability(["MoS!"])
        assert classifier.probability([]).shape == (0,)


def test_what_matters_is_said_and_kept(fitted) -> None:
    for kind, classifier in fitted.items():
        assert classifier.importance.shape == (len(feature_labels(classifier.config.kind)),)
        assert classifier.importance.sum() == pytest.approx(1)
        np.testing.assert_array_equal(unpack(pack(classifier)).importance, classifier.importance, err_msg=kind)
    best = int(fitted["boosted"].importance.argmax())
    assert feature_labels("boosted")[best] not in feature_labels("forest")


def test_a_boosting_looks_at_those_features_only_that_tell_most(fitted) -> None:
    """By default at 64 of 225; what relatives are is among them."""
    importance = fitted["boosted"].importance
    looked_at = {feature_labels("boosted")[column] for column in np.flatnonzero(importance)}
    assert 20 < len(looked_at) <= 2 * 64  # two members, which choose for themselves
    assert looked_at - set(feature_labels("forest"))


@pytest.mark.parametrize("kind", ["forest", "boosted"])
def test_damaged_weights_are_refused(fitted, kind: str) -> None:
    data = pack(fitted[kind])
    for damaged in (b"", data[: len(data) // 2], b"not weights", data[:-1000]):
        with pytest.raises(weights.DamagedWeights):
            unpack(damaged)


def test_weights_of_another_model_are_refused() -> None:
    with pytest.raises(weights.WrongModel, match="roost"):
        unpack(weights.pack("roost", {}, {}))


def test_a_single_changed_byte_is_noticed_or_changes_nothing(fitted) -> None:
    data = pack(fitted["boosted"])
    expected = fitted["boosted"].probability(["MoS2", "NaCl", "CrGeTe3"])
    refused = 0
    for place in np.random.default_rng(1).integers(len(data), size=12).tolist():
        damaged = bytearray(data)
        damaged[place] ^= 0x40
        try:
            np.testing.assert_array_equal(unpack(bytes(damaged)).probability(["MoS2", "NaCl", "CrGeTe3"]), expected)
        except weights.WeightsError:
            refused += 1
    assert refused > 6


def test_weights_that_contradict_themselves_are_refused(fitted) -> None:
    config, state = unpack_arrays(pack(fitted["forest"]), "2d-classifier")
    del state["digest"]
    for changed_config, changed_state, complaint in [
        ({**config, "forest_trees": 24}, state, "25 trees, where the settings say 24"),
        ({**config, "kind": "boosted"}, state, "boosted classifier without"),
        ({**config, "colour": "red"}, state, "no such setting: colour"),
        (config, {**state, "n_features": 133}, "133 features"),
        (config, {**state, "trees": {**state["trees"], "left": np.zeros_like(state["trees"]["left"])}}, "child"),
        (config, {name: value for name, value in state.items() if name != "trees"}, "trees"),
    ]:
        sealed = {**changed_state, "digest": digest(changed_config, changed_state)}
        with pytest.raises(weights.DamagedWeights, match=complaint):
            unpack(weights.pack("2d-classifier", changed_config, sealed))
    with pytest.raises(weights.DamagedWeights, match="not what was packed"):
        unpack(weights.pack("2d-classifier", config, state))
