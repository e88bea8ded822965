"""What an exchange costs, by a potential that counts which atoms touch."""

from collections.abc import Sequence

import numpy as np
import pytest
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.results import Static
from exfolio.models.potential.site_exchange import exchange_cost
from exfolio.models.structure.sizes.site_exchange import BOLTZMANN, alike_elements
from pymatgen.core import Lattice, Structure

BOND = 0.02
"""eV that each of the eight contacts of unlike atoms in the CsCl structure gains over one of like atoms."""


class Contacts(Potential):
    """Unlike neighbours of a body-centred crystal gain energy; it knows copper and zinc."""

    name, slug = "Contacts 1", "contacts"
    elements = frozenset({"Cu", "Zn"})

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:  # noqa: ARG002
        return [self._static(structure) for structure in structures]

    def _static(self, structure: Structure) -> Static:
        centers, points, _, _ = structure.get_neighbor_list(2.7)  # the eight nearest of CuZn, at 2.55 Å
        numbers = np.array(structure.atomic_numbers)
        unlike = int((numbers[centers] != numbers[points]).sum()) / 2
        atoms = len(structure)
        return Static.of(-BOND * unlike, atoms, np.zeros((atoms, 3)), np.zeros((3, 3)))


def brass(second: str = "Zn") -> Structure:
    return Structure(Lattice.cubic(2.95), ["Cu", second], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_an_exchange_of_two_atoms_far_apart_breaks_the_contacts_of_both() -> None:
    """Eight contacts of each are lost, sixteen in all: the order holds up to 16 / 4 of a contact's energy over k."""
    [pair] = alike_elements(brass())

    cost = exchange_cost(Contacts(), brass(), pair)

    assert cost is not None
    assert cost.energy == pytest.approx(16 * BOND)
    assert cost.holds_up_to == pytest.approx(4 * BOND / BOLTZMANN)  # 928 K
    assert not cost.mixes


def test_what_the_potential_does_not_know_has_no_cost() -> None:
    [pair] = alike_elements(brass("Ni"))

    assert exchange_cost(Contacts(), brass("Ni"), pair) is None
