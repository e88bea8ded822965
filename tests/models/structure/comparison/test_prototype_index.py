"""Prototypes: what has the same structure but for the names of its elements, and what has not."""

import pytest
from exfolio.models.structure.comparison.prototype_index import (
    Membership,
    NoPrototypeError,
    PrototypeIndex,
    canonical_slots,
    slot_orders,
)
from pymatgen.core import Lattice, Structure


def rock_salt(cation, anion, a):
    corners = [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    middles = [[0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(a), [cation] * 4 + [anion] * 4, corners + middles)


def nickel_arsenide(cation, anion, a, c):
    sites = [[0, 0, 0], [0, 0, 0.5], [1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]
    return Structure(Lattice.hexagonal(a, c), [cation, cation, anion, anion], sites)


def perovskite(a_site, b_site, anion, a):
    sites = [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(a), [a_site, b_site, anion, anion, anion], sites)


def layer(metal, anion, a, *, prismatic, vacuum=20.0):
    c = vacuum + 3.13
    z = 3.13 / 2 / c
    lower = [1 / 3, 2 / 3] if prismatic else [2 / 3, 1 / 3]
    sites = [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + z], [*lower, 0.5 - z]]
    return Structure(Lattice.hexagonal(a, c), [metal, anion, anion], sites)


def test_halite_and_periclase_are_one_prototype_whose_elements_may_change_places():
    index = PrototypeIndex()
    assert index.add("NaCl", rock_salt("Na", "Cl", 5.69)) == Membership("NaCl", ("Na", "Cl"))
    assert index.add("MgO", rock_salt("Mg", "O", 4.21)) == Membership("NaCl", ("Mg", "O"))
    assert set(index.prototypes["NaCl"].symmetries) == {(0, 1), (1, 0)}


def test_in_nickel_arsenide_the_places_differ_and_slots_say_who_is_where():
    index = PrototypeIndex()
    index.add("NiAs", nickel_arsenide("Ni", "As", 3.62, 5.03))
    assert index.prototypes["NiAs"].symmetries == ((0, 1),)
    # given NiSb and its inverse, the slots follow the places and not the names
    metal_first = index.add("NiSb", nickel_arsenide("Ni", "Sb", 3.94, 5.14))
    assert metal_first == Membership("NiAs", ("Ni", "Sb"))
    assert index.add("SbNi", nickel_arsenide("Sb", "Ni", 3.94, 5.14)) == Membership("NiAs", ("Sb", "Ni"))


def test_perovskites_are_told_by_site_whatever_the_order_of_their_elements_on_the_scale():
    index = PrototypeIndex()
    first = index.add("SrTiO3", perovskite("Sr", "Ti", "O", 3.91))
    second = index.add("inverse", perovskite("Ti", "Sr", "O", 3.91))
    assert first.slots == ("Sr", "Ti", "O")
    assert second == Membership("SrTiO3", ("Ti", "Sr", "O"))


def test_trigonal_prisms_and_octahedra_are_two_prototypes_and_the_vacuum_is_none():
    index = PrototypeIndex()
    index.add("1H-MoS2", layer("Mo", "S", 3.18, prismatic=True))
    assert index.add("1T-MoS2", layer("Mo", "S", 3.18, prismatic=False)).prototype == "1T-MoS2"
    assert index.add("1H-WSe2", layer("W", "Se", 3.32, prismatic=True, vacuum=12)).prototype == "1H-MoS2"


def test_a_larger_cell_of_the_same_crystal_is_the_same_prototype():
    index = PrototypeIndex()
    index.add("NaCl", rock_salt("Na", "Cl", 5.69))
    assert index.add("doubled", rock_salt("K", "Br", 6.6) * (2, 1, 1)).prototype == "NaCl"


def test_what_wider_tolerances_take_as_the_same_is_a_prototype_of_its_own_and_related():
    """An axis may be 1.1 times as long within a prototype, 1.2 times for pymatgen."""

    def stretched(by):
        cubic = perovskite("Sr", "Ti", "O", 3.91)
        return Structure(Lattice.tetragonal(3.91, 3.91 * by**1.5), cubic.species, cubic.frac_coords)

    index = PrototypeIndex()
    index.add("cubic", stretched(1.0))
    assert index.add("slightly", stretched(1.08)).prototype == "cubic"
    assert index.add("much", stretched(1.15)).prototype == "much"
    assert index.prototypes["much"].related == {"cubic": ((0, 1, 2),)}
    assert index.add("too much", stretched(1.32)).prototype == "too much"
    assert set(index.prototypes["too much"].related) == {"much"}


def test_prototypes_put_back_are_compared_like_those_found():
    before = PrototypeIndex()
    salt = rock_salt("Na", "Cl", 5.69)
    membership = before.add("NaCl", salt)

    after = PrototypeIndex()
    after.restore(before.prototypes["NaCl"], membership.slots, lambda: salt)

    assert after.add("MgO", rock_salt("Mg", "O", 4.21)) == Membership("NaCl", ("Mg", "O"))
    assert len(after) == 1


def test_what_has_no_places_of_its_own_is_refused():
    alloy = Structure(Lattice.cubic(2.9), [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]])
    with pytest.raises(NoPrototypeError, match="disordered"):
        PrototypeIndex().add("FeCo", alloy)
    with pytest.raises(NoPrototypeError, match="720 ways"):
        slot_orders((1, 1, 1, 1, 1, 1))


def test_slots_go_by_amount_then_by_place_on_the_scale():
    assert canonical_slots({"O": 12.0, "P": 4.0, "Li": 4.0, "Fe": 4.0}) == (("Li", "Fe", "P", "O"), (1, 1, 1, 3))
    assert canonical_slots({"O": 2.0}) == (("O",), (1,))
    assert slot_orders((1, 1, 3)) == ((0, 1, 2), (1, 0, 2))
