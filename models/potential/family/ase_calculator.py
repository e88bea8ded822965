"""Any calculator of ASE as a potential: energies, forces and stresses as it gives them, one structure after the other.

Needs the extra `ase`. Knows no calculator.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from pymatgen.core.structure import Structure

from ..interface import Potential
from ..results import GPA, Static


class AseCalculator(Potential):
    """A potential that an ASE calculator computes; a subclass says which by `calculator`.

    ASE gives energies in eV, forces in eV/Å and stresses in eV/Å^3, positive under tension. A calculator without
    stresses gives energies, but can't relax a cell.

    Examples
    --------
    >>> class EffectiveMedium(AseCalculator):
    ...     name, slug, elements = "EMT", "emt", frozenset(["Cu", "Au"])
    ...
    ...     def calculator(self):
    ...         from ase.calculators.emt import EMT
    ...
    ...         return EMT()
    """

    package = "ase"
    remedy = "pip install exfolio[ase]"

    @abstractmethod
    def calculator(self) -> Any:
        """Make the calculator; called once per process, when the first structure is evaluated."""

    @cached_property
    def _made(self) -> Any:
        return self.calculator()

    def __getstate__(self) -> dict[str, Any]:
        """All but the calculator, which each process makes for itself."""
        return {name: value for name, value in vars(self).items() if name != "_made"}

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """Evaluate structures as they stand, whatever was evaluated before."""
        return [self._evaluated(structure, forces=forces) for structure in structures]

    def _evaluated(self, structure: Structure, *, forces: bool) -> Static:
        from ase import Atoms
        from ase.calculators.calculator import PropertyNotImplementedError

        if (reason := self.unfit(structure)) is not None:
            return Static(failure=reason)
        calculator = self._made
        if hasattr(calculator, "reset"):  # lists of neighbours it kept may come in another order than new ones
            calculator.reset()
        numbers = [site.specie.Z for site in structure]
        cell = structure.lattice.matrix
        atoms: Any = Atoms(numbers, structure.cart_coords, cell=cell, pbc=True, calculator=calculator)
        try:
            energy = float(atoms.get_potential_energy())
            if not forces:
                return Static.of(energy, len(atoms))
            on_atoms = atoms.get_forces()
            try:
                stress = atoms.get_stress(voigt=False) * GPA
            except PropertyNotImplementedError:
                stress = None
        except Exception as error:  # noqa: BLE001  calculators are other people's, and raise what they like
            return Static(failure=f"{type(error).__name__}: {error}")
        return Static.of(energy, len(atoms), on_atoms, stress)
