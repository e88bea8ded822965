"""Molecules lend their shape to no salt, and salts none to molecules and alloys."""

import numpy as np
import pytest
from exfolio.models.structure.substitution.unlike_bonding import bonding, unlike


def takes(formula: str, template: str, dimension: int) -> bool:
    return not unlike(formula, np.array([bonding(template, dimension)]))[0]


@pytest.mark.parametrize(
    ("formula", "template"),
    [("PbO", "CO"), ("Li3P", "NH3"), ("NaCl", "ICl"), ("AlBr3", "NF3"), ("Ca", "N2"), ("CaF2", "SiF2")],
)
def test_compounds_of_metals_are_no_molecules_of_nonmetals(formula: str, template: str) -> None:
    assert not takes(formula, template, 0)
    assert takes(formula, template, 3), "the same elements as a network"


@pytest.mark.parametrize(("formula", "template"), [("HCl", "NaCl"), ("NH3", "Li3P"), ("CO2", "TiO2")])
def test_compounds_of_nonmetals_alone_are_no_salts(formula: str, template: str) -> None:
    assert not takes(formula, template, 3)
    assert takes(formula, template, 0)


@pytest.mark.parametrize(
    ("formula", "template", "dimension"),
    [
        ("TiCl4", "CCl4", 0),  # highly charged metals make molecules
        ("OsO4", "XeO4", 0),
        ("HgI2", "HgBr2", 0),  # as do some others, which are known by themselves
        ("BN", "GaN", 3),
        ("SiO2", "TiO2", 3),
        ("Ar", "Cu", 3),
        ("NH3", "PF3", 0),
    ],
)
def test_what_may_be_either_is_left_alone(formula: str, template: str, dimension: int) -> None:
    assert takes(formula, template, dimension)


@pytest.mark.parametrize(
    ("formula", "template"),
    [
        *[("ZnCu", "ZnTe"), ("AlNi3", "AlCl3"), ("CaCu5", "HfTe5"), ("Cu3Au", "Cu3N"), ("TiFe", "TiC")],
        *[("Pt3Co", "CoAs3"), ("FePt", "NiAs"), ("TiRh", "NbP"), ("TiB2", "TiS2"), ("MgB2", "MgH2")],
        *[("CoSi2", "CoTe2"), ("CoAs3", "RhI3"), ("MnNiSb", "MnBrCl")],
    ],
)
def test_alloys_are_no_salts(formula: str, template: str) -> None:
    assert not takes(formula, template, 2)
    assert not takes(formula, template, 3)


@pytest.mark.parametrize(
    ("formula", "template"),
    [
        *[("Mg2Si", "K2O"), ("CsAu", "RbI"), ("Na3Bi", "Li3N"), ("LaBi", "LaN")],  # these trade electrons as salts do
        *[("GaAs", "ZnS"), ("ZnGeAs2", "CuFeS2"), ("CrSb", "CrS"), ("PtAs2", "FeS2")],
        *[("Fe3Si", "Fe3C"), ("PtSn", "PtSb")],
    ],
)
def test_what_is_no_alloy_or_close_to_one_takes_what_is_near(formula: str, template: str) -> None:
    assert takes(formula, template, 3)
