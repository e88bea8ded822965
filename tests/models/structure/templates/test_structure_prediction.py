"""Structures predicted from templates, as a person would ask for them."""

import gzip
import json

import numpy as np
import pytest
from exfolio.models.structure.pettifor import ElementOffScaleError
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.templates import NoTemplateError, predict, realise, shortlist
from exfolio.models.structure.templates.library import TemplateLibrary
from exfolio.models.structure.vacuum import thickest_gap
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure


def layer(metal, anion, a, *, prismatic):
    c, z = 23.13, 1.565 / 23.13
    lower = [1 / 3, 2 / 3] if prismatic else [2 / 3, 1 / 3]
    return Structure(
        Lattice.hexagonal(a, c), [metal, anion, anion], [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + z], [*lower, 0.5 - z]]
    )


def janus(metal, top, bottom, a):
    made = layer(metal, top, a, prismatic=True)
    made[2] = bottom
    return made


KNOWN = {
    "1H-MoS2": layer("Mo", "S", 3.18, prismatic=True),
    "1H-WS2": layer("W", "S", 3.18, prismatic=True),
    "1H-NbSe2": layer("Nb", "Se", 3.47, prismatic=True),
    "1T-TiS2": layer("Ti", "S", 3.41, prismatic=False),
    "1T-ZrSe2": layer("Zr", "Se", 3.77, prismatic=False),
    "1T-CdI2": layer("Cd", "I", 4.32, prismatic=False),
    "MoSSe": janus("Mo", "S", "Se", 3.25),
}


def library_of(structures, dimension=2):
    library, refused = TemplateLibrary.build(
        list(structures), list(structures.values()), dimensions=[dimension] * len(structures)
    )
    assert refused == {}
    return library


@pytest.fixture(scope="module")
def library():
    return library_of(KNOWN)


@pytest.fixture(scope="module")
def records(shared_data):
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        every = [json.loads(line) for line in lines]
    return {one["material_id"]: from_plain(one["structure"]) for one in every if one["formula_anonymous"] == "A2B5"}


def test_molybdenum_goes_with_tungsten_and_hafnium_with_zirconium(library):
    assert predict("WSe2", library)[0].prototype == "1H-MoS2"
    assert predict("HfS2", library)[0].prototype == "1T-TiS2"


def test_distinct_structures_come_best_first_with_where_they_are_from(library):
    found = predict("WSe2", library)

    # CdI2, a prototype of its own because its layer is flatter, makes what TiS2 makes once it is as small
    assert [one.prototype for one in found] == ["1H-MoS2", "1T-TiS2"]
    best = found[0]
    assert (best.template_id, best.formula, best.dimension) == ("1H-WS2", "WSe2", 2)
    assert best.mapping == {"W": "W", "S": "Se"}
    assert best.distance == pytest.approx(2 / 3)
    assert best.mapping_distance == pytest.approx(best.distance)
    assert best.oxidation == "matched"
    assert best.oxidation_states == {"W": 4, "Se": -2}
    assert best.passed
    assert best.probability > found[1].probability
    assert sum(one.share for one in found) == pytest.approx(1, abs=0.001)


def test_the_cell_follows_the_elements_and_the_vacuum_stays(library):
    best = predict("WTe2", library)[0]
    assert best.length_factor > 1.05
    assert best.structure.lattice.a == pytest.approx(3.55, rel=0.05)
    assert thickest_gap(best.structure).thickness == pytest.approx(20.0)
    [unscaled] = [one for one in predict("WTe2", library, rescale=False) if one.template_id == "1H-WS2"]
    assert not unscaled.passed, "it is too tight for tellurium, and comes behind those that are not"
    assert unscaled.length_factor == 1
    assert unscaled.structure.lattice.a == pytest.approx(3.18)


def test_what_is_known_of_a_composition_comes_first_as_it_is_and_says_so(library):
    best, *others = predict("MoS2", library)

    assert (best.template_id, best.duplicate_of, best.length_factor) == ("1H-MoS2", "1H-MoS2", 1)
    assert best.structure.volume == pytest.approx(KNOWN["1H-MoS2"].volume, rel=0.1)  # but for the vacuum
    assert best.mapping == {"Mo": "Mo", "S": "S"}
    assert {one.duplicate_of for one in others} == {None}
    assert [one.template_id for one in predict("MoS2", library, new=True)] == [one.template_id for one in others]


def test_a_known_structure_comes_before_others_that_are_likelier():
    both = {"1H-MoS2": KNOWN["1H-MoS2"], "1H-WS2": KNOWN["1H-WS2"], "1T-WS2": layer("W", "S", 3.19, prismatic=False)}
    library = library_of(both)
    assert [one.duplicate_of for one in predict("MoS2", library)] == ["1H-MoS2", None]


def test_a_known_structure_that_cannot_be_right_comes_after_those_that_can():
    """AFLOW's prototype of brookite has b of 3.445 Å; that of the mineral is 5.447 Å, and Ti-O 1.87 Å at least."""
    as_listed = Structure.from_spacegroup(
        "Pbca",
        Lattice.orthorhombic(9.174, 3.445, 5.143),
        ["Ti", "O", "O"],
        [[0.1290, 0.0972, 0.8629], [0.0101, 0.1486, 0.1824], [0.2304, 0.1130, 0.5371]],
    )
    anatase = Structure.from_spacegroup(
        "I4_1/amd", Lattice.tetragonal(3.785, 9.514), ["Ti", "O"], [[0, 0, 0], [0, 0, 0.2081]]
    )
    library = library_of({"aflow:brookite": as_listed, "cod:anatase": anatase}, dimension=3)

    found = predict("TiO2", library, dimension=3)

    assert [(one.duplicate_of, one.passed) for one in found[:2]] == [("cod:anatase", True), ("aflow:brookite", False)]


def test_all_arrangements_of_the_elements_are_tried_and_equivalent_ones_given_once(library):
    found = [one for one in predict("WSSe", library) if one.decoration is None]
    # W in the middle, S in the middle, Se in the middle; turning the layer over gives nothing new
    assert len(found) == 3
    assert found[0].mapping == {"Mo": "W", "S": "S", "Se": "Se"}


def test_what_is_told_of_prototypes_gives_the_same_as_comparing_structures(library):
    for formula in ("WTe2", "HfS2", "MoS2"):
        compared = [one.template_id for one in predict(formula, library, 2)]
        assert [one.template_id for one in predict(formula, library, 2, match_structures=False)] == compared


def test_probabilities_of_space_groups_weigh_the_templates():
    groups = [one.get_space_group_info(0.01)[1] for one in KNOWN.values()]
    weighed, _ = TemplateLibrary.build(
        list(KNOWN), list(KNOWN.values()), dimensions=[2] * len(KNOWN), space_groups=groups
    )
    assert (groups[0], groups[3]) == (187, 164)
    best = predict("WSe2", weighed, space_groups={164: 0.99, 187: 1e-6})[0]
    without = predict("WSe2", weighed)[0]
    assert without.space_group_probability is None
    assert without.space_group == 187
    assert best.probability < without.probability


def test_the_published_route_goes_by_distance_alone(library):
    found = predict("WSe2", library, ranking="elmd")
    assert [one.template_id for one in found] == ["1H-WS2", "1T-TiS2"]
    assert found[0].probability is None
    assert [one.distance for one in found] == sorted(one.distance for one in found)


def test_bulk_and_monolayers_are_apart(library):
    with pytest.raises(NoTemplateError, match="no bulk template has the anonymous formula AB2 of WSe2"):
        predict("WSe2", library, dimension=3)


def test_a_composition_without_template_says_why(library):
    with pytest.raises(NoTemplateError, match="no two-dimensional template has the anonymous formula ABC3 of SrTiO3"):
        predict("SrTiO3", library)
    with pytest.raises(NoTemplateError, match="only templates for MoS2 are MoS2 itself"):
        predict("MoS2", library_of({"1H-MoS2": KNOWN["1H-MoS2"]}), new=True)
    with pytest.raises(NoTemplateError, match="not whole"):
        predict("MoS1.9", library)


def test_bad_requests_are_refused(library):
    with pytest.raises(ValueError, match="k=0"):
        predict("MoS2", library, 0)
    with pytest.raises(ElementOffScaleError, match="Rf"):
        predict("RfS2", library)


def test_the_order_of_the_library_hardly_matters(library):
    turned_over = library_of(dict(reversed(KNOWN.items())))
    assert predict("WSe2", turned_over)[0].template_id == predict("WSe2", library)[0].template_id


def test_a_layer_with_two_faces_is_made_of_one_with_equal_faces():
    # The first such layer made: A.-Y. Lu et al., Nat. Nanotechnol. 12, 744 (2017)
    best = predict("MoSSe", library_of({name: one for name, one in KNOWN.items() if name != "MoSSe"}))[0]

    assert (best.template_id, best.mapping) == ("1H-MoS2", {"Mo": "Mo", "S": "Se/S"})
    assert StructureMatcher().fit(best.structure, KNOWN["MoSSe"])
    assert best.space_group == 156, "P3m1: the mirror plane of the template is lost"
    decoration = best.decoration
    assert (decoration.element, decoration.orderings) == ("S", 1)
    assert sorted(decoration.sites["S"] + decoration.sites["Se"]) == [1, 2]
    assert best.oxidation == "matched"
    assert best.distance == pytest.approx(1 / 3), "one of three atoms goes one step, from S to Se"
    assert best.mapping_distance == pytest.approx(1 / 3)


def test_a_polar_layered_crystal_is_an_ordered_decoration_of_cadmium_iodide():
    # CdI2 (P-3m1) and BiTeI (P3m1, A. V. Shevelkov et al., J. Solid State Chem. 114, 379 (1995))
    def stacked(names, a, c, heights):
        sites = [[0, 0, 0], [1 / 3, 2 / 3, heights[0]], [2 / 3, 1 / 3, heights[1]]]
        return Structure(Lattice.hexagonal(a, c), names, sites)

    cadmium_iodide = stacked(["Cd", "I", "I"], 4.24, 6.84, (0.249, 0.751))
    tellurohalide = stacked(["Bi", "I", "Te"], 4.34, 6.85, (0.251, 0.693))

    best = predict("BiTeI", library_of({"CdI2": cadmium_iodide}, 3), dimension=3)[0]

    assert (best.decoration.element, best.space_group) == ("I", 156)
    assert StructureMatcher().fit(best.structure, tellurohalide)


def test_a_template_of_the_very_formula_comes_before_decorations_of_others(library):
    best = predict("WSSe", library)[0]

    assert (best.template_id, best.decoration) == ("MoSSe", None)


def test_decorations_leave_half_of_the_places_to_templates_of_the_very_formula():
    single = {"CdI2": layer("Cd", "I", 4.24, prismatic=False), "PbI2": layer("Pb", "I", 4.56, prismatic=True)}
    both = library_of({**single, "BiTeI": janus("Bi", "Te", "I", 4.34)})

    first = predict("CdIBr", both, 2)
    assert [one.decoration is None for one in first] == [False, True], "though the decorations are likelier"
    assert all(one.decoration for one in predict("CdIBr", library_of(single), 2))


@pytest.mark.parametrize("match_structures", [True, False])
def test_what_fails_a_check_comes_behind_all_that_pass(match_structures):
    """BaSnO3 of a library in which the carbonates are by far the most."""
    oxygen = {"calcite": [[0.257, 0, 0.25]], "perovskite": [[0.5, 0, 0]]}

    def calcite(metal, a, c):
        cell = Lattice.hexagonal(a, c)
        return Structure.from_spacegroup("R-3c", cell, [metal, "C", "O"], [[0, 0, 0], [0, 0, 0.25], *oxygen["calcite"]])

    carbonates = {"CaCO3": ("Ca", 4.99, 17.06), "MgCO3": ("Mg", 4.63, 15.01), "CdCO3": ("Cd", 4.92, 16.3)}
    perovskite = Structure.from_spacegroup(
        "Pm-3m", Lattice.cubic(3.91), ["K", "U", "O"], [[0.5] * 3, [0, 0, 0], *oxygen["perovskite"]]
    )
    library = library_of({**{name: calcite(*cell) for name, cell in carbonates.items()}, "KUO3": perovskite}, 3)

    first, second, *_ = predict("BaSnO3", library, dimension=3, match_structures=match_structures)

    assert (first.template_id, first.passed, second.passed) == ("KUO3", True, False)
    assert second.share > first.share


def test_unlike_elements_do_not_share_sites_where_there_is_a_template(library):
    found = predict("HfSSe", library)

    assert found[0].decoration.element in {"S", "Se"}
    assert all("Hf" not in (one.decoration.sites if one.decoration else {}) for one in found[:3])


def test_real_records_left_out_are_found_again(records):
    library = library_of(records)
    matcher = StructureMatcher()
    found = 0
    targets = list(records)[::3]
    for target in targets:
        formula = records[target].composition.reduced_formula
        same = {one for one in records if matcher.fit(records[one], records[target])}
        predictions = predict(formula, library.without(same), match_structures=False)
        found += any(matcher.fit(records[target], one.structure) for one in predictions)
        for one in predictions:
            assert one.formula == formula
            assert one.structure.composition.reduced_formula == formula
    assert found >= 0.5 * len(targets)


def test_chosen_first_and_made_later_from_the_few_structures_that_were_named(library):
    chosen = shortlist("WSe2", library, k=2)
    fetched = {one: KNOWN[one] for one in chosen.template_ids}

    assert [made.template_id for made in realise(chosen, fetched.__getitem__)] == [
        made.template_id for made in predict("WSe2", library, k=2)
    ]
    assert "MoSSe" not in fetched, "of another anonymous formula"


def test_a_template_whose_layer_falls_apart_stands_back_for_one_that_keeps_its_bonds():
    # Carbon is as electronegative as tungsten and 0.9 Å smaller: scaled to W-S bonds, its layer falls apart.
    tight = layer("C", "S", 2.4, prismatic=True)
    wide = layer("Nb", "S", 3.35, prismatic=True)
    library = library_of({"CS2": tight, "NbS2": wide})

    best, other = predict("WS2", library)

    assert (best.template_id, best.passed) == ("NbS2", True)
    assert (other.template_id, other.passed) == ("CS2", False)


def test_a_layer_with_its_elements_exchanged_is_another_structure_though_the_default_tolerances_are_too_wide_to_tell():
    def double(outer, inner):
        heights = np.array([-2.4, -1.2, 1.2, 2.4]) / 24 + 0.5
        sites = [[1 / 3, 2 / 3, heights[0]], [0, 0, heights[1]], [0, 0, heights[2]], [1 / 3, 2 / 3, heights[3]]]
        return Structure(Lattice.hexagonal(3.6, 24), [outer, inner, inner, outer], sites)

    found = predict("GaSe", library_of({"GaS": double("S", "Ga"), "InSe": double("Se", "In")}))

    def outermost(one):
        axis = one.structure.frac_coords[:, 2]
        return one.structure[int(np.argmax(axis))].specie.symbol

    assert [outermost(one) for one in found] == ["Se", "Ga"], "the likelier one first"
