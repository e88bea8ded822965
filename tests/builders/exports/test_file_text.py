"""CIFs of structures whose atoms have labels, read again by pymatgen."""

import pytest
from exfolio.builders.exports.file_text import as_cif
from pymatgen.core import Lattice, Structure

ROCK_SALT = Structure(Lattice.cubic(4.2), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    "labels", [["Mg 1", "O 1"], ["#1", "_o"], ["A1", "A1"], ["\x1b[31mMg", "O1"], ["'Mg", "O1"], ["Mg1", None]]
)
def test_labels_that_a_cif_can_not_hold_are_replaced(labels: list[str | None]) -> None:
    labelled = ROCK_SALT.copy()
    for site, label in zip(labelled, labels, strict=True):
        site.label = label

    text = as_cif(labelled)

    again = Structure.from_str(text, fmt="cif")
    assert [(site.species_string, *site.frac_coords) for site in again] == [("Mg", 0, 0, 0), ("O", 0.5, 0.5, 0.5)]
    assert len({site.label for site in again}) == 2
    assert text.isascii()
    assert text.replace("\n", " ").isprintable()
    assert labelled[0].label == labels[0], "the structure itself stays as it is"


def test_labels_of_one_atom_each_stay() -> None:
    labelled = ROCK_SALT.copy()
    labelled[0].label, labelled[1].label = "M1", "O3'"

    assert [site.label for site in Structure.from_str(as_cif(labelled), fmt="cif")] == ["M1", "O3'"]


def test_elements_that_share_a_site_are_told_apart() -> None:
    alloy = Structure(Lattice.cubic(3.6), [{"Cu": 0.5, "Ni": 0.5}], [[0, 0, 0]], labels=["M1"])

    assert [line.split()[1] for line in as_cif(alloy).splitlines() if line.endswith(" 0.5")] == ["Cu0", "Ni1"]
