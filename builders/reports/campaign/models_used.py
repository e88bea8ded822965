"""The trained models that a campaign's values and structures come from, with their figures of merit."""

from __future__ import annotations

from typing import Any, Final

from ....stores.connection import Connection
from ...candidates.composition_view import models_of_compositions
from ...training.shipped.shipped_models import card_of

Doc = dict[str, Any]

_FIGURES: Final[dict[str, tuple[tuple[str, str, str], ...]]] = {
    "matgan": (
        ("charge_neutral", "charge neutral", "%"),
        ("electronegativity_balanced", "electronegativity balanced", "%"),
        ("charge_neutral_of_training_set", "of the training set neutral", "%"),
        ("novel", "new", "%"),
        ("distinct", "distinct", "%"),
    ),
    "classifier": (
        ("auc", "area under the ROC curve", ""),
        ("average_precision", "average precision", ""),
        ("brier", "Brier score", ""),
        ("calibration_error", "calibration error", ""),
        ("n", "compositions", "n"),
    ),
    "roost": (
        ("test_mae", "test MAE", "eV/atom"),
        ("test_mean_absolute_deviation", "of the mean alone", "eV/atom"),
        ("test_within_one_std", "within one standard deviation", "%"),
        ("training_compositions", "learnt from", "n"),
    ),
    "crystal-gan": (
        ("share_as_asked", "composition as asked", "%"),
        ("share_valid", "valid when drawn", "%"),
        ("cells", "cells learnt from", "n"),
    ),
}
"""By kind: names of figures, what they are, and the unit: a share, a number, eV/atom."""


def models_of(connection: Connection, campaign: str) -> list[Doc]:
    """Models behind a campaign, each with `model_id`, `kind` and `figures`, texts of name and value.

    Parameters
    ----------
    connection
        The registry.
    campaign
        Name of a campaign that was refreshed.
    """
    database = connection.database
    names = models_of_compositions(connection, campaign)
    mine = {"campaign": campaign, "deprecated": False, "parent_id": {"$ne": None}}
    names |= set(database["candidates"].distinct("parent_id", mine))
    these = {"model_id": {"$in": sorted(name for name in names if name)}}
    models = list(database["trained_models"].find(these, {"_id": 0, "model_id": 1, "kind": 1, "metrics": 1}))
    models += [told for name in names if name and (told := card_of(name))]
    return [
        {"model_id": model["model_id"], "kind": model["kind"], "figures": _figures(model)}
        for model in sorted(models, key=lambda model: (model["kind"], model["model_id"]))
    ]


def _figures(model: Doc) -> list[tuple[str, str]]:
    metrics = model.get("metrics") or {}
    return [
        (told, _written(metrics[name], unit))
        for name, told, unit in _FIGURES.get(model["kind"], ())
        if isinstance(metrics.get(name), int | float)
    ]


def _written(value: float, unit: str) -> str:
    if unit == "%":
        return f"{value:.1%}".replace("%", " %")
    return f"{value:,.0f}" if unit == "n" else f"{value:.3f} {unit}".rstrip()
