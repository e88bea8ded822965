"""Monolayers made from known ones by elements of the same group."""

from collections.abc import Callable

import numpy as np
import pytest
from exfolio.models.structure.serialization import check_structure
from exfolio.models.structure.substitution.same_group_substitution import SubstitutionRules, same_group_substitutions
from exfolio.models.structure.vacuum import thickest_gap
from pymatgen.core import Lattice, Structure


@pytest.fixture
def mos2() -> Structure:
    half = 1.56 / 23.12
    return Structure(
        Lattice.hexagonal(3.18, 23.12),
        ["Mo", "S", "S"],
        [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 - half], [1 / 3, 2 / 3, 0.5 + half]],
    )


@pytest.mark.parametrize(
    ("element", "others"),
    [
        ("Mo", ("Cr", "W")),
        ("S", ("O", "Se", "Te")),
        ("Cl", ("F", "Br", "I")),
        ("Mn", ("Re",)),  # Tc is radioactive
        ("Y", ("Sc",)),  # La and Lu count as lanthanides
        ("Ce", ()),
    ],
)
def test_replacements_stay_in_the_group(element: str, others: tuple[str, ...]) -> None:
    alone = Structure(Lattice.cubic(4), [element], [[0, 0, 0]])
    assert tuple(made.replaced[element] for made in same_group_substitutions(alone)) == others


def test_every_combination_comes_once_in_order(mos2: Structure) -> None:
    made = list(same_group_substitutions(mos2))
    formulas = [one.structure.composition.reduced_formula for one in made]
    assert formulas[:4] == ["MoO2", "MoSe2", "Te2Mo", "CrS2"]
    assert len(formulas) == len(set(formulas)) == 3 * 4 - 1
    assert formulas == [one.structure.composition.reduced_formula for one in same_group_substitutions(mos2)]
    assert made[-1].replaced == {"Mo": "W", "S": "Te"}


def test_one_at_a_time_and_other_limits(mos2: Structure) -> None:
    one = [dict(s.replaced) for s in same_group_substitutions(mos2, SubstitutionRules(at_once="one"))]
    assert one == [{"S": "O"}, {"S": "Se"}, {"S": "Te"}, {"Mo": "Cr"}, {"Mo": "W"}]
    near = SubstitutionRules(groups=(16,), max_period_step=1)
    assert [dict(s.replaced) for s in same_group_substitutions(mos2, near)] == [{"S": "O"}, {"S": "Se"}]
    named = SubstitutionRules(elements=("Te", "W"))
    assert len(list(same_group_substitutions(mos2, named))) == 3
    assert list(same_group_substitutions(mos2, SubstitutionRules(max_elements=1))) == []


def test_the_layer_grows_with_the_bonds_and_the_vacuum_stays(mos2: Structure) -> None:
    made = {s.structure.composition.reduced_formula: s for s in same_group_substitutions(mos2)}
    telluride = made["Te2Mo"]
    assert telluride.structure.lattice.a == pytest.approx(3.18 * telluride.scale)
    assert thickest_gap(telluride.structure).thickness == pytest.approx(20.0)
    # 2H MoTe2 has a = 3.52 Å (D. Puotinen, R. E. Newnham, Acta Cryst. 14, 691 (1961)).
    assert telluride.structure.lattice.a == pytest.approx(3.52, rel=0.03)
    assert check_structure(telluride.structure, min_distance=2.0) is None
    np.testing.assert_allclose(
        sorted(telluride.structure.get_distance(0, i) for i in (1, 2)),
        np.array(sorted(mos2.get_distance(0, i) for i in (1, 2))) * telluride.scale,
    )


def test_two_elements_of_a_group_may_change_places_but_not_merge() -> None:
    carbide = Structure(Lattice.hexagonal(3.1, 20), ["Si", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])
    pairs = [(s.structure[0].specie.symbol, s.structure[1].specie.symbol) for s in same_group_substitutions(carbide)]
    assert ("C", "Si") in pairs
    assert all(one != other for one, other in pairs)
    assert len(pairs) == 5 * 4 - 1


def test_bulk_is_scaled_in_all_directions(crystal: Callable[[str], Structure]) -> None:
    made = {s.structure.composition.reduced_formula: s for s in same_group_substitutions(crystal("NaCl"))}
    assert made["KCl"].structure.lattice.abc == pytest.approx((made["KCl"].structure.lattice.a,) * 3)
    # KCl has a = 6.29 Å.
    assert made["KCl"].structure.lattice.a == pytest.approx(6.29, rel=0.05)


def test_an_atom_without_short_bonds_sets_the_size_by_its_own_nearest() -> None:
    """In CaC2 the two C are 1.19 Å apart, and calcium's nearest are the C at 2.5 Å."""
    carbide = Structure.from_spacegroup(
        "I4/mmm", Lattice.tetragonal(3.87, 6.37), ["Ca", "C"], [[0, 0, 0], [0, 0, 0.4068]]
    )
    made = {s.structure.composition.reduced_formula: s.structure for s in same_group_substitutions(carbide)}
    # V. Vohn, W. Kockelmann, U. Ruschewitz, J. Alloys Compd. 284, 132 (1999), doi 10.1016/S0925-8388(98)00957-8.
    assert made["BaC2"].lattice.abc == pytest.approx((4.394, 4.394, 7.125), rel=0.03)


def test_what_is_disordered_is_not_replaced() -> None:
    alloy = Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])
    assert list(same_group_substitutions(alloy)) == []
