"""Anions, cations and metals."""

import pytest
from exfolio.models.structure.sizes.roles import roles_of


@pytest.mark.parametrize(
    ("formula", "kinds"),
    [
        ("NaCl", {"Na": ("cation", 1), "Cl": ("anion", -1)}),
        ("HfN", {"Hf": ("cation", 3), "N": ("anion", -3)}),  # no common states balance: nitrogen takes its own
        ("Mg2Si", {"Mg": ("cation", 2), "Si": ("anion", -4)}),
        ("CoSi", {"Co": ("metal", 0), "Si": ("metal", 0)}),  # charges could be written
        ("Cu3Au", {"Cu": ("metal", 0), "Au": ("metal", 0)}),
        ("Fe", {"Fe": ("metal", 0)}),
    ],
)
def test_each_element_has_its_role(formula: str, kinds: dict[str, tuple[str, float]]) -> None:
    assert {element: tuple(role) for element, role in roles_of(formula).items()} == kinds
