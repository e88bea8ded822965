"""What forms in water at every pH and potential: the map behind a Pourbaix diagram, computed for all points at once.

Knows entries as `pourbaix` does; `pourbaix_plot` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..pourbaix import PourbaixProblem
from ..pourbaix_entries import CONCENTRATION, PourbaixEntry, PourbaixError

_SHARE = 1e-6
"""Share of the metal atoms below which a product is left out of a domain's name."""


@dataclass(frozen=True, slots=True)
class PourbaixMap:
    """Domains over pH and potential.

    Attributes
    ----------
    ph, potential
        (m,) pH, and (n,) V against the standard hydrogen electrode.
    domains
        (n, m) index of the domain at each point.
    species
        Names of what forms in each domain, largest share of the metal atoms first.
    energies
        (n, m) decomposition energy of the target, eV/atom; None without one.
    """

    ph: NDArray[np.float64]
    potential: NDArray[np.float64]
    domains: NDArray[np.intp]
    species: tuple[tuple[str, ...], ...]
    energies: NDArray[np.float64] | None


def pourbaix_map(
    entries: Sequence[PourbaixEntry],
    ph: ArrayLike,
    potential_vs_she: ArrayLike,
    *,
    target: PourbaixEntry | None = None,
    elements: Sequence[str] | None = None,
    concentration: float | Mapping[str, float] = CONCENTRATION,
    filter_solids: bool = False,
) -> PourbaixMap:
    """Find what forms at each pH and potential.

    Parameters
    ----------
    entries
        What can form.
    ph, potential_vs_she
        (m,) and (n,) axes of the map.
    target
        The solid asked about: the metals are there in its ratio, and its decomposition energy is given.
    elements
        Without a target: the metals, in equal amounts.
    concentration, filter_solids
        As `pourbaix.decomposition_energy`.

    Raises
    ------
    PourbaixError
        Neither target nor elements are given, or as `pourbaix.decomposition_energy`.
    """
    if target is None:
        if not elements:
            message = "give the solid that is asked about, or elements"
            raise PourbaixError(message)
        target_or_mixture = PourbaixEntry("-".join(elements), dict.fromkeys(elements, 1.0), 0.0)
    else:
        target_or_mixture = target
    x, y = np.asarray(ph, dtype=np.float64), np.asarray(potential_vs_she, dtype=np.float64)
    flat_ph, flat_v = (grid.ravel() for grid in np.meshgrid(x, y))
    problem = PourbaixProblem(entries, [target_or_mixture], concentration=concentration, filter_solids=filter_solids)
    which = np.zeros(flat_ph.size, dtype=np.intp)
    mixtures = problem.solve(which, flat_ph, flat_v)

    # The same products in another order, or with one of no amount, are the same domain.
    used = np.where(mixtures.amounts > _SHARE, mixtures.phases, -1)
    keys, first, domains = np.unique(np.sort(used, axis=1), axis=0, return_index=True, return_inverse=True)
    species = []
    for row in first.tolist()[: len(keys)]:
        order = np.argsort(-mixtures.amounts[row])
        phases = [int(phase) for phase in mixtures.phases[row][order] if phase in used[row]]
        species.append(tuple(problem.entries[phase].name for phase in phases))
    shape = (y.size, x.size)
    energies = problem.energies(which, flat_ph, flat_v, mixtures).reshape(shape) if target is not None else None
    return PourbaixMap(x, y, np.asarray(domains, dtype=np.intp).reshape(shape), tuple(species), energies)
