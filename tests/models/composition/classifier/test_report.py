"""Figures of probabilities against labels: worked by hand where that is possible."""

import json

import numpy as np
import pytest
from exfolio.models.composition.classifier.report import CURVE_POINTS, BadJudgement, calibration, plot, report
from sklearn.metrics import auc

IS_2D = np.array([True, True, False, False, True, False, False, False])
PROBABILITY = np.array([0.95, 0.65, 0.75, 0.05, 0.55, 0.45, 0.15, 0.0])
FOLD = np.array([0, 0, 0, 0, 1, 1, 1, 1])


def test_eight_samples_judged_by_hand() -> None:
    judged = report(IS_2D, PROBABILITY, FOLD)
    figures = judged["figures"]
    assert (figures["n"], figures["n_2d"]) == (8, 3)
    assert figures["auc"] == pytest.approx(13 / 15)  # of 3 x 5 pairs, 2 are the wrong way round
    assert figures["accuracy"] == 7 / 8
    assert figures["f1"] == pytest.approx(6 / 7)
    assert figures["average_precision"] == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)
    assert figures["brier"] == pytest.approx(((PROBABILITY - IS_2D) ** 2).mean())
    assert [fold["auc"] for fold in judged["folds"]] == [3 / 4, 1]
    assert judged["mean"]["auc"] == 7 / 8
    assert judged["deviation"]["auc"] == 1 / 8


def test_rates_at_the_published_thresholds() -> None:
    half, *_, last = report(IS_2D, PROBABILITY, FOLD)["thresholds"]
    assert (half["threshold"], half["true_positives"], half["false_positives"]) == (0.5, 3, 1)
    assert half["false_positive_rate"] == 1 / 5
    assert half["precision"] == 3 / 4
    assert half["published_false_positive_rate"] == 0.020
    assert (last["threshold"], last["true_positive_rate"], last["false_positive_rate"]) == (0.95, 1 / 3, 0)


def test_a_threshold_that_nothing_reaches_has_no_precision() -> None:
    assert report(IS_2D, PROBABILITY / 2, FOLD)["thresholds"][0]["precision"] is None


def test_honest_probabilities_are_calibrated_and_boastful_ones_are_not() -> None:
    rng = np.random.default_rng(1)
    truth = rng.random(20_000)
    is_2d = rng.random(20_000) < truth
    fold = np.arange(20_000) % 4
    assert report(is_2d, truth, fold)["figures"]["calibration_error"] < 0.02
    assert report(is_2d, np.sqrt(truth), fold)["figures"]["calibration_error"] > 0.1
    table = calibration(is_2d, truth)
    assert sum(row["n"] for row in table) == 20_000
    assert all(row["from"] <= row["mean_probability"] <= row["to"] for row in table)


def test_curves_are_short_and_keep_their_area() -> None:
    rng = np.random.default_rng(2)
    is_2d = rng.random(5000) < 0.1
    probability = 1 / (1 + np.exp(-rng.normal(3 * is_2d - 2)))
    judged = report(is_2d, probability, np.zeros(5000, dtype=np.int64))
    roc = judged["curves"]["roc"]
    assert len(roc["false_positive_rate"]) <= CURVE_POINTS + 2
    area = auc(roc["false_positive_rate"], roc["true_positive_rate"])
    assert area == pytest.approx(judged["figures"]["auc"], abs=1e-3)


def test_a_report_is_plain_data_and_can_be_drawn() -> None:
    judged = report(IS_2D, PROBABILITY, FOLD, importance={"MagpieData mean Electronegativity": 0.7, "atoms": 0.3})
    assert judged["importance"][0] == {"feature": "MagpieData mean Electronegativity", "share": 0.7}
    figure = plot(json.loads(json.dumps(judged, allow_nan=False)))
    assert [axes.get_title() for axes in figure.axes] == [
        "ROC, area 0.8667",
        "average precision 0.8056",
        f"calibration, Brier score {judged['figures']['brier']:.4f}",
        "importance of features",
    ]


@pytest.mark.parametrize(
    ("is_2d", "probability", "complaint"),
    [
        (IS_2D[:7], PROBABILITY, "shapes differ"),
        (IS_2D, np.where(IS_2D, np.nan, PROBABILITY), "not between 0 and 1"),
        (IS_2D, PROBABILITY * 2, "not between 0 and 1"),
        (FOLD == 0, PROBABILITY, "fold 0 has one class only, 4 samples"),
    ],
)
def test_what_can_not_be_judged_is_refused(is_2d: np.ndarray, probability: np.ndarray, complaint: str) -> None:
    with pytest.raises(BadJudgement, match=complaint):
        report(is_2d, probability, FOLD)
