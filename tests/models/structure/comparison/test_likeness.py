"""The same structure, or not: pairs that a crystallographer knows.

Prototypes are those of the AFLOW library (M. J. Mehl et al., Comput. Mater. Sci. 136, S1 (2017)) that comes with
pymatgen; the others are written out with their source.
"""

import gzip
import json
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from exfolio.models.structure.comparison.likeness import Likeness, likeness
from exfolio.models.structure.comparison.matching import Comparison, prepare
from exfolio.models.structure.vacuum import set_vacuum
from pymatgen.core import Lattice, Structure

Pair = tuple[Structure, Structure]
Made = Callable[[], Structure]


@cache
def _prototypes() -> dict[str, dict[str, Any]]:
    # As plain data, beside the package: to import it takes seconds, in which it makes objects of all of them.
    packed = files("pymatgen.analysis").joinpath("prototypes").joinpath("aflow_prototypes.json.gz").read_bytes()
    return {entry["tags"]["aflow"]: entry["snl"] for entry in json.loads(gzip.decompress(packed))}


def prototype(tag: str, elements: str = "", volume: float | None = None) -> Structure:
    """A prototype, its elements, in the order of their names, replaced by those given; Å^3 per atom."""
    structure = Structure.from_dict(_prototypes()[tag])
    own = sorted(element.symbol for element in structure.elements)
    if elements:
        structure.replace_species(dict(zip(own, elements.split(), strict=True)))
    if volume:
        structure.scale_lattice(volume * len(structure))
    return structure


def crystal(group: str, cell: Lattice, **sites: list[float]) -> Structure:
    """A crystal by its space group; several sites of one element are numbered."""
    species = [name.rstrip("0123456789") for name in sites]
    return Structure.from_spacegroup(group, cell, species, list(sites.values()))


def layer(a: float, *sites: tuple[str, float, float, float], b: float | None = None, gamma: float = 120) -> Structure:
    """A monolayer in 20 Å: element, fractional x and y, height in Å."""
    c = 30.0
    cell = Lattice.from_parameters(a, b or a, c, 90, 90, gamma)
    return Structure(cell, [site[0] for site in sites], [[x, y, 0.5 + z / c] for _, x, y, z in sites])


def barium_titanate(phase: str) -> Structure:
    """G. H. Kwei, A. C. Lawson, S. J. L. Billinge, S.-W. Cheong, J. Phys. Chem. 97, 2368 (1993), rounded."""
    if phase == "cubic":
        return crystal("Pm-3m", Lattice.cubic(4.0), Ba=[0, 0, 0], Ti=[0.5, 0.5, 0.5], O=[0.5, 0.5, 0])
    if phase == "tetragonal":
        sites = {"Ba": [0, 0, 0], "Ti": [0.5, 0.5, 0.522], "O": [0.5, 0.5, -0.024], "O2": [0.5, 0, 0.489]}
        return crystal("P4mm", Lattice.tetragonal(3.997, 4.031), **sites)
    if phase == "orthorhombic":
        sites = {"Ba": [0, 0, 0], "Ti": [0.5, 0, 0.517], "O": [0, 0, 0.489], "O2": [0.5, 0.253, 0.235]}
        return crystal("Amm2", Lattice.orthorhombic(3.983, 5.674, 5.692), **sites)
    ti, x, z = 0.487, 0.511, 0.018
    cell = Lattice.from_parameters(4.004, 4.004, 4.004, 89.84, 89.84, 89.84)
    oxygen = [[x, x, z], [x, z, x], [z, x, x]]
    return Structure(cell, ["Ba", "Ti", *"OOO"], [[0, 0, 0], [ti, ti, ti], *oxygen])


def strontium_titanate(tilt: float) -> Structure:
    """I4/mcm, octahedra turned by so many degrees about c; 2.1 at 4 K (H. Unoki, T. Sakudo, 1967)."""
    x = (1 - np.tan(np.radians(tilt))) / 4
    cell = Lattice.tetragonal(5.507, 7.796)
    return crystal("I4/mcm", cell, Sr=[0, 0.5, 0.25], Ti=[0, 0, 0], O=[0, 0, 0.25], O2=[x, x + 0.5, 0])


def salt() -> Structure:
    return crystal("Fm-3m", Lattice.cubic(5.64), Na=[0, 0, 0], Cl=[0.5, 0.5, 0.5])


def dichalcogenide(x: float = 1 / 3, y: float = 2 / 3, a: float = 3.16, half: float = 1.56) -> Structure:
    """1H as given, 1T with the upper chalcogen at (2/3, 1/3)."""
    return layer(a, ("Mo", 0, 0, 0), ("S", 1 / 3, 2 / 3, -half), ("S", x, y, half))


def janus(*, turned: bool = False) -> Structure:
    half = -1.6 if turned else 1.6
    return layer(3.25, ("Mo", 0, 0, 0), ("S", 1 / 3, 2 / 3, -half), ("Se", 1 / 3, 2 / 3, half))


def four_planes(inner: str, outer: str, *, mirrored: bool = True) -> Structure:
    """Outer, inner, inner, outer, as in GaSe; the upper half mirrored or turned."""
    low, high = (1 / 3, 2 / 3), (1 / 3, 2 / 3) if mirrored else (2 / 3, 1 / 3)
    middle = [(inner, 0, 0, -1.23), (inner, 0, 0, 1.23)]
    return layer(3.75, (outer, *low, -2.38), *middle, (outer, *high, 2.38))


def silicene(buckling: float) -> Structure:
    """Flat or buckled by 0.44 Å: S. Cahangirov et al., Phys. Rev. Lett. 102, 236804 (2009)."""
    return layer(3.87, ("Si", 1 / 3, 2 / 3, -buckling / 2), ("Si", 2 / 3, 1 / 3, buckling / 2))


def molybdenite(upper: tuple[float, float], sulphur: tuple[float, float]) -> Structure:
    """Two 1H layers in a cell, the upper one's metal and sulphur where given."""
    one, heights = (1 / 3, 2 / 3), (0.129, -0.129)
    sites = [[*one, 0.25], *([2 / 3, 1 / 3, 0.25 + z] for z in heights), [*upper, 0.75]]
    sites += [[*sulphur, 0.75 + z] for z in heights]
    return Structure(Lattice.hexagonal(3.16, 12.29), ["Mo", "S", "S"] * 2, sites)


def rattled(structure: Structure, by: float, seed: int = 1) -> Structure:
    moved = structure.copy()
    shifts = np.random.default_rng(seed).normal(0, by, (len(moved), 3))
    return Structure(moved.lattice, moved.species, moved.cart_coords + shifts, coords_are_cartesian=True)


def strained(structure: Structure, *by: float) -> Structure:
    copy = structure.copy()
    copy.apply_strain(list(by))
    return copy


def remade(structure: Structure, matrix: list[list[float]]) -> Structure:
    """In another cell of the same or a multiple volume."""
    return structure.copy().make_supercell(matrix, in_place=False)


def mirrored(structure: Structure) -> Structure:
    return Structure(structure.lattice.matrix * [1, 1, -1], structure.species, structure.frac_coords)


def in_other_axes(structure: Structure, order: tuple[int, int, int]) -> Structure:
    chosen = list(order)
    return Structure(structure.lattice.matrix[chosen], structure.species, structure.frac_coords[:, chosen])


def turned(structure: Structure) -> Structure:
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    return Structure(structure.lattice.matrix @ turn, structure.species, structure.frac_coords)


def shifted(structure: Structure, *by: float) -> Structure:
    copy = structure.copy()
    copy.translate_sites(range(len(copy)), by)
    return copy


def charged(structure: Structure, **states: int) -> Structure:
    copy = structure.copy()
    copy.add_oxidation_state_by_element(states)
    return copy


def two_layers(first: Structure, *, apart: float, by: tuple[float, float] = (0, 0)) -> Structure:
    """Two of a layer in one cell, the second moved in the plane, in vacuum on both sides."""
    a, b, c = first.lattice.matrix
    cell = Lattice([a, b, np.add(c, [0, 0, apart])])
    second = first.cart_coords + by[0] * a + by[1] * b + [0, 0, apart]
    return Structure(cell, first.species * 2, [*first.cart_coords, *second], coords_are_cartesian=True)


PLACES = {"A": (0.0, 0.0), "B": (1 / 3, 2 / 3), "C": (2 / 3, 1 / 3)}


def stacked(a: float, height: float, planes: list[tuple[str, str, float]]) -> Structure:
    """Close-packed planes: element, place A, B or C, height as a share."""
    coordinates = [[*PLACES[place], z] for _, place, z in planes]
    return Structure(Lattice.hexagonal(a, height), [element for element, *_ in planes], coordinates)


def tetrahedral(sequence: str) -> Structure:
    """SiC of a stacking sequence, 2.52 Å to a double plane."""
    n = len(sequence)
    planes = [(e, place, (k + z) / n) for k, place in enumerate(sequence) for e, z in (("Si", 0), ("C", 0.75))]
    return stacked(3.08, 2.52 * n, planes)


def cadmium_iodide(*layers: str) -> Structure:
    """A polytype, 6.84 Å to a layer, each named by the places of I, Cd and I."""
    n = len(layers)
    heights = (("I", -0.25), ("Cd", 0), ("I", 0.25))
    planes = [(e, at, (k + z) / n) for k, own in enumerate(layers) for at, (e, z) in zip(own, heights, strict=True)]
    return stacked(4.24, 6.84 * n, planes)


def planes_of(a: float, *planes: tuple[str, str, float]) -> Structure:
    """A layer of close-packed planes: element, place A, B or C, height in Å."""
    return layer(a, *[(element, *PLACES[place], z) for element, place, z in planes])


def heusler(*elements: str) -> Structure:
    """The four sites along the diagonal of a cubic cell, or three of them."""
    sites = {f"{name}{k}": [k / 4] * 3 for k, name in enumerate(elements)}
    return crystal("F-43m", Lattice.cubic(5.95), **sites)


def tilted(angle: float, *, in_phase: bool) -> Structure:
    """SrTiO3, its octahedra turned about c, those above each other alike or the other way."""
    u, a = np.tan(np.radians(angle)) / 4, 3.905 * np.sqrt(2)
    group, c, half = ("P4/mbm", 3.905, 0.5) if in_phase else ("I4/mcm", 7.81, 0.25)
    sites = {"Sr": [0, 0.5, half], "Ti": [0, 0, 0], "O": [0, 0, half], "O2": [0.25 + u, 0.75 + u, 0]}
    return crystal(group, Lattice.tetragonal(a, c), **sites)


def bilayer(upper: tuple[float, float]) -> Structure:
    return two_layers(layer(2.46, ("C", 0, 0, 0), ("C", 1 / 3, 2 / 3, 0)), apart=3.35, by=upper)


def star_of_david() -> tuple[Structure, Structure]:
    """1T-TaS2 in its cell of 13, and with 12 of 13 Ta drawn by 7 % to the last."""
    one = planes_of(3.36, ("S", "B", -1.5), ("Ta", "A", 0), ("S", "C", 1.5))
    large = remade(one, [[4, 1, 0], [-1, 3, 0], [0, 0, 1]])
    stars, (middle, *others) = large.copy(), [k for k, site in enumerate(large) if site.specie.symbol == "Ta"]
    for k in others:
        _, image = large[middle].distance_and_image(large[k])
        towards = (large[middle].frac_coords - large[k].frac_coords - image) @ large.lattice.matrix
        stars.translate_sites(k, 0.07 * towards, frac_coords=False)
    return large, stars


def puckered(outside: str, inside: str) -> Structure:
    """As GeS, the outer atoms 0.3 Å above the inner ones."""
    sites = [(outside, 0.1, 0.25, 1.4), (inside, 0.6, 0.25, 1.1), (inside, 0.4, 0.75, -1.1), (outside, 0.9, 0.75, -1.4)]
    return layer(4.3, *sites, b=3.65, gamma=90)


def compared(first: Structure, second: Structure) -> Likeness | None:
    """None for structures that are not even alike."""
    a, b = prepare(first), prepare(second)
    misfit = Comparison().misfit(a, b)
    return likeness(a, b, misfit) if misfit else None


PEROVSKITE, QUARTZ = "AB3C_oP20_62_c_cd_a", "A2B_hP9_152_c_a"

SAME: dict[str, Callable[[], Pair]] = {
    **{
        f"rock salt, {name}": lambda cell=cell: (salt(), remade(salt(), cell))
        for name, cell in {
            "doubled along a": [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
            "doubled along b": [[1, 0, 0], [0, 2, 0], [0, 0, 1]],
            "tripled along c": [[1, 0, 0], [0, 1, 0], [0, 0, 3]],
            "with slanting vectors": [[1, 1, 0], [0, 1, 0], [1, 0, 1]],
        }.items()
    },
    **{
        f"a layer, {name}": lambda cell=cell: (dichalcogenide(), remade(dichalcogenide(), cell))
        for name, cell in {
            "doubled along a": [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
            "doubled along b": [[1, 0, 0], [0, 2, 0], [0, 0, 1]],
            "doubled along c": [[1, 0, 0], [0, 1, 0], [0, 0, 2]],
            "tripled along c": [[1, 0, 0], [0, 1, 0], [0, 0, 3]],
            "in a rectangular cell": [[1, 0, 0], [1, 2, 0], [0, 0, 1]],
            "with c aslant": [[1, 0, 0], [0, 1, 0], [1, 1, 1]],
            "√3 x √3": [[1, -1, 0], [1, 2, 0], [0, 0, 1]],
        }.items()
    },
    "a layer twice, one moved aside": lambda: (
        dichalcogenide(),
        two_layers(dichalcogenide(), apart=25, by=(0.4, 0.1)),
    ),
    "a layer twice, one turned over": lambda: (janus(), two_layers(janus(turned=True), apart=30)),
    "a layer, other vacuum": lambda: (dichalcogenide(), set_vacuum(dichalcogenide(), 9)),
    "a layer, vacuum along a": lambda: (dichalcogenide(), in_other_axes(dichalcogenide(), (2, 0, 1))),
    "a layer, cut by the border": lambda: (dichalcogenide(), shifted(dichalcogenide(), 0.1, 0.7, 0.5)),
    "a Janus layer turned over": lambda: (janus(), janus(turned=True)),
    "a layer of another functional": lambda: (dichalcogenide(), dichalcogenide(a=3.25, half=1.6)),
    "a thinner GaSe layer": lambda: (four_planes("Ga", "Se"), strained(four_planes("Ga", "Se"), 0.02, 0.02, -0.03)),
    "quartz, left and right": lambda: (prototype(QUARTZ), mirrored(prototype(QUARTZ))),
    "selenium, left and right": lambda: (prototype("A_hP3_152_a"), mirrored(prototype("A_hP3_152_a"))),
    "cinnabar, left and right": lambda: (prototype("AB_hP6_154_a_b"), mirrored(prototype("AB_hP6_154_a_b"))),
    "keatite, left and right": lambda: (prototype("A2B_tP36_96_3b_ab"), mirrored(prototype("A2B_tP36_96_3b_ab"))),
    "FeSi, left and right": lambda: (prototype("AB_cP8_198_a_a"), mirrored(prototype("AB_cP8_198_a_a"))),
    "Pnma and Pbnm": lambda: (prototype(PEROVSKITE), in_other_axes(prototype(PEROVSKITE), (2, 0, 1))),
    "C2/c and I2/c": lambda: (
        prototype("AB_mC8_15_c_e").get_primitive_structure(),
        remade(prototype("AB_mC8_15_c_e"), [[1, 0, 1], [0, 1, 0], [0, 0, 1]]),
    ),
    "calcite, primitive and hexagonal": lambda: (
        prototype("ABC3_hR10_167_a_b_e").get_primitive_structure(),
        remade(prototype("ABC3_hR10_167_a_b_e").get_primitive_structure(), [[1, -1, 0], [0, 1, -1], [1, 1, 1]]),
    ),
    "diamond, two origins": lambda: (prototype("A_cF8_227_a"), shifted(prototype("A_cF8_227_a"), 0.125, 0.125, 0.125)),
    "turned in space": lambda: (prototype(QUARTZ), turned(prototype(QUARTZ))),
    "sites in another order": lambda: (prototype(QUARTZ), Structure.from_sites(prototype(QUARTZ)[::-1])),
    "oxidation states": lambda: (salt(), charged(salt(), Na=1, Cl=-1)),
    "another functional": lambda: (salt(), strained(salt(), 0.03)),
    "rutile, oxygen elsewhere on its line": lambda: tuple(  # type: ignore[return-value]  # a pair
        crystal("P4_2/mnm", Lattice.tetragonal(4.59, 2.96), Ti=[0, 0, 0], O=[x, x, 0]) for x in (0.305, 0.29)
    ),
    "graphite, layers further apart": lambda: (
        prototype("A_hP4_194_bc"),
        strained(prototype("A_hP4_194_bc"), -0.01, -0.01, 0.08),
    ),
    "2H-MoS2, layers further apart": lambda: (
        prototype("AB2_hP6_194_c_f"),
        strained(prototype("AB2_hP6_194_c_f"), 0, 0, 0.06),
    ),
    "rattled a little": lambda: (salt(), rattled(remade(salt(), [[2, 0, 0], [0, 1, 0], [0, 0, 1]]), 0.01)),
    "a layer, four times and rattled": lambda: (
        dichalcogenide(),
        rattled(remade(dichalcogenide(), [[2, 0, 0], [0, 2, 0], [0, 0, 1]]), 0.03),
    ),
    "anatase rattled out of all symmetry": lambda: (
        prototype("A2B_tI12_141_e_a"),
        rattled(prototype("A2B_tI12_141_e_a"), 0.02),
    ),
    "a cell bent by magnetic order": lambda: (  # NiO: 90.06° (G. A. Slack, J. Appl. Phys. 31, 1571 (1960))
        crystal("Fm-3m", Lattice.cubic(4.18), Ni=[0, 0, 0], O=[0.5, 0.5, 0.5]),
        Structure(
            Lattice.from_parameters(*(5.119,) * 3, *(33.6,) * 3),
            ["Ni", "Ni", "O", "O"],
            [[0, 0, 0], [0.5] * 3, [0.25] * 3, [0.75] * 3],
        ),
    ),
    "barium titanate of another functional": lambda: (
        barium_titanate("tetragonal"),
        strained(barium_titanate("tetragonal"), 0, 0, 0.03),
    ),
    "zinc blende by its planes": lambda: (
        tetrahedral("ABC"),
        crystal("F-43m", Lattice.cubic(3.08 * np.sqrt(2)), Si=[0, 0, 0], C=[0.25, 0.25, 0.25]),
    ),
    "half-Heusler, another origin": lambda: (heusler("Li", "Al", "Si"), heusler("Si", "Al", "Li")),
    "bilayer graphene, AB and BA": lambda: (bilayer((1 / 3, 2 / 3)), bilayer((2 / 3, 1 / 3))),
    "a puckered layer along the other axis": lambda: (
        puckered("Ge", "S"),
        in_other_axes(puckered("Ge", "S"), (1, 0, 2)),
    ),
    "a polar layer turned over": lambda: (
        planes_of(4.34, ("Te", "A", -1.7), ("Bi", "B", 0), ("I", "C", 2.0)),
        turned(planes_of(4.34, ("Te", "A", -1.7), ("Bi", "B", 0), ("I", "C", 2.0))),
    ),
    "tilts in a larger cell": lambda: (
        strontium_titanate(5),
        remade(strontium_titanate(5), [[1, 1, 0], [-1, 1, 0], [0, 0, 1]]),
    ),
}

ALIKE: dict[str, Callable[[], Pair]] = {
    "quartz, low and high": lambda: (
        prototype(QUARTZ, volume=12.6),
        prototype("A2B_hP9_180_j_c", volume=13.1),
    ),
    "CsCl and CuAu": lambda: (
        prototype("AB_cP2_221_b_a", "Au Cu", 14),
        prototype("AB_tP2_123_a_d", "Au Cu", 14),
    ),
    "flat and buckled silicene": lambda: (silicene(0), silicene(0.44)),
    "silicene buckled much less": lambda: (silicene(0), silicene(0.2)),
    "barium titanate, cubic and tetragonal": lambda: (barium_titanate("cubic"), barium_titanate("tetragonal")),
    "barium titanate, cubic and orthorhombic": lambda: (barium_titanate("cubic"), barium_titanate("orthorhombic")),
    "barium titanate, cubic and rhombohedral": lambda: (barium_titanate("cubic"), barium_titanate("rhombohedral")),
    "barium titanate, 4mm and mm2": lambda: (barium_titanate("tetragonal"), barium_titanate("orthorhombic")),
    "barium titanate, mm2 and 3m": lambda: (barium_titanate("orthorhombic"), barium_titanate("rhombohedral")),
    "barium titanate, 4mm and 3m": lambda: (barium_titanate("tetragonal"), barium_titanate("rhombohedral")),
    "strontium titanate, tilted by 2.1°": lambda: (strontium_titanate(0), strontium_titanate(2.1)),
    "strontium titanate, tilted by 5°": lambda: (strontium_titanate(0), strontium_titanate(5)),
    "bcc, pulled along an axis": lambda: (
        prototype("A_cI2_229_a"),
        strained(prototype("A_cI2_229_a"), -0.03, -0.03, 0.06),
    ),
    "rutile and CaCl2": lambda: (
        crystal("P4_2/mnm", Lattice.tetragonal(4.59, 2.96), Ti=[0, 0, 0], O=[0.305, 0.305, 0]),
        crystal("Pnnm", Lattice.orthorhombic(4.66, 4.52, 2.96), Ti=[0, 0, 0], O=[0.33, 0.28, 0]),
    ),
    "zinc blende, pressed along an axis": lambda: (
        prototype("AB_cF8_216_c_a"),
        strained(prototype("AB_cF8_216_c_a"), 0.02, 0.02, -0.04),
    ),
    "rock salt and GeTe": lambda: (
        crystal("Fm-3m", Lattice.cubic(6.0), Ge=[0, 0, 0], Te=[0.5, 0.5, 0.5]),
        crystal("R3m", Lattice.hexagonal(4.17, 10.66), Ge=[0, 0, 0.237], Te=[0, 0, 0.763]),
    ),
}
"""Linked, since StructureMatcher's tolerances join them, and yet not the same."""

UNLIKE: dict[str, Callable[[], Pair]] = {
    "a layer turned inside out, AlSe": lambda: (four_planes("Al", "Se"), four_planes("Se", "Al")),
    "a layer turned inside out, InS": lambda: (four_planes("In", "S"), four_planes("S", "In")),
    "the same with the halves turned": lambda: (
        four_planes("Al", "Se", mirrored=False),
        four_planes("Se", "Al", mirrored=False),
    ),
    "halves mirrored and turned": lambda: (four_planes("Ga", "Se"), four_planes("Ga", "Se", mirrored=False)),
    "1H and 1T": lambda: (dichalcogenide(), dichalcogenide(2 / 3, 1 / 3)),
    "a Janus layer and one with mixed sides": lambda: (
        janus(),
        _mixed_sides(),
    ),
    "one layer and two": lambda: (dichalcogenide(), two_layers(dichalcogenide(), apart=6.2)),
    "a layer and its bulk": lambda: (dichalcogenide(), prototype("AB2_hP6_194_c_f")),
    "flat and puckered phosphorus": lambda: (
        layer(3.28, ("P", 1 / 3, 2 / 3, -0.62), ("P", 2 / 3, 1 / 3, 0.62)),
        layer(
            3.3,
            *[("P", 0, 0.09, 1.06), ("P", 0.5, 0.41, 1.06), ("P", 0.5, 0.59, -1.06), ("P", 0, 0.91, -1.06)],
            b=4.6,
            gamma=90,
        ),
    ),
    "2Hc and 2Ha": lambda: (
        molybdenite((2 / 3, 1 / 3), (1 / 3, 2 / 3)),
        molybdenite((1 / 3, 2 / 3), (0, 0)),
    ),
    "CdI2, 2H and 4H": lambda: (cadmium_iodide("BAC"), cadmium_iodide("BAC", "BCA")),
    "CdI2 and CdCl2": lambda: (cadmium_iodide("BAC"), cadmium_iodide("BAC", "ACB", "CBA")),
    "SiC, 6H and 15R": lambda: (tetrahedral("ABCACB"), tetrahedral("ABCACBCABACABCB")),
    "bilayer graphene, AA and AB": lambda: (bilayer((0, 0)), bilayer((1 / 3, 2 / 3))),
    "Heusler and inverse Heusler": lambda: (heusler("Al", "Cu", "Mn", "Cu"), heusler("Al", "Cu", "Cu", "Mn")),
    "half-Heusler, another in the middle": lambda: (heusler("Li", "Al", "Si"), heusler("Al", "Li", "Si")),
    "tilts in phase and out of phase": lambda: (tilted(6, in_phase=True), tilted(6, in_phase=False)),
    "CuPt, planes of (001) and of (111)": lambda: (
        Structure(Lattice.tetragonal(2.69, 3.8), ["Cu", "Pt"], [[0, 0, 0], [0.5, 0.5, 0.5]]),
        crystal("R-3m", Lattice.hexagonal(2.69, 13.17), Cu=[0, 0, 0], Pt=[0, 0, 0.5]),
    ),
    "1T-TaS2 and its stars": star_of_david,
    "Ti3C2 inside out": lambda: (
        planes_of(3.07, ("Ti", "A", -2.3), ("C", "B", -1.15), ("Ti", "C", 0), ("C", "A", 1.15), ("Ti", "B", 2.3)),
        planes_of(3.07, ("C", "A", -3.45), ("Ti", "B", -2.3), ("Ti", "C", 0), ("Ti", "A", 2.3), ("C", "B", 3.45)),
    ),
    "BiTeI, Bi between and outside": lambda: (
        planes_of(4.34, ("Te", "A", -1.7), ("Bi", "B", 0), ("I", "C", 2.0)),
        planes_of(4.34, ("Bi", "A", -1.7), ("Te", "B", 0), ("I", "C", 2.0)),
    ),
    "GeS, Ge outside and S outside": lambda: (puckered("Ge", "S"), puckered("S", "Ge")),
    "2H and AA": lambda: (molybdenite((2 / 3, 1 / 3), (1 / 3, 2 / 3)), molybdenite((1 / 3, 2 / 3), (2 / 3, 1 / 3))),
    "tilted and ideal perovskite": lambda: (
        prototype(PEROVSKITE, volume=11),
        prototype("AB3C_cP5_221_a_c_b", volume=11),
    ),
    "cristobalite, low and high": lambda: (
        prototype("A2B_tP12_92_b_a", volume=14),
        prototype("A2B_cF24_227_c_a", volume=14.5),
    ),
    **{
        f"{first} and {second}": lambda a=a, b=b, elements=elements, volume=volume: (
            prototype(a, elements, volume),
            prototype(b, elements, volume),
        )
        for first, second, a, b, elements, volume in (
            ("fluorite", "ThH2", "AB2_cF12_225_a_c", "A2B_tI6_139_d_a", "H Th", 11),
            ("fcc", "indium", "A_cF4_225_a", "A_tI2_139_a", "In", 26),
            ("simple cubic", "mercury", "A_cP1_221_a", "A_hR1_166_a", "Hg", 23),
            ("zinc blende", "wurtzite", "AB_cF8_216_c_a", "AB_hP4_186_b_b", "S Zn", 20),
            ("4H", "6H", "AB_hP8_186_ab_ab", "AB_hP12_186_a2b_a2b", "", 10.4),
            ("4H", "9R", "AB_hP8_186_ab_ab", "AB_hR6_160_3a_3a", "", 10.4),
            ("2H graphite", "3R graphite", "A_hP4_194_bc", "A_hR2_166_c", "C", 8.8),
            ("graphite", "buckled graphite stacked so", "A_hP4_194_bc", "A_hP4_194_f", "C", 7.0),
            ("diamond", "lonsdaleite", "A_cF8_227_a", "A_hP4_194_f", "C", 5.7),
            ("hcp", "double hcp", "A_hP2_194_c", "A_hP4_194_ac", "La", 37),
            ("fcc", "hcp", "A_cF4_225_a", "A_hP2_194_c", "La", 37),
            ("fcc", "samarium", "A_cF4_225_a", "A_hR3_166_ac", "La", 37),
            ("rutile", "anatase", "A2B_tP6_136_f_a", "A2B_tI12_141_e_a", "", 11),
            ("rock salt", "NiAs", "AB_cF8_225_a_b", "AB_hP4_194_c_a", "Ni S", 14),
            ("NiAs", "millerite", "AB_hP4_194_c_a", "AB_hR6_160_b_b", "Ni S", 14),
            ("pyrite", "marcasite", "AB2_cP12_205_a_c", "AB2_oP6_58_a_g", "Fe S", 13),
            ("cubic Laves", "hexagonal Laves", "A2B_cF24_227_d_a", "AB2_hP12_194_f_ah", "", 15),
            ("TiAl3", "ZrAl3", "A3B_tI8_139_bd_a", "A3B_tI16_139_cde_e", "Al Ti", 16),
            ("Cu3Au", "TiAl3", "AB3_cP4_221_a_c", "A3B_tI8_139_bd_a", "Al Ti", 16),
            ("quartz", "keatite", QUARTZ, "A2B_tP36_96_3b_ab", "", 12.6),
            ("cubic N2", "N2 of Pca", "A_cP8_205_c", "A_cP8_198_2a", "N", 22),
        )
    },
}


def _mixed_sides() -> Structure:
    """A Janus layer of which every second row is turned over."""
    third, half = 1 / 3, 1.6
    sites = [("Mo", 0, 0, 0), ("Mo", 0.5, 0, 0)]
    for x, (lower, upper) in ((third / 2, ("S", "Se")), (third / 2 + 0.5, ("Se", "S"))):
        sites += [(lower, x, 2 * third, -half), (upper, x, 2 * third, half)]
    return layer(6.5, *sites, b=3.25)


@pytest.mark.parametrize("pair", SAME.values(), ids=SAME)
def test_one_structure_however_it_is_described(pair: Callable[[], Pair]) -> None:
    found = compared(*pair())
    assert found is not None
    assert found.same, found


@pytest.mark.parametrize("pair", ALIKE.values(), ids=ALIKE)
def test_alike_and_not_the_same(pair: Callable[[], Pair]) -> None:
    found = compared(*pair())
    assert found is not None
    assert not found.same, found


@pytest.mark.parametrize("pair", UNLIKE.values(), ids=UNLIKE)
def test_not_even_alike(pair: Callable[[], Pair]) -> None:
    found = compared(*pair())
    assert found is None or not found.same, found
