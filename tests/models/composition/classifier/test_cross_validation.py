"""Cross validation by both protocols, on a sample of real compositions."""

import csv
import gzip
import json
import random
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.classifier.config import ClassifierConfig
from exfolio.models.composition.classifier.cross_validation import (
    BadDivision,
    FoldResult,
    cross_validate,
    divide,
    judge_fold,
)
from exfolio.models.composition.classifier.fitting import fit
from exfolio.models.composition.classifier.training_compositions import UnfitTrainingSet, training_set
from exfolio.models.evaluation.relatives import family

QUICK = ClassifierConfig(kind="forest", forest_trees=8, forest_max_depth=8)


@pytest.fixture(scope="module")
def entries(shared_data: Path) -> tuple[list[str], np.ndarray]:
    """Give entries in which compositions come up repeatedly, as polymorphs do."""
    columns = []
    for name, n in (("2dmatpedia_formulas", 150), ("matbench_mp_e_form", 600)):
        with gzip.open(shared_data / f"{name}.csv.gz", "rt") as file:
            formulas = [row["formula"] for row in csv.DictReader(file)]
        columns.append(random.Random(3).sample(formulas, n) * 2)
    return training_set(*columns)


def test_entries_of_one_composition_are_parted_by_the_published_protocol_only(entries) -> None:
    formulas, is_2d = entries
    published = divide(formulas, is_2d, protocol="entries", folds=5)
    assert published.formulas == formulas
    parted = {(formula, fold) for formula, fold in zip(formulas, published.fold.tolist(), strict=True)}
    assert len(parted) > len(set(formulas))

    honest = divide(formulas, is_2d, protocol="compositions", folds=5)
    assert honest.formulas == sorted(set(formulas))
    labels = dict(zip(formulas, is_2d.tolist(), strict=True))
    assert honest.is_2d.tolist() == [labels[formula] for formula in honest.formulas]


def test_by_family_no_composition_has_a_relative_on_the_other_side(entries) -> None:
    division = divide(*entries, protocol="families", folds=5)
    assert division.formulas == sorted(set(entries[0]))
    folds_of = {}
    for formula, fold in zip(division.formulas, division.fold.tolist(), strict=True):
        folds_of.setdefault(family(formula), set()).add(fold)
    assert {len(folds) for folds in folds_of.values()} == {1}
    assert len(folds_of) < len(division.formulas)
    shares = [division.is_2d[division.fold == fold].mean() for fold in range(5)]
    np.testing.assert_allclose(shares, division.is_2d.mean(), atol=0.05)
    with pytest.raises(BadDivision, match="2 families can't be dealt to 3 folds"):
        divide(["MoS2", "WS2", "CrS2", "NaCl", "KCl", "LiCl"], [1, 1, 0, 1, 0, 0], protocol="families", folds=3)


def test_labels_that_mean_nothing_are_not_learned_by_any_protocol(entries) -> None:
    """Given shuffled labels, then no protocol finds any order, so that none tells a test row of its own label."""
    names = sorted(set(entries[0]))[::2]
    shuffled = np.random.default_rng(0).random(len(names)) < 0.3
    boosted = ClassifierConfig(boosted_rounds=8, inner_folds=5, boosted_columns=40)
    for protocol in ("compositions", "families"):
        judged = cross_validate(names, shuffled, boosted, protocol=protocol, folds=2)
        error = 0.5 / np.sqrt(3 * 0.3 * 0.7 * len(names))  # of an AUC of chance (Hanley, McNeil 1982)
        assert judged["figures"]["auc"] == pytest.approx(0.5, abs=3 * error)


@pytest.mark.parametrize("protocol", ["entries", "compositions"])
def test_every_fold_has_its_share_of_2d_compositions(entries, protocol) -> None:
    division = divide(*entries, protocol=protocol, folds=5, seed=1)
    shares = [division.is_2d[division.fold == fold].mean() for fold in range(5)]
    np.testing.assert_allclose(shares, division.is_2d.mean(), atol=0.01)
    assert (divide(*entries, protocol=protocol, folds=5, seed=2).fold != division.fold).any()


def test_a_fold_is_judged_by_a_classifier_that_has_not_seen_it(entries) -> None:
    division = divide(*entries, folds=5, seed=1)
    inside = division.fold == 2
    names = np.array(division.formulas)
    classifier = fit(names[~inside].tolist(), division.is_2d[~inside], QUICK, seed=4)
    expected = classifier.probability(names[inside].tolist())
    np.testing.assert_array_equal(judge_fold(division, 2, QUICK, seed=4).probability, expected)


def test_polymorphs_on_both_sides_flatter_the_classifier(entries) -> None:
    published, honest = (cross_validate(*entries, QUICK, protocol=p, folds=3) for p in ("entries", "compositions"))
    assert published["figures"]["auc"] > honest["figures"]["auc"] > 0.7
    assert published["figures"]["n"] == len(entries[0])
    assert honest["figures"]["n"] == len(set(entries[0]))
    json.dumps(published, allow_nan=False)
    assert honest["config"] == QUICK.to_dict()
    assert [fold["fold"] for fold in honest["folds"]] == [0, 1, 2]


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(entries) -> None:
    kept: dict[int, FoldResult] = {}
    told: list[tuple[int, int]] = []

    def cut_off(done: int, wanted: int) -> None:
        told.append((done, wanted))
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cross_validate(*entries, QUICK, folds=3, keep=kept.__setitem__, progress=cut_off)
    assert (sorted(kept), told) == ([0, 1], [(1, 3), (2, 3)])

    again: list[int] = []
    resumed = cross_validate(*entries, QUICK, folds=3, done=kept, keep=lambda fold, _: again.append(fold))
    assert again == [2]
    assert resumed == cross_validate(*entries, QUICK, folds=3, threads=2)


def test_some_folds_alone_can_be_judged_and_the_report_says_which(entries) -> None:
    judged = cross_validate(*entries, QUICK, folds=10, only=[7, 3])
    assert [fold["fold"] for fold in judged["folds"]] == [3, 7]
    assert judged["folds_wanted"] == 10


def test_results_of_other_data_are_refused(entries) -> None:
    other = FoldResult(np.zeros(3), np.zeros(132))
    with pytest.raises(BadDivision, match=r"fold 0 has \d+ members, its result \(3,\)"):
        cross_validate(*entries, QUICK, folds=3, done={0: other})


def test_divisions_that_are_none_are_refused(entries) -> None:
    with pytest.raises(BadDivision, match="between 2 and 2 folds are possible"):
        divide(["MoS2", "WS2", "NaCl", "KCl"], [1, 1, 0, 0])
    with pytest.raises(BadDivision, match="not 'groups'"):
        divide(*entries, protocol="groups")  # type: ignore[arg-type]
    with pytest.raises(BadDivision, match=r"at least one is judged, not \[10\]"):
        cross_validate(*entries, QUICK, only=[10])
    with pytest.raises(UnfitTrainingSet, match="both classes: MoS2"):
        divide(["MoS2", "Mo2S4", "NaCl"], [1, 0, 0])
