"""Names of chemical systems."""

from exfolio.models.composition.formula.chemical_systems import sub_systems


def test_parts_of_a_chemical_system() -> None:
    assert sub_systems("Mg-Mn-O") == ["Mg", "Mn", "O", "Mg-Mn", "Mg-O", "Mn-O", "Mg-Mn-O"]
    assert sub_systems("O") == ["O"]
