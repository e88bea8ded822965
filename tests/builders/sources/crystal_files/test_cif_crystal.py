"""What a CIF states is what is read, or it is refused: contents, groups, disorder, settings of space groups."""

import re

import pytest
from exfolio.builders.sources.crystal_files.cif_crystal import read_crystal
from exfolio.builders.sources.records.raw_record import BadRecord

P1 = "_symmetry_space_group_name_H-M 'P 1'\nloop_\n_symmetry_equiv_pos_as_xyz\n'x, y, z'\n"


def cif(
    atoms: str,
    *,
    cell: str = "4 4 4 90 90 90",
    symmetry: str = P1,
    columns: str = "label type_symbol fract_x fract_y fract_z occupancy",
    stated: str = "",
) -> str:
    names = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    lines = [f"_cell_{name} {value}" for name, value in zip(names, cell.split(), strict=True)]
    lines += [stated, symmetry, "loop_", *(f"_atom_site_{name}" for name in columns.split()), atoms]
    return "\n".join(lines) + "\n"


SALT = "Na1 Na 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1"


def formula(text: str) -> str:
    return str(read_crystal(text).composition.formula)


def why_not(text: str) -> str:
    with pytest.raises(BadRecord) as caught:
        read_crystal(text)
    return caught.value.reason


def test_sites_that_share_a_place_keep_all_their_elements() -> None:
    atoms = "Ce0 Ce 0 0.5 0.2 1\nH0 H 0 0 0.5 0.9\nO0 O 0 0 0.5 0.1"
    crystal = read_crystal(cif(atoms, stated="_chemical_formula_sum 'Ce1 H0.9 O0.1'"))
    assert crystal.composition.as_dict() == {"Ce": 1, "H": pytest.approx(0.9), "O": pytest.approx(0.1)}
    assert len(crystal) == 2


@pytest.mark.parametrize("kind", ["NH4", "OH2", "OH", "CH3", "Wat", "X", "Vac", "Cg", "?", "C60+"])
def test_a_site_that_is_no_single_atom_is_refused(kind: str) -> None:
    assert "A1" in why_not(cif(f"A1 {kind} 0 0 0 1\nCl1 Cl 0.5 0.5 0.5 1"))


@pytest.mark.parametrize("kind", ["FE", "Fe2"])
def test_a_doubtful_type_is_taken_where_the_contents_agree(kind: str) -> None:
    atoms = f"Fe1 {kind} 0 0 0 1\nO1 O 0.5 0.5 0.5 1"
    assert "may be" in why_not(cif(atoms))
    assert formula(cif(atoms, stated="_chemical_formula_sum 'Fe O'\n_cell_formula_units_Z 1")) == "Fe1 O1"


def test_charges_and_isotopes_are_kept() -> None:
    crystal = read_crystal(cif("Fe1 Fe3+ 0 0 0 1\nO1 O2- 0.5 0.5 0.5 1\nD1 D 0.5 0 0 1"))
    assert [str(specie) for specie in crystal.species] == ["Fe3+", "H", "O2-"]
    assert crystal[1].specie.value == "D"  # pymatgen's symbol of deuterium is that of hydrogen


def test_without_types_a_label_names_the_element_or_nothing() -> None:
    columns = "label fract_x fract_y fract_z"
    assert formula(cif("Na1 0 0 0\nCl(1) 0.5 0.5 0.5", columns=columns)) == "Na1 Cl1"
    assert "Ow1" in why_not(cif("Na1 0 0 0\nOw1 0.5 0.5 0.5", columns=columns))


def test_labels_in_one_case_need_stated_contents() -> None:
    columns = "label fract_x fract_y fract_z"
    for atoms in ("NA1 0 0 0\nCL1 0.5 0.5 0.5", "na1 0 0 0\ncl1 0.5 0.5 0.5"):
        assert "may be Na or a group" in why_not(cif(atoms, columns=columns))
        contents = "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1"
        assert formula(cif(atoms, columns=columns, stated=contents)) == "Na1 Cl1"


def test_multiplicities_do_not_tell_which_element_a_type_is() -> None:
    columns = "label type_symbol symmetry_multiplicity fract_x fract_y fract_z occupancy"
    assert "CO may be Co or a group" in why_not(cif("C1 CO 1 0 0 0 1\nO1 O 1 0.5 0.5 0.5 1", columns=columns))


@pytest.mark.parametrize("label", ["H2O", "H2O1", "N1H4", "O1H"])
def test_a_label_that_may_be_a_molecule_needs_stated_contents(label: str) -> None:
    text = cif(f"Na1 0 0 0\n{label} 0.5 0.5 0.5", columns="label fract_x fract_y fract_z")
    assert f"{label} may be {label[0]} or a group of atoms" in why_not(text)


def test_hydrogens_without_places_are_refused() -> None:
    columns = "label type_symbol fract_x fract_y fract_z attached_hydrogens"
    assert "hydrogens" in why_not(cif("Mg1 Mg 0 0 0 0\nO1 O 0.3 0.6 0.2 1", columns=columns))
    assert "fract_x is not known" in why_not(cif("Mg1 Mg 0 0 0 1\nH1 H ? ? ? 1"))


def test_a_dummy_and_an_empty_site_are_no_atoms() -> None:
    columns = "label type_symbol fract_x fract_y fract_z occupancy calc_flag"
    atoms = "Na1 Na 0 0 0 1 d\nCl1 Cl 0.5 0.5 0.5 1 d\nCg1 Cg 0.25 0.25 0.25 1 dum\nK1 K 0.5 0 0 0 d"
    assert formula(cif(atoms, columns=columns)) == "Na1 Cl1"


def test_alternatives_are_read_with_their_occupancies_alone() -> None:
    columns = "label type_symbol fract_x fract_y fract_z occupancy disorder_assembly disorder_group"
    atoms = "Cl1 Cl 0.5 0.5 0.5 1 . .\nK1A K 0 0 0.1 {} A 1\nK1B K 0 0 0.9 {} A 2"
    assert "more than always" in why_not(cif(atoms.format(1, 1), columns=columns))
    assert formula(cif(atoms.format(0.6, 0.4), columns=columns)) == "K1 Cl1"
    assert "symmetry element" in why_not(cif("K1 K 0 0 0 1 A -1", columns=columns))


@pytest.mark.parametrize(
    ("stated", "both"),
    [
        ("_chemical_formula_sum 'Na2 Cl2 O8'", ("Na2", "Na1")),
        ("_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 4", ("Z = 4", "Cl1Na1")),
        ("_chemical_formula_sum 'Na2 Cl2'", ("Cl2Na2", "Cl1Na1")),
        ("_chemical_formula_structural 'Na Br'", ("Br1Na1", "Cl1Na1")),
        ("_cell_volume 128.0", ("128", "64")),
        ("_cell_formula_units_Z 7", ("7", "Cl1Na1")),
        ("_exptl_crystal_density_diffrn 3.03", ("3.03", "1.516")),
        ("_exptl_crystal_density_diffrn 1.55", ("1.55", "1.516")),  # as if two hydrogens were missing
        ("_chemical_formula_weight 60.46", ("60.46", "58.4428")),
        ("_chemical_formula_moiety 'Na 1+, Cl 1-, 2(H2 O)'", ("Cl1H4Na1O2", "Cl1Na1")),
        ("loop_\n_atom_type_symbol\n_atom_type_number_in_cell\nNa+ 1\nCl- 1\nO 2", ("Cl1Na1O2", "Cl1Na1")),
    ],
)
def test_what_disagrees_is_refused_with_both_figures(stated: str, both: tuple[str, str]) -> None:
    reason = why_not(cif(SALT, stated=stated))
    for figure in both:
        assert figure in reason


def test_what_is_stated_in_other_words_agrees() -> None:
    for stated in (
        "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1",
        "_cell_volume 64.0(3)\n_exptl_crystal_density_diffrn 1.52",
        "_chemical_formula_sum ?\n_cell_formula_units_Z ?\n_cell_volume .",
        "_chemical_formula_sum\n;\nNa1 Cl1\n;",
    ):
        assert formula(cif(SALT, stated=stated)) == "Na1 Cl1"
    assert formula(cif("D1 D 0 0 0 1\nLi1 Li 0.5 0.5 0.5 1", stated="_chemical_formula_sum 'H Li'")) == "Li1 H1"


def test_a_formula_of_the_whole_cell_is_told_by_its_formula_unit() -> None:
    atoms = "Na1 Na 0 0 0 1\nNa2 Na 0 0 .5 1\nCl1 Cl 0.5 0.5 0.25 1\nCl2 Cl 0.5 0.5 0.75 1"
    whole = "_chemical_formula_sum 'Na2 Cl2'\n_cell_formula_units_Z 2\n"
    assert formula(cif(atoms, cell="4 4 8 90 90 90", stated=whole + "_chemical_formula_structural NaCl")) == "Na2 Cl2"
    assert "Z = 2" in why_not(cif(atoms, cell="4 4 8 90 90 90", stated=whole))


RHOMBOHEDRAL = "4.746 4.746 4.746 57.23 57.23 57.23"
HEXAGONAL = "4.546 4.546 11.862 90 90 120"


@pytest.mark.parametrize(
    ("symbol", "cell", "position", "atoms"),
    [
        ("R -3 m :R", RHOMBOHEDRAL, "0.2339 0.2339 0.2339", 2),
        ("R -3 m", RHOMBOHEDRAL, "0.2339 0.2339 0.2339", 2),
        ("R -3 m :H", HEXAGONAL, "0 0 0.2339", 6),
        ("R -3 m H", HEXAGONAL, "0 0 0.2339", 6),
    ],
)
def test_axes_of_rhombohedral_crystals_are_those_of_the_cell(symbol: str, cell: str, position: str, atoms: int) -> None:
    crystal = read_crystal(
        cif(f"Bi1 Bi {position} 1", cell=cell, symmetry=f"_symmetry_space_group_name_H-M '{symbol}'")
    )
    assert len(crystal) == atoms
    assert float(crystal.density) == pytest.approx(9.8, abs=0.1)


def test_operations_that_the_cell_does_not_have_are_refused() -> None:
    hexagonal = "_symmetry_space_group_name_H-M 'R -3 m :H'"
    assert "doesn't fit its cell" in why_not(cif("Bi1 Bi 0.2 0.2 0.2 1", cell=RHOMBOHEDRAL, symmetry=hexagonal))
    fourfold = "loop_\n_symmetry_equiv_pos_as_xyz\nx,y,z\n-y,x,z\n-x,-y,z\ny,-x,z"
    assert "don't fit its cell" in why_not(cif(SALT, cell="4 5 6 90 90 90", symmetry=fourfold))


DIAMOND = "3.567 3.567 3.567 90 90 90"


def test_the_origin_is_the_stated_one_or_that_which_gives_the_stated_contents() -> None:
    second = "_symmetry_space_group_name_H-M 'F d -3 m{}'\n_symmetry_Int_Tables_number 227"
    atom = "C1 C 0.125 0.125 0.125 1"
    contents = "_chemical_formula_sum C\n_cell_formula_units_Z 8"
    # Some state the formula of an element's whole cell beside Z.
    for setting, stated in ((" :2", ""), (" Z", ""), (" :2", contents), (" :2", contents.replace("C\n", "C8\n"))):
        crystal = read_crystal(cif(atom, cell=DIAMOND, symmetry=second.format(setting), stated=stated))
        assert len(crystal) == 8
    assert len(read_crystal(cif(atom, cell=DIAMOND, symmetry=second.format(""), stated=contents))) == 8
    assert "setting" in why_not(cif(atom, cell=DIAMOND, symmetry=second.format("")))
    assert "(Z = 8)" in why_not(cif(atom, cell=DIAMOND, symmetry=second.format(" :1"), stated=contents))


def test_missing_operations_are_noticed_and_repeated_ones_harmless() -> None:
    listed = "loop_\n_symmetry_equiv_pos_as_xyz\n"
    body = "x,y,z\n1/2+x,1/2+y,1/2+z\n"
    iron = {"atoms": "Fe1 Fe 0 0 0 1", "cell": "2.87 2.87 2.87 90 90 90"}
    assert formula(cif(**iron, symmetry=listed + body + "X+0.5,y+.5,z+3/2\n")) == "Fe2"
    assert "no group" in why_not(cif(**iron, symmetry=listed + "x,y,z\n-y,x,z\n"))
    few = "_symmetry_Int_Tables_number 229\n" + listed
    assert "not the number of the space group" in why_not(cif(**iron, symmetry=few + "x,y,z\n"))
    contents = "_chemical_formula_sum Fe\n_cell_formula_units_Z 2"
    assert formula(cif(**iron, symmetry=few + body, stated=contents)) == "Fe2"
    # A setting that no table has: the letter says how many points a cell has.
    centred = "_symmetry_space_group_name_H-M 'C 1'\n" + listed
    assert "not the number" in why_not(cif(**iron, symmetry=centred + "x,y,z\n"))
    assert formula(cif(**iron, symmetry=centred + "x,y,z\nx+1/2,y+1/2,z\n")) == "Fe2"


def test_centrings_of_magnetic_groups_are_applied() -> None:
    symmetry = (
        "loop_\n_space_group_symop_magn_operation.id\n_space_group_symop_magn_operation.xyz\n1 x,y,z,+1\n"
        "loop_\n_space_group_symop_magn_centering.id\n_space_group_symop_magn_centering.xyz\n"
        "1 x,y,z,+1\n2 x+1/2,y+1/2,z+1/2,-1\n"
    )
    assert formula(cif("Fe1 Fe 0 0 0 1", symmetry=symmetry)) == "Fe2"
    # A glide whose square is a centring: a group with it alone. The cell is one of eight points.
    lines = "1 x,y,z,+1\n2 -x,y,z+1/4,-1\n", "".join(f"{n} x,y,z+{n}/8,+1\n" for n in range(8))
    eight = "loop_\n_space_group_symop_magn_operation.id\n_space_group_symop_magn_operation.xyz\n{}"
    eight += "loop_\n_space_group_symop_magn_centering.id\n_space_group_symop_magn_centering.xyz\n{}"
    assert formula(cif("Fe1 Fe 0.2 0 0 1", cell="5 4 24 90 90 90", symmetry=eight.format(*lines))) == "Fe16"


def test_symmetry_that_is_not_stated_is_no_symmetry_only_where_the_contents_agree() -> None:
    assert "no symmetry" in why_not(cif(SALT, symmetry=""))
    contents = "_chemical_formula_sum 'Na Cl'\n_cell_formula_units_Z 1"
    assert formula(cif(SALT, symmetry="", stated=contents)) == "Na1 Cl1"
    assert "not in the tables" in why_not(cif(SALT, symmetry="_symmetry_space_group_name_H-M 'Q 17'"))
    assert "don't agree" in why_not(cif(SALT, symmetry=P1 + "_symmetry_Int_Tables_number 225"))


@pytest.mark.parametrize(
    ("symbol", "cell", "atoms"),
    [
        ("I 1 2/m 1", "5 3 6 90 100 90", 4),
        ("I 2/m", "5 3 6 90 100 90", 4),
        ("P 1 1 21/b", "5 6 3 90 90 100", 4),
        ("C m c a", "5 6 7 90 90 90", 8),
        ("P b n m", "5 6 7 90 90 90", 4),
        ("P m 3 m", "4 4 4 90 90 90", 3),
        ("C 1 2/c 1", "9 5 6 90 100 90", 4),
    ],
)
def test_other_settings_and_older_symbols_are_known(symbol: str, cell: str, atoms: int) -> None:
    position = {"P m 3 m": "0.5 0 0.5", "C m c a": "0 0.1 0.1", "P b n m": "0.1 0.1 0.25", "C 1 2/c 1": "0 0.1 0.25"}
    at = position.get(symbol, "0.2 0 0.3" if "m" in symbol else "0.2 0.1 0.3")
    text = cif(f"Fe1 Fe {at} 1", cell=cell, symmetry=f"_symmetry_space_group_name_H-M '{symbol}'")
    assert len(read_crystal(text)) == atoms


def test_orthorhombic_axes_are_not_chosen_by_their_letters() -> None:
    # Of P 2 2 21, P 21 2 2 and P 2 21 2, all of number 17, the tables call one "bca" and none "b".
    text = cif("Fe1 Fe 0.1 0.2 0.3 1", cell="5 6 7 90 90 90", symmetry="_space_group_IT_number 17")
    assert "is not stated" in why_not(text)


def test_atoms_near_a_special_position_are_put_there_and_counted_once() -> None:
    symmetry = "_space_group_name_H-M_alt 'P 63/m m c'"
    crystal = read_crystal(cif("Mg1 Mg 0.333 0.667 0.25 1", cell="3.21 3.21 5.21 90 90 120", symmetry=symmetry))
    assert len(crystal) == 2
    assert crystal.frac_coords[0].tolist() == pytest.approx([1 / 3, 2 / 3, 0.25])


def test_atoms_off_special_positions_stay_where_they_are() -> None:
    symmetry = "_space_group_name_H-M_alt 'P -1'"
    crystal = read_crystal(cif("Mg1 Mg 0.251 0.124 0.34 1", cell="4 5 6 80 85 95", symmetry=symmetry))
    assert crystal.frac_coords.ravel().tolist() == pytest.approx([0.251, 0.124, 0.34, 0.749, 0.876, 0.66])


def test_a_multiplicity_that_the_symmetry_does_not_give_is_refused() -> None:
    columns = "label type_symbol symmetry_multiplicity fract_x fract_y fract_z occupancy"
    assert "4 times, its symmetry gives 1" in why_not(cif("Na1 Na 4 0 0 0 1", columns=columns))


def test_the_order_of_a_site_that_shelxl_states_as_its_multiplicity_is_known() -> None:
    # Given an atom on the centre of inversion, of order 2, and one in a general position
    columns = "label type_symbol symmetry_multiplicity fract_x fract_y fract_z occupancy"
    group = "_space_group_name_H-M_alt 'P -1'"
    atoms = "Mg1 Mg {} 0 0 0 1\nO1 O {} 0.25 0.24 0.4 1"
    assert formula(cif(atoms.format(2, 1), cell="4 5 6 80 85 95", columns=columns, symmetry=group)) == "Mg1 O2"
    assert formula(cif(atoms.format(1, 2), cell="4 5 6 80 85 95", columns=columns, symmetry=group)) == "Mg1 O2"
    # It is one or the other for all atoms
    reason = why_not(cif(atoms.format(1, 1), cell="4 5 6 80 85 95", columns=columns, symmetry=group))
    assert "O1 is stated 1 times, its symmetry gives 2" in reason


@pytest.mark.parametrize("again", ["''", "?", "'Na Cl'"])
def test_a_name_that_stands_again_without_another_value_is_harmless(again: str) -> None:
    twice = f"_chemical_formula_sum 'Na Cl'\n_chemical_formula_sum {again}"
    assert formula(cif(SALT, stated=twice)) == "Na1 Cl1"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("Na1 Na 0 0 0 1", "Na1 Na 0 0 0", "whole rows"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0,25 0 0 1", "decimal sign"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0.25(90) 0 0 1", "uncertain by"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0 0 0 1.3", "not within 0 and 1"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0.5 0.5 0.5 0.6\nK1 K 0.5 0.5 0.5 0.6", "sum to 1.2"),
        ("_cell_length_a 4", "_cell_length_a 4(2)", "uncertain by"),
        ("_cell_length_a 4", "_cell_length_a 4\n_cell_length_a 5", "stands twice"),
        ("_cell_angle_alpha 90", "_cell_angle_alpha 200", "no cell has the angles"),
        ("_cell_length_a 4", "_refine_special_details\n;never closed\n_cell_length_a 4", "not closed"),
        ("'x, y, z'", "'x, y'", "no symmetry operation"),
        ("fract_x", "Cartn_x", "Cartesian"),
        ("_cell_length_a 4", "_cell_length_a -4", "_cell_length_a is -4"),
        ("_cell_length_a 4", "_chemical_formula_moiety 'salt'\n_cell_length_a 4", "'salt' can't be read"),
        ("_cell_length_a 4", "_cell_wave_vector_x 0.31\n_cell_length_a 4", "modulated"),
        ("_cell_length_a 4", "_cell_subsystems_number 2\n_cell_length_a 4", "modulated"),
        ("_cell_length_a 4", "_space_group_ssg_name 'Fm-3m(a00)'\n_cell_length_a 4", "modulated"),
        (SALT, f"{SALT}\n_atom_site_Fourier_wave_vector_x 0.1", "modulated"),
        (SALT, f"{SALT}\nloop_\n_atom_site_occ_special_func_crenel_c\n0.5", "modulated"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0.２ 0 0 1", "no number"),
        ("_cell_length_a 4", "_cell_length_a 4e400", "beyond all numbers"),
        ("Na1 Na 0 0 0 1", "Na1 Na 0 0e400 0 1", "beyond all numbers"),
        (SALT, "Na1 Na 0 0 0 0.0208\nCl1 Cl 0.5 0.5 0.5 0.0208", "more than 0.0208"),
    ],
)
def test_what_can_not_be_read_says_why(old: str, new: str, reason: str) -> None:
    assert old in cif(SALT)
    assert reason in why_not(re.sub(re.escape(old), lambda _: new, cif(SALT), count=1))


def test_all_faults_of_the_atoms_come_at_once() -> None:
    reason = why_not(cif("N1 NH4 0 0 0 1\nO1 OH2 0.5 0.5 0.5 1\nCl1 Cl ? 0 0 1"))
    assert all(label in reason for label in ("N1", "O1", "Cl1"))
