"""Space groups, settings, orbits and crystals, checked against the International Tables, pymatgen and spglib."""

import numpy as np
import pytest
from exfolio.models.structure.symmetry.from_wyckoff import (
    Site,
    SiteError,
    SpaceGroupError,
    build_structure,
    cell,
    coordinate,
    find_setting,
    orbit,
)
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure


def distances(structure: Structure) -> np.ndarray:
    """Sorted distances up to 6 Å: the same for one crystal in any cell, setting and origin, but for repetition."""
    found = structure.get_neighbor_list(6.0)[3]
    return np.sort(found)


def assert_same_crystal(a: Structure, b: Structure) -> None:
    assert a.composition.reduced_formula == b.composition.reduced_formula
    assert a.volume / len(a) == pytest.approx(b.volume / len(b))
    once_a, once_b = distances(a), distances(b)
    assert len(once_a) / len(a) == pytest.approx(len(once_b) / len(b))
    np.testing.assert_allclose(np.repeat(once_a, len(b)), np.repeat(once_b, len(a)), atol=1e-6)


def test_each_of_the_230_space_groups_has_a_standard_setting():
    assert [find_setting(number).number for number in range(1, 231)] == list(range(1, 231))


@pytest.mark.parametrize(
    ("symbol", "number", "choice"),
    [
        ("Fd-3m:1", 227, "1"),
        ("Fd-3m:2", 227, "2"),
        ("Fd-3m", 227, "2"),
        ("R-3m", 166, "H"),
        ("R-3m:R", 166, "R"),
        ("Pbnm", 62, "cab"),
        ("P2_1/c", 14, "b1"),
        ("P2_1/n", 14, "b2"),
        ("P 2_1/a", 14, "b3"),
        ("P112_1/b", 14, "c3"),
        ("Pmmn:1", 59, "1"),
    ],
)
def test_settings_are_found_by_the_symbol_that_papers_print(symbol, number, choice):
    setting = find_setting(symbol)
    assert (setting.number, setting.choice) == (number, choice)


@pytest.mark.parametrize("wrong", ["Fd-3n", "R-3m:X", "Pnma:1", 0, 231])
def test_an_unknown_space_group_is_refused_by_name(wrong):
    with pytest.raises(SpaceGroupError, match=str(wrong)):
        find_setting(wrong)


@pytest.mark.parametrize(
    ("symbol", "position", "multiplicity"),  # Wyckoff positions of the International Tables
    [
        ("Fd-3m:2", (1 / 8, 1 / 8, 1 / 8), 8),
        ("Fd-3m:2", (1 / 2, 1 / 2, 1 / 2), 16),
        ("Fd-3m:2", (0.26, 0.26, 0.26), 32),
        ("Fd-3m:2", (0.31, 0.17, 0.05), 192),
        ("P6_3/mmc", (1 / 3, 2 / 3, 0.621), 4),
        ("P6_3/mmc", (0.3333, 0.6667, 0.621), 4),
        ("R-3c:H", (0, 0, 1 / 4), 6),
        ("R-3c:H", (0.3063, 0, 1 / 4), 18),
        ("C2/m", (0, 0.167, 0), 4),
        ("Pnma", (0.28, 1 / 4, 0.97), 4),
    ],
)
def test_an_orbit_has_the_multiplicity_of_its_wyckoff_position(symbol, position, multiplicity):
    side = {"P6_3/mmc": 3.16, "R-3c:H": 4.76}.get(symbol, 8.0)
    lattice = Lattice.hexagonal(side, 12.3) if symbol in {"P6_3/mmc", "R-3c:H"} else Lattice.cubic(side)
    images = orbit(position, symbol, lattice)
    assert len(images) == multiplicity
    assert ((images >= 0) & (images < 1)).all()


def test_a_position_beside_a_special_one_is_refused_where_only_some_images_coincide():
    # Eight images around the fourfold axis, next ones 0.02 to 0.05 Å apart, opposite ones 0.07 Å: how many atoms?
    with pytest.raises(SiteError, match="special position"):
        orbit((0.001, 0.004, 0.0), "P4mm", Lattice.tetragonal(8.0, 5.0))


@pytest.mark.parametrize(
    ("symbol", "lattice", "asymmetric_unit"),
    [
        (
            "P6_3/mmc",
            Lattice.hexagonal(3.16, 12.294),
            [Site("Mo", 1 / 3, 2 / 3, 1 / 4), Site("S", 1 / 3, 2 / 3, 0.621)],
        ),
        ("R-3c:H", Lattice.hexagonal(4.7587, 12.9929), [Site("Al", 0, 0, 0.3522), Site("O", 0.3063, 0, 1 / 4)]),
        (
            "P2_1/c",
            Lattice.monoclinic(5.15, 5.21, 5.32, 99.2),
            [Site("Zr", 0.275, 0.04, 0.208), Site("O", 0.07, 0.33, 0.34)],
        ),
        ("I-42d", Lattice.tetragonal(5.289, 10.423), [Site("Cu", 0, 0, 0), Site("S", 0.2574, 1 / 4, 1 / 8)]),
    ],
)
def test_crystals_are_those_of_pymatgen(symbol, lattice, asymmetric_unit):
    ours = build_structure(symbol, lattice, asymmetric_unit)
    theirs = Structure.from_spacegroup(
        symbol.removesuffix(":H"), lattice, [s.element for s in asymmetric_unit], [s[1:] for s in asymmetric_unit]
    )
    assert len(ours) == len(theirs)
    assert_same_crystal(ours, theirs)


def test_spinel_is_one_crystal_in_both_origin_choices():
    lattice = cell("Fd-3m", a=8.0806)
    centre = [Site("Mg", 1 / 8, 1 / 8, 1 / 8), Site("Al", 1 / 2, 1 / 2, 1 / 2), Site("O", 0.2624, 0.2624, 0.2624)]
    # origin choice 1 lies at -43m, at (-1/8, -1/8, -1/8) of choice 2
    tetrahedron = [Site(s.element, s.x + 1 / 8, s.y + 1 / 8, s.z + 1 / 8) for s in centre]
    assert_same_crystal(build_structure("Fd-3m:2", lattice, centre), build_structure("Fd-3m:1", lattice, tetrahedron))


def test_bismuth_is_one_crystal_on_hexagonal_and_rhombohedral_axes():
    hexagonal = build_structure("R-3m:H", cell("R-3m:H", a=4.546, c=11.862), [Site("Bi", 0, 0, 0.2339)])
    a = (4.546**2 / 3 + 11.862**2 / 9) ** 0.5
    alpha = np.degrees(2 * np.arcsin(4.546 / (2 * a)))
    rhombohedral = build_structure("R-3m:R", cell("R-3m:R", a=a, alpha=alpha), [Site("Bi", 0.2339, 0.2339, 0.2339)])
    assert (len(hexagonal), len(rhombohedral)) == (6, 2)
    assert_same_crystal(hexagonal, rhombohedral)


def test_perovskite_is_one_crystal_in_pbnm_and_pnma():
    pbnm = [Site("Ca", -0.0068, 0.036, 1 / 4), Site("Ti", 0, 1 / 2, 0), Site("O", 0.0714, 0.4838, 1 / 4)]
    pnma = [Site(s.element, s.y, s.z, s.x) for s in pbnm]
    a, b, c = 5.3789, 5.4361, 7.6394
    assert_same_crystal(
        build_structure("Pbnm", cell("Pbnm", a=a, b=b, c=c), pbnm),
        build_structure("Pnma", cell("Pnma", a=b, b=c, c=a), pnma),
    )


# All lattice centrings, in standard and other settings; two general atoms leave no more symmetry than the group has.
@pytest.mark.parametrize(
    ("symbol", "lattice_points"),
    [
        ("P2_1/n", 1),
        ("C2/m", 2),
        ("A2/m", 2),
        ("I2/m", 2),
        ("C2/c", 2),
        ("Cmce", 2),
        ("Ccme", 2),
        ("Aema", 2),
        ("Bbem", 2),
        ("Amm2", 2),
        ("Fddd", 4),
        ("I4_1/amd:1", 2),
        ("I4_1/amd:2", 2),
        ("R-3m:H", 3),
        ("R-3m:R", 1),
        ("R3c", 3),
        ("P6_3/mmc", 1),
        ("Ia-3", 2),
        ("F-43m", 4),
        ("Fd-3m:1", 4),
    ],
)
def test_the_primitive_cell_is_the_same_crystal_with_fewer_atoms(symbol, lattice_points):
    number = find_setting(symbol).number
    free = {"a": 25.0, "b": 27.3, "c": 29.7, "alpha": 83.0, "beta": 101.0}
    given = {name: free[name] for name in "abc"}
    if number > 74:
        given.pop("b")
    if number > 194 or symbol.endswith(":R"):
        given.pop("c")
    if 3 <= number <= 15:
        given["beta"] = free["beta"]
    if symbol.endswith(":R"):
        given["alpha"] = free["alpha"]
    lattice = cell(symbol, **given)
    sites = [Site("Ga", 0.071, 0.183, 0.139), Site("P", 0.213, 0.317, 0.041)]

    conventional = build_structure(symbol, lattice, sites)
    primitive = build_structure(symbol, lattice, sites, primitive=True)

    assert len(conventional) == lattice_points * len(primitive)
    assert_same_crystal(conventional, primitive)
    assert space_group(primitive).number == number


@pytest.mark.parametrize(
    ("symbol", "given", "complaint"),
    [
        ("P6_3/mmc", {"a": 3.16}, "leaves c free"),
        ("Fm-3m", {"a": 5.64, "c": 5.7}, "fixes c to 5.64"),
        ("Pnma", {"a": 5.0, "b": 6.0, "c": 7.0, "beta": 91.0}, "fixes beta to 90"),
        ("P2_1/c", {"a": 5.0, "b": 6.0, "c": 7.0}, "leaves beta free"),
        ("Fm-3m", {"a": -1.0}, "positive"),
    ],
)
def test_lattice_parameters_must_fit_the_crystal_system(symbol, given, complaint):
    with pytest.raises(SiteError, match=complaint):
        cell(symbol, **given)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0", 0),
        ("1/3", 1 / 3),
        ("-0.25", -0.25),
        ("z", 0.1),
        ("-z", -0.1),
        ("1/2-z", 0.4),
        ("2z", 0.2),
        ("1/4+2z", 0.45),
    ],
)
def test_coordinates_are_read_as_handbooks_print_them(expression, value):
    assert coordinate(expression, {"z": 0.1}) == pytest.approx(value)


@pytest.mark.parametrize("expression", ["", "y", "1/4z+", "1..2", "z z", "1/2 - z", "__import__('os')"])
def test_what_is_no_coordinate_is_refused(expression):
    with pytest.raises(SiteError):
        coordinate(expression, {"z": 0.1})


def test_atoms_on_top_of_one_another_are_refused_with_their_places():
    with pytest.raises(SiteError, match=r"Na at .* and Cl at .* 0.282 Å apart"):
        build_structure("Fm-3m", cell("Fm-3m", a=5.64), [Site("Na", 0, 0, 0), Site("Cl", 0.05, 0, 0)])


def test_a_crystal_needs_atoms():
    with pytest.raises(SiteError, match="no sites"):
        build_structure("Fm-3m", cell("Fm-3m", a=5.64), [])
