"""Band gaps side by side by functional, or refused with the reason."""

from pathlib import Path

from disulfide import LAYER, calculation
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.band_gap_stage import BandGapStage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from filled_registry import properties, put, put_structures


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


def test_a_gap_moves_with_its_calculation(disulfide: Connection) -> None:
    put(disulfide, Calculation, [calculation("hse", LAYER, -21.0, functional="HSE06", band_gap=2.2)])
    for structure_id in ("st-1", "st-2"):
        put(disulfide, Calculation, [{"calculation_id": "hse", "structure_id": structure_id}], "match")
        run_stage(BandGapStage(), disulfide)

    assert list(properties(disulfide, "band_gap")) == [("st-2", "HSE06")]


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
