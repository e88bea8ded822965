"""Crystals of a composition asked for: point clouds drawn from a generator until enough of them are valid and distinct.

Rejection by `validity`, duplicates by pymatgen's StructureMatcher. Knows models and structures, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..learning.loop import mixed_seed
from ..structure.layouts import BadLayout
from ..structure.matching import Representatives
from ..structure.point_cloud import decode_many
from .generators import CrystalGenerator
from .validity import ValidityRule, faults

Composition = Mapping[str, int] | Sequence[int]
Floats = NDArray[np.float64]

MAX_DRAWS_EACH: Final = 200
"""Point clouds drawn at most for each structure asked for."""


@dataclass(frozen=True)
class Generated:
    """What was generated for one composition.

    Attributes
    ----------
    structures
        Those that passed.
    arrays
        Their point clouds, shape (n, rows, 3).
    drawn
        Point clouds drawn in all.
    rejected
        How many were rejected for what: "composition", "distance", "cell" (volume, angles, no crystal), "duplicate",
        "known".
    """

    structures: list[Structure] = field(repr=False)
    arrays: Floats = field(repr=False)
    drawn: int
    rejected: dict[str, int]


def sample(model: CrystalGenerator, composition: Composition, n: int, seed: int) -> Floats:
    """Draw point clouds as the generator makes them, nothing rejected.

    Parameters
    ----------
    model
        A trained one.
    composition
        Atoms per cell by element, or in the layout's order; each element at least once.
    n
        How many.
    seed
        The same seed gives the same ones, on the same machine and device.

    Returns
    -------
    ndarray
        Shape (n, rows, 3).

    Raises
    ------
    BadLayout
        The composition has no place in the model's layout, or lacks one of its elements.
    """
    number = asked(model, composition)
    if n < 0:
        raise ValueError(f"{n} point clouds can't be drawn; give 0 or more")
    starts = range(0, n, model.at_once)
    parts = [model.drawn(number, min(model.at_once, n - start), mixed_seed(seed, start)) for start in starts]
    return np.concatenate(parts) if parts else np.zeros((0, *model.layout.shape))


def asked(model: CrystalGenerator, composition: Composition) -> tuple[int, ...]:
    """Give a composition in the order of the model's layout, checked; see `sample`."""
    layout = model.layout
    number = layout.counts(composition)
    if lacking := [element for element, n in zip(layout.elements, number, strict=True) if n < 1]:
        raise BadLayout(f"the composition lacks {lacking[0]}: a Crystal GAN makes crystals of all of {layout.elements}")
    return number


def generate(
    model: CrystalGenerator,
    composition: Composition,
    n: int,
    seed: int,
    *,
    rule: ValidityRule | None = None,
    distinct: bool = True,
    known: Sequence[Structure] = (),
    max_draws: int | None = None,
    stop: Callable[[], bool] | None = None,
) -> Generated:
    """Generate crystals of a composition, rejecting until n have passed or the limit of draws is reached.

    Parameters
    ----------
    model
        A trained one.
    composition
        Atoms per cell by element, e.g. {"Mg": 2, "Mn": 4, "O": 8}, or in the layout's order.
    n
        Structures asked for.
    seed
        The same seed gives the same ones.
    rule
        What is valid.
    distinct
        Whether duplicates among them are rejected.
    known
        Structures that count as duplicates too.
    max_draws
        Point clouds drawn at most; None: 200 for each structure.
    stop
        Asked after each batch of draws.

    Returns
    -------
    Generated
        `len(structures)` is less than n where the limit was reached first.

    Raises
    ------
    BadLayout
        See `sample`.
    """
    number = asked(model, composition)
    layout = model.layout
    limit = MAX_DRAWS_EACH * n if max_draws is None else max_draws
    old = Representatives(known) if known else None
    found = Representatives()
    structures: list[Structure] = []
    arrays: list[Floats] = []
    rejected: dict[str, int] = {}
    drawn = 0
    while len(structures) < n and drawn < limit and not (stop is not None and stop()):
        batch = model.drawn(number, min(model.at_once, limit - drawn), mixed_seed(seed, drawn))
        said = faults(batch, layout, rule=rule, asked=number)
        good = [index for index, fault in enumerate(said) if fault is None]
        kept = dict(zip(good, decode_many(batch[good], layout), strict=True))
        for index, fault in enumerate(said):
            if len(structures) >= n:
                break
            drawn += 1
            reason = _kind(fault)
            if not reason:
                structure = kept[index]
                if old is not None and old.match(structure) is not None:
                    reason = "known"
                elif distinct and not found.add(structure)[1]:
                    reason = "duplicate"
            if reason:
                rejected[reason] = rejected.get(reason, 0) + 1
            else:
                structures.append(kept[index])
                arrays.append(batch[index])
    return Generated(structures, np.array(arrays).reshape(-1, *layout.shape), drawn, rejected)


def _kind(fault: str | None) -> str:
    if fault is None:
        return ""
    if "was asked for" in fault:
        return "composition"
    if "shorter than" in fault:
        return "distance"
    return "cell"
