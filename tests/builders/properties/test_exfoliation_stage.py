"""Exfoliation energies from pairs of calculations that were made alike."""

import pytest
from disulfide import BULK, LAYER, calculation, matches
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from filled_registry import properties, put
from pymatgen.core import Lattice, Structure


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
