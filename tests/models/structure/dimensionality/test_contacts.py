"""Contacts between atoms, and how strong they are."""

from collections.abc import Callable

import numpy as np
import pytest
from exfolio.models.structure.dimensionality.clusters import NotAnalysable, clusters_by_tolerance
from exfolio.models.structure.dimensionality.contacts import LIKE, binding, contacts, crossing
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


def test_a_bond_as_long_as_the_radii_add_up_to_is_one_bond_and_a_longer_one_less() -> None:
    """Mo-S: 1.54 + 1.05 Å; 0.37 Å more is 1/e of a bond."""
    pair = Structure(Lattice.cubic(20), ["Mo", "S"], [[0, 0, 0], [0, 0, 2.59 / 20]])
    longer = Structure(Lattice.cubic(20), ["Mo", "S"], [[0, 0, 0], [0, 0, 2.96 / 20]])
    assert contacts(pair).strength == pytest.approx([1.0])
    assert contacts(longer).strength == pytest.approx([np.exp(-1)])
    assert contacts(longer).ratio == pytest.approx([2.96 / 2.59])


def test_two_cations_do_not_bind_each_other_beside_an_anion(crystal: Crystal) -> None:
    salt, metal = crystal("NaCl"), Structure(Lattice.cubic(4.29), ["Na", "Na"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    symbols = [site.specie.symbol for site in salt]
    found = contacts(salt)
    pairs = {frozenset((symbols[i], symbols[j])) for i, j in zip(found.first, found.second, strict=True)}
    assert frozenset("Na") not in pairs
    assert frozenset(("Na", "Cl")) in pairs
    assert len(contacts(metal).first) > 0


def test_like_atoms_bind_each_other_less(crystal: Crystal) -> None:
    assert contacts(crystal("diamond")).strength.max() < LIKE
    assert contacts(crystal("graphite")).strength.max() == pytest.approx(LIKE)  # 1.42 Å, the radii add up to 1.46


def test_bonding_across_layers_is_counted_from_both_sides(crystal: Crystal) -> None:
    """Bi2Te3: three Te-Te contacts of 3.65 Å from each outer tellurium to the next layer, none from the inner one."""
    telluride = crystal("Bi2Te3")
    (clusters,) = clusters_by_tolerance(telluride, [0.2], unit="relative")
    found = contacts(telluride)
    across = crossing(found, clusters, len(telluride))
    symbols = {telluride[end].specie.symbol for end in (*found.first[across], *found.second[across])}
    assert symbols == {"Te"}
    bound = binding(found, across, len(telluride))
    assert bound.strongest == pytest.approx(LIKE * np.exp(-(3.65 - 2.76) / 0.37), abs=0.01)
    assert bound.total == pytest.approx(9 * bound.strongest)  # three layers a cell, three contacts between two
    assert 0.1 < bound.share < 0.2


def test_a_site_of_two_elements_has_no_bonds_to_tell() -> None:
    with pytest.raises(NotAnalysable, match="disordered"):
        contacts(Structure(Lattice.cubic(3), [{"Au": 0.5, "Cu": 0.5}], [[0, 0, 0]]))
