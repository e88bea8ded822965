"""Monolayers cut from real layered crystals."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.comparison.matching import Representatives
from exfolio.models.structure.dimensionality.layering import DATABASE_RULES, PAPER_RULES, LayerRules, analyse_layers
from exfolio.models.structure.layered.monolayer import NotLayered, cut, monolayers
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

Crystal = Callable[[str], Structure]


@pytest.mark.parametrize(
    ("name", "formula", "in_plane", "angle", "thickness", "symmetry"),
    [
        ("MoS2 2H", "Mo1 S2", (3.16, 3.16), 120, 3.17, "P-6m2"),
        ("graphite", "C2", (2.464, 2.464), 120, 0.0, "P6/mmm"),
        ("h-BN", "B1 N1", (2.504, 2.504), 120, 0.0, "P-6m2"),
        ("Bi2Te3", "Bi2 Te3", (4.386, 4.386), 120, 7.54, "P-3m1"),
        ("GaSe", "Ga2 Se2", (3.755, 3.755), 120, 4.72, "P-6m2"),
        ("CdI2", "Cd1 I2", (4.24, 4.24), 120, 3.41, "P-3m1"),
        ("PbI2", "Pb1 I2", (4.557, 4.557), 120, 3.73, "P-3m1"),
        ("CdCl2", "Cd1 Cl2", (3.845, 3.845), 120, 2.84, "P-3m1"),
        ("black P", "P4", (3.3136, 4.3763), 90, 2.13, "Pmna"),
        ("BiTeI", "Bi1 Te1 I1", (4.34, 4.34), 120, 3.82, "P3m1"),
    ],
)
def test_monolayers_of_well_known_crystals(
    crystal: Crystal,
    name: str,
    formula: str,
    in_plane: tuple[float, float],
    angle: float,
    thickness: float,
    symmetry: str,
) -> None:
    bulk = crystal(name)
    (layer,) = monolayers(bulk, rules=DATABASE_RULES)
    assert layer.structure.composition.formula == formula
    assert layer.structure.lattice.abc == pytest.approx((*in_plane, layer.thickness + 20.0))
    assert layer.structure.lattice.angles == pytest.approx((90, 90, angle))
    assert layer.thickness == pytest.approx(thickness, abs=0.01)
    assert layer.area == pytest.approx(in_plane[0] * in_plane[1] * np.sin(np.radians(angle)))
    assert layer.same_composition
    assert len(layer.clusters) == analyse_layers(bulk, DATABASE_RULES).layers_per_cell
    assert space_group(layer.structure).symbol == symmetry
    assert np.linalg.det(layer.structure.lattice.matrix) > 0
    heights = layer.structure.cart_coords[:, 2]
    assert (heights.max() + heights.min()) / 2 == pytest.approx(layer.structure.lattice.c / 2)


def test_polytypes_give_the_same_monolayer(crystal: Crystal) -> None:
    (hexagonal,), (rhombohedral,), (octahedral,) = (monolayers(crystal(f"MoS2 {t}")) for t in ("2H", "3R", "1T"))
    known = Representatives([hexagonal.structure])
    assert known.match(rhombohedral.structure) == 0
    assert known.match(octahedral.structure) is None


@pytest.mark.parametrize(
    "cell",
    [
        [2, 1, 1],
        [[1, 0, 0], [1, 2, 0], [0, 0, 1]],
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        [[1, 0, 1], [0, 1, 2], [0, 0, 1]],
    ],
)
@pytest.mark.parametrize("name", ["MoS2 2H", "black P"])
def test_cell_and_direction_of_the_layers_do_not_matter(crystal: Crystal, name: str, cell: list[list[int]]) -> None:
    bulk = crystal(name)
    (expected,) = monolayers(bulk)
    turned = bulk * cell
    rotation = np.linalg.qr(np.array([[1.0, 2, 3], [0, 1, 4], [5, 6, 0]]))[0]
    rotation *= np.sign(np.linalg.det(rotation))
    turned = Structure(
        turned.lattice.matrix @ rotation, turned.species, turned.frac_coords + np.array([0.3, -1.2, 0.7])
    )
    (layer,) = monolayers(turned)
    np.testing.assert_allclose(layer.structure.lattice.parameters, expected.structure.lattice.parameters, atol=1e-6)
    np.testing.assert_allclose(
        np.sort(layer.structure.distance_matrix, axis=None),
        np.sort(expected.structure.distance_matrix, axis=None),
        atol=1e-6,
    )


def test_sites_tell_which_bulk_atom_each_was(crystal: Crystal) -> None:
    bulk = crystal("MoS2 2H")
    bulk.add_site_property("magmom", [0.1 * i for i in range(6)])
    (layer,) = monolayers(bulk)
    for site, origin in zip(layer.structure, layer.sites, strict=True):
        assert site.specie == bulk[origin].specie
        assert site.properties["magmom"] == bulk[origin].properties["magmom"]


def test_layers_of_two_kinds_are_both_given_and_flagged() -> None:
    """BiCuOSe stacks oxide and selenide layers; tetragonal, A. M. Kusainova et al. (1994)."""
    half = [["Bi", 0.25, 0.25, 0.1411], ["Cu", 0.75, 0.25, 0.5], ["Se", 0.25, 0.25, 0.6740], ["O", 0.75, 0.25, 0]]
    coordinates = np.array([site[1:] for site in half])
    bulk = Structure(
        Lattice.tetragonal(3.9273, 8.9293),
        [site[0] for site in half] * 2,
        np.concatenate([coordinates, -coordinates]),
    )
    layers = monolayers(bulk, rules=PAPER_RULES)
    assert {frozenset(layer.structure.symbol_set) for layer in layers} == {
        frozenset(("Bi", "O")),
        frozenset(("Cu", "Se")),
    }
    assert not any(layer.same_composition for layer in layers)
    assert sorted(index for layer in layers for index in layer.clusters) == [0, 1]


def test_neutral_layers_of_two_kinds_are_both_monolayers() -> None:
    """h-BN on graphene, with the mean lattice constant, 3.35 Å apart."""
    stack = Structure(
        Lattice.hexagonal(2.48, 6.7),
        ["C", "C", "B", "N"],
        [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [0, 0, 0.75], [1 / 3, 2 / 3, 0.75]],
    )
    assert [layer.structure.composition.reduced_formula for layer in monolayers(stack)] == ["C", "BN"]


def test_a_distorted_layer_keeps_its_larger_cell(crystal: Crystal) -> None:
    """1T layers whose metals pair up along a, as in ReS2 and WTe2: twice the cell of the undistorted one."""
    distorted = crystal("CdI2") * [2, 1, 1]
    distorted.translate_sites([0], [0.25, 0, 0], frac_coords=False)
    (layer,) = monolayers(distorted)
    assert len(layer.structure) == 6
    assert layer.area == pytest.approx(2 * 4.24**2 * np.sin(np.radians(60)))


def test_the_vacuum_may_be_chosen(crystal: Crystal) -> None:
    (layer,) = monolayers(crystal("graphite"), vacuum=15.0)
    assert layer.structure.lattice.c == pytest.approx(15.0)


def test_what_has_no_layers_is_refused_with_the_reason(crystal: Crystal) -> None:
    with pytest.raises(NotLayered, match="network"):
        monolayers(crystal("NaCl"))
    with pytest.raises(NotLayered, match="more than the limit"):
        monolayers(crystal("MoS2 2H"), rules=LayerRules(max_elements=1))
    chain = analyse_layers(crystal("Se")).components[0]
    with pytest.raises(NotLayered, match="1D"):
        cut(crystal("Se"), chain)


def test_monolayers_are_those_of_2dmatpedia(shared_data: Path) -> None:
    """Bulk crystals of which 2DMatPedia has the exfoliated layer: c is the same, the rest but for its relaxation."""
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        records = [json.loads(line) for line in lines]
    known = {r["formula_pretty"]: r for r in records if r["discovery_process"] == "top-down"}
    with gzip.open(shared_data / "matbench_phonons_structures.json.gz", "rt") as file:
        rows = json.load(file)["data"]
    wanted = {"K2MgCl4", "Na4Br2O", "CaHClO", "LiAsO3"}
    dicts = [row[0] for row in rows if len(row[0]["sites"]) <= 20]
    bulks = [s for s in map(from_plain, dicts) if s.composition.reduced_formula in wanted]
    matched = set()
    for bulk in bulks:
        if not analyse_layers(bulk, PAPER_RULES).layered:
            continue
        formula = bulk.composition.reduced_formula
        (layer,) = monolayers(bulk, rules=PAPER_RULES)
        theirs = from_plain(known[formula]["structure"])
        if Representatives([theirs]).match(layer.structure) == 0:
            assert StructureMatcher().fit(layer.structure, theirs)
            assert len(layer.structure) == len(theirs)
            matched.add(formula)
    assert matched == wanted
