"""What is layered, and what is not."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.dimensionality.layering import (
    DATABASE_RULES,
    PAPER_RULES,
    LayerRules,
    analyse_layers,
)
from exfolio.models.structure.serialization import from_plain
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]
LAYERED = {
    "MoS2 2H": 2,
    "MoS2 3R": 3,
    "MoS2 1T": 1,
    "graphite": 2,
    "h-BN": 2,
    "GaSe": 2,
    "CdI2": 1,
    "CdCl2": 3,
    "black P": 2,
}
HEAVY = {"Bi2Te3": 3, "PbI2": 1, "BiTeI": 1}
OTHERS = {"NaCl": 3, "diamond": 3, "Cu2O": 3, "Se": 1, "CO2": 0}


@pytest.mark.parametrize("rules", [PAPER_RULES, DATABASE_RULES])
@pytest.mark.parametrize(("name", "layers"), LAYERED.items())
def test_layered_crystals(crystal: Crystal, name: str, layers: int, rules: LayerRules) -> None:
    found = analyse_layers(crystal(name), rules)
    assert found.layered
    assert found.dimensionality == 2
    assert found.layers_per_cell == layers
    assert found.reason is None


@pytest.mark.parametrize(("name", "layers"), HEAVY.items())
def test_layers_of_heavy_atoms_need_the_relative_tolerance(crystal: Crystal, name: str, layers: int) -> None:
    """Their bonds are 0.38 Å and more beyond the sum of the radii, so one tolerance of the paper's sees layers."""
    assert len(analyse_layers(crystal(name), PAPER_RULES).layered_at) < 2
    found = analyse_layers(crystal(name), DATABASE_RULES)
    assert found.layered
    assert found.layers_per_cell == layers


@pytest.mark.parametrize("rules", [PAPER_RULES, DATABASE_RULES])
@pytest.mark.parametrize(("name", "dimensionality"), OTHERS.items())
def test_crystals_without_layers(crystal: Crystal, name: str, dimensionality: int, rules: LayerRules) -> None:
    found = analyse_layers(crystal(name), rules)
    assert not found.layered
    assert found.dimensionality == dimensionality
    assert found.layers_per_cell == 0
    assert "never 2D" in (found.reason or "")


def test_the_tolerances_at_which_it_is_layered_are_told(crystal: Crystal) -> None:
    """Ga-Ga in GaSe is 2.446 Å, radii add up to 2.44: at no tolerance the halves of a layer come apart."""
    found = analyse_layers(crystal("GaSe"), PAPER_RULES)
    assert found.dimensionalities == (0, 2, 2, 2, 2, 2, 2, 2, 2)
    assert found.layered_at == (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)


def test_two_tolerances_are_enough_and_one_is_not(crystal: Crystal) -> None:
    assert analyse_layers(crystal("GaSe"), LayerRules(tolerances=(0.0, 0.05, 0.1))).layered_at == (0.05, 0.1)
    assert analyse_layers(crystal("GaSe"), LayerRules(tolerances=(0.0, 0.05, 0.1))).layered
    once = analyse_layers(crystal("GaSe"), LayerRules(tolerances=(0.0, 0.05)))
    assert not once.layered
    assert once.reason == "layers at 1 tolerance (0.05) only, 2 are needed"


def test_the_halves_of_a_layer_are_no_layers_where_a_larger_tolerance_joins_them() -> None:
    """GaSe with Ga-Ga stretched from 2.46 to 2.61 Å: four sheets of Ga-Se up to 0.15 Å, two layers beyond."""
    stretched = Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.755, 15.94), ["Ga", "Se"], [[1 / 3, 2 / 3, 0.168], [1 / 3, 2 / 3, 0.602]]
    )
    found = analyse_layers(stretched, PAPER_RULES)
    assert found.layered_at == PAPER_RULES.tolerances
    assert found.layers_per_cell == 2


def test_of_dimensionalities_found_equally_often_the_higher_counts(crystal: Crystal) -> None:
    # Na-Cl is 2.82 Å, 0.14 Å beyond the sum of the radii.
    found = analyse_layers(crystal("NaCl"), LayerRules(tolerances=(0.0, 0.05, 0.15, 0.2)))
    assert found.dimensionalities == (0, 0, 3, 3)
    assert found.dimensionality == 3


def test_ions_between_layers_are_named(crystal: Crystal) -> None:
    lithiated = crystal("MoS2 1T")
    lithiated.append("Li", [0, 0, 0.5])
    found = analyse_layers(lithiated, LayerRules(tolerances=(0.0, 0.02)))
    assert not found.layered
    assert "0D and 2D" in (found.reason or "")


@pytest.mark.parametrize("cell", [[2, 1, 1], [[1, 0, 0], [1, 1, 0], [0, 0, 2]], [[1, 0, 1], [0, 1, 0], [0, 0, 1]]])
def test_any_cell_of_the_crystal_will_do(crystal: Crystal, cell: list[list[int]]) -> None:
    found = analyse_layers(crystal("MoS2 2H") * cell)
    assert found.layered
    assert found.dimensionality == 2


def test_limits_are_reported() -> None:
    mixed = Structure(Lattice.cubic(9), ["Na", "K", "F", "Cl", "Br"], np.eye(5, 3) * 0.4)
    found = analyse_layers(mixed, PAPER_RULES)
    assert not found.analysed
    assert found.dimensionality is None
    assert found.reason == "5 elements are more than the limit of 4"


def test_the_limit_of_atoms_is_one_of_the_primitive_cell(crystal: Crystal) -> None:
    supercell = crystal("graphite") * [4, 4, 1]
    assert len(supercell) == 64
    assert analyse_layers(supercell, PAPER_RULES).layered
    assert analyse_layers(supercell, LayerRules(max_atoms=4)).analysed
    assert not analyse_layers(supercell, LayerRules(max_atoms=3)).analysed
    supercell.translate_sites([0], [0.01, 0, 0])
    assert "64 atoms" in (analyse_layers(supercell, PAPER_RULES).reason or "")


def test_what_cannot_be_analysed_is_a_result_not_a_crash() -> None:
    alloy = Structure(Lattice.cubic(3), [{"Au": 0.5, "Cu": 0.5}], [[0, 0, 0]])
    einsteinium = Structure(Lattice.cubic(5), ["Es"], [[0, 0, 0]])
    found = [analyse_layers(structure) for structure in (alloy, einsteinium)]
    assert [one.analysed for one in found] == [False, False]
    assert "disordered" in (found[0].reason or "")
    assert "Es" in (found[1].reason or "")


def test_monolayers_of_the_database_are_found(shared_data: Path) -> None:
    """Exfoliated ones of 2DMatPedia, as relaxed there: each is one layer in vacuum."""
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        records = [json.loads(line) for _, line in zip(range(300), lines, strict=False)]
        records += [json.loads(line) for line in lines][::6]
    structures = [from_plain(r["structure"]) for r in records if r["discovery_process"] == "top-down"]
    assert len(structures) > 30
    by_paper = [analyse_layers(structure, PAPER_RULES).layered for structure in structures]
    by_database = [analyse_layers(structure, DATABASE_RULES).layered for structure in structures]
    assert np.mean(by_paper) > 0.8
    assert np.mean(by_database) > 0.9
    assert sum(by_database) > sum(by_paper)
