"""A potential that costs next to nothing: every crystal is an elastic medium with a volume at which it rests."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.relaxation import Relaxed
from exfolio.models.potential.results import GPA, Static
from pymatgen.core.structure import Structure

_STIFFNESS = 20.0  # eV


class Elastic(Potential):
    """Energies that rise with the square of a crystal's strain; it remembers what it was asked to relax."""

    name = "Elastic 1"
    version = "1"
    slug = "elastic"
    relaxed: ClassVar[list[str]] = []

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:  # noqa: ARG002
        return [self._static(structure) for structure in structures]

    def relax(self, structures: Sequence[Structure], **settings: object) -> list[Relaxed]:
        self.relaxed.extend(structure.composition.reduced_formula for structure in structures)
        return super().relax(structures, **settings)

    def _static(self, structure: Structure) -> Static:
        atoms = len(structure)
        numbers = np.array(structure.atomic_numbers)
        rest = 10 + 0.5 * numbers.mean()  # Å^3 per atom
        length = (structure.volume / atoms / rest) ** (1 / 3)
        energy = _STIFFNESS / 2 * (length - 1) ** 2 - numbers.std() / 20
        pressure = _STIFFNESS * (length - 1) * length / (3 * structure.volume / atoms)
        return Static.of(energy * atoms, atoms, np.zeros((atoms, 3)), pressure * np.eye(3) * GPA)


class Argon(Potential):
    """Pairs of atoms that attract as argon's do: close-packed crystals are stable, simple cubic ones are not."""

    name = "Argon 1"
    version = "1"
    slug = "argon"
    depth, size, reach = 0.0832, 3.4, 7.5  # eV (eight times as deep), Å, Å
    evaluated: ClassVar[list[str]] = []

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:  # noqa: ARG002
        self.evaluated.extend(structure.formula for structure in structures)
        return [self._static(structure) for structure in structures]

    def _static(self, structure: Structure) -> Static:
        centers, neighbours, images, distances = structure.get_neighbor_list(self.reach)
        places, matrix = structure.cart_coords, structure.lattice.matrix
        apart = places[neighbours] + images @ matrix - places[centers]
        power = (self.size / distances) ** 6
        shift = (self.size / self.reach) ** 6
        energy = 2 * self.depth * float((power**2 - power - shift**2 + shift).sum())
        pull = (-24 * self.depth * (2 * power**2 - power) / distances**2)[:, None] * apart
        forces = np.zeros_like(places)
        np.add.at(forces, centers, pull)
        stress = np.einsum("ni,nj->ij", apart, pull) / (2 * structure.volume)
        return Static.of(energy, len(structure), forces, stress * GPA)


class Krypton(Argon):
    """The same, a little larger and deeper."""

    name = "Krypton 1"
    slug = "krypton"
    depth, size = 0.1000, 3.45
