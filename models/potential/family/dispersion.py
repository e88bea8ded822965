"""D3(BJ), the dispersion that density functionals lack, as a potential of its own: what is added to another one.

Knows structures and the package `dftd3` alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ..interface import Potential
from ..results import GPA, Static

BOHR: Final = 0.529177210903
"""Å, CODATA 2018."""
HARTREE: Final = 27.211386245988
"""eV, CODATA 2018."""
HEAVIEST: Final = 94
"""Atomic number of the heaviest element with reference coefficients (Pu)."""
FUNCTIONAL: Final = "pbe"
"""Whose damping is taken: universal potentials are learnt from PBE."""


class DispersionD3(Potential):
    """D3 with the damping of Becke and Johnson and the parameters of PBE, pairs of atoms only."""

    name = "D3(BJ)"
    slug = "d3"
    elements = frozenset(element.symbol for element in Element if element.Z <= HEAVIEST)
    package = "dftd3"
    remedy = "pip install dftd3"
    citation = "S. Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456 (2011)"

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """Evaluate structures as they stand: energies of dispersion alone."""
        from dftd3.interface import RationalDampingParam

        damping = RationalDampingParam(method=FUNCTIONAL)  # type: ignore[no-untyped-call]
        return [self._evaluated(structure, damping, forces=forces) for structure in structures]

    def _evaluated(self, structure: Structure, damping: Any, *, forces: bool) -> Static:
        from dftd3.interface import DispersionModel

        if (reason := self.unfit(structure)) is not None:
            return Static(failure=reason)
        numbers = np.array([site.specie.Z for site in structure])
        positions, cell = structure.cart_coords / BOHR, structure.lattice.matrix / BOHR
        model = DispersionModel(numbers, positions, cell, np.ones(3, bool))
        found = model.get_dispersion(damping, grad=forces)
        energy = float(found["energy"]) * HARTREE
        if not forces:
            return Static.of(energy, len(structure))
        on_atoms = -found["gradient"] * (HARTREE / BOHR)
        stress = found["virial"] * (HARTREE * GPA / structure.volume)
        return Static.of(energy, len(structure), on_atoms, stress)
