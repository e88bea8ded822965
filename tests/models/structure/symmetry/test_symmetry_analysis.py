"""Space groups and standard cells of well-known crystals."""

from collections.abc import Callable

import pytest
from exfolio.models.structure.layered.monolayer import monolayers
from exfolio.models.structure.symmetry.symmetry_analysis import (
    conventional_cell,
    crystal_system,
    layer_group,
    primitive_cell,
    space_group,
    symmetry_fields,
)
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


@pytest.mark.parametrize(
    ("name", "number", "symbol", "system"),
    [
        ("MoS2 2H", 194, "P6_3/mmc", "hexagonal"),
        ("Bi2Te3", 166, "R-3m", "trigonal"),
        ("black P", 64, "Cmce", "orthorhombic"),
        ("diamond", 227, "Fd-3m", "cubic"),
    ],
)
def test_space_groups_of_well_known_crystals(
    crystal: Crystal, name: str, number: int, symbol: str, system: str
) -> None:
    found = space_group(crystal(name))
    assert (found.number, found.symbol, found.crystal_system) == (number, symbol, system)
    assert found.fields() == {"number": number, "symbol": symbol, "crystal_system": system}
    assert found.reason is None


def test_the_tolerance_decides_on_noisy_atoms(crystal: Crystal) -> None:
    noisy = crystal("NaCl")
    noisy.translate_sites([0], [0.03, 0, 0], frac_coords=False)
    assert space_group(noisy, tolerance=0.1).number == 225
    assert space_group(noisy, tolerance=0.001).number != 225


def test_no_symmetry_is_an_answer_with_a_reason() -> None:
    on_top_of_each_other = Structure(Lattice.cubic(3), ["Au", "Au"], [[0, 0, 0], [0, 0, 0]])
    found = space_group(on_top_of_each_other)
    assert found.number is None
    assert found.fields() is None
    assert "spglib found no symmetry at 0.01 Å" in (found.reason or "")
    assert primitive_cell(on_top_of_each_other) is None
    assert conventional_cell(on_top_of_each_other) is None


def test_a_batch_keeps_its_order(crystal: Crystal) -> None:
    assert [space_group(crystal(name)).number for name in ("NaCl", "CdI2")] == [225, 164]


def test_primitive_and_conventional_cells(crystal: Crystal) -> None:
    rock_salt = crystal("NaCl")
    primitive = primitive_cell(rock_salt * 2)
    assert primitive is not None
    assert len(primitive) == 2
    again = conventional_cell(primitive)
    assert again is not None
    assert len(again) == 8
    assert again.volume == pytest.approx(rock_salt.volume)
    assert again.composition == rock_salt.composition


def test_mixed_sites_are_told_apart() -> None:
    ordered = Structure(Lattice.cubic(3), ["Cu", "Au"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    mixed = Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    assert space_group(ordered).number == 221
    assert space_group(mixed).number == 229


def test_crystal_systems_end_where_the_tables_say() -> None:
    assert [crystal_system(n) for n in (1, 2, 3, 15, 16, 75, 143, 168, 195, 230)] == [
        "triclinic",
        "triclinic",
        "monoclinic",
        "monoclinic",
        "orthorhombic",
        "tetragonal",
        "trigonal",
        "hexagonal",
        "cubic",
        "cubic",
    ]
    with pytest.raises(ValueError, match="231"):
        crystal_system(231)


@pytest.mark.parametrize(
    ("name", "number", "symbol", "system"),
    [
        ("graphite", 80, "p6/mmm", "hexagonal"),
        ("MoS2 2H", 78, "p-6m2", "hexagonal"),
        ("CdI2", 72, "p-3m1", "trigonal"),
        ("BiTeI", 69, "p3m1", "trigonal"),
        ("black P", 42, "pman", "orthorhombic"),
    ],
)
def test_layer_groups_of_well_known_monolayers(
    crystal: Crystal, name: str, number: int, symbol: str, system: str
) -> None:
    """International Tables E, 2nd ed. (2010)."""
    (layer,) = monolayers(crystal(name))
    found = layer_group(layer.structure)
    assert (found.number, found.symbol, found.crystal_system) == (number, symbol, system)
    turned = layer.structure * [[0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert layer_group(turned).number == number


def test_the_higher_symmetry_within_a_tenth_of_an_angstrom_is_kept_beside_the_exact_one(crystal: Crystal) -> None:
    (layer,) = monolayers(crystal("CdI2"))
    assert "exact" not in (symmetry_fields(layer.structure) or {})
    layer.structure.translate_sites([0], [0, 0, 0.03], frac_coords=False)
    found, in_plane = symmetry_fields(layer.structure), symmetry_fields(layer.structure, layer_group)
    assert found is not None
    assert in_plane is not None
    assert (found["symbol"], found["tolerance"]) == ("P-3m1", 0.1)
    assert found["exact"] == {"number": 156, "symbol": "P3m1", "tolerance": 0.01}
    assert (in_plane["symbol"], in_plane["tolerance"]) == ("p-3m1", 0.1)
    assert in_plane["exact"] == {"number": 69, "symbol": "p3m1", "tolerance": 0.01}


def test_the_higher_symmetry_is_found_in_a_cell_that_does_not_show_it() -> None:
    """A rhombic cell shows its mirror plane, twice the cell along one of its vectors does not."""
    iodine = [0.334, 0.328, 0.57]  # off the mirror by 0.02 Å
    layer = Structure(
        Lattice.from_parameters(4.2, 4.2, 24, 90, 90, 100),
        ["Cd", "I", "I"],
        [[0, 0, 0.5], iodine, [1 - x for x in iodine]],
    )
    found = symmetry_fields(layer, layer_group)
    assert found is not None
    assert (found["symbol"], found["tolerance"]) == ("c2/m11", 0.1)
    assert found["exact"] == {"number": 2, "symbol": "p-1", "tolerance": 0.01}
    assert symmetry_fields(layer * [2, 1, 1], layer_group) == found
