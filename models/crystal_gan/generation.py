"""Crystals of a composition asked for: point clouds drawn from a generator until enough of them are valid and distinct.

Rejection by `validity`, duplicates by pymatgen's StructureMatcher. Knows models and structures, no database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..learning.loop import mixed_seed
from ..structure.comparison.matching import Representatives
from ..structure.point_cloud import decode_many
from ..structure.point_cloud_layouts import BadLayout
from ..structure.validity.rule import ValidityRule
from .crystals.validity import faults, kind
from .generators import CrystalGenerator

Composition = Mapping[str, int] | Sequence[int]
Floats = NDArray[np.float64]

MAX_DRAWS_EACH: Final = 200
"""Point clouds drawn at most for each structure asked for."""
_MAX_DRAWS_EACH_OF: Final = 10
"""And for each that the lowest are chosen of."""

Energies = Callable[[list[Structure]], Sequence[float | None]]
"""Computes the energy of each structure, eV/atom, None where it has none."""


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
    valid
        How many of them are valid.
    rejected
        How many were rejected for what: "composition", "cell" (angles, no crystal), the checks of the rule by name,
        "duplicate", "known", "energy" (others were lower).
    """

    structures: list[Structure] = field(repr=False)
    arrays: Floats = field(repr=False)
    drawn: int
    valid: int
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
    """Atoms of each element in the order of the model's layout, checked.

    Raises
    ------
    BadLayout
        The composition has no place in the layout, or lacks one of its elements.
    """
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
    of: int | None = None,
    energies: Energies | None = None,
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
        Point clouds drawn at most; None: 200 for each structure, and at least 10 for each of `of`.
    of, energies
        Draw so many valid ones and take the n lowest in energy, lowest first; without, the first n.
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
    limit = max(MAX_DRAWS_EACH * n, _MAX_DRAWS_EACH_OF * (of or 0)) if max_draws is None else max_draws
    draws = _Draws(model, number, limit, seed, rule, stop)
    valid: Iterable[_Drawn] = draws
    chosen_of = 0
    if energies is not None and of is not None:
        pool = _lowest_first(list(islice(draws, of)), energies)
        valid, chosen_of = pool, len(pool)
    old = Representatives(known) if known else None
    representatives = Representatives()
    kept: list[_Drawn] = []
    looked_at = 0
    for drawn in valid if n else ():
        looked_at += 1
        if old is not None and old.match(drawn.structure) is not None:
            draws.reject("known")
        elif distinct and not representatives.add(drawn.structure)[1]:
            draws.reject("duplicate")
        else:
            kept.append(drawn)
            if len(kept) == n:
                break
    if chosen_of > looked_at:
        draws.reject("energy", chosen_of - looked_at)
    arrays = np.array([drawn.array for drawn in kept]).reshape(-1, *model.layout.shape)
    return Generated([drawn.structure for drawn in kept], arrays, draws.drawn, draws.valid, draws.rejected)


@dataclass(frozen=True, slots=True)
class _Drawn:
    structure: Structure
    array: Floats


class _Draws:
    """Draws one by one, giving the valid ones and counting the others."""

    def __init__(
        self,
        model: CrystalGenerator,
        number: tuple[int, ...],
        limit: int,
        seed: int,
        rule: ValidityRule | None,
        stop: Callable[[], bool] | None,
    ) -> None:
        self._model, self._number, self._limit = model, number, limit
        self._seed, self._rule, self._stop = seed, rule, stop
        self.drawn = self.valid = 0
        self.rejected: dict[str, int] = {}

    def reject(self, reason: str, number: int = 1) -> None:
        """Count some that are not wanted."""
        self.rejected[reason] = self.rejected.get(reason, 0) + number

    def __iter__(self) -> Iterator[_Drawn]:
        model, layout = self._model, self._model.layout
        while self.drawn < self._limit and not (self._stop is not None and self._stop()):
            n = min(model.at_once, self._limit - self.drawn)
            batch = model.drawn(self._number, n, mixed_seed(self._seed, self.drawn))
            said = faults(batch, layout, rule=self._rule, asked=self._number)
            good = [index for index, fault in enumerate(said) if fault is None]
            decoded = dict(zip(good, decode_many(batch[good], layout), strict=True))
            for index, fault in enumerate(said):
                self.drawn += 1
                if fault is None:
                    self.valid += 1
                    yield _Drawn(decoded[index], batch[index])
                else:
                    self.reject(kind(fault))


def _lowest_first(pool: list[_Drawn], energies: Energies) -> list[_Drawn]:
    values = energies([drawn.structure for drawn in pool])
    by_energy = [(inf if energy is None else energy, place) for place, energy in enumerate(values)]
    return [pool[place] for _, place in sorted(by_energy)]
