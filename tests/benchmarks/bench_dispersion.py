"""Times CHGNet + D3(BJ) through exfolio against the ASE calculators of both, added by ASE's own sum of calculators.

Run: python tests/benchmarks/bench_dispersion.py [structures to evaluate] [monolayers to relax]. All on one thread.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import torch
from bench_potential import handbook, layers_of
from exfolio.builders.properties.potential import known_potentials
from exfolio.models.potential.relaxation import FORCE_TOLERANCE
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor
from report import compare

STEPS = 100
IN_PLANE = [1, 1, 0, 0, 0, 1]
"""Strains of a layer in its plane, as ASE counts them; its vacuum stays."""


def sum_of_calculators() -> Any:
    """The calculators that both packages give."""
    from ase.calculators.mixing import SumCalculator
    from chgnet.model.dynamics import CHGNetCalculator
    from dftd3.ase import DFTD3

    return SumCalculator([CHGNetCalculator(use_device="cpu"), DFTD3(method="PBE", damping="d3bj")])


def evaluated(structures: list[Structure], calculator: Any) -> list[float]:
    """Energies, with forces and stresses."""
    energies = []
    for structure in structures:
        atoms = AseAtomsAdaptor.get_atoms(structure)
        atoms.calc = calculator
        atoms.get_forces()
        atoms.get_stress()
        energies.append(atoms.get_potential_energy() / len(atoms))
    return energies


def relaxed(layers: list[Structure], calculator: Any) -> list[float]:
    """Energies of layers relaxed in their plane, by FIRE, as CHGNet's own optimizer takes it."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE

    energies = []
    for layer in layers:
        atoms = AseAtomsAdaptor.get_atoms(layer)
        atoms.calc = calculator
        FIRE(FrechetCellFilter(atoms, mask=IN_PLANE), logfile=None).run(fmax=FORCE_TOLERANCE, steps=STEPS)
        energies.append(atoms.get_potential_energy() / len(atoms))
    return energies


def main() -> None:
    """Print the figures."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    to_evaluate, to_relax = (int(one) for one in (sys.argv[1:] + ["60", "8"][len(sys.argv) - 1 :]))
    crystals = [crystal for crystal in handbook() if crystal.is_ordered]
    sample = crystals[:: max(1, len(crystals) // to_evaluate)][:to_evaluate]
    layers = layers_of(crystals, to_relax)
    potential, calculator = known_potentials.potential("chgnet-d3"), sum_of_calculators()
    said = [result.energy_per_atom or 0.0 for result in potential.evaluate(sample)]
    differences = [abs(ours - theirs) for ours, theirs in zip(said, evaluated(sample, calculator), strict=True)]
    print(f"largest difference of energies {max(differences):.1e} eV/atom")
    compare(
        "static with dispersion: energies, forces, stresses",
        lambda: potential.evaluate(sample),
        lambda: evaluated(sample, calculator),
        ours_n=len(sample),
        peer_name="CHGNetCalculator + DFTD3",
    )
    ours = [result.energy_per_atom for result in potential.relax(layers, monolayer=True, max_steps=STEPS)]
    pairs = zip(ours, relaxed(layers, calculator), strict=True)
    above = [one - other for one, other in pairs if one is not None]
    print(f"relaxed: ours less theirs {min(above):.4f} to {max(above):.4f} eV/atom, {len(above)} of {len(layers)}")
    compare(
        f"relaxation of monolayers with dispersion, at most {STEPS} steps",
        lambda: potential.relax(layers, monolayer=True, max_steps=STEPS),
        lambda: relaxed(layers, calculator),
        ours_n=len(layers),
        repeats=1,
        peer_name="FIRE on the sum",
    )


if __name__ == "__main__":
    main()
