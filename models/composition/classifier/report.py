"""Figures, curves and plots of how well probabilities tell two classes, as plain data.

Knows labels, probabilities and folds; neither formulas nor classifiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Thresholds of the published table: Song et al., ACS Appl. Mater. Interfaces 13, 53303 (2021).
THRESHOLDS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
PUBLISHED_FALSE_POSITIVE_RATES: Final = {0.5: 0.020, 0.7: 0.006, 0.9: 0.001}

#: Bins of probability in the table of calibration.
BINS: Final = 10

#: Points kept of a curve, so that a report stays small; the areas are those of the whole curves.
CURVE_POINTS: Final = 200

#: Features named in a report.
FEATURES_NAMED: Final = 40


class BadJudgement(ValueError):
    """Labels and probabilities that can't be judged."""


def report(
    is_2d: NDArray[np.bool_],
    probability: NDArray[np.float64],
    fold: NDArray[np.int64],
    *,
    importance: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Judge the probabilities that classifiers gave to samples they had not seen.

    Parameters
    ----------
    is_2d, probability, fold
        Shape (n,): label, probability, and the fold, whose classifier gave it.
    importance
        Of the features, by name.

    Returns
    -------
    dict
        Plain data. ``figures``: of all together (``auc``, ``average_precision``, ``brier``, ``log_loss``, ``accuracy``,
        ``f1`` at 0.5, ``calibration_error``); ``folds``: the same of each; ``mean``, ``deviation`` and
        ``standard_error`` of the mean: over the folds; ``thresholds``: rates at each; ``calibration``: table;
        ``curves``: ``roc`` and ``precision_recall``; ``importance``: the most important features first.

    Raises
    ------
    BadJudgement
        When the shapes differ, a probability is none, or a fold has one class only.
    """
    if not is_2d.shape == probability.shape == fold.shape or is_2d.ndim != 1:
        raise BadJudgement(f"shapes differ: {is_2d.shape=}, {probability.shape=}, {fold.shape=}")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise BadJudgement("a probability is not between 0 and 1")
    per_fold = []
    for number in np.unique(fold).tolist():
        inside = fold == number
        per_fold.append({"fold": int(number), **_figures(is_2d[inside], probability[inside], f"fold {number}")})
    pooled = _figures(is_2d, probability, "the whole")
    names = [name for name in pooled if name not in ("n", "n_2d")]
    values = {name: np.array([figures[name] for figures in per_fold]) for name in names}
    ranked = sorted((importance or {}).items(), key=lambda item: -item[1])[:FEATURES_NAMED]
    return {
        "figures": pooled,
        "mean": {name: float(value.mean()) for name, value in values.items()},
        "deviation": {name: float(value.std()) for name, value in values.items()},
        "standard_error": {name: standard_error(value) for name, value in values.items()},
        "folds": per_fold,
        "thresholds": [_at_threshold(is_2d, probability, threshold) for threshold in THRESHOLDS],
        "calibration": calibration(is_2d, probability),
        "curves": _curves(is_2d, probability),
        "importance": [{"feature": name, "share": float(share)} for name, share in ranked],
    }


def standard_error(values: NDArray[np.float64]) -> float | None:
    """Standard error of the mean of what the folds came to; None for a single one."""
    return float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else None


def calibration(is_2d: NDArray[np.bool_], probability: NDArray[np.float64]) -> list[dict[str, float]]:
    """Compare probabilities with shares: for each tenth, how many there are, their mean, and the share of 2D ones."""
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    table = []
    for number in np.unique(bins).tolist():
        inside = bins == number
        table.append(
            {
                "from": number / BINS,
                "to": (number + 1) / BINS,
                "n": int(inside.sum()),
                "mean_probability": float(probability[inside].mean()),
                "share_2d": float(is_2d[inside].mean()),
            }
        )
    return table


def _figures(is_2d: NDArray[np.bool_], probability: NDArray[np.float64], what: str) -> dict[str, Any]:
    if is_2d.all() or not is_2d.any():
        raise BadJudgement(f"{what} has one class only, {len(is_2d)} samples; without both there is nothing to judge")
    said = probability >= 0.5
    hits = int((said & is_2d).sum())
    table = calibration(is_2d, probability)
    return {
        "n": len(is_2d),
        "n_2d": int(is_2d.sum()),
        "auc": float(roc_auc_score(is_2d, probability)),
        "average_precision": float(average_precision_score(is_2d, probability)),
        "brier": float(brier_score_loss(is_2d, probability)),
        "log_loss": float(log_loss(is_2d, probability)),
        "accuracy": float((said == is_2d).mean()),
        "f1": 2 * hits / int(said.sum() + is_2d.sum()),
        "calibration_error": sum(row["n"] * abs(row["mean_probability"] - row["share_2d"]) for row in table)
        / len(is_2d),
    }


def _at_threshold(is_2d: NDArray[np.bool_], probability: NDArray[np.float64], threshold: float) -> dict[str, Any]:
    said = probability >= threshold
    hits, false = int((said & is_2d).sum()), int((said & ~is_2d).sum())
    return {
        "threshold": threshold,
        "true_positives": hits,
        "false_positives": false,
        "true_positive_rate": hits / int(is_2d.sum()),
        "false_positive_rate": false / int((~is_2d).sum()),
        "precision": hits / (hits + false) if hits + false else None,
        "published_false_positive_rate": PUBLISHED_FALSE_POSITIVE_RATES.get(threshold),
    }


def _curves(is_2d: NDArray[np.bool_], probability: NDArray[np.float64]) -> dict[str, dict[str, list[float]]]:
    false, true, _ = roc_curve(is_2d, probability)
    precision, recall, _ = precision_recall_curve(is_2d, probability)
    roc = _thinned(false, true)
    by_recall = _thinned(recall[::-1], precision[::-1])
    return {
        "roc": {
            "false_positive_rate": false[roc].tolist(),
            "true_positive_rate": true[roc].tolist(),
        },
        "precision_recall": {
            "recall": recall[::-1][by_recall].tolist(),
            "precision": precision[::-1][by_recall].tolist(),
        },
    }


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Choose points that lie evenly along the curve."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    places = np.searchsorted(along, np.linspace(0, along[-1], CURVE_POINTS))
    chosen: NDArray[np.int64] = np.unique(np.concatenate([[0], np.minimum(places, len(x) - 1), [len(x) - 1]]))
    return chosen


def plot(judged: Mapping[str, Any]) -> Figure:
    """Draw a report: ROC curve, precision over recall, calibration, and the most important features.

    Parameters
    ----------
    judged
        What `report` gave.
    """
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(11, 8.5), layout="constrained")
    axes = figure.subplots(2, 2)
    figures, curves = judged["figures"], judged["curves"]

    roc = curves["roc"]
    axes[0, 0].plot(roc["false_positive_rate"], roc["true_positive_rate"])
    axes[0, 0].plot([0, 1], [0, 1], color="0.8", linewidth=1)
    axes[0, 0].set(title=f"ROC, area {figures['auc']:.4f}", xlabel="false-positive rate", ylabel="true-positive rate")

    curve = curves["precision_recall"]
    axes[0, 1].plot(curve["recall"], curve["precision"])
    axes[0, 1].axhline(figures["n_2d"] / figures["n"], color="0.8", linewidth=1)
    axes[0, 1].set(
        title=f"average precision {figures['average_precision']:.4f}",
        xlabel="recall",
        ylabel="precision",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )

    table = judged["calibration"]
    axes[1, 0].plot([0, 1], [0, 1], color="0.8", linewidth=1)
    axes[1, 0].plot([row["mean_probability"] for row in table], [row["share_2d"] for row in table], marker="o")
    axes[1, 0].set(
        title=f"calibration, Brier score {figures['brier']:.4f}", xlabel="mean probability", ylabel="share of 2D ones"
    )

    features = judged["importance"][:15][::-1]
    axes[1, 1].barh(
        [row["feature"].removeprefix("MagpieData ") for row in features], [row["share"] for row in features]
    )
    axes[1, 1].set(title="importance of features", xlabel="share")
    axes[1, 1].tick_params(axis="y", labelsize=8)
    return figure
