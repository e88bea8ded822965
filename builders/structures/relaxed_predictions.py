"""Relaxes predicted structures by a potential, each kept beside the structure that it started from.

For those who ask for a single formula; of what campaigns propose the stages of potentials relax and store it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from ...models.potential.interface import Potential
from ...models.potential.results import Relaxed
from ...models.structure.cells.sanity_checks import Check
from ...models.structure.cells.template_cells import checks_of
from ...models.structure.comparison.matching import Representatives
from ...models.structure.comparison.prototype_index import PROTOTYPE_TOLERANCES
from ...models.structure.templates import Prediction
from ...stores.errors import ConfigurationError
from ..properties.potential import known_potentials

TO_REST: Final = 200
"""Steps of a relaxation that is asked for: those of the stages of potentials."""
SHORT: Final = 30
"""Steps of one that nobody asked for. By CHGNet they take 0.4 s of the processor; of 80 predicted crystals of up to 20
atoms 68 were at rest by then. With D3 nine of ten volumes were within 6.2 % of measured ones, before within 9.2 %; half
of them within 2.7 %, before within 2.0 %."""
FIRST: Final = 5
"""Of each dimension, how many are relaxed that nobody asked for."""
LARGE: Final = 40
"""Atoms in the cell above which none is."""


class NotInstalled(ConfigurationError):
    """A potential that is asked for and can't be used here."""


@dataclass(frozen=True, slots=True)
class RelaxedPrediction:
    """What became of a predicted structure when it was relaxed.

    Attributes
    ----------
    energy_before
        eV/atom, of the structure as it was predicted; None where the potential failed.
    relaxed
        Structure, energy and change of volume, of a monolayer of area.
    checks
        Plausibility of the relaxed structure.
    became
        Number, from 0, of the first of the predictions whose structure as predicted this one now has, its own if that
        stayed; None for one that none of them has.
    """

    energy_before: float | None
    relaxed: Relaxed
    checks: tuple[Check, ...]
    became: int | None


def with_dispersion() -> Potential:
    """The default potential with dispersion, or without where what that takes is not installed.

    Raises
    ------
    NotInstalled
        When neither can be used.
    """
    alone = known_potentials.potential(known_potentials.DEFAULT)
    both = known_potentials.potential(known_potentials.DEFAULT + known_potentials.DISPERSION)
    return both if both.is_installed() else usable(alone)


def usable(potential: Potential) -> Potential:
    """The potential, which is installed.

    Raises
    ------
    NotInstalled
        When it is not.
    """
    if not potential.is_installed():
        raise NotInstalled(
            f"the potential {potential.title} is not installed", potential.remedy or "Install it, or name another."
        )
    return potential


def first_few(predictions: Sequence[Prediction]) -> set[int]:
    """Numbers of the predictions that are worth a short relaxation: the first of each dimension that are not large."""
    few: dict[int, list[int]] = {}
    for number, prediction in enumerate(predictions):
        if len(prediction.structure) <= LARGE:
            few.setdefault(prediction.dimension, []).append(number)
    return {number for numbers in few.values() for number in numbers[:FIRST]}


def relax_predictions(
    predictions: Sequence[Prediction],
    potential: Potential,
    *,
    max_steps: int = TO_REST,
    chosen: Collection[int] | None = None,
) -> list[RelaxedPrediction | None]:
    """Relax predicted structures of one formula; what fails is told in its result.

    Parameters
    ----------
    predictions
        n predictions.
    potential
        Monolayers relax in their plane; beyond it their atoms only.
    max_steps
        Of each structure.
    chosen
        Numbers of those to relax; all when None.

    Returns
    -------
    list of n RelaxedPrediction, None for those not chosen
    """
    numbers = sorted(range(len(predictions)) if chosen is None else chosen)
    structures = [predictions[number].structure for number in numbers]
    flat = [predictions[number].dimension == 2 for number in numbers]
    before = potential.evaluate(structures, forces=False)
    results = potential.relax(structures, monolayer=flat, max_steps=max_steps)
    # As finely as prototypes are told apart; a structure that was listed once may be the start of several.
    started = Representatives(max_density_ratio=None, tolerances=PROTOTYPE_TOLERANCES)
    first: list[int] = []
    for number, prediction in enumerate(predictions):
        if started.add(prediction.structure)[1]:
            first.append(number)
    relaxed: list[RelaxedPrediction | None] = [None] * len(predictions)
    for number, static, result in zip(numbers, before, results, strict=True):
        dimension = predictions[number].dimension
        checks = checks_of(result.structure, dimension) if result.failure is None else ()
        relaxed[number] = RelaxedPrediction(static.energy_per_atom, result, checks, _became(result, started, first))
    return relaxed


def _became(result: Relaxed, started: Representatives, first: Sequence[int]) -> int | None:
    if result.failure is not None:
        return None
    number = started.match(result.structure)
    return None if number is None else first[number]
