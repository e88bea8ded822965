"""Minerals and salts that hydrogen, lone pairs or ions hold together, as crystallographers describe them.

Cells and sites from the structures' publications by way of the American Mineralogist Crystal Structure Database
(R. T. Downs and M. Hall-Wallace, Am. Mineral. 88, 247 (2003)).
"""

import pytest
from exfolio.models.structure.dimensionality.layering import analyse_layers
from exfolio.models.structure.layered.monolayer import monolayers
from pymatgen.core import Lattice, Structure

HEXAGONAL, MONOCLINIC, ORTHORHOMBIC = Lattice.hexagonal, Lattice.monoclinic, Lattice.orthorhombic


def mineral(group: str, cell: Lattice, **sites: tuple[float, float, float]) -> Structure:
    """A crystal by its space group; several sites of one element are numbered."""
    species = [name.rstrip("0123456789") for name in sites]
    return Structure.from_spacegroup(group, cell, species, [list(site) for site in sites.values()])


def bismuth_selenide() -> Structure:
    """Laitakarite, Bi4Se3: M. M. Stasova, Izv. Akad. Nauk SSSR, Neorg. Mater. 4, 28 (1968)."""
    sites = {"Bi": (0, 0, 0.1445), "Bi2": (0, 0, 0.287), "Se": (0, 0, 0.417), "Se2": (0.0, 0.0, 0.0)}
    return mineral("R-3m", HEXAGONAL(4.27, 40.0), **sites)


LAYERED = {
    # M. Asbrand, B. Eisenmann and J. Klein, Z. Anorg. Allg. Chem. 621, 576 (1995); exfoliated by M. Q. Arguilla et al.
    "NaSn2As2": mineral("R-3m", HEXAGONAL(4.006, 27.581), Na=(0, 0, 0), Sn=(0, 0, 0.2103), As=(0, 0, 0.4074)),
    # F. Laufek, M. Drabek and R. Skala, Can. Mineral. 45, 1213 (2007)
    "Ni2SbTe2, vavrinite": mineral(
        "P6_3/mmc", HEXAGONAL(3.909, 15.682), Ni=(0, 0, 0.1657), Sb=(1 / 3, 2 / 3, 0.25), Te=(1 / 3, 2 / 3, 0.58704)
    ),
    # T. Malcherek and J. Schlüter, Acta Cryst. B 63, 157 (2007)
    "MgCu3(OH)6Cl2, haydeeite": mineral(
        "P-3m1",
        HEXAGONAL(6.2733, 5.7472),
        Cu=(0.5, 0, 0),
        Mg=(0, 0, 0),
        Cl=(2 / 3, 1 / 3, 0.36355),
        O=(0.6481, 0.82405, 0.15579),
        H=(0.203, 0.797, 0.283),
    ),
    # H. Effenberger, Monatsh. Chem. 115, 725 (1984)
    "CuOHCl, belloite": mineral(
        "P2_1/c",  # published in P2_1/a
        MONOCLINIC(6.127, 6.671, 5.555, 114.88),
        Cu=(-0.03193, 0.11786, 0.25375),
        O=(0.1189, 0.3525, 0.1508),
        H=(0.26, 0.35, 0.21),
        Cl=(-0.3114, 0.409, 0.3218),
    ),
    # A. Leclaire and M. M. Borel, Acta Cryst. B 33, 1608 (1977)
    "CaCl2 2H2O, sinjarite": mineral(
        "Pbcn",
        ORTHORHOMBIC(5.893, 7.469, 12.07),
        Ca=(0, 0.2157, 0.25),
        Cl=(-0.2725, 0.4509, 0.138),
        O=(0.2645, 0.2107, 0.1082),
        H=(0.399, 0.2909, 0.0988),
        H2=(0.2498, 0.1461, 0.036),
    ),
    # B. Klewe and B. Pedersen, Acta Cryst. B 30, 2363 (1974)
    "NaCl 2H2O, hydrohalite": mineral(
        "P2_1/c",
        MONOCLINIC(6.3313, 10.1178, 6.5029, 114.407),
        Na=(0.02374, 0.17002, 0.45503),
        Cl=(0.2921, 0.1219, 0.21354),
        O=(0.786, 0.32053, 0.17284),
        O2=(0.2278, 0.49146, 0.23202),
        H=(0.784, 0.393, 0.22),
        H2=(0.651, 0.296, 0.075),
        H3=(0.361, 0.52, 0.251),
        H4=(0.262, 0.464, 0.361),
    ),
}
NETWORKS = {
    # H. Jacobs, W. Niemann and A. Kockelmann, Z. Anorg. Allg. Chem. 631, 1247 (2005)
    "Zn(OH)2, wulfingite": mineral(
        "P2_12_12_1",
        ORTHORHOMBIC(4.90855, 5.14641, 8.488),
        Zn=(0.071, 0.65, 0.6239),
        O=(0.1166, 0.1278, 0.0792),
        O2=(0.166, 0.3178, 0.7197),
        H=(0.4734, 0.3593, 0.842),
        H2=(0.2587, 0.8162, 0.1506),
    ),
    # C. C. Venetopoulos and P. J. Rentzeperis, Z. Kristallogr. 141, 246 (1975)
    "PbOHCl, laurionite": mineral(
        "Pnma",  # published in Pcmn
        ORTHORHOMBIC(7.111, 4.0203, 9.6987),
        Pb=(0.79736, 0.25, 0.0877),
        O=(0.1223, 0.25, 0.0422),
        H=(0.223, 0.25, 0.11),
        Cl=(0.5564, 0.25, 0.8202),
    ),
}


@pytest.mark.parametrize("crystal", LAYERED.values(), ids=LAYERED)
def test_layers_that_weak_bonds_hold_can_be_peeled(crystal: Structure) -> None:
    found = analyse_layers(crystal)
    assert found.layered, found.reason
    [layer] = monolayers(crystal, analysis=found)
    assert layer.same_composition


@pytest.mark.parametrize("crystal", NETWORKS.values(), ids=NETWORKS)
def test_other_hydroxides_are_networks(crystal: Structure) -> None:
    found = analyse_layers(crystal)
    assert (found.layered, found.kind) == (False, "network")


def test_layers_of_two_kinds_that_take_turns_are_each_cut() -> None:
    cut = {one.structure.composition.reduced_formula for one in monolayers(bismuth_selenide())}
    assert cut == {"Bi", "Bi2Se3"}
