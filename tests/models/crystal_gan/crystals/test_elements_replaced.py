"""Oxides of other elements become oxides of Mg and Mn."""

import pytest
from exfolio.models.crystal_gan.crystals.elements_replaced import mapped_into
from exfolio.models.structure.point_cloud_layouts import MG_MN_O, Layout
from pymatgen.core import Lattice, Structure


@pytest.fixture
def perovskite() -> Structure:
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.cubic(3.9), ["Sr2+", "Ti4+", "O2-", "O2-", "O2-"], sites)


def test_both_ways_and_smaller_with_smaller_atoms(perovskite: Structure) -> None:
    made = list(mapped_into([perovskite], MG_MN_O))

    assert [one.replaced for one in made] == [{"Sr": "Mg", "Ti": "Mn"}, {"Sr": "Mn", "Ti": "Mg"}]
    assert [one.structure[0].specie.symbol for one in made] == ["Mg", "Mn"]
    for one in made:
        assert one.structure.get_space_group_info()[1] == 221
        assert one.structure.volume < perovskite.volume  # Mg and Mn are smaller than Sr and Ti


def test_an_oxide_of_one_of_the_elements_keeps_it(perovskite: Structure) -> None:
    half = perovskite.copy()
    half.replace_species({"Sr2+": "Mg2+"})

    assert [one.replaced for one in mapped_into([half], MG_MN_O)] == [{"Ti": "Mn"}, {"Mg": "Mn", "Ti": "Mg"}]


def test_what_does_not_fit_is_passed_over_and_the_parent_is_named(perovskite: Structure) -> None:
    salt = Structure(Lattice.cubic(3.3), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])

    made = list(mapped_into([salt, perovskite * [3, 2, 1], perovskite], MG_MN_O))

    assert [one.parent for one in made] == [2, 2]


def test_the_layout_must_hold_what_is_kept(perovskite: Structure) -> None:
    with pytest.raises(ValueError, match="has no O, which is to be kept"):
        list(mapped_into([perovskite], Layout("salts", ("Na", "K", "Cl"), (4, 4, 4))))
