"""Harmonic vibrations of crystals and layers at the centre and the boundary of the zone, by finite displacements.

A cell repeated twice along each axis holds the vibrations at the centre and the middles of the zone's faces and edges
exactly, without interpolation: where crystals are unstable, one of these tells it nearly always (S. Manti et al.,
npj Comput. Mater. 9, 33 (2023)). Knows structures and what evaluates them; needs the extra `mlip` (phonopy).
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from ...structure.vacuum import MIN_GAP, thickest_gap
from ..interface import Potential
from ..results import Relaxed
from .symmetric_relaxation import SYMMETRY, relax_symmetric

PACKAGE: Final = "phonopy"
CITATION: Final = "A. Togo, L. Chaput, T. Tadano, I. Tanaka, J. Phys. Condens. Matter 35, 353001 (2023)"
NOT_INSTALLED: Final = "left out: phonopy is not installed (pip install exfolio[mlip])"
REPEATED: Final = 2
"""Times that a cell is repeated along each axis but a vacuum's."""
DISPLACEMENT: Final = 0.02
"""Å, by which atoms are displaced: forces of single precision tell smaller ones from noise no more."""
FORCE_TOLERANCE: Final = 0.005
"""eV/Å to which structures are relaxed before: what is left of forces is taken for stiffness."""
MAX_STEPS: Final = 400
MAX_ATOMS: Final = 96
"""Atoms of the repeated cell, beyond which vibrations are not calculated."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vibrations:
    """What one structure's vibrations are; empty where `failure` says why.

    Attributes
    ----------
    structure
        Relaxed, whose vibrations they are.
    monolayer
        Whether it is a layer in vacuum.
    q_points
        (k, 3), fractions of the reciprocal cell, the centre first.
    frequencies
        THz, (k, 3 n), rising; negative where imaginary. Those of shifts of the whole crystal are zero.
    modes
        (k, n, 3): the softest mode at each of the points, displacements of length 1.
    displacements
        How many repeated cells were evaluated.
    failure
        Why there is none.
    """

    structure: Structure
    monolayer: bool
    q_points: Array
    frequencies: Array
    modes: Array
    displacements: int = 0
    failure: str | None = None

    @property
    def softest(self) -> tuple[float, tuple[float, float, float]]:
        """Lowest frequency in THz, and the point at which it is; of the centre without the shifts of the whole."""
        lowest = self.frequencies.min(axis=1)
        where = int(lowest.argmin())
        first, second, third = self.q_points[where].tolist()
        return float(lowest[where]), (first, second, third)


def is_installed() -> bool:
    """Whether phonopy can be imported; does not import it."""
    return importlib.util.find_spec(PACKAGE) is not None


def vibrations(
    structures: Sequence[Structure],
    potential: Potential,
    *,
    monolayer: bool | Sequence[bool] | None = None,
    relax: bool = True,
    max_steps: int = MAX_STEPS,
    max_atoms: int = MAX_ATOMS,
) -> list[Vibrations]:
    """Vibrations of structures, each relaxed before.

    Parameters
    ----------
    structures
        n ordered structures.
    potential
        What evaluates them.
    monolayer
        Whether each (or all) is a layer in vacuum; None looks for a vacuum of 6 Å.
    relax
        Relax before, a layer in its plane; else structures are taken for relaxed.
    max_steps
        Of the relaxation.
    max_atoms
        Atoms of the repeated cell, beyond which there is a failure instead.

    Returns
    -------
    list of Vibrations
        n results, in order.

    Raises
    ------
    ValueError
        When `monolayer` is not one per structure.
    """
    flat = [_is_layer(structure) for structure in structures]
    if isinstance(monolayer, bool):
        flat = [monolayer] * len(structures)
    elif monolayer is not None:
        flat = list(monolayer)
    if len(flat) != len(structures):
        message = f"{len(structures)} structures but {len(flat)} values of `monolayer`: give one for each"
        raise ValueError(message)
    results = [
        _nothing(structure, layer, _unfit(structure, layer, potential, max_atoms))
        for structure, layer in zip(structures, flat, strict=True)
    ]
    cells = [result.structure for result in results]
    if relax:
        fit = [i for i, result in enumerate(results) if result.failure is None]
        relaxed = relax_symmetric(
            [cells[i] for i in fit],
            potential,
            monolayer=[flat[i] for i in fit],
            max_steps=max_steps,
            force_tolerance=FORCE_TOLERANCE,
        )
        for i, end in zip(fit, relaxed, strict=True):
            results[i] = _nothing(end.structure, flat[i], _unrelaxed(end))
    displaced = {i: _displaced(result) for i, result in enumerate(results) if result.failure is None}
    asked = [cell for phonons in displaced.values() for cell in _supercells(phonons)]
    evaluated = iter(potential.evaluate(asked, forces=True))
    for i, phonons in displaced.items():
        statics = [next(evaluated) for _ in _supercells(phonons)]
        failures = [static.failure or "no forces" for static in statics if static.forces is None]
        if failures:
            results[i] = replace(results[i], failure=failures[0])
        else:
            results[i] = _solved(results[i], phonons, np.array([static.forces for static in statics]))
    return results


def _is_layer(structure: Structure) -> bool:
    return thickest_gap(structure).thickness >= MIN_GAP


def repeats(structure: Structure, *, monolayer: bool) -> tuple[int, int, int]:
    """Times that a cell is repeated along each axis: `REPEATED`, but once along a layer's vacuum."""
    vacuum = thickest_gap(structure).axis if monolayer else None
    first, second, third = (1 if axis == vacuum else REPEATED for axis in range(3))
    return first, second, third


def _nothing(structure: Structure, monolayer: bool, failure: str | None) -> Vibrations:  # noqa: FBT001
    n = len(structure)
    return Vibrations(structure, monolayer, np.zeros((0, 3)), np.zeros((0, 3 * n)), np.zeros((0, n, 3)), 0, failure)


def _unfit(structure: Structure, monolayer: bool, potential: Potential, max_atoms: int) -> str | None:  # noqa: FBT001
    if (reason := potential.unfit(structure)) is not None:
        return reason
    atoms = len(structure) * int(np.prod(repeats(structure, monolayer=monolayer)))
    return f"{atoms} atoms in the repeated cell are more than {max_atoms}" if atoms > max_atoms else None


def _unrelaxed(end: Relaxed) -> str | None:
    if end.failure is not None or end.doubts:
        return end.failure or "; ".join(end.doubts)
    left = f"a force of {end.max_force:.3f} eV/Å is left"
    return None if end.converged else f"not relaxed within {end.steps} steps: {left}"


def _displaced(result: Vibrations) -> Any:
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

    structure = result.structure
    cell = PhonopyAtoms(
        numbers=[site.specie.Z for site in structure],
        cell=structure.lattice.matrix,
        scaled_positions=structure.frac_coords,
    )
    multiples = np.diag(repeats(structure, monolayer=result.monolayer))
    phonons = Phonopy(cell, multiples, primitive_matrix=np.eye(3), symprec=SYMMETRY)
    phonons.generate_displacements(distance=DISPLACEMENT)
    return phonons


def _supercells(phonons: Any) -> list[Structure]:
    cells = phonons.supercells_with_displacements
    return [Structure(Lattice(cell.cell), cell.numbers.tolist(), cell.scaled_positions) for cell in cells]


def _solved(result: Vibrations, phonons: Any, forces: Array) -> Vibrations:
    phonons.forces = forces - forces.mean(axis=1, keepdims=True)
    phonons.produce_force_constants()
    phonons.symmetrize_force_constants()  # the acoustic sum rule
    options = [(0.0,) if times == 1 else (0.0, 0.5) for times in repeats(result.structure, monolayer=result.monolayer)]
    q_points = np.array(sorted(product(*options)))
    phonons.run_qpoints(q_points, with_eigenvectors=True)
    found = phonons.qpoints
    frequencies = np.array(found.frequencies, dtype=np.float64)
    # A shift of the whole crystal is no vibration: at the centre these are the three nearest to nothing.
    shifts = np.argsort(np.abs(frequencies[0]))[:3]
    frequencies[0, shifts] = 0.0
    modes = []
    for k, q_point in enumerate(q_points):
        eigenvector = np.array(found.eigenvectors[k])[:, int(frequencies[k].argmin())].reshape(-1, 3)
        phases = np.exp(2j * np.pi * (result.structure.frac_coords @ q_point))  # phonopy leaves them to who draws it
        modes.append(_displacements(eigenvector * phases[:, None], np.asarray(phonons.masses)))
    return replace(
        result,
        q_points=q_points,
        frequencies=np.sort(frequencies, axis=1),
        modes=np.array(modes),
        displacements=len(forces),
    )


def _displacements(moving: NDArray[np.complex128], masses: Array) -> Array:
    """Real displacements of a mode at a point that is its own opposite, (n, 3), of length 1.

    Parameters
    ----------
    moving
        (n, 3): displacements times the roots of the masses, real but for one phase of all.
    masses
        (n,).
    """
    turned = moving * np.exp(-1j * np.angle(moving.flat[np.abs(moving).argmax()]))
    moved: Array = turned.real / np.sqrt(masses)[:, None]
    return moved / np.linalg.norm(moved)
