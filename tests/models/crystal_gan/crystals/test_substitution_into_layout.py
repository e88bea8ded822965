"""Oxides of other elements become oxides of Mg and Mn."""

import pytest
from exfolio.models.crystal_gan.crystals.substitution_into_layout import substituted_into
from exfolio.models.structure.point_cloud_layouts import MG_MN_O, Layout
from pymatgen.core import Lattice, Structure


@pytest.fixture
def perovskite() -> Structure:
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.cubic(3.9), ["Sr2+", "Ti4+", "O2-", "O2-", "O2-"], sites)


def symbols(structure: Structure) -> list[str]:
    return [site.specie.symbol for site in structure]


def test_both_ways_and_smaller_with_smaller_atoms(perovskite: Structure) -> None:
    substituted = list(substituted_into([perovskite], MG_MN_O))

    assert [symbols(structure)[:2] for structure in substituted] == [["Mg", "Mn"], ["Mn", "Mg"]]
    for structure in substituted:
        assert structure.get_space_group_info()[1] == 221
        assert structure.volume < perovskite.volume  # Mg and Mn are smaller than Sr and Ti


def test_of_an_oxide_of_one_of_the_elements_come_both_ways_too(perovskite: Structure) -> None:
    half = perovskite.copy()
    half.replace_species({"Sr2+": "Mg2+"})

    assert [symbols(structure)[:2] for structure in substituted_into([half], MG_MN_O)] == [["Mg", "Mn"], ["Mn", "Mg"]]


def test_what_does_not_fit_is_passed_over(perovskite: Structure) -> None:
    salt = Structure(Lattice.cubic(3.3), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    substituted = list(substituted_into([salt, perovskite * [3, 2, 1], perovskite], MG_MN_O))

    assert [len(structure) for structure in substituted] == [5, 5]


def test_the_layout_must_hold_what_is_kept(perovskite: Structure) -> None:
    with pytest.raises(ValueError, match="has no O, which is to be kept"):
        list(substituted_into([perovskite], Layout("salts", ("Na", "K", "Cl"), (4, 4, 4))))
