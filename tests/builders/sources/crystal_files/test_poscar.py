"""A POSCAR is read as VASP reads it, or refused in the terms of its lines."""

import pytest
from exfolio.builders.sources.crystal_files.poscar import read_poscar
from exfolio.builders.sources.records.raw_record import BadRecord

HEAD = "salt\n1.0\n4 0 0\n0 4 0\n0 0 4\n"
BODY = "Direct\n0 0 0\n0.5 0.5 0.5\n"
SALT = HEAD + "Cs Cl\n1 1\n" + BODY


def why_not(text: str) -> str:
    with pytest.raises(BadRecord) as caught:
        read_poscar(text)
    return caught.value.reason


def second_atom(text: str) -> list[float]:
    crystal = read_poscar(text)
    assert crystal.composition.formula == "Cs1 Cl1"
    return [float(x) for x in crystal.frac_coords[1]]


def test_a_negative_scale_is_the_volume_and_scales_cartesian_coordinates() -> None:
    text = "neg\n-64\n2 0 0\n0 2 0\n0 0 2\nCs Cl\n1 1\nCartesian\n0 0 0\n0.9 0.7 1.0\n"
    assert second_atom(text) == pytest.approx([0.45, 0.35, 0.5])
    assert read_poscar(text).volume == pytest.approx(64)
    assert second_atom(text.replace("Cartesian", "kartesisch")) == pytest.approx([0.45, 0.35, 0.5])


def test_three_scales_stretch_the_axes_of_space() -> None:
    text = SALT.replace("1.0", "1.0 1.0 2.0", 1).replace("0 0 4", "0 0 2")
    assert read_poscar(text).lattice.lengths == pytest.approx((4, 4, 4))
    cartesian = text.replace("Direct", "Cartesian").replace("0.5 0.5 0.5", "2 2 1")
    assert second_atom(cartesian) == pytest.approx([0.5, 0.5, 0.5])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("1 1\n", "1 1 ! Cs Cl\n"),
        ("1 1\n", "1\n1\n"),
        ("Cs Cl\n", "Cs\nCl\n"),
        ("Cs Cl\n", "Cs_sv/0123abcd Cl_h/9f\n"),
        ("1.0\n", "1.0d0   scale\n"),
        ("Direct\n", "Selective dynamics\nDirect\n"),
        ("salt\n", "salt\x0c of M\x85 and \u2028 others\n"),  # ends of lines to Python, none to VASP
        ("4 0 0\n", "\t4.0\t0\t0\n"),
        ("0.5 0.5 0.5\n", "0.5 0.5 0.5 Cl\n\n0 0 0\n0.1 0 0\n"),
    ],
)
def test_what_vasp_and_others_write_is_read(old: str, new: str) -> None:
    text = SALT.replace(old, new, 1)
    if "Selective" in new:
        text = text.replace("0 0 0\n0.5 0.5 0.5\n", "0 0 0 T T F\n0.5 0.5 0.5 F F F\n")
    assert second_atom(text) == [0.5, 0.5, 0.5]


def test_an_element_may_be_named_twice() -> None:
    text = HEAD + "Fe O Fe\n1 1 1\nDirect\n0 0 0\n0.5 0.5 0\n0.5 0 0.5\n"
    assert [site.specie.symbol for site in read_poscar(text)] == ["Fe", "O", "Fe"]


def test_a_file_of_vasp_4_needs_a_symbol_behind_each_atom() -> None:
    assert second_atom(HEAD + "1 1\nDirect\n0 0 0 Cs\n0.5 0.5 0.5 Cl\n") == [0.5, 0.5, 0.5]
    flags = HEAD + "1 1\nDirect\n0 0 0 F F F\n0.5 0.5 0.5 F F F\n"
    assert "line 6 has to name the elements" in why_not(flags)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("1 1\n", "1 2\n", "line 11: 3 atoms are announced, and 2 are listed"),
        ("1 1\n", "1 0\n", "line 10: 1 atoms are announced, and more are listed"),
        ("1 1\n", "1 -1\n", "line 7 has to hold the numbers of atoms"),
        ("1 1\n", "1.5 1\n", "line 7 has to hold the numbers of atoms"),
        ("1 1\n", "1 1 1\n", "3 numbers of atoms for 2 names"),
        ("Cs Cl\n", "CS CL\n", "line 6: 'CS' names no element; write Cs"),
        ("Cs Cl\n", "Cs Cl.75\n", "line 6: 'Cl.75' names no element"),
        ("1.0\n", "1.0 2.0\n", "line 2 has to hold the scale"),
        ("1.0\n", "1 1 -1\n", "three scales have to be positive"),
        ("1.0\n", "0\n", "the scale is 0"),
        ("Direct\n", "", "line 8 has to say Direct or Cartesian"),
        ("Direct\n", "Fractional\n", "line 8 has to say Direct or Cartesian"),
        ("0.5 0.5 0.5\n", "0.5 0.5 0.5 K\n", "line 10 is K by its end, and Cl by the numbers"),
        ("Direct\n", "Selective\nDirect\n", "three flags"),
        ("Direct\n", "Direct configuration=     1\n", "line 8: it is a trajectory"),
        (BODY, BODY + "Direct configuration=     2\n0 0 0\n", "line 11: it is a trajectory"),
        (BODY, BODY + HEAD + "Cs_sv Br\n1 1\n" + BODY, "line 16 names elements once more"),
        (BODY, BODY + "\n" + HEAD + "Cs Br\n1 1\n" + BODY, "line 17 names elements once more"),
    ],
)
def test_faults_are_told_by_line(old: str, new: str, reason: str) -> None:
    assert reason in why_not(SALT.replace(old, new, 1))


def test_all_faults_of_the_atoms_come_at_once() -> None:
    reason = why_not(HEAD + "Cs Cl\n1 1\nDirect\n0 0\n0 x 1\n")
    assert "line 9" in reason
    assert "line 10" in reason
