"""Relaxes predicted structures by a potential, each kept beside the structure that it started from.

For those who ask for a single formula; of what campaigns propose the stages of potentials relax and store it.
"""

from __future__ import annotations

from collections.abc import Sequence
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

SHORT: Final = 200
"""Steps of a short relaxation: those of the stages of potentials."""


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


def relax_predictions(
    predictions: Sequence[Prediction], potential: Potential, *, max_steps: int = SHORT
) -> list[RelaxedPrediction]:
    """Relax predicted structures of one formula; what fails is told in its result.

    Parameters
    ----------
    predictions
        n predictions.
    potential
        Monolayers relax in their plane; beyond it their atoms only.
    max_steps
        Of each structure.

    Returns
    -------
    list of n RelaxedPrediction
    """
    structures = [prediction.structure for prediction in predictions]
    flat = [prediction.dimension == 2 for prediction in predictions]
    before = potential.evaluate(structures, forces=False)
    results = potential.relax(structures, monolayer=flat, max_steps=max_steps)
    # As finely as prototypes are told apart; a structure that was listed once may be the start of several.
    started = Representatives(max_density_ratio=None, tolerances=PROTOTYPE_TOLERANCES)
    first: list[int] = []
    for number, structure in enumerate(structures):
        if started.add(structure)[1]:
            first.append(number)
    return [
        RelaxedPrediction(
            static.energy_per_atom,
            result,
            checks_of(result.structure, prediction.dimension) if result.failure is None else (),
            _became(result, started, first),
        )
        for prediction, static, result in zip(predictions, before, results, strict=True)
    ]


def _became(result: Relaxed, started: Representatives, first: Sequence[int]) -> int | None:
    if result.failure is not None:
        return None
    number = started.match(result.structure)
    return None if number is None else first[number]
