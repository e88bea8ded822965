"""Band gaps by method and exfoliation energies from pairs of calculations, and whose calculations they are."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.properties.band_gap_stage import BandGapStage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.builders.properties.magnetization_stage import MagnetizationStage
from exfolio.builders.structures.novelty_stage import NoveltyStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Material, ProposedStructure
from filled_registry import properties, put, put_entries, put_materials, put_structures, retire
from moves import TELLING, check
from pymatgen.core import Lattice, Structure

# 2H-MoS2: a = 3.16 Å, c = 12.30 Å, z(S) = 0.621 (Bronsema et al., Z. anorg. allg. Chem. 540/541, 15 (1986)).
Z = 0.621
BULK = Structure(
    Lattice.hexagonal(3.16, 12.30),
    ["Mo", "S", "S", "Mo", "S", "S"],
    [
        *([1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, Z], [1 / 3, 2 / 3, 1.5 - Z]),
        *([2 / 3, 1 / 3, 0.75], [2 / 3, 1 / 3, 1 - Z], [2 / 3, 1 / 3, Z - 0.5]),
    ],
)
LAYER = Structure(
    Lattice.hexagonal(3.16, 25.0),
    ["Mo", "S", "S"],
    [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5635], [2 / 3, 1 / 3, 0.4365]],
)


def calculation(name: str, structure: Structure, energy: float, **more: object) -> dict[str, object]:
    return {
        "calculation_id": name,
        "formula_reduced": "MoS2",
        "chemsys": "Mo-S",
        "structure": to_plain(structure),
        "initial_structure": to_plain(structure),
        "composition": {el: float(n) for el, n in structure.composition.get_el_amt_dict().items()},
        "energy": energy,
        "functional": "optB88-vdW",
        "task_type": "Static",
        "converged": True,
        "set_aside": False,
        "settings": {"ENCUT": 520.0},
        "potcar_symbols": ["PAW_PBE Mo_pv", "PAW_PBE S"],
        **more,
    }


@pytest.fixture
def disulfide(registry: Connection) -> Connection:
    """Give a registry with 2H-MoS2, its monolayer, and a calculation of each."""
    put_materials(registry, [{"material_id": "test:2H", "formula_reduced": "MoS2", "structure": to_plain(BULK)}])
    put_structures(
        registry,
        [
            {
                "structure_id": "st-1",
                "formula_reduced": "MoS2",
                "structure": to_plain(LAYER),
                "dimension": 2,
                "parent_id": "test:2H",
                "route": "top-down",
            }
        ],
    )
    put(registry, Calculation, [calculation("layer", LAYER, -21.0), calculation("bulk", BULK, -42.5)])
    return registry


def matches(registry: Connection) -> dict[str, tuple[str | None, str | None, str | None]]:
    names = ("structure_id", "material_id", "matched_by")
    found = registry.database["calculations"].find()
    return {doc["calculation_id"]: tuple(doc.get(name) for name in names) for doc in found}  # type: ignore[misc]


def test_calculations_find_their_structure_without_a_manifest(disulfide: Connection) -> None:
    run_stage(MatchStage(), disulfide)

    assert matches(disulfide) == {
        "layer": ("st-1", None, "initial structure"),
        "bulk": (None, "test:2H", "initial structure"),
    }


def test_a_manifest_is_believed_where_its_structure_exists(disulfide: Connection) -> None:
    put(
        disulfide,
        Calculation,
        [
            calculation("right", LAYER, -21.0, manifest={"structure_id": "st-1"}),
            calculation("wrong", LAYER, -21.0, manifest={"structure_id": "st-unknown"}),
        ],
    )
    run_stage(MatchStage(), disulfide)

    found = matches(disulfide)
    assert found["right"] == ("st-1", None, "manifest")
    assert found["wrong"] == ("st-1", None, "initial structure")


def test_what_was_calculated_follows_to_the_proposal_that_stands_for_it(disulfide: Connection) -> None:
    """Another source has the same bulk, and the layer that is cut from that comes first."""
    put_materials(disulfide, [{"material_id": "a:2H", "formula_reduced": "MoS2", "structure": to_plain(BULK)}])
    again = {"formula_reduced": "MoS2", "structure": to_plain(LAYER), "dimension": 2, "route": "top-down"}
    put_structures(disulfide, [{**again, "structure_id": "st-0", "parent_id": "a:2H"}])
    put(disulfide, Calculation, [calculation("layer", LAYER, -21.0, manifest={"structure_id": "st-1"})])
    of_bulk = {"material_id": "test:2H", "bulk_of": "st-1"}
    put(disulfide, Calculation, [calculation("bulk", BULK, -42.5, manifest=of_bulk)])
    for stage in (NoveltyStage(), MatchStage(), ExfoliationStage()):
        run_stage(stage, disulfide)

    assert matches(disulfide)["layer"] == ("st-0", None, "manifest")
    assert properties(disulfide, "exfoliation_energy").keys() == {("st-0", "optB88-vdW")}


def test_a_manifest_is_not_believed_of_another_structure(disulfide: Connection) -> None:
    # Given three runs in folders of the layer: its relaxation into something else, what follows that, and a mix-up
    octahedral = LAYER.copy()
    octahedral.translate_sites([2], [-1 / 3, 1 / 3, 0.0])
    names_it = {"manifest": {"structure_id": "st-1"}}
    compressed = Structure(Lattice.hexagonal(2.8, 25.0), LAYER.species, LAYER.frac_coords)
    flat = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.52], [0.0, 0.0, 0.48]]
    other = Structure(Lattice.hexagonal(3.9, 25.0), LAYER.species, flat)
    put(
        disulfide,
        Calculation,
        [
            calculation("relaxation", other, -21.2, initial_structure=to_plain(LAYER), **names_it),
            calculation("static", other, -21.2, **names_it),
            calculation("strained", compressed, -20.0, **names_it),
            calculation("mixed up", octahedral, -20.8, **names_it),
        ],
    )
    run_stage(MatchStage(), disulfide)

    found = matches(disulfide)
    assert {name: found[name][0] for name in ("relaxation", "static", "strained", "mixed up")} == {
        "relaxation": "st-1",
        "static": "st-1",
        "strained": "st-1",
        "mixed up": None,
    }
    odd = disulfide.database["calculations"].find_one({"calculation_id": "mixed up"})
    assert odd is not None
    assert odd["mismatch"].startswith("its exfolio.json names st-1, and its structure is another one")


def test_a_layer_and_its_bulk_give_the_exfoliation_energy(disulfide: Connection) -> None:
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]
    assert found["value"] == pytest.approx(-21.0 / 3 + 42.5 / 6)
    assert found["per_area"] == pytest.approx(1000 * 0.25 / (3.16**2 * 0.8660254), rel=1e-6)
    assert found["details"]["van_der_waals"] is True
    assert "low" not in found
    assert run_stage(ExfoliationStage(), disulfide).due == 0


def test_without_van_der_waals_attraction_the_exfoliation_energy_is_a_lower_bound(disulfide: Connection) -> None:
    pbe = {"functional": "GGA"}
    put(disulfide, Calculation, [calculation("layer", LAYER, -21.0, **pbe), calculation("bulk", BULK, -42.2, **pbe)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")["st-1", "GGA"]
    assert found["value"] == pytest.approx(-21.0 / 3 + 42.2 / 6)
    assert found["low"] == found["value"]
    assert "high" not in found
    assert found["lacks"] == ["dispersion"]
    assert "a lower bound" in found["warnings"][0]


OCTAHEDRAL = Structure.from_spacegroup(
    "P-3m1", Lattice.hexagonal(3.19, 5.95), ["Mo", "S"], [[0, 0, 0], [1 / 3, 2 / 3, 0.265]]
)


def test_a_bulk_is_taken_at_its_structure_not_at_its_manifest(disulfide: Connection) -> None:
    # Given the calculation of another polymorph, in the folder of the bulk that was ordered
    manifest = {"bulk_of": "st-1", "material_id": "test:2H"}
    put(disulfide, Calculation, [calculation("bulk", OCTAHEDRAL, -21.1, manifest=manifest)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, only),) = properties(disulfide, "exfoliation_energy").items()
    assert "value" not in only
    assert only["refused"].startswith("layer with bulk: the bulk does not hold this layer: its layers are built other")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"functional": "GGA"}, "functionals differ: monolayer optB88-vdW, bulk GGA"),
        ({"settings": {"ENCUT": 400.0}}, "ENCUT differs: monolayer 520.0, bulk 400.0"),
        ({"settings": {"ENCUT": 500.0}}, "ENCUT differs: monolayer 520.0, bulk 500.0"),
        ({"settings": {"ENCUT": 520.0, "ISPIN": 2}}, "ISPIN differs: monolayer not given, bulk 2"),
        ({"settings": {"ENCUT": 520.0, "IVDW": 12}}, "IVDW differs: monolayer not given, bulk 12"),
        ({"hubbards": {"Mo": 4.38}}, "U(Mo) differs: monolayer not given, bulk 4.38"),
        ({"charge": 1.0}, "charge: bulk +1"),
        ({"settings": {"ENCUT": 520.0, "ISMEAR": -5}}, "ISMEAR differs: monolayer not given, bulk -5 (tetrahedra)"),
        ({"settings": {"ENCUT": 520.0, "LSORBIT": True}}, "LSORBIT differs: monolayer not given, bulk True"),
        ({"settings": {"ENCUT": 520.0, "NUPDOWN": 2}}, "NUPDOWN differs"),
        ({"settings": {"ENCUT": 520.0, "PSTRESS": 50.0}}, "PSTRESS differs"),
        ({"settings": {"ENCUT": 520.0, "AGGAC": 0.0}}, "AGGAC differs"),
        ({"settings": {"ENCUT": 520.0, "VDW_S8": 0.7875}}, "VDW_S8 differs"),
        (
            {
                "settings": {"ENCUT": 520.0, "LDAU": True, "LDAUTYPE": 1, "LDAUU": [4.38, 0.0], "LDAUJ": [0.5, 0.0]},
                "hubbards": {"Mo": 3.88},
            },
            "J(Mo) differs: monolayer not given, bulk 0.5; J(S) differs: monolayer not given, bulk 0.0; "
            "LDAUTYPE differs: monolayer not given, bulk 1",
        ),
        ({"potcar_symbols": ["PAW_PBE Mo", "PAW_PBE S"]}, "POTCAR differs"),
        ({"potcar_symbols": ["PAW_PBE Mo_pv", "PAW_PBE S_h"]}, "POTCAR differs"),
    ],
)
def test_a_pair_that_was_not_made_alike_is_refused_with_the_reason(
    disulfide: Connection, changes: dict[str, object], reason: str
) -> None:
    put(disulfide, Calculation, [calculation("bulk", BULK, -42.5, **changes)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, only),) = properties(disulfide, "exfoliation_energy").items()
    assert "value" not in only
    assert reason in only["refused"]


@pytest.mark.parametrize(
    ("of_layer", "of_bulk", "alike"),
    [
        ([12, 12, 1], [12, 12, 3], True),
        ([12, 12, 1], [11, 11, 3], True),
        ([12, 12, 1], [6, 6, 3], False),
        ([12, 6, 1], [12, 12, 3], False),
    ],
)
def test_meshes_are_compared_in_the_plane(
    disulfide: Connection, of_layer: list[int], of_bulk: list[int], alike: bool
) -> None:
    layer = calculation("layer", LAYER, -21.0, kpoints={"grid": of_layer})
    put(disulfide, Calculation, [layer, calculation("bulk", BULK, -42.5, kpoints={"grid": of_bulk})])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, found),) = properties(disulfide, "exfoliation_energy").items()
    assert ("value" in found) is alike
    assert alike or "in-plane k-points differ: monolayer 0." in found["refused"]


def stretched(structure: Structure, strain: float) -> Structure:
    """The crystal with its in-plane vectors longer by a share."""
    longer = structure.copy()
    longer.apply_strain([strain, strain, 0.0])
    return longer


RELAXATION = {"task_type": "Structure Optimization", "settings": {"ENCUT": 520.0, "ISIF": 3}}
ATOMS_ONLY = {"task_type": "Structure Optimization", "settings": {"ENCUT": 520.0, "ISIF": 2}}


@pytest.mark.parametrize(
    ("strain", "relaxation", "at_most"),
    [(0.03, None, True), (0.03, ATOMS_ONLY, True), (0.03, RELAXATION, False), (0.003, None, False)],
    ids=["a static run", "atoms relaxed", "in-plane cell relaxed", "hardly strained"],
)
def test_the_value_of_a_strained_layer_is_an_upper_bound(
    disulfide: Connection, strain: float, relaxation: dict[str, object] | None, *, at_most: bool
) -> None:
    layer = stretched(LAYER, strain)
    runs = [calculation("layer", layer, -20.4, manifest={"structure_id": "st-1"})]
    if relaxation:
        runs.append(calculation("relaxation", layer, -20.3, manifest={"structure_id": "st-1"}, **relaxation))
    put(disulfide, Calculation, runs)
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]
    assert found["value"] == pytest.approx(-20.4 / 3 + 42.5 / 6)
    assert (found.get("low"), found.get("high")) == (None, found["value"] if at_most else None)
    if at_most:
        assert found["details"]["strain"] == pytest.approx(strain)
        assert "differ by 3.0 % and that of the layer was not relaxed" in found["warnings"][0]


def test_strain_and_a_missing_attraction_leave_no_bound(disulfide: Connection) -> None:
    pbe = {"functional": "GGA", "manifest": {"structure_id": "st-1"}}
    bulk = calculation("bulk", BULK, -42.2, functional="GGA")
    put(disulfide, Calculation, [calculation("layer", stretched(LAYER, 0.03), -20.4, **pbe), bulk])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, only),) = properties(disulfide, "exfoliation_energy").items()
    assert "value" not in only
    assert "no bound of it is known" in only["refused"]


def test_a_layer_whose_vacuum_was_relaxed_away_is_refused(disulfide: Connection) -> None:
    sites = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.756], [2 / 3, 1 / 3, 0.244]]
    collapsed = Structure(Lattice.hexagonal(3.16, 6.2), LAYER.species, sites)
    began = {"manifest": {"structure_id": "st-1"}, "initial_structure": to_plain(LAYER)}
    put(disulfide, Calculation, [calculation("layer", collapsed, -21.2, **began)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, only),) = properties(disulfide, "exfoliation_energy").items()
    assert "the monolayer's cell holds no vacuum" in only["refused"]


def test_a_thin_vacuum_leaves_a_lower_bound(disulfide: Connection) -> None:
    """Of 11 Å the layer takes 3.2: 7.8 Å are left, over which its images attract each other."""
    sites = [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5 + 1.588 / 11], [2 / 3, 1 / 3, 0.5 - 1.588 / 11]]
    thin = Structure(Lattice.hexagonal(3.16, 11.0), LAYER.species, sites)
    put(disulfide, Calculation, [calculation("layer", thin, -21.01, manifest={"structure_id": "st-1"})])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]
    assert (found["low"], found.get("high")) == (found["value"], None)
    assert "images are 7.8 Å apart" in found["warnings"][0]


def test_a_stacked_bulk_is_told_beside_the_value(disulfide: Connection) -> None:
    manifest = {"bulk_of": "st-1", "bulk_from": "the layer stacked on itself"}
    put(disulfide, Calculation, [calculation("bulk", stretched(BULK, 0.004), -42.4, manifest=manifest)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]
    assert found["details"]["bulk_from"] == "the layer stacked on itself"
    assert "its bulk is the layer stacked on itself" in found["warnings"][0]


def test_of_several_bulks_a_static_run_is_taken_and_of_these_the_lowest(disulfide: Connection) -> None:
    relaxation = calculation("a-relaxed", BULK, -42.9, task_type="Structure Optimization")
    coarse = calculation("c-coarse", BULK, -43.0, settings={"ENCUT": 400.0})
    put(disulfide, Calculation, [relaxation, calculation("b-static", BULK, -42.6), coarse])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    ((_, found),) = properties(disulfide, "exfoliation_energy").items()
    assert found["details"]["bulk_calculation_id"] == "b-static"
    assert found["value"] == pytest.approx(42.6 / 6 - 21.0 / 3)


def test_a_bulk_that_was_made_for_a_layer_is_told_by_its_manifest(disulfide: Connection) -> None:
    stretched = BULK.copy()
    stretched.apply_strain([0, 0, 0.4])  # no material's structure
    made = calculation("bulk", stretched, -42.3, manifest={"structure_id": "st-1", "bulk_of": "st-1"})
    put(disulfide, Calculation, [made])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    assert matches(disulfide)["bulk"] == (None, None, None)
    found = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]
    assert found["value"] == pytest.approx(42.3 / 6 - 21.0 / 3)


def test_an_unconverged_bulk_is_not_used(disulfide: Connection) -> None:
    put(disulfide, Calculation, [calculation("bulk", BULK, -42.5, converged=False)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)

    found = properties(disulfide, "exfoliation_energy")
    assert list(found) == [("st-1", "calculation, refused")]
    assert "bulk: the calculation is not converged" in found["st-1", "calculation, refused"]["refused"]


def test_gaps_stand_side_by_side_by_functional(disulfide: Connection) -> None:
    put(
        disulfide,
        Calculation,
        [
            calculation("pbe", LAYER, -21.0, functional="GGA", band_gap=1.7, task_type="Structure Optimization"),
            calculation("pbe-dense", LAYER, -21.0, functional="GGA", band_gap=1.65, task_type="NSCF Uniform"),
            calculation("a-hse", LAYER, -21.0, functional="HSE06", band_gap=2.3, kpoints={"count": 9}),
            calculation(
                "hse", LAYER, -21.0, functional="HSE06", band_gap=2.2, band_gap_direct=True, kpoints={"count": 36}
            ),
            calculation("scan", LAYER, -21.0, functional="R2SCAN", band_gap=1.9, converged=False),
        ],
    )
    run_stage(MatchStage(), disulfide)
    run_stage(BandGapStage(), disulfide)

    found = properties(disulfide, "band_gap")
    assert {method: doc["value"] for (_, method), doc in found.items()} == {"GGA": 1.65, "HSE06": 2.2}
    assert found["st-1", "HSE06"]["details"]["band_gap_direct"] is True


def test_moments_are_for_each_atom_and_of_runs_with_spins_only(disulfide: Connection) -> None:
    runs = [
        calculation("pbe", LAYER, -21.0, functional="GGA", magnetization=-3.0, nsites=3),
        calculation("no-spins", LAYER, -21.0, functional="HSE06", nsites=3),
        calculation("open", LAYER, -21.0, functional="R2SCAN", magnetization=6.0, nsites=3, converged=False),
    ]
    put(disulfide, Calculation, runs)
    run_stage(MatchStage(), disulfide)
    run_stage(MagnetizationStage(), disulfide)

    [(where, found)] = properties(disulfide, "magnetization").items()
    assert where == ("st-1", "GGA")
    assert (found["value"], found["unit"], found["details"]["cell"]) == (1.0, "µB/atom", -3.0)


def test_a_gap_moves_with_its_calculation(disulfide: Connection) -> None:
    put(disulfide, Calculation, [calculation("hse", LAYER, -21.0, functional="HSE06", band_gap=2.2)])
    for structure_id in ("st-1", "st-2"):
        put(disulfide, Calculation, [{"calculation_id": "hse", "structure_id": structure_id}], "match")
        run_stage(BandGapStage(), disulfide)

    assert list(properties(disulfide, "band_gap")) == [("st-2", "HSE06")]


def test_a_bilayer_shares_its_area_between_two_layers(disulfide: Connection) -> None:
    """Energies of the single layer and of the bulk, written for a cell of two layers: the same energy per area."""
    second = LAYER.copy()
    second.translate_sites(range(3), [0, 0, 6.1 / 25], to_unit_cell=False)
    bilayer = Structure.from_sites([*LAYER, *second])
    put(disulfide, Calculation, [calculation("layer", LAYER, -21.0)])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)
    single = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]

    put(disulfide, Calculation, [calculation("layer", bilayer, -42.0, manifest={"structure_id": "st-1"})])
    run_stage(MatchStage(), disulfide)
    run_stage(ExfoliationStage(), disulfide)
    double = properties(disulfide, "exfoliation_energy")["st-1", "optB88-vdW"]

    assert (double["value"], double["per_area"]) == (single["value"], pytest.approx(single["per_area"]))
    assert double["details"]["layers"] == 2


def test_a_gap_of_an_unusable_run_is_refused_with_its_reasons(disulfide: Connection) -> None:
    why = ["NELECT = 17, the neutral cell has 18 electrons: it is charged by +1", "NUPDOWN = 2: not among …"]
    run = calculation("hse", LAYER, -21.0, functional="HSE06", band_gap=2.2, usable_for=[], unusable_for={"gap": why})
    put(disulfide, Calculation, [run])
    run_stage(MatchStage(), disulfide)
    run_stage(BandGapStage(), disulfide)

    (found,) = properties(disulfide, "band_gap").values()
    assert found.get("value") is None
    assert found["refused"].startswith("HSE06 (hse): NELECT = 17")
    assert "NUPDOWN = 2" in found["refused"]


def test_the_real_hybrid_run_has_no_gap_to_give(registry: Connection, shared_data: Path) -> None:
    run_stage(VaspStage([shared_data / "vasp" / "LiFe4P4O16_HSE06"]), registry)
    (doc,) = registry.database["calculations"].find()
    structure = {"structure_id": "st-1", "formula_reduced": doc["formula_reduced"]}
    put_structures(registry, [{**structure, "structure": doc["initial_structure"]}])

    run_stage(MatchStage(), registry)
    run_stage(BandGapStage(), registry)

    (found,) = properties(registry, "band_gap").values()
    assert found.get("value") is None
    assert "full bands changes from k-point to k-point" in found["refused"]
    assert "NKRED = 2" in found["refused"]


NIOBIUM = {"Mo": "Nb", "S": "Se"}
TUNGSTEN = {"Mo": "W"}
STATES = {"old": {}, "other": TUNGSTEN, "new": NIOBIUM}


def of(name: str, structure: Structure, elements: dict[str, str], energy: float, **more: object) -> dict[str, object]:
    """A calculation of a folder, of the crystal with other elements in it."""
    crystal = structure.copy()
    crystal.replace_species(elements)
    symbols = sorted({site.specie.symbol for site in crystal})
    changed = {
        "formula_reduced": crystal.composition.reduced_formula,
        "chemsys": "-".join(symbols),
        "potcar_symbols": [f"PAW_PBE {symbol}" for symbol in symbols],
        "energy_per_atom": energy / len(crystal),
    }
    return calculation(name, crystal, energy, **changed, **more)


def known_layers(*states: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The bulk and its monolayer of each compound."""
    materials, structures = [], []
    for state in states:
        bulk, layer = (of("", one, STATES[state], 0.0) for one in (BULK, LAYER))
        shared = {name: bulk[name] for name in ("formula_reduced", "chemsys")}
        material = f"test:2H-{bulk['formula_reduced']}"
        materials.append({"material_id": material, **shared, "structure": bulk["structure"]})
        proposed = {"structure_id": f"st-{layer['formula_reduced']}", "structure": layer["structure"], "dimension": 2}
        structures.append({**proposed, **shared, "parent_id": material, "route": "top-down"})
    return materials, structures


def calculated_stages() -> list[Stage]:
    return [MatchStage(), HullStage("none"), ExfoliationStage(), BandGapStage()]


@pytest.mark.endurance
@pytest.mark.parametrize("others", [False, True], ids=["alone", "among others"])
def test_folders_used_again_for_another_compound_leave_no_value_in_force(registry: Connection, others: bool) -> None:
    entries = [(element, {element: 1}, element, -1.0) for element in ("Mo", "S", "W", "Nb", "Se")]

    def fill(state: str) -> None:
        materials, structures = known_layers("old", "other", "new")
        put_materials(registry, materials)
        put_structures(registry, structures)
        put_entries(registry, entries, scheme=None, functional="optB88-vdW")
        gap = {"band_gap": 1.7}
        calculations = [of("layer", LAYER, STATES[state], -21.0, **gap), of("bulk", BULK, STATES[state], -42.5)]
        if others:
            calculations += [of("layer-2", LAYER, {}, -20.9, **gap), of("bulk-2", BULK, {}, -42.4)]
        put(registry, Calculation, calculations)

    check(
        registry,
        put=fill,
        retire=lambda: retire(registry, Calculation, ["layer", "bulk"]),
        stages=calculated_stages,
        ways=TELLING if others else TELLING[:1],
    )


def test_calculations_of_what_was_corrected_to_another_compound_are_matched_anew(registry: Connection) -> None:
    """The bulk in the source and with it the layer that was cut from it become another compound, not the folders."""

    def fill(state: str) -> None:
        materials, structures = known_layers(state)
        put_materials(registry, [{**materials[0], "material_id": "test:x1"}])
        put_structures(registry, [{**structures[0], "structure_id": "st-x1", "parent_id": "test:x1"}])
        gap = {"band_gap": 1.7}
        put(registry, Calculation, [of("layer", LAYER, {}, -21.0, **gap), of("bulk", BULK, {}, -42.5)])
        put(registry, Calculation, [of("layer-n", LAYER, NIOBIUM, -20.0, **gap), of("bulk-n", BULK, NIOBIUM, -40.5)])

    def retire_both() -> None:
        retire(registry, Material, ["test:x1"])
        retire(registry, ProposedStructure, ["st-x1"])

    check(registry, put=fill, retire=retire_both, stages=calculated_stages)
