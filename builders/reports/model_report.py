"""Reports on trained models: the figures as a table beside the published ones, and plots of what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ...stores.bookkeeping import artefacts
from ...stores.connection import Connection
from ..training.model_kind import Doc
from ..training.shipped.shipped_models import is_shipped
from ..training.training_stage import training_set_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Report = tuple[str, dict[str, "Figure"]]
"""A text in Markdown, and plots by name."""


def report(connection: Connection, model: Doc) -> Report:
    """Make the report on a trained model.

    Parameters
    ----------
    model
        Its document of `trained_models`, or the card of one that comes along.
    """
    of_kind = _of_shipped if is_shipped(model["model_id"]) else _OF_KIND.get(model["kind"], _nothing_more)
    text, plots = of_kind(connection, model)
    curve = _curve(model)
    return f"# {model['model_id']}\n\n{_facts(model)}\n{text}", {**plots, **({"training": curve} if curve else {})}


def _facts(model: Doc) -> str:
    if model["kind"] in ERROR_KINDS:
        return "\n".join(f"- {name}: {value}" for name, value in model["config"].items()) + "\n"
    lines = [f"- {name}: {value}" for name, value in model.get("data", {}).items()]
    lines += [f"- filter {name}: `{query or 'all materials'}`" for name, query in model.get("data_query", {}).items()]
    lines.append(f"- seed: {model['seed']}")
    lines += [f"- {name}: {model.get(name) or 'not stated'}" for name in ("device", "seconds")]
    metrics = {name: value for name, value in model.get("metrics", {}).items() if isinstance(value, int | float)}
    lines += [f"- {name.replace('_', ' ')}: {value:.4g}" for name, value in metrics.items()]
    return "\n".join(lines) + "\n"


def _of_matgan(connection: Connection, model: Doc) -> Report:
    from ...models.composition.matgan.model import MatGAN
    from ...models.composition.matgan.report import assess, distributions, plot_distributions
    from ...models.composition.matgan.sampling import sample

    content = training_set_of(connection, model)
    generator = MatGAN.from_bytes(artefacts.get(connection, model["weights"]))
    draws = model["config"]["report_draws"]
    assessment = assess(
        generator, training=content["learnt"], left_out=content["held_out"], draws=draws, seed=model["seed"]
    )
    drawn = sample(generator, draws, seed=model["seed"])
    plot = plot_distributions(distributions(drawn.formulas, drawn.times_drawn), distributions(content["learnt"]))
    text = f"\nPublished: Dan et al., npj Comput. Mater. 6, 84 (2020).\n\n{assessment.table()}\n"
    return text, {"distributions": plot}


def _of_classifier(_connection: Connection, model: Doc) -> Report:
    judged = model["metrics"].get("cross_validation")
    if judged is None:
        return "\nNot cross-validated (folds=0).\n", {}
    from ...models.composition.classifier.report import plot

    rows = ["| threshold | " + " | ".join(name for name in judged["thresholds"][0] if name != "threshold") + " |"]
    rows.append("|" + "---:|" * len(judged["thresholds"][0]))
    for threshold in judged["thresholds"]:
        values = ("–" if value is None else f"{value:.4g}" for name, value in threshold.items() if name != "threshold")
        rows.append(f"| {threshold['threshold']} | " + " | ".join(values) + " |")
    named = ", ".join(f"{feature['feature']} {feature['share']:.3f}" for feature in judged["importance"])
    table = "\n".join(rows)
    told = f"\n{_by_protocol(model['metrics'])}\n\nFolds by reduced formula.\n\n{table}\n\nMost important: {named}\n"
    return told, {"curves": plot(judged)}


def _by_protocol(metrics: Doc) -> str:
    """Table of what is known by each protocol, the mean over its folds with the standard error of that."""
    rows = ["| folds | number | AUC | average precision | 2D ones found at 0.5 |", "|---|---:|---:|---:|---:|"]
    for name, judged in (
        ("by reduced formula", metrics.get("cross_validation")),
        ("by family: same amounts, elements of the same groups", metrics.get("cross_validation_by_family")),
    ):
        if judged is None or "left_out" in judged:
            rows.append(f"| {name} | – | {'not asked for' if judged is None else judged['left_out']} | | |")
            continue
        mean, error = judged["mean"], judged["standard_error"]
        figures = (f"{mean[key]:.4f} ± {error[key]:.4f}" for key in ("auc", "average_precision"))
        rows.append(
            f"| {name} | {len(judged['folds'])} | {' | '.join(figures)} "
            f"| {judged['thresholds'][0]['true_positive_rate']:.1%} |"
        )
    return "\n".join(rows)


def _of_shipped(_connection: Connection, model: Doc) -> Report:
    """What its card says; there is no training set with it that more could be made of."""
    text = f"\n{_by_protocol(model['metrics'])}\n" if model["kind"] == "classifier" else ""
    sources = (f"- {source['name']} ({source['licence']}): {source['citation']}" for source in model["sources"])
    limits = (f"- {limit}" for limit in model["limits"])
    seen = f"It has learnt from {model['seen']}:"
    lines = ["", "It comes with the package. Where it fails:", "", *limits, "", seen, "", *sources, ""]
    return text + "\n".join(lines), {}


def _of_crystal_gan(connection: Connection, model: Doc) -> Report:
    from ...models.crystal_gan.evaluation import published
    from . import relaxed_figures
    from .routes.route_figures import route_report
    from .routes.route_tables import tables

    compared = route_report(connection)
    compared.rows.sort(key=lambda row: row.model != model["model_id"])
    told = tables(compared)
    relaxed = relaxed_figures.table(relaxed_figures.relaxed_figures(connection, model["model_id"]))
    parts = [f"\nWhat this model proposed, and for comparison other models and routes:\n\n{told}", relaxed, published()]
    return "\n".join(part for part in parts if part) + "\n", {}


def _of_errors(_connection: Connection, model: Doc) -> Report:
    from .errors_report import table

    return table(model), {}


def _nothing_more(_connection: Connection, _model: Doc) -> Report:
    return "", {}


def _curve(model: Doc) -> Figure | None:
    history = model.get("curve") or []
    if len(history) < _FEWEST_EPOCHS:
        return None
    from matplotlib.figure import Figure

    names = sorted({name for figures in history for name in figures})
    columns = min(3, len(names))
    figure = Figure(figsize=(5 * columns, 3.2 * -(-len(names) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(names) // columns), columns, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        known = [(epoch + 1, figures[name]) for epoch, figures in enumerate(history) if name in figures]
        axis.plot(*zip(*known, strict=True))
        axis.set(title=name.replace("_", " "), xlabel="epoch")
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    figure.suptitle(model["model_id"])
    return figure


_FEWEST_EPOCHS: Final = 2
ERROR_KINDS: Final = ("exfoliation-errors", "formation-errors")
"""Kinds of trained models that no training makes: errors of potentials, by what the registry knows."""
_OF_KIND: Final[dict[str, Callable[[Connection, Doc], Report]]] = {
    "matgan": _of_matgan,
    "classifier": _of_classifier,
    "crystal-gan": _of_crystal_gan,
    **dict.fromkeys(ERROR_KINDS, _of_errors),
}
