"""Molecules, chains, layers and networks by score and by strength."""

from collections.abc import Callable

import pytest
from exfolio.models.structure.dimensionality.contacts import contacts
from exfolio.models.structure.dimensionality.ionic_layers import charged_layers, host_layers, ion_charge, least_charge
from exfolio.models.structure.dimensionality.layering import analyse_layers
from exfolio.models.structure.dimensionality.scored_layers import larsen_score
from exfolio.models.structure.symmetry.from_wyckoff import Site, build_structure, cell
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


def test_the_score_is_a_half_at_1_15_and_one_without_end() -> None:
    """Larsen et al. (2019), eq. 2."""
    assert larsen_score(0.9, 1.15) == pytest.approx(0.5)
    assert larsen_score(1.0, float("inf")) == 1.0
    assert larsen_score(1.15, float("inf")) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("name", "kind", "dimensionality"),
    [
        ("NaCl", "network", 3),
        ("diamond", "network", 3),
        ("Cu2O", "network", 3),
        ("Se", "chains", 1),
        ("CO2", "molecules", 0),
        ("graphite", "layers", 2),
        ("PbI2", "layers", 2),
    ],
)
def test_what_holds_together(crystal: Crystal, name: str, kind: str, dimensionality: int) -> None:
    found = analyse_layers(crystal(name))
    assert (found.kind, found.dimensionality) == (kind, dimensionality)
    assert found.reason


def test_copper_chloride_consists_of_chains() -> None:
    """Cell of tolbachite, Handbook of Mineralogy (2001-2005); Cl placed 2.26 Å from four Cu, 2.96 Å from two."""
    chloride = build_structure(
        "C2/m",
        cell("C2/m", a=6.9038, b=3.2995, c=6.824, beta=122.197),
        [Site("Cu", 0, 0, 0), Site("Cl", 0.5048, 0, 0.2294)],
    )
    nearest = sorted(neighbour.nn_distance for neighbour in chloride.get_neighbors(chloride[0], 3.2))
    assert nearest == pytest.approx([2.26] * 4 + [2.96] * 2, abs=0.01)
    found = analyse_layers(chloride)
    assert (found.layered, found.kind) == (False, "chains")


@pytest.mark.parametrize(
    ("metal", "lengths", "beta", "fluorine"),
    [
        ("Cr", (3.505, 4.718, 5.39), 119.4, (0.252, 0.296, 0.295)),
        ("Cu", (3.294, 4.568, 5.358), 121.17, (0.2558, 0.2968, 0.2951)),
    ],
)
def test_a_metal_with_four_short_and_two_long_bonds_is_bound_by_all_six(
    metal: str, lengths: tuple[float, float, float], beta: float, fluorine: tuple[float, float, float]
) -> None:
    """Difluorides of rutile's kind, drawn out by Jahn and Teller's effect.

    CrF2: K. H. Jack and R. Maitland, Proc. Chem. Soc. 232 (1957). CuF2: P. C. Burns and F. C. Hawthorne, Powder Diffr.
    6, 156 (1991).
    """
    a, b, c = lengths
    fluoride = Structure.from_spacegroup(
        "P2_1/c", Lattice.monoclinic(a, b, c, beta), [metal, "F"], [[0, 0, 0], fluorine]
    )
    found = analyse_layers(fluoride)
    assert (found.layered, found.kind) == (False, "bound layers")
    assert found.reason
    assert "lone pair" in found.reason


def test_ions_between_layers_are_named_with_the_charge_they_leave() -> None:
    """Buckled sheets of silicon (Si-Si 2.45 Å) with calcium between, as in CaSi2; heights from distances."""
    silicide = build_structure(
        "R-3m:H", cell("R-3m:H", a=3.855, c=15.9), [Site("Ca", 0, 0, 0), Site("Si", 0, 0, 0.2)], primitive=True
    )
    host = host_layers(silicide, contacts(silicide))
    assert host is not None
    assert (host.formulas, host.ions, host.charge) == (("Si",), ("Ca",), -1.0)
    found = analyse_layers(silicide)
    assert (found.layered, found.kind, found.dimensionality) == (False, "intercalated layers", 3)
    assert found.reason == "layers of Si of charge -1 hold Ca between them"


def test_ions_that_bind_the_next_layer_as_well_lie_between_layers() -> None:
    """LiFeP, Cu2Sb type with nearly regular FeP4 (Deng et al., EPL 87, 37004 (2009)); Li 2.6 to 2.7 Å from five P.

    It comes apart between its lithium planes by the score alone.
    """
    phosphide = build_structure(
        "P4/nmm:2",
        cell("P4/nmm:2", a=3.70, c=5.9),
        [Site("Fe", 0.75, 0.25, 0), Site("P", 0.25, 0.25, 0.21), Site("Li", 0.25, 0.25, 0.652)],
    )
    found = analyse_layers(phosphide)
    assert (found.layered, found.kind, found.dimensionality) == (False, "intercalated layers", 3)
    assert found.binding is not None
    assert found.binding.holds
    assert found.reason == "layers of FeP of charge -1 hold Li between them"


@pytest.mark.parametrize("height_of_chlorine", [0.65, 0.6497, 0.643])
def test_what_anions_of_the_next_layer_repel_is_no_bond(height_of_chlorine: float) -> None:
    """Matlockite: Wyckoff, Crystal Structures 1, 294 (1963) has 0.65; it is peeled as easily as MoS2 is."""
    matlockite = build_structure(
        "P4/nmm:2",
        cell("P4/nmm:2", a=4.106, c=7.23),
        [Site("F", 0.75, 0.25, 0), Site("Pb", 0.25, 0.25, 0.2), Site("Cl", 0.25, 0.25, height_of_chlorine)],
    )
    assert analyse_layers(matlockite).kind == "layers"


def test_a_covalent_contact_that_is_nearly_a_bond_holds_layers() -> None:
    """SrCd2P2, CaAl2Si2 type: what looks like a gap runs through its Cd2P2 layers; heights from distances."""
    phosphide = build_structure(
        "P-3m1",
        cell("P-3m1", a=4.38, c=7.28),
        [Site("Sr", 0, 0, 0), Site("Cd", 1 / 3, 2 / 3, 0.6325), Site("P", 1 / 3, 2 / 3, 0.2425)],
    )
    assert analyse_layers(phosphide).kind == "intercalated layers"


@pytest.mark.parametrize("across", ["Al", "Ga"])
def test_a_contact_of_half_a_bond_holds_layers_however_strong_these_are(across: str) -> None:
    """MnAlGe and MnGaGe, metals of the Cu2Sb type: squares of Mn, 2.54 Å from Al and 2.58 Å from Ge; Al-Ge 2.63 Å.

    Their type: K. Motizuki, T. Korenari, M. Shirai, Electronic band structures and magnetism of intermetallic
    Cu2Sb-type manganese compounds MnAlGe and MnGaGe.
    """
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0, 0.5, 0.728], [0.5, 0, 0.272], [0, 0.5, 0.285], [0.5, 0, 0.715]]
    found = analyse_layers(Structure(Lattice.tetragonal(3.914, 5.933), ["Mn", "Mn", across, across, "Ge", "Ge"], sites))
    assert (found.layered, found.kind) == (False, "bound layers")
    assert "more than 0.35 of a bond" in (found.reason or "")


def test_atoms_of_a_layer_too_far_apart_to_hold_together_make_none() -> None:
    """A square net of chlorine, 2.7 Å from atom to atom (Cl2 has 1.99): databases of monolayers hold such."""
    lone = Structure(Lattice.tetragonal(2.7, 25), ["Cl"], [[0, 0, 0.5]])
    found = analyse_layers(lone)
    assert (found.layered, found.kind) == (False, "ions")


def test_layers_of_opposite_charge_are_none_that_can_be_peeled() -> None:
    """BiCuSeO, tetragonal, A. M. Kusainova et al. (1994)."""
    coordinates = [["Bi", 0.25, 0.25, 0.1411], ["Cu", 0.75, 0.25, 0.5], ["Se", 0.25, 0.25, 0.674], ["O", 0.75, 0.25, 0]]
    positions = [site[1:] for site in coordinates] + [[-x for x in site[1:]] for site in coordinates]
    oxide = Structure(Lattice.tetragonal(3.9273, 8.9293), [site[0] for site in coordinates] * 2, positions)
    found = analyse_layers(oxide)
    assert (found.layered, found.kind) == (False, "charged layers")
    assert "BiO of charge +1" in (found.reason or "")


def test_charges_are_those_of_the_usual_states() -> None:
    assert [least_charge(formula) for formula in ("NbS2", "PbS", "BiO", "LaO", "MoS2")] == [0, 0, 1, 1, 0]
    assert [ion_charge(symbol) for symbol in ("K", "Ca", "La", "Eu", "U")] == [1, 2, 3, 2, None]
    assert charged_layers(["NbS2", "PbS"]) == ()
    assert charged_layers(["Si"]) == ()


def test_layers_of_several_kinds_may_lie_on_each_other_where_each_is_neutral(crystal: Crystal) -> None:
    """h-BN on graphene, with the mean lattice constant, 3.35 Å apart."""
    (graphene, nitride) = (["C", "C"], ["B", "N"])
    stack = Structure(
        Lattice.hexagonal(2.48, 6.7),
        graphene + nitride,
        [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.75]],
    )
    found = analyse_layers(stack)
    assert (found.layered, found.layers_per_cell) == (True, 2)


def test_layers_are_told_apart_where_one_of_two_gaps_is_narrower() -> None:
    """Double sheets of AlSe, Al-Se 2.45 Å: Se is 3.4 Å from Se of the next sheet, Al 4.4 Å from Al of the other."""
    heights = {"Al": 2.4, "Se": 1.3}
    sheets = Structure(
        Lattice.hexagonal(3.8, 2 * 2.4 + 3.8),
        ["Al", "Se", "Se", "Al"],
        [[2 / 3, 1 / 3, 0], [1 / 3, 2 / 3, 0], [2 / 3, 1 / 3, 0], [1 / 3, 2 / 3, 0]],
    )
    for site, height in zip(range(4), (heights["Al"], heights["Se"], -heights["Se"], -heights["Al"]), strict=True):
        sheets.translate_sites([site], [0, 0, height], frac_coords=False)
    found = analyse_layers(sheets)
    assert (found.layered, [len(sheet.sites) for sheet in found.components]) == (True, [2, 2])


def test_what_has_no_metal_has_no_charged_layers() -> None:
    assert [least_charge(formula) for formula in ("HC2", "BO", "SeN", "BiO")] == [0, 0, 0, 1]


@pytest.mark.parametrize("cell", [[2, 1, 1], [[1, 1, 0], [-1, 1, 0], [0, 0, 2]], [[1, 0, 1], [0, 1, 0], [0, 0, 1]]])
@pytest.mark.parametrize("name", ["MoS2 2H", "Bi2Te3", "NaCl", "Se"])
def test_the_verdict_does_not_depend_on_the_cell(crystal: Crystal, name: str, cell: list[list[int]]) -> None:
    one, other = analyse_layers(crystal(name)), analyse_layers(crystal(name) * cell)
    assert one.kind == other.kind
    assert one.scores == pytest.approx(other.scores)
    if one.binding and other.binding:
        assert one.binding.bound == pytest.approx(other.binding.bound, abs=1e-6)
