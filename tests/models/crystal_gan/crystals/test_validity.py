"""Which cells could be crystals, and which compositions are asked for."""

import numpy as np
import pytest
from exfolio.models.crystal_gan.crystals.layout_compositions import OxidationRule, compositions, family
from exfolio.models.crystal_gan.crystals.validity import faults, kind
from exfolio.models.structure.point_cloud import Floats, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O, BadLayout, Layout
from pymatgen.core import Lattice, Structure

MANGANESE = OxidationRule("Mn", 2, 4, {"Mg": 2.0, "O": -2.0})
"""Kim et al. 2020."""


def test_real_oxides_are_valid(cells: Floats) -> None:
    assert set(faults(cells, MG_MN_O)) == {None}


def test_each_fault_is_named() -> None:
    def cell(a: float, third: float = 0.5, angle: float = 90.0) -> Structure:
        lattice = Lattice.from_parameters(a, a, a, 90, 90, angle)
        return Structure(lattice, ["Mg", "Mn", "O"], [[0, 0, 0], [0.5, 0.5, 0.5], [0, 0, third]])

    arrays = encode_many([cell(3.5, 0.3), cell(2.0), cell(8, angle=10), cell(3.5)], MG_MN_O)
    arrays[2, 0] = 0.25
    nothing = np.zeros((1, 30, 3))

    said = faults(np.concatenate([arrays, nothing]), MG_MN_O, asked=[*[(1, 1, 1)] * 3, (1, 1, 2), (1, 1, 1)])

    assert said[0] == "shortest_distance: Mg-O 1.05 Å, 0.51 of the sum of covalent radii"
    assert said[1] == "volume: 2.7 Å³ an atom, 0.19 of what its elements take"
    assert said[2] == "cell: angles [90.0, 90.0, 10.0]° are not within (15.0, 165.0)"
    assert said[3] == "composition: it holds Mg1 Mn1 O1 where Mg1 Mn1 O2 was asked for"
    assert str(said[4]).startswith("cell: ")
    assert "no row of an atom" in str(said[4])
    assert [kind(str(fault)) for fault in said[:4]] == ["shortest_distance", "volume", "cell", "composition"]


def test_images_of_an_atom_count() -> None:
    cell = Structure(Lattice.tetragonal(6, 1.4), ["Mg", "Mn", "O"], [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0]])

    assert "Mn-Mn 1.40 Å" in str(faults(encode_many([cell], MG_MN_O), MG_MN_O)[0])


def test_compositions_follow_the_oxidation_rule() -> None:
    found = compositions(MG_MN_O, MANGANESE)

    assert (2, 4, 8) in found  # Mn 3+
    assert (1, 1, 3) in found  # 4+
    assert (1, 1, 4) not in found  # 6+
    assert all(2 <= (2 * o - 2 * mg) / mn <= 4 for mg, mn, o in found)
    assert len(compositions(MG_MN_O)) == 8 * 8 * 12
    assert set(compositions(MG_MN_O, MANGANESE, reduced=True)) == {family(one) for one in found}


def test_rules_must_be_about_the_layout() -> None:
    iron = Layout("mg-fe-o", ("Mg", "Fe", "O"), (4, 4, 8))

    with pytest.raises(BadLayout, match="has no Mn"):
        compositions(iron, MANGANESE)
    with pytest.raises(BadLayout, match="no oxidation state for O"):
        compositions(iron, OxidationRule("Fe", 2, 3, {"Mg": 2}))
    assert (1, 2, 4) in compositions(iron, OxidationRule("Fe", 2, 3, {"Mg": 2.0, "O": -2.0}))
