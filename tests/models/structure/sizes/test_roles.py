"""Anions, cations and metals."""

import pytest
from exfolio.models.structure.sizes.roles import likely_oxidation_states, roles_of


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


@pytest.mark.parametrize(
    ("formula", "states"),
    [
        ("NaClO4", {"Na": 1, "Cl": 7, "O": -2}),  # no frequent state of chlorine
        ("KClO3", {"K": 1, "Cl": 5, "O": -2}),
        ("RbBrF4", {"Rb": 1, "Br": 3, "F": -1}),
        ("Ca2Ge", {"Ca": 2, "Ge": -4}),
        ("CaMnSn", {"Ca": 2, "Mn": 2, "Sn": -4}),
        ("BBr", None),  # not of B3- and Br3+
        ("CdCl4", None),  # nor of chlorine as cation and anion
        ("Ba2P", None),
    ],
)
def test_rarer_states_balance_what_frequent_ones_do_not(formula: str, states: dict[str, float] | None) -> None:
    assert likely_oxidation_states(formula) == states
