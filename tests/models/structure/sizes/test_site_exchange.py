"""Elements that could change places, in crystals of which it is known whether they order."""

import pytest
from exfolio.models.structure.sizes.site_exchange import BOLTZMANN, alike_elements, exchanged, order_holds_up_to
from pymatgen.core import Lattice, Structure


def kesterite() -> Structure:
    """Cu2ZnSnS4 (S. Schorr, Sol. Energy Mater. Sol. Cells 95, 1482 (2011))."""
    sites = [[0, 0, 0], [0, 0.5, 0.25], [0, 0.5, 0.75], [0, 0, 0.5], [0.756, 0.757, 0.872]]
    return Structure.from_spacegroup("I-4", Lattice.tetragonal(5.427, 10.871), ["Cu", "Cu", "Zn", "Sn", "S"], sites)


def rock_salt(first: str, second: str, anion: str, length: float) -> Structure:
    """Layers of two metals in turn along c of rock salt."""
    lattice = Lattice.tetragonal(length / 2**0.5, length)
    return Structure(lattice, [first, second, anion, anion], [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0, 0, 0.5]])


def janus(upper: str, lower: str) -> Structure:
    sites = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.577], [2 / 3, 1 / 3, 0.42]]
    return Structure(Lattice.hexagonal(3.25, 20), ["Mo", upper, lower], sites)


def striped() -> Structure:
    """Mo and W in rows of one layer of the 2H kind."""
    sites = [[0, 0, 0.5], [0.5, 0.5, 0.5], *([x, y, z] for x, y in ((1 / 3, 0), (5 / 6, 0.5)) for z in (0.578, 0.422))]
    return Structure(Lattice.orthorhombic(5.473, 3.16, 20), ["W", "Mo", *["S"] * 4], sites)


def chalcopyrite() -> Structure:
    sites = [[0, 0, 0], [0, 0, 0.5], [0.225, 0.25, 0.125]]
    return Structure.from_spacegroup("I-42d", Lattice.tetragonal(5.784, 11.616), ["Cu", "In", "Se"], sites)


def layered_oxide() -> Structure:
    sites = [[0, 0, 0.5], [0, 0, 0], [0, 0, 0.26]]
    return Structure.from_spacegroup("R-3m", Lattice.hexagonal(2.816, 14.05), ["Li", "Co", "O"], sites)


def dolomite() -> Structure:
    sites = [[0, 0, 0], [0, 0, 0.5], [0, 0, 0.2428], [0.2482, -0.0354, 0.2439]]
    return Structure.from_spacegroup("R-3", Lattice.hexagonal(4.808, 16.022), ["Ca", "Mg", "C", "O"], sites)


def perovskite() -> Structure:
    sites = [[0, 0, 0], [0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.cubic(3.905), ["Sr", "Ti", "O", "O", "O"], sites)


MIX = {
    "Cu2ZnSnS4, Cu and Zn mix above 533 K": (kesterite(), ("Cu", "Zn")),
    "Mo and W in a disulfide, a random alloy": (striped(), ("Mo", "W")),
    "a Janus layer, which is made far from equilibrium": (janus("S", "Se"), ("S", "Se")),
    "MgO and ZnO in rock salt": (rock_salt("Mg", "Zn", "O", 4.25), ("Mg", "Zn")),
    "KCl and RbCl": (rock_salt("K", "Rb", "Cl", 6.44), ("K", "Rb")),
}
ORDER = {
    "chalcopyrite: charges differ by two": chalcopyrite(),
    "LiCoO2: radii and charges": layered_oxide(),
    "dolomite: radii differ by 28 %": dolomite(),
    "SrTiO3: other neighbours": perovskite(),
    "a salt": rock_salt("Na", "Na", "Cl", 5.64),
    "an oxide sulfide: O and S differ by 24 %": janus("O", "S"),
}


@pytest.mark.parametrize("name", MIX)
def test_what_is_known_to_mix_is_suspected(name: str) -> None:
    structure, expected = MIX[name]

    assert [pair.elements for pair in alike_elements(structure)] == [expected]


@pytest.mark.parametrize("name", ORDER)
def test_what_is_known_to_order_is_not(name: str) -> None:
    assert alike_elements(ORDER[name]) == []


def test_alike_metals_are_suspected_though_some_order() -> None:
    """CuAu orders below 683 K: that only an energy can tell."""
    [pair] = alike_elements(Structure(Lattice.tetragonal(2.80, 3.67), ["Cu", "Au"], [[0, 0, 0], [0.5, 0.5, 0.5]]))

    assert pair.elements == ("Au", "Cu")
    assert pair.charges == (0, 0)
    assert pair.radius_difference == pytest.approx(0.03, abs=0.01)  # 1.36 and 1.32 Å


def test_two_atoms_far_apart_are_exchanged_in_a_cell_of_several() -> None:
    structure = striped()
    [pair] = alike_elements(structure)

    before, after = exchanged(structure, pair)

    changed = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if one.specie != other.specie]
    assert before.composition == after.composition
    assert len(changed) == 2
    assert before.get_distance(*changed) > 5
    assert min(before.lattice.abc) >= 7
    assert before.lattice.c == pytest.approx(20)  # vacuum is not repeated


def test_an_order_goes_at_a_quarter_of_the_first_exchange() -> None:
    assert order_holds_up_to(4 * BOLTZMANN * 683) == pytest.approx(683)
    assert order_holds_up_to(-0.1) == 0
