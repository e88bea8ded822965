"""Relaxation of cells and positions by a potential: many structures step together, each by its own FIRE.

A monolayer keeps its vacuum: its cell changes in the plane only. What goes wrong with a structure is told in its
result, and never stops the others. Knows nothing of where structures come from; of a potential, what `Stepwise` says.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from pymatgen.optimization.neighbors import find_points_in_spheres

from ..structure.atom_overlap import MIN_DISTANCE
from ..structure.vacuum import MIN_GAP, thickest_gap
from .results import GPA, Relaxed, Static

FORCE_TOLERANCE: Final = 0.1
"""eV/Å, on atoms and, as volume times stress over the number of atoms, on the cell: the default of CHGNet's own
StructOptimizer."""
MAX_STEPS: Final = 500
# FIRE with the parameters of E. Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006), time steps as ASE has them.
_TIME_STEP: Final = 0.1
_LONGEST_TIME_STEP: Final = 1.0
_LONGEST_STEP: Final = 0.2
_STEPS_BEFORE_FASTER: Final = 5
_FASTER, _SLOWER, _MIXING, _LESS_MIXING = 1.1, 0.5, 0.1, 0.99

EXPLODED_FORCE: Final = 1e4
"""eV/Å: beyond it atoms lie on top of each other, where no potential was trained."""
SANE_CHANGE: Final = (0.5, 1.8)
"""Volume (of a monolayer: area) over that before; outside it the structure has become another one."""
TORN_OFF: Final = 1.5
"""An atom whose nearest neighbour is this many times as far as before, and beyond every bond (3.5 Å), came off."""
_NO_BOND: Final = 3.5
NEIGHBOURS_WITHIN: Final = 6.0
"""Å: as far as the nearest neighbour of an atom is looked for."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Frame:
    """Atoms as they stand on their way, as a potential takes them.

    Attributes
    ----------
    content
        What the potential evaluates.
    size
        How much work it is, in the unit of `Stepwise.limit`.
    nearest
        Å, (n,): distance of the nearest neighbour of each atom; infinite beyond where it was looked for.
    lonely
        Which atom has no neighbour, where the potential can't do without one; or None.
    """

    content: Any
    size: int
    nearest: Array
    lonely: str | None = None


class Stepwise(Protocol):
    """A potential, as a relaxation asks it."""

    @property
    def limit(self) -> int:
        """Size of the frames that are evaluated at once; one that is larger is evaluated alone."""

    def unfit(self, structure: Structure) -> str | None:
        """Why the potential can't take a structure, or None."""

    def frame(self, matrix: Array, fractional: Array, numbers: NDArray[np.int64]) -> Frame:
        """Frame of a cell in Å (3, 3), fractional positions (n, 3) and atomic numbers (n,)."""

    def evaluate(self, frames: Sequence[Frame]) -> list[Static]:
        """Energies, forces and stresses of frames, in order."""


def relax(
    structures: Sequence[Structure],
    potential: Stepwise,
    *,
    monolayer: bool | Sequence[bool] | None = None,
    cell: bool = True,
    max_steps: int = MAX_STEPS,
    force_tolerance: float = FORCE_TOLERANCE,
    max_seconds: float | None = None,
) -> list[Relaxed]:
    """Relax structures, as many at once as fit into a batch; whichever is done makes room for the next.

    Parameters
    ----------
    structures
        n ordered structures.
    potential
        What evaluates them.
    monolayer
        Whether each (or all) is a layer in vacuum, whose cell changes in the plane only; None looks for a vacuum of
        6 Å.
    cell
        False keeps the cell.
    max_steps, force_tolerance
        When to stop: steps, and eV/Å (see `FORCE_TOLERANCE`).
    max_seconds
        Most time spent on one structure, its share of the batches it was in. Without it results do not depend on how
        fast the machine is.

    Returns
    -------
    list of Relaxed
        n results, in order; they depend on which structures are relaxed together only where the potential's do.

    Raises
    ------
    ValueError
        When `monolayer` is not one per structure, or a limit is not positive.

    Notes
    -----
    FIRE on positions together with the strain of the cell, scaled by the number of atoms as in the cell filters of
    ASE; lattice and atoms follow the strain.
    """
    if max_steps < 0 or force_tolerance <= 0 or (max_seconds is not None and max_seconds <= 0):
        message = f"limits must be positive: {max_steps=}, {force_tolerance=}, {max_seconds=}"
        raise ValueError(message)
    flat = [monolayer] * len(structures) if monolayer is None or isinstance(monolayer, bool) else list(monolayer)
    if len(flat) != len(structures):
        message = f"{len(structures)} structures but {len(flat)} values of `monolayer`: give one for each"
        raise ValueError(message)
    results: list[Relaxed | None] = [None] * len(structures)
    waiting: list[_Walk] = []
    for i, structure in enumerate(structures):
        if (reason := potential.unfit(structure)) is not None:
            results[i] = Relaxed(structure, failure=reason)
        else:
            waiting.append(_Walk(i, structure, flat[i], cell=cell))
    waiting.sort(key=lambda walk: (-len(walk.numbers), walk.index))  # long ones last would walk alone
    waiting.reverse()
    walking: list[tuple[_Walk, Frame]] = []
    while waiting or walking:
        size = sum(frame.size for _, frame in walking)
        while waiting and (not walking or size < potential.limit):
            walk = waiting.pop()
            frame = walk.frame(potential)
            if frame.lonely:
                results[walk.index] = walk.result(f"{frame.lonely}: nothing holds it")
                continue
            walking.append((walk, frame))
            size += frame.size
        if not walking:
            continue
        start = time.perf_counter()
        evaluated = potential.evaluate([frame for _, frame in walking])
        still: list[_Walk] = []
        for (walk, _), now in zip(walking, evaluated, strict=True):
            reason = walk.observe(now)
            if reason is None and walk.force <= force_tolerance:
                results[walk.index] = walk.result(None, converged=True)
            elif reason is not None or walk.steps >= max_steps:
                results[walk.index] = walk.result(reason)
            elif max_seconds is not None and walk.seconds > max_seconds:
                results[walk.index] = walk.result(f"out of time: {walk.seconds:.1f} s after {walk.steps} steps")
            else:
                walk.step()
                still.append(walk)
        total = sum(frame.size for _, frame in walking)
        parts = {walk.index: frame.size / total for walk, frame in walking}
        walking = []
        for walk in still:
            frame = walk.frame(potential)
            if frame.lonely:
                results[walk.index] = walk.result(f"came apart after {walk.steps} steps: {frame.lonely}")
            elif walk.too_close:
                results[walk.index] = walk.result(f"collapsed: atoms within {MIN_DISTANCE:g} Å of each other")
            else:
                walking.append((walk, frame))
        spent = time.perf_counter() - start
        for walk in still:
            walk.seconds += spent * parts[walk.index]
    return [result for result in results if result is not None]


def nearest_neighbours(matrix: Array, fractional: Array) -> Array:
    """Distance in Å of the nearest neighbour of each atom, (n,); infinite beyond `NEIGHBOURS_WITHIN`.

    Parameters
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    fractional
        (n, 3).
    """
    positions = np.ascontiguousarray(fractional @ matrix, dtype=np.float64)
    centers, neighbors, images, distances = find_points_in_spheres(
        positions,
        positions,
        r=NEIGHBOURS_WITHIN,
        pbc=np.ones(3, dtype=np.int64),
        lattice=np.ascontiguousarray(matrix, dtype=np.float64),
    )
    others = (centers != neighbors) | np.rint(images).any(axis=1)
    nearest = np.full(len(fractional), np.inf)
    np.minimum.at(nearest, centers[others], distances[others])
    return nearest


class _Walk:
    """One structure on its way down."""

    def __init__(self, index: int, structure: Structure, monolayer: bool | None, *, cell: bool) -> None:  # noqa: FBT001
        self.index = index
        self.start = structure
        self.numbers: NDArray[np.int64] = np.array([site.specie.Z for site in structure], dtype=np.int64)
        self.matrix: Array = np.array(structure.lattice.matrix, dtype=np.float64)
        self.fractional: Array = np.array(structure.frac_coords, dtype=np.float64)
        gap = thickest_gap(structure)
        self.axis = gap.axis if (gap.thickness >= MIN_GAP if monolayer is None else monolayer) else None
        self.free: Array = np.eye(3) * float(cell)
        if self.axis is not None and cell:
            first, second = (self.matrix[i] for i in range(3) if i != self.axis)
            normal = np.cross(first, second)
            normal /= np.linalg.norm(normal)
            self.free = np.eye(3) - np.outer(normal, normal)
        n = len(self.numbers)
        self.velocity: Array = np.zeros((n + 3, 3))
        self.pull: Array = np.zeros((n + 3, 3))
        self.time_step, self.mixing, self.downhill = _TIME_STEP, _MIXING, 0
        self.steps = 0
        self.seconds = 0.0
        self.now = Static()
        self.nearest: Array | None = None
        self.distance: Array | None = None

    def frame(self, potential: Stepwise) -> Frame:
        """The atoms as they stand now."""
        frame = potential.frame(self.matrix, self.fractional, self.numbers)
        self.distance = frame.nearest
        if self.nearest is None:
            self.nearest = self.distance
        return frame

    @property
    def too_close(self) -> bool:
        """Whether atoms overlap."""
        return self.distance is not None and bool(self.distance.min() < MIN_DISTANCE)

    def observe(self, now: Static) -> str | None:
        """Take in forces; give the reason why it can't go on."""
        if now.failure is not None:
            return f"exploded after {self.steps} steps: {now.failure}"
        stress = now.stress_gpa if self.free.any() else np.zeros((3, 3))
        if now.forces is None or stress is None:
            return "the potential gives no forces" if now.forces is None else "the potential gives no stress of cells"
        self.now = now
        n = len(self.numbers)
        volume = abs(float(np.linalg.det(self.matrix)))
        on_cell = -volume * (self.free @ (stress / GPA) @ self.free)
        self.pull = np.vstack([now.forces - now.forces.mean(axis=0), on_cell / n])
        if self.force > EXPLODED_FORCE:
            return f"exploded after {self.steps} steps: a force of {self.force:.3g} eV/Å"
        ratio = self._size(self.matrix) / self._size(np.array(self.start.lattice.matrix))
        if not SANE_CHANGE[0] / 2 < ratio < SANE_CHANGE[1] * 2:
            return f"exploded after {self.steps} steps: the cell is {ratio:.2f} times as large as before"
        return None

    @property
    def force(self) -> float:
        """Largest force on an atom or on a direction of the cell, eV/Å."""
        return float(np.linalg.norm(self.pull, axis=1).max())

    def step(self) -> None:
        """Go one step of FIRE."""
        power = float(np.vdot(self.pull, self.velocity))
        if power > 0:
            speed = float(np.linalg.norm(self.velocity)) / max(float(np.linalg.norm(self.pull)), 1e-12)
            self.velocity = (1 - self.mixing) * self.velocity + self.mixing * speed * self.pull
            if self.downhill > _STEPS_BEFORE_FASTER:
                self.time_step = min(self.time_step * _FASTER, _LONGEST_TIME_STEP)
                self.mixing *= _LESS_MIXING
            self.downhill += 1
        else:
            self.velocity[:] = 0
            self.time_step, self.mixing, self.downhill = self.time_step * _SLOWER, _MIXING, 0
        self.velocity += self.time_step * self.pull
        move = self.time_step * self.velocity
        length = float(np.linalg.norm(move))
        if length > _LONGEST_STEP:
            move *= _LONGEST_STEP / length
        n = len(self.numbers)
        # The strain is scaled by the number of atoms, so that cell and atoms move at like speed.
        self.fractional = self.fractional + move[:n] @ np.linalg.inv(self.matrix)
        self.matrix = self.matrix @ (np.eye(3) + move[n:] / n)
        self.steps += 1

    def result(self, failure: str | None, *, converged: bool = False) -> Relaxed:
        """Say how it ended."""
        structure = Structure(
            Lattice(self.matrix),
            [site.species for site in self.start],
            self.fractional - np.floor(self.fractional + 1e-9),
        )
        for new, old in zip(structure, self.start, strict=True):
            new.properties = dict(old.properties)
        original = np.array(self.start.lattice.matrix)
        size = self._size(self.matrix) / self._size(original)
        known = self.now.energy is not None
        return Relaxed(
            structure=structure,
            energy=self.now.energy,
            energy_per_atom=self.now.energy_per_atom,
            max_force=self.now.max_force if known else None,
            stress_gpa=self.now.stress_gpa,
            steps=self.steps,
            converged=converged,
            volume_change=float(np.linalg.det(self.matrix) / np.linalg.det(original)),
            area_change=size if self.axis is not None else None,
            doubts=tuple(self._doubts(structure, size)) if failure is None else (),
            failure=failure,
            seconds=self.seconds,
        )

    def _doubts(self, structure: Structure, size: float) -> list[str]:
        doubts = []
        if not SANE_CHANGE[0] <= size <= SANE_CHANGE[1]:
            what = "volume" if self.axis is None else "area"
            doubts.append(f"the {what} is {size:.2f} times that before")
        if self.axis is not None:
            gap = thickest_gap(structure)
            if gap.axis != self.axis or gap.thickness < MIN_GAP:
                doubts.append(f"the vacuum is lost: widest gap {gap.thickness:.1f} Å along axis {gap.axis}")
        if self.nearest is not None and self.distance is not None:
            torn = np.flatnonzero((self.distance > _NO_BOND) & (self.distance > TORN_OFF * self.nearest))
            doubts += [
                f"atom {i} came off: nearest neighbour {self.nearest[i]:.2f} -> {self.distance[i]:.2f} Å"
                for i in torn[:3]
            ]
        return doubts

    def _size(self, matrix: Array) -> float:
        """Volume, or of a monolayer its area."""
        if self.axis is None:
            return abs(float(np.linalg.det(matrix)))
        first, second = (matrix[i] for i in range(3) if i != self.axis)
        return float(np.linalg.norm(np.cross(first, second)))
