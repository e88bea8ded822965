"""What generated crystals are worth, in the terms of the field: as asked, valid, unique, novel; beside published ones.

Compares structures with each other and with known ones; energies, and with them stability, are judged elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from ..structure.comparison.matching import Representatives
from ..structure.point_cloud import counts, decode_many
from ..structure.point_cloud_layouts import Layout
from ..structure.validity.rule import ValidityRule
from .crystals.validity import faults


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Shares of what was generated for one composition.

    Attributes
    ----------
    drawn
        Point clouds.
    as_asked
        Share with the composition asked for.
    valid
        Share of all that are valid, too.
    unique
        Distinct structures over valid ones.
    novel
        Share of the distinct ones that match no known structure.
    rediscovered
        Numbers of the known structures that were found again.
    """

    drawn: int
    as_asked: float
    valid: float
    unique: float
    novel: float
    rediscovered: tuple[int, ...]


PUBLISHED: Final[Mapping[str, Mapping[str, float]]] = {
    "11 known compositions": {"structures": 3300, "new, at most 0.2 eV/atom above hull": 368},
    "20 new compositions": {
        "structures": 6000,
        "new, at most 0.2 eV/atom above hull": 753,
        "new, at most 0.08 eV/atom above hull": 113,
    },
}
"""Structures generated and what density functional theory left of them: Kim et al., ACS Cent. Sci. 6, 1412 (2020)."""


def evaluate(
    arrays: ArrayLike,
    layout: Layout,
    asked: Sequence[int],
    *,
    known: Representatives | None = None,
    rule: ValidityRule | None = None,
) -> Evaluation:
    """Evaluate point clouds drawn for one composition, nothing rejected before.

    Parameters
    ----------
    arrays
        Shape (n, rows, 3), as `generation.sample` gives them.
    layout
        Of the arrays.
    asked
        Atoms of each element, in the layout's order.
    known
        Structures that are not new, each once.
    rule
        What is valid.

    Raises
    ------
    ValueError
        There are no arrays.
    """
    numbers = np.asarray(arrays, dtype=np.float64)
    if not len(numbers):
        raise ValueError("there is nothing to evaluate: no point cloud was drawn")
    right = (counts(np.nan_to_num(numbers), layout) == np.array(asked)).all(axis=1)
    good = [index for index, fault in enumerate(faults(numbers, layout, rule=rule, asked=asked)) if fault is None]
    distinct = Representatives()
    rediscovered: set[int] = set()
    new = 0
    for structure in decode_many(numbers[good], layout):
        if not distinct.add(structure)[1]:
            continue
        match = known.match(structure) if known is not None else None
        if match is None:
            new += 1
        else:
            rediscovered.add(match)
    return Evaluation(
        drawn=len(numbers),
        as_asked=float(right.mean()),
        valid=len(good) / len(numbers),
        unique=len(distinct) / len(good) if good else 0.0,
        novel=new / len(distinct) if len(distinct) else 0.0,
        rediscovered=tuple(sorted(rediscovered)),
    )


def table(evaluations: Mapping[str, Evaluation]) -> str:
    """Write evaluations as a table in Markdown, and below it the published figures, which count energies."""
    lines = [
        "| composition | drawn | as asked | valid | unique of valid | novel of unique | known ones found |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, evaluation in evaluations.items():
        shares = (evaluation.as_asked, evaluation.valid, evaluation.unique, evaluation.novel)
        told = " | ".join(f"{share:.1%}" for share in shares)
        lines.append(f"| {name} | {evaluation.drawn:,} | {told} | {len(evaluation.rediscovered)} |")
    return "\n".join([*lines, "", published()])


def published() -> str:
    """Write the published figures as a list in Markdown."""
    lines = ["Published, after density functional theory (Kim et al., ACS Cent. Sci. 6, 1412 (2020)):", ""]
    for name, figures in PUBLISHED.items():
        total = figures["structures"]
        rest = "; ".join(f"{what}: {n:,} ({n / total:.1%})" for what, n in figures.items() if what != "structures")
        lines.append(f"- {name}: {total:,.0f} structures; {rest}")
    return "\n".join(lines)
