"""What counts as the same material."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.comparison.matching import Representatives, prepare
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.vacuum import set_vacuum
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


def one_layer(second_sulphur: tuple[float, float], a: float = 3.18, c: float = 23.12) -> Structure:
    half = 1.56 / c
    return Structure(
        Lattice.hexagonal(a, c),
        ["Mo", "S", "S"],
        [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 - half], [*second_sulphur, 0.5 + half]],
    )


@pytest.fixture
def prismatic() -> Structure:
    return one_layer((1 / 3, 2 / 3))


@pytest.fixture
def octahedral() -> Structure:
    return one_layer((2 / 3, 1 / 3))


def test_vacuum_does_not_hide_that_two_monolayers_differ(prismatic: Structure, octahedral: Structure) -> None:
    """StructureMatcher alone takes 1H and 1T MoS2 in 20 Å of vacuum for one: its tolerance grows with the volume."""
    assert StructureMatcher().fit(prismatic, octahedral)
    assert Representatives([octahedral]).match(prismatic) is None


@pytest.mark.parametrize("vacuum", [8.0, 15.0, 20.0, 40.0])
def test_vacuum_makes_no_different_things(prismatic: Structure, vacuum: float) -> None:
    assert Representatives([prismatic]).match(set_vacuum(prismatic, vacuum)) == 0


def test_in_plane_strain_of_a_few_percent_is_the_same_material(prismatic: Structure) -> None:
    known = Representatives([prismatic])
    assert known.match(one_layer((1 / 3, 2 / 3), a=3.30)) == 0
    assert known.match(one_layer((1 / 3, 2 / 3), a=3.80)) is None


def test_turned_shifted_enlarged_and_noisy_copies_are_found(prismatic: Structure, octahedral: Structure) -> None:
    copy = prismatic * [2, 1, 1]
    copy.translate_sites(range(6), [0.1, 0.2, 0.45])
    copy.perturb(0.02)
    assert Representatives([octahedral, prismatic]).match(copy) == 1


def test_a_layer_is_not_its_bulk(crystal: Crystal, prismatic: Structure) -> None:
    assert prepare(prismatic).key == ("MoS2", "monolayer")
    assert prepare(crystal("MoS2 2H")).key == ("MoS2", "bulk")
    assert Representatives([crystal("MoS2 2H")]).match(prismatic) is None


def test_oxidation_states_make_no_difference(crystal: Crystal) -> None:
    decorated = crystal("NaCl")
    decorated.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    assert Representatives([crystal("NaCl")]).match(decorated) == 0


def test_densities_far_apart_are_not_duplicates_unless_asked(crystal: Crystal) -> None:
    for factor in (1.2, 1 / 1.2):  # more than functionals differ by
        strained = crystal("NaCl")
        strained.scale_lattice(strained.volume * factor)
        assert Representatives([crystal("NaCl")]).match(strained) == 0
    swollen = crystal("NaCl")
    swollen.scale_lattice(swollen.volume * 1.5)
    assert Representatives([crystal("NaCl")]).match(swollen) is None
    assert Representatives([crystal("NaCl")], max_density_ratio=None).match(swollen) == 0


@pytest.mark.parametrize(("stretch", "turn", "same"), [(1.15, 0, True), (1.3, 0, False), (1, 4, True), (1, 7, False)])
def test_a_deformed_cell_is_the_same_within_the_tolerances_of_structure_matcher(
    stretch: float, turn: float, same: bool
) -> None:
    cubic, deformed = (
        Structure(Lattice.from_parameters(4, 4, c, 90, 90, 90 + angle), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
        for c, angle in ((4, 0), (4 * stretch**1.5, turn))
    )
    assert bool(StructureMatcher().fit(cubic, deformed)) is same
    assert Representatives([cubic], max_density_ratio=None).match(deformed) == (0 if same else None)


def test_the_first_of_each_kind_stands_for_the_others(
    crystal: Crystal, prismatic: Structure, octahedral: Structure
) -> None:
    structures = [prismatic, crystal("NaCl"), octahedral, set_vacuum(prismatic, 12.0), crystal("NaCl") * 2]
    known = Representatives()
    assert [known.add(structure) for structure in structures] == [
        (0, True),
        (1, True),
        (2, True),
        (0, False),
        (1, False),
    ]


def test_what_comes_later_joins_what_is_known(crystal: Crystal, prismatic: Structure, octahedral: Structure) -> None:
    known = [prismatic, crystal("NaCl")]
    new = [octahedral, set_vacuum(prismatic, 12.0), crystal("diamond"), octahedral * [1, 2, 1]]
    running = Representatives(known)
    assert [running.add(structure) for structure in new] == [(2, True), (0, False), (3, True), (2, False)]
    assert len(running) == 4


def test_real_bulk_crystals_group_as_structure_matcher_groups_them(shared_data: Path) -> None:
    with gzip.open(shared_data / "matbench_phonons_structures.json.gz", "rt") as file:
        dicts = [row[0] for row in json.load(file)["data"]]
    wanted = ("ZnS", "SiO2", "GeO2", "CuBr", "AgI", "ScF3", "TlI", "AlN")
    small = [from_plain(one) for one in dicts if len(one["sites"]) <= 12]
    structures = [s for s in small if s.composition.reduced_formula in wanted]
    expected = StructureMatcher().group_structures(structures)
    place = {id(structure): index for index, structure in enumerate(structures)}
    known = Representatives(max_density_ratio=None)
    groups: dict[int, list[int]] = {}
    for index, structure in enumerate(structures):
        groups.setdefault(known.add(structure)[0], []).append(index)
    assert sorted(groups.values()) == sorted(sorted(place[id(structure)] for structure in group) for group in expected)
    assert np.max([len(group) for group in expected]) > 1
