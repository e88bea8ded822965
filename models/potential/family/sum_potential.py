"""A potential and a term added to it, as one potential: neither knows of the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from pymatgen.core.structure import Structure

from ..interface import Potential
from ..results import Static


class SumPotential(Potential):
    """The sum of two potentials: energies, forces and stresses of both.

    Parameters
    ----------
    potential
        The potential.
    term
        What is added, quick beside it.

    Examples
    --------
    >>> from .chgnet import Chgnet
    >>> from .dispersion import DispersionD3
    >>> both = SumPotential(Chgnet(), DispersionD3())
    >>> both.name, both.slug
    ('CHGNet 0.3.0 + D3(BJ)', 'chgnet-d3')
    """

    def __init__(self, potential: Potential, term: Potential) -> None:
        self.potential, self.term = potential, term
        self.name = f"{potential.name} + {term.name}"
        self.slug = f"{potential.slug}-{term.slug}"
        self.version = potential.version
        known = [part.elements for part in (potential, term) if part.elements is not None]
        self.elements = frozenset.intersection(*known) if known else None
        self.remedy = "; ".join(part.remedy for part in (potential, term) if not part.is_installed())
        self.citation = "; ".join(part.citation for part in (potential, term) if part.citation)
        self.atoms_at_once = potential.atoms_at_once

    @property
    def title(self) -> str:
        """Both names, the first without its version."""
        return f"{self.potential.title} + {self.term.title}"

    def is_installed(self) -> bool:
        """Whether both are."""
        return self.potential.is_installed() and self.term.is_installed()

    def unfit(self, structure: Structure) -> str | None:
        """Say why one of them can't take a structure, or None."""
        return self.potential.unfit(structure) or self.term.unfit(structure)

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """Evaluate structures by both; a failure of one is a failure of the sum."""
        results = self.potential.evaluate(structures, forces=forces)
        known = [result.energy is not None for result in results]
        terms = iter(self.term.evaluate(list(compress(structures, known)), forces=forces))
        return [
            _sum(result, next(terms), len(structure)) if result.energy is not None else result
            for structure, result in zip(structures, results, strict=True)
        ]


def _sum(first: Static, second: Static, atoms: int) -> Static:
    if first.energy is None or second.energy is None:
        return second
    forces = None if first.forces is None or second.forces is None else first.forces + second.forces
    stress = None if first.stress_gpa is None or second.stress_gpa is None else first.stress_gpa + second.stress_gpa
    return Static.of(first.energy + second.energy, atoms, forces, stress)
