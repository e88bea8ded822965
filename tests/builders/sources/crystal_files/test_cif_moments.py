"""Moments that a CIF states are kept as stated, by atom, or the block is refused; and what of CIF 2.0 is read."""

from typing import Any

import pytest
from exfolio.builders.sources.crystal_files.cif_moments import read_moments
from exfolio.builders.sources.readers.structure_files import StructureFiles

# Antiferromagnetic MnO along c, in two atoms of each element: a magnetic centring that turns moments round
MNO = """data_MnO
_cell_length_a 4.44
_cell_length_b 4.44
_cell_length_c 8.88
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_chemical_formula_sum 'Mn O'
loop_
_space_group_symop_magn_operation.id
_space_group_symop_magn_operation.xyz
1 x,y,z,+1
loop_
_space_group_symop_magn_centering.id
_space_group_symop_magn_centering.xyz
1 x,y,z,+1
2 x,y,z+1/2,-1
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mn1 Mn 0 0 0
O1 O 0 0 0.25
loop_
_atom_site_moment.label
_atom_site_moment.crystalaxis_x
_atom_site_moment.crystalaxis_y
_atom_site_moment.crystalaxis_z
_atom_site_moment.symmform
Mn1 0.0 0.0 4.58(3) 0,0,mz
"""


def test_moments_are_kept_with_the_atoms_they_are_of(write: Any, read: Any) -> None:
    [oxide] = read(StructureFiles(paths=write("mno.mcif", MNO), source="bilbao")).materials

    assert (oxide["formula_reduced"], oxide["nsites"]) == ("MnO", 4)
    assert oxide["extra"]["magnetic_moments"] == {
        "unit": "µB",
        "sites": [{"label": "Mn1", "crystalaxis": [0.0, 0.0, 4.58], "symmform": "0,0,mz"}],
    }


def test_moments_in_the_list_of_atoms_itself() -> None:
    text = "loop_\n_atom_site_label\n_atom_site_moment_spherical_modulus\n_atom_site_moment_spherical_polar\n"
    text += "_atom_site_moment_spherical_azimuthal\nFe1 2.2 90 0\nO1 . . .\n"

    assert read_moments(text) == [{"label": "Fe1", "spherical": [2.2, 90.0, 0.0]}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("\nMn1 0.0 0.0 4.58(3)", "\nMn2 0.0 0.0 4.58(3)"), "a moment of Mn2, which is no atom"),
        (("0.0 0.0 4.58(3)", "0.0 ? 4.58(3)"), "lacks a component"),
        (("0.0 0.0 4.58(3)", "0.0 up 4.58(3)"), "is no number but 'up'"),
        (("0,0,mz", "0,0,mz\nMn1 0.0 0.0 1.0 ."), "the moment of Mn1 twice"),
        (("_moment.symmform", "_moment_fourier.wave_vector_seq_id"), "it is modulated"),
    ],
)
def test_moments_that_cannot_be_kept_are_a_reason_to_refuse(
    write: Any, read: Any, change: tuple[str, str], reason: str
) -> None:
    [bad] = read(StructureFiles(paths=write("mno.mcif", MNO.replace(*change)), source="bilbao")).bad

    assert reason in bad.reason


@pytest.mark.parametrize("quotes", ["'''", '"""'])
def test_texts_of_cif_2_are_read(write: Any, read: Any, quotes: str) -> None:
    text = MNO.replace("_chemical", f"_publ_section_title {quotes}It's\nloop_ 'antiferromagnetic'{quotes}\n_chemical")

    assert read(StructureFiles(paths=write("a.cif", "#\\#CIF_2.0\n" + text), source="lab")).materials[0]["nsites"] == 4


def test_lists_and_tables_are_values(write: Any, read: Any) -> None:
    # Given what the Bilbao server writes of propagation vectors, and more of the kind
    lists = "loop_\n_parent_propagation_vector.id\n_parent_propagation_vector.kxkykz\n"
    lists += "k1 [0 0 1/2]\nk2 [ 0 0 [1 ']'] ]\n"
    text = MNO + lists + "_its_own {'a':1 'b':[2 3]}\n"

    assert read(StructureFiles(paths=write("a.mcif", text), source="bilbao")).materials[0]["nsites"] == 4
    [bad] = read(StructureFiles(paths=write("b.mcif", text + "_more [1 2\n"), source="bilbao")).bad
    assert "a list is not closed: [1 2" in bad.reason
