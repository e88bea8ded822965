"""Reference crystals of elements, beside measured ones, and energies beside tabulated ones."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.potential.family.chgnet import evaluate, is_installed
from exfolio.models.potential.reference_elements import BOND_LENGTHS, TABULATED, believable, element_crystals
from pymatgen.core import Structure
from pymatgen.symmetry.analyzer import SpacegroupAnalyzer
from scipy.sparse.csgraph import connected_components

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")

MOLECULAR = {"H": "Pa-3", "N": "Pa-3", "O": "C2/m", "F": "C2/c", "Cl": "Cmce", "Br": "Cmce", "I": "Cmce"}


def crystals_of(symbol: str) -> list[Structure]:
    return [crystal.structure for crystal in element_crystals() if crystal.symbol == symbol]


@pytest.mark.parametrize(("symbol", "group"), MOLECULAR.items())
def test_a_diatomic_element_is_a_crystal_of_whole_molecules(symbol: str, group: str) -> None:
    for structure in crystals_of(symbol):
        assert SpacegroupAnalyzer(structure, 0.01).get_space_group_symbol() == group
        for number in range(len(structure)):
            neighbours = structure.get_neighbors(structure[number], 1.05 * BOND_LENGTHS[symbol])
            assert [n.nn_distance for n in neighbours] == pytest.approx([BOND_LENGTHS[symbol]], abs=1e-3)


def test_sulfur_is_a_crystal_of_rings_of_eight() -> None:
    """Bonds of 2.038 to 2.049 Å, 2.07 g/cm^3: S. J. Rettig, J. Trotter, Acta Cryst. C 43, 2260 (1987)."""
    structures = crystals_of("S")
    for structure in structures:
        assert SpacegroupAnalyzer(structure, 0.01).get_space_group_symbol() == "Fddd"
        rings, bonds = connected_components(structure.distance_matrix < 2.4)[0], structure.get_all_neighbors(2.4)
        assert (len(structure), rings) == (32, 4)
        assert {len(bonded) for bonded in bonds} == {2}
        assert all(2.03 < neighbour.nn_distance < 2.06 for bonded in bonds for neighbour in bonded)
    assert min(abs(structure.density - 2.07) for structure in structures) < 0.01


def test_fluorine_has_its_measured_cell() -> None:
    """127.26 Å^3 for eight atoms at 10 K: S. I. Ivlev et al., Chem. Eur. J. 25, 3310 (2019)."""
    volumes = [structure.volume / len(structure) for structure in crystals_of("F")]
    assert min(abs(volume - 127.26 / 8) for volume in volumes) < 0.02


def test_each_element_has_one_crystal_in_different_sizes() -> None:
    for symbol in {crystal.symbol for crystal in element_crystals()}:
        densities = [structure.density for structure in crystals_of(symbol)]
        assert len(densities) == (4 if symbol in {*MOLECULAR, "S"} else 1)
        assert max(densities) / min(densities) < 1.6


@pytest.mark.parametrize(
    ("symbol", "energy", "expected"),
    [("F", -2.010, False), ("F", -1.909, True), ("Cl", -1.87, True), ("Mo", -10.70, True), ("Og", -1.0, True)],
)
def test_an_element_far_below_its_tabulated_energy_is_not_believed(symbol: str, energy: float, expected: bool) -> None:
    assert believable(symbol, energy) is expected


def test_tabulated_energies_are_those_of_the_materials_project(shared_data: Path) -> None:
    compounds = json.loads(gzip.decompress((shared_data / "mp_calc_compounds.json.gz").read_bytes()))
    elements = {name: one for name, one in compounds.items() if name in TABULATED}
    assert len(elements) > 35
    for name, one in elements.items():
        per_atom = one["energy"] / sum(one["composition"].values())
        assert TABULATED[name] == pytest.approx(per_atom, abs=0.012), name  # lower polymorphs of Na, Ca came later


@needs_chgnet
def test_chgnet_puts_the_crystals_near_the_tabulated_energies() -> None:
    """So that compounds of the element come out neither too stable nor too unstable."""
    crystals = element_crystals()
    results = evaluate([crystal.structure for crystal in crystals], forces=False)
    lowest: dict[str, float] = {}
    for crystal, result in zip(crystals, results, strict=True):
        assert result.energy_per_atom is not None
        lowest[crystal.symbol] = min(lowest.get(crystal.symbol, np.inf), result.energy_per_atom)
    above = {symbol: energy - TABULATED[symbol] for symbol, energy in lowest.items()}
    assert all(believable(symbol, energy) for symbol, energy in lowest.items())
    assert {symbol: above[symbol] for symbol in MOLECULAR} == pytest.approx(dict.fromkeys(MOLECULAR, 0.0), abs=0.06)
    assert above["S"] == pytest.approx(0.0, abs=0.02)
    assert above["F"] == pytest.approx(0.0, abs=0.01)
