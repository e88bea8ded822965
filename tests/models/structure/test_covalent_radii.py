"""The table of covalent radii is the published one, as pymatgen has it."""

import pytest
from exfolio.models.structure.covalent_radii import COVALENT_RADII, LAST_RADIUS, covalent_radius
from pymatgen.analysis.local_env import CovalentRadius
from pymatgen.core.periodic_table import Element


def test_radii_are_those_of_pymatgen() -> None:
    theirs = [CovalentRadius.radius[Element.from_Z(z).symbol] for z in range(1, LAST_RADIUS + 1)]
    assert COVALENT_RADII[1:].tolist() == theirs
    assert covalent_radius("Cm") == pytest.approx(1.69)


def test_beyond_curium_no_radius_is_known() -> None:
    assert covalent_radius("Bk") != covalent_radius("Bk"), "NaN"
