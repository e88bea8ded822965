"""Tags as VASP reads them."""

import pytest
from exfolio.models.calculation.vasp_tags import VaspTags


def test_what_vasp_states_it_took_counts_before_what_it_was_told() -> None:
    tags = VaspTags.of({"ISMEAR": 1, "GGA": "PE # PBE"}, {"ISMEAR": 0, "GGA": "--", "SIGMA": 0.1})

    assert tags.number("ISMEAR", 9) == 0
    assert tags.word("GGA") == "PE"
    assert tags.number("SIGMA", 9) == 0.1
    assert tags.number("NUPDOWN", -1) == -1


def test_the_cut_off_has_two_names() -> None:
    assert VaspTags.of({}, {"ENMAX": 400.0}).number("ENCUT", 0) == 400
    assert VaspTags.of({"ENMAX": 300.0}, {}).number("ENCUT", 0) == 300


@pytest.mark.parametrize("text", [".TRUE.", "T", "true", ".T. ! yes", True])
def test_truth_has_many_spellings(text: object) -> None:
    assert VaspTags.of({"LDAU": text}, {}).on("LDAU")
    assert not VaspTags.of({"LDAU": False}, {}).on("LDAU")


def test_a_list_stated_in_part_is_taken_from_the_incar() -> None:
    tags = VaspTags.of({"LDAUU": [5.3, 0.0]}, {"LDAUU": [5.3]})

    assert tags.numbers("LDAUU") == [5.3, 0.0]
