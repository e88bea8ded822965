"""Two elements share the sites of one: which simpler formulas there are, and which orderings."""

import pytest
from exfolio.models.structure.cells.decorations import (
    Split,
    anonymous_formula,
    decorated_symbols,
    orderings,
    primitive_cell,
    replaced,
    shareable,
    simpler_formulas,
    splits,
)
from exfolio.models.structure.serialization import Arrays
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from pymatgen.core import Composition, Lattice, Structure

U, X = 0.3522, 0.5562
CORUNDUM = Structure(
    Lattice.rhombohedral(5.128, 55.28),
    ["Al"] * 4 + ["O"] * 6,
    [
        *([s, s, s] for s in (U, 0.5 - U, -U, U + 0.5)),
        *([X, 0.5 - X, 0.25], [0.25, X, 0.5 - X], [0.5 - X, 0.25, X]),
        *([-X, X - 0.5, -0.25], [-0.25, -X, X - 0.5], [X - 0.5, -0.25, -X]),
    ],
)
"""R. E. Newnham, Y. M. de Haan, Z. Kristallogr. 117, 235 (1962)."""
PEROVSKITE = Structure(
    Lattice.cubic(3.91),
    ["Sr", "Ti", "O", "O", "O"],
    [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]],
)


def arrays(structure):
    return Arrays(structure.lattice.matrix, (True,) * 3, structure.frac_coords, structure.species_and_occu)


def primitive_of(structure):
    return primitive_cell(arrays(structure))


def test_three_elements_have_three_pairs_and_the_rest_stands_as_it_is():
    found = [(split.name, names, amounts) for split, names, amounts in splits(("Li", "Ga", "O"), (1, 1, 2))]

    assert found == [
        ("Li/Ga", ("O", "Li/Ga"), (1, 1)),
        ("Li/O", ("Ga", "Li/O"), (1, 3)),
        ("Ga/O", ("Li", "Ga/O"), (1, 3)),
    ]


@pytest.mark.parametrize(
    ("formula", "simpler"),
    [
        ("ABC", {"AB2"}),
        ("ABC2", {"AB", "AB3"}),
        ("ABC3", {"A2B3", "AB4"}),
        ("ABC2D6", {"ABC3", "AB2C7", "ABC8", "AB3C6"}),
        ("AB2", set()),
        ("A", set()),
    ],
)
def test_the_simpler_formulas_of_a_formula(formula, simpler):
    assert simpler_formulas(formula) == simpler


def test_amounts_are_written_as_pymatgen_writes_them():
    for formula in ("SrTiO3", "CuInP2S6", "P", "Mg2SiO4"):
        composition = Composition(formula)
        assert anonymous_formula(int(n) for n in composition.values()) == composition.anonymized_formula


def test_the_ordered_forms_of_corundum_are_ilmenite_lithium_niobate_and_a_chiral_one():
    found = orderings(primitive_of(CORUNDUM), "Al", (1, 1))

    groups = set()
    for one in found:
        symbols = decorated_symbols(
            [site.specie.symbol for site in CORUNDUM], {"Al": "Fe/Ti", "O": "O"}, Split(("Fe", "Ti"), (1, 1)), one
        )
        ordered = Structure(CORUNDUM.lattice, symbols, CORUNDUM.frac_coords)
        assert ordered.composition.reduced_formula == "TiFeO3"
        groups.add(space_group(ordered, tolerance=0.1).number)
    assert [one.alike for one in found] == [2, 2, 2], "of six ways to choose two of four"
    assert groups == {148, 155, 161}, "the subgroups of R-3c with the same cell: R-3, R32, R3c"


def test_what_symmetry_makes_alike_comes_once_and_the_most_symmetric_first():
    [one] = orderings(primitive_of(PEROVSKITE), "O", (1, 2))
    assert one.alike == 3, "any of the three oxygens"
    rutile = Structure(
        Lattice.tetragonal(4.594, 2.959),
        ["Ti"] * 2 + ["O"] * 4,
        [[0, 0, 0], [0.5, 0.5, 0.5], *([x, x, 0] for x in (0.305, -0.305)), [0.195, 0.805, 0.5], [0.805, 0.195, 0.5]],
    )
    found = orderings(primitive_of(rutile), "O", (1, 1))
    assert [one.alike for one in found] == [2, 4], "of six: two of one metal's height, or one of each"


def test_sites_that_cannot_be_shared_in_these_amounts_are_not():
    assert orderings(primitive_of(PEROVSKITE), "Sr", (1, 1)) == ()
    assert orderings(primitive_of(PEROVSKITE), "O", (1, 1)) == ()
    ten = Structure(Lattice.cubic(9), ["N"] * 10, [[0.1 * k, 0.01 * k**2, 0.001 * k**3] for k in range(10)])
    assert orderings(primitive_of(ten), "N", (1, 1)) == (), "ten sites are too many"


def test_cells_are_made_primitive_first():
    cell = arrays(PEROVSKITE)
    assert primitive_cell(cell).arrays is cell
    assert len(primitive_cell(arrays(PEROVSKITE * (2, 2, 1))).arrays.species) == 5


def test_by_the_number_of_sites_alone_some_shares_are_out_of_the_question():
    assert shareable(["Sr", "Ti", "O", "O", "O"], "O", (1, 2))
    assert not shareable(["Sr", "Ti", "O", "O", "O"], "O", (2, 2))


def test_each_new_element_knows_whose_place_it_takes():
    assert replaced({"Mo": "W", "S": "S/Se"}) == {"W": "Mo", "S": "S", "Se": "S"}
