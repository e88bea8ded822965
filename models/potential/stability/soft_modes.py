"""Where a soft vibration leads: atoms are moved along it, and relaxed to what the structure becomes.

After S. Manti et al., npj Comput. Mater. 9, 33 (2023). Knows vibrations and what relaxes structures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..interface import Potential
from .vibrations import FORCE_TOLERANCE, MAX_STEPS, Vibrations

AMPLITUDE: Final = 0.2
"""Å by which the atom that moves most is moved: enough to leave the saddle, too little to break a bond."""
SAME_PLACE: Final = 0.1
"""Å within which positions count as symmetric in what came of it."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distortion:
    """What a structure becomes along its softest vibration.

    Attributes
    ----------
    structure
        Relaxed, of as many cells as the vibration needs; None where `failure` says why.
    won
        eV/atom by which it lies below the structure it was distorted from.
    space_group
        Number of its space group, of layers that of the layer in its vacuum.
    repeats
        How many cells it has along each axis.
    failure
        Why there is none.
    """

    structure: Structure | None
    won: float | None
    space_group: int | None
    repeats: tuple[int, int, int]
    failure: str | None = None


def follow(soft: Sequence[Vibrations], potential: Potential, *, max_steps: int = MAX_STEPS) -> list[Distortion]:
    """Distort structures along the softest of their vibrations and relax them, a layer in its plane.

    At the centre of the zone the two directions may lead apart: both are gone, and the lower end taken.

    Parameters
    ----------
    soft
        n vibrations with frequencies.
    potential
        What gave these.
    max_steps
        Of each relaxation.

    Returns
    -------
    list of Distortion
        n results, in order.
    """
    starts: list[tuple[int, Structure]] = []
    for i, vibrations in enumerate(soft):
        signs = (1, -1) if not any(vibrations.softest[1]) else (1,)
        starts += [(i, displaced(vibrations, AMPLITUDE * sign)) for sign in signs]
    ends = potential.relax(
        [structure for _, structure in starts],
        monolayer=[soft[i].monolayer for i, _ in starts],
        max_steps=max_steps,
        force_tolerance=FORCE_TOLERANCE,
    )
    before = potential.evaluate([vibrations.structure for vibrations in soft], forces=False)
    results = []
    for i, vibrations in enumerate(soft):
        own = [end for (j, _), end in zip(starts, ends, strict=True) if j == i]
        sane = [end for end in own if end.sane and end.energy_per_atom is not None]
        times, energy = _repeats(vibrations), before[i].energy_per_atom
        if not sane or energy is None:
            results.append(Distortion(None, None, None, times, own[0].failure or "; ".join(own[0].doubts)))
            continue
        best = min(sane, key=lambda end: end.energy_per_atom or 0.0)
        won = energy - (best.energy_per_atom or 0.0)
        results.append(Distortion(best.structure, won, space_group(best.structure), times))
    return results


def displaced(vibrations: Vibrations, amplitude: float) -> Structure:
    """The structure with its atoms moved along the softest vibration, in as many cells as that repeats in.

    Parameters
    ----------
    vibrations
        With frequencies.
    amplitude
        Å by which the atom that moves most is moved; its sign is the direction.
    """
    _, q_point = vibrations.softest
    where = int(np.argmin(vibrations.frequencies.min(axis=1)))
    mode = vibrations.modes[where]
    mode = mode * (amplitude / np.linalg.norm(mode, axis=1).max())
    structure, times = vibrations.structure, _repeats(vibrations)
    matrix = structure.lattice.matrix * np.array(times)[:, None]
    species, positions = [], []
    for shift in np.ndindex(*times):
        sign = np.cos(2 * np.pi * np.dot(q_point, shift))
        moved = structure.cart_coords + sign * mode + np.array(shift) @ structure.lattice.matrix
        species += [site.specie for site in structure]
        positions.append(moved)
    return Structure(matrix, species, np.vstack(positions), coords_are_cartesian=True)


def space_group(structure: Structure) -> int | None:
    """Number of the space group of a structure in its primitive cell, as far as positions agree within `SAME_PLACE`."""
    numbers = [site.specie.Z for site in structure]
    cell = (structure.lattice.matrix, structure.frac_coords, numbers)
    found: Any = spglib.get_symmetry_dataset(cell, symprec=SAME_PLACE)
    return None if found is None else int(found.number)


def _repeats(vibrations: Vibrations) -> tuple[int, int, int]:
    first, second, third = (2 if part else 1 for part in vibrations.softest[1])
    return first, second, third
