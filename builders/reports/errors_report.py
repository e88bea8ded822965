"""The report on error models: which known values they rest on, what they cover, and how wide intervals are."""

from __future__ import annotations

from ...models.energetics.reliability.calibration import LEAST
from ..properties.potential.layers.exfoliation_errors import TYPICAL
from ..training.model_kind import Doc


def table(model: Doc) -> str:
    """The text of the report, in Markdown.

    Parameters
    ----------
    model
        The document of `trained_models`.
    """
    lines = [
        "",
        f"A class has an error model of its own from {LEAST} known values on. Covered: the share of known values that "
        "intervals held when the other half of them was left to measure the errors on. Half widths of exfoliation "
        f"energies are those at {TYPICAL} eV/atom.",
        "",
        "| compared | class | known values | covered | half width, eV/atom | measured on |",
        "|---|---|---:|---:|---:|---|",
    ]
    for against, by_class in model["metrics"].items():
        for group, errors in sorted(by_class.items()):
            covered = f"{errors['covered']:.3f} ± {errors['deviation']:.3f}"
            where = errors["measured_on"]
            half_width = errors["half_width"]
            lines.append(f"| {against} | {group} | {errors['size']} | {covered} | {half_width:.3f} | {where} |")
    lines += ["", *(f"- {count} values by {method}" for method, count in model["data"]["by"])]
    if worst := model["data"]["farthest off"]:
        lines += ["", "Farthest off, eV/atom:", "", "| structure | class | value | known | by |"]
        lines.append("|---|---|---:|---:|---|")
        lines += [
            f"| {row['structure']} | {row['of']} | {row['value']:.3f} | {row['known']:.3f} | {row['by']} |"
            for row in worst
        ]
    return "\n".join(lines) + "\n"
