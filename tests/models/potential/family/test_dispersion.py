"""Dispersion as a term of its own, and added to a potential."""

import numpy as np
import pytest
from exfolio.models.potential.family.dispersion import DispersionD3
from exfolio.models.potential.family.sum_potential import SumPotential
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.results import GPA
from pymatgen.core import Lattice, Structure
from toy_potential import Elastic

GRAPHITE = Structure(
    Lattice.hexagonal(2.464, 6.711), ["C"] * 4, [[0, 0, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]
)
ODD = Structure(Lattice.from_parameters(3.1, 3.3, 6.4, 88, 93, 119), ["Ga", "Se"], [[0.02, 0, 0.1], [0.3, 0.62, 0.4]])


def deformed(structure: Structure, i: int, j: int, by: float) -> Structure:
    strain = np.eye(3)
    strain[i, j] += by / 2
    strain[j, i] += by / 2
    return Structure(Lattice(structure.lattice.matrix @ strain), structure.species, structure.frac_coords)


@pytest.mark.parametrize("potential", [DispersionD3(), SumPotential(Elastic(), DispersionD3())], ids=["D3", "sum"])
def test_forces_and_stress_are_slopes_of_the_energy(potential: Potential) -> None:
    h = 1e-3
    [static] = potential.evaluate([ODD])
    there, back = ODD.copy(), ODD.copy()
    there.translate_sites([1], [0, 0, h], frac_coords=False)
    back.translate_sites([1], [0, 0, -h], frac_coords=False)

    pair = potential.evaluate([there, back], forces=False)
    deformations = [deformed(ODD, i, j, by) for i, j in [(2, 2), (0, 1)] for by in (h, -h)]
    strained = potential.evaluate(deformations, forces=False)

    if not isinstance(potential, SumPotential):  # the elastic medium has no forces to add
        assert static.forces[1, 2] == pytest.approx(-(pair[0].energy - pair[1].energy) / (2 * h), rel=1e-3)
    for (i, j), plus, minus in zip([(2, 2), (0, 1)], strained[::2], strained[1::2], strict=True):
        slope = (plus.energy - minus.energy) / (2 * h) / ODD.volume * GPA
        assert static.stress_gpa[i, j] == pytest.approx(slope, rel=1e-3, abs=1e-3)  # pairs pass its cut-off


def test_dispersion_holds_the_layers_of_graphite_as_strongly_as_measured() -> None:
    apart = Structure(Lattice.hexagonal(2.464, 50), ["C", "C"], [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5]])

    layer, crystal = DispersionD3().evaluate([apart, GRAPHITE], forces=False)

    # 52 ± 5 meV/atom: R. Zacharia, H. Ulbricht, T. Hertel, Phys. Rev. B 69, 155406 (2004); PBE adds next to nothing.
    assert 1000 * (layer.energy_per_atom - crystal.energy_per_atom) == pytest.approx(52, abs=25)


def test_a_sum_knows_what_both_know_and_says_what_either_can_not() -> None:
    curium = Structure(Lattice.cubic(3.5), ["Cm"], [[0, 0, 0]])
    both = SumPotential(Elastic(), DispersionD3())

    results = both.evaluate([ODD, curium], forces=False)

    assert (both.name, both.slug, both.title) == ("Elastic 1 + D3(BJ)", "elastic-d3", "Elastic + D3(BJ)")
    assert results[0].energy == sum(one.evaluate([ODD], forces=False)[0].energy for one in (Elastic(), DispersionD3()))
    assert results[1].failure == "D3(BJ) does not know Cm"
    assert both.unfit(curium) == "D3(BJ) does not know Cm"
