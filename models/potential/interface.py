"""What a potential is: it evaluates structures, and relaxes them, whichever package its energies come from.

Knows no potential, and nothing of what energies are compared with.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

from . import relaxation
from .relaxation import FORCE_TOLERANCE, MAX_STEPS, Frame, nearest_neighbours
from .results import Relaxed, Static

Array = NDArray[np.float64]


class Potential(ABC):
    """Energies of structures by one method.

    A subclass states `name` and `slug`, and gives `evaluate`; it relaxes by that, unless it has a quicker way. It is
    made without arguments, and again in every worker process: what takes long to load is loaded when it is needed.

    Examples
    --------
    A pair potential of noble gases is a class of `name`, `slug`, `elements` and a few lines of `evaluate`, see
    `ase_calculator.AseCalculator` and docs/extending.md.
    """

    name: str
    """The method, as values carry it, its version included: energies of another version are another method's. One that
    describes dispersion says so by ``+ D3`` at its end (`calculation.methods`); else distances of layers are bounds."""
    slug: str
    """Name in ids of entries, in stages and in campaigns: lower case letters, digits, dashes."""
    version: str = ""
    """The end of `name` that says which version it is; empty where it says none."""
    elements: frozenset[str] | None = None
    """Symbols of the elements it knows; None where it may know any."""
    package: str | None = None
    """Module that has to be there for it; None where it needs none."""
    remedy: str = ""
    """How that is installed."""
    citation: str = ""
    """Publication to cite."""
    has_tabulated_scale: ClassVar[bool] = False
    """Whether its energies are PBE's as the Materials Project computes them, against which elements are checked."""
    atoms_at_once: int = 2000
    """Atoms that are given to `evaluate` at once where structures are relaxed."""

    @property
    def title(self) -> str:
        """The name without the version."""
        return self.name.removesuffix(self.version).rstrip()

    def is_installed(self) -> bool:
        """Whether what it needs can be imported; does not import it."""
        return self.package is None or importlib.util.find_spec(self.package) is not None

    def unfit(self, structure: Structure) -> str | None:
        """Say why the potential can't take a structure, or None."""
        if not structure.is_ordered:
            return "it is disordered: a site is partly or mixedly occupied"
        if self.elements is None:
            return None
        unknown = {element.symbol for element in structure.composition.elements} - self.elements
        return f"{self.title} does not know {', '.join(sorted(unknown))}" if unknown else None

    @abstractmethod
    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """Evaluate structures as they stand.

        Parameters
        ----------
        structures
            n structures; those that are `unfit` among them.
        forces
            Whether forces and stress are wanted; energies alone are often quicker.

        Returns
        -------
        list of Static
            n results, in order; of what can't be evaluated a `failure`. The same however structures are split into
            calls: what an energy is must not depend on its company.
        """

    def relax(
        self,
        structures: Sequence[Structure],
        *,
        monolayer: bool | Sequence[bool] | None = None,
        cell: bool = True,
        max_steps: int = MAX_STEPS,
        force_tolerance: float = FORCE_TOLERANCE,
        max_seconds: float | None = None,
    ) -> list[Relaxed]:
        """Relax structures, many at once.

        Parameters
        ----------
        structures
            n structures.
        monolayer, cell, max_steps, force_tolerance, max_seconds
            As for `relaxation.relax`.

        Returns
        -------
        list of Relaxed
            n results, in order.

        Raises
        ------
        ValueError
            When `monolayer` is not one per structure, or a limit is not positive.
        """
        return relaxation.relax(
            structures,
            _Structures(self),
            monolayer=monolayer,
            cell=cell,
            max_steps=max_steps,
            force_tolerance=force_tolerance,
            max_seconds=max_seconds,
        )


class _Structures:
    """Any potential as a relaxation asks it: a frame is a structure, and its size the number of atoms."""

    def __init__(self, potential: Potential) -> None:
        self.potential = potential
        self.limit = potential.atoms_at_once
        self.unfit = potential.unfit

    def frame(self, matrix: Array, fractional: Array, numbers: NDArray[np.int64]) -> Frame:
        structure = Structure(Lattice(matrix), numbers.tolist(), fractional)
        return Frame(structure, len(structure), nearest_neighbours(matrix, fractional))

    def evaluate(self, frames: Sequence[Frame]) -> list[Static]:
        return self.potential.evaluate([frame.content for frame in frames], forces=True)
