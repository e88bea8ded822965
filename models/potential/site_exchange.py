"""What exchanging two alike atoms of a crystal costs by a potential: how firmly its order holds."""

from __future__ import annotations

from dataclasses import dataclass

from pymatgen.core.structure import Structure

from ..structure.sizes.site_exchange import MIXES_BELOW, AlikeElements, exchanged, order_holds_up_to
from .interface import Potential


@dataclass(frozen=True, slots=True)
class ExchangeCost:
    """Cost of an exchange of two atoms far apart in a supercell.

    Attributes
    ----------
    energy
        eV, atoms where they are: of 14 crystals of known order CHGNet so tells 13, docs/evaluation.md.
    atoms
        Of the supercell.
    """

    energy: float
    atoms: int

    @property
    def holds_up_to(self) -> float:
        """Temperature in K up to which the order holds, about."""
        return order_holds_up_to(self.energy)

    @property
    def mixes(self) -> bool:
        """Whether it would hold only where atoms no longer move, so that it is hardly ever reached."""
        return self.holds_up_to < MIXES_BELOW


def exchange_cost(potential: Potential, structure: Structure, pair: AlikeElements) -> ExchangeCost | None:
    """Cost of exchanging one atom of each of two elements; None where the potential has no energy of it.

    Parameters
    ----------
    potential
        Whose energies count.
    structure
        The crystal.
    pair
        Of its elements.
    """
    if potential.unfit(structure) is not None:
        return None
    cells = exchanged(structure, pair)
    before, after = potential.evaluate(cells, forces=False)
    if before.energy is None or after.energy is None:
        return None
    return ExchangeCost(after.energy - before.energy, len(cells[0]))
