"""A potential that was learnt from plain PBE(+U) energies, put on the scale of the Materials Project's corrected ones.

Raw, its energies are off that scale by up to 0.7 eV/atom without a sign of it. Knows structures and a potential.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar, TypeVar

from pymatgen.core.composition import Composition
from pymatgen.core.entries import ComputedStructureEntry
from pymatgen.core.structure import Structure
from pymatgen.io.vasp.sets import MPRelaxSet

from ...energetics.corrections.entry_corrections import correct
from ...energetics.corrections.schemes import Scheme
from ..interface import Potential
from ..results import Relaxed, Static


class CorrectedPotential(Potential):
    """A potential with the corrections of MP2020 in its energies; forces and stresses are as it gives them.

    A subclass states what each potential states, and gives `uncorrected`.
    """

    has_tabulated_scale = True
    uncorrected: ClassVar[Potential]
    """The potential itself."""

    def evaluate(self, structures: Sequence[Structure], *, forces: bool = True) -> list[Static]:
        """Evaluate structures as they stand; one that MP2020 does not take has a `failure`."""
        results = self.uncorrected.evaluate(structures, forces=forces)
        return [_corrected(result, structure) for result, structure in zip(results, structures, strict=True)]

    def relax(self, structures: Sequence[Structure], **settings: Any) -> list[Relaxed]:
        """Relax structures; which corrections they get follows from how they end."""
        return [_corrected(result, result.structure) for result in self.uncorrected.relax(structures, **settings)]


def mp2020_correction(structure: Structure) -> float:
    """Correction of the energy of a structure as the Materials Project would have computed it, eV of the cell.

    Raises
    ------
    ValueError
        MP2020 does not take it.
    """
    composition = structure.composition.element_composition
    anion = max(composition.elements, key=lambda element: element.X).symbol
    by_anion = MPRelaxSet.CONFIG["INCAR"]["LDAUU"].get(anion, {})
    hubbards = {element.symbol: by_anion[element.symbol] for element in composition if element.symbol in by_anion}
    entry = ComputedStructureEntry(
        structure,
        0.0,
        parameters={"run_type": "GGA+U" if hubbards else "GGA", "hubbards": hubbards},
        data={"oxidation_states": dict(_oxidation_states(composition.formula))},
    )
    (answer,) = correct([entry], Scheme.MP2020, check_potcar=False)
    if answer.refusal:
        raise ValueError(answer.refusal)
    return answer.correction


_LARGEST_GUESSED = -20
"""As pymatgen's own corrections: formulas of more atoms are reduced to that many."""


@lru_cache(maxsize=4096)
def _oxidation_states(formula: str) -> tuple[tuple[str, float], ...]:
    """Likeliest oxidation states, the slow part of a correction; none where they can't be guessed."""
    try:
        guessed = Composition(formula).oxi_state_guesses(max_sites=_LARGEST_GUESSED)
    except ValueError:
        return ()
    return tuple(guessed[0].items()) if guessed else ()


_Result = TypeVar("_Result", Static, Relaxed)


def _corrected(result: _Result, structure: Structure) -> _Result:
    if result.energy is None:
        return result
    try:
        energy = result.energy + mp2020_correction(structure)
    except ValueError as error:
        return replace(result, energy=None, energy_per_atom=None, failure=f"MP2020 does not take it: {error}")
    return replace(result, energy=energy, energy_per_atom=energy / len(structure))
