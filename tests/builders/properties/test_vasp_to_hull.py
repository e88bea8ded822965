"""Results as VASP writes them, through ingestion to the hull: what counts, what is refused, and how one asks."""

import json
from pathlib import Path

import pytest
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.band_gap_stage import BandGapStage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.python_api import query
from filled_registry import properties, put_entries, put_structures
from made_vasprun import CORUNDUM, MadeRun, Step, bands
from pymatgen.core import Structure

METHOD = "PBE(+U) MP2020"
IRON, OXYGEN, HEMATITE = -8.47, -4.95, -8.20
INSULATOR = (bands([0.0] * 46, [2.0] * 4), bands([0.0] * 46, [2.0] * 4))


@pytest.fixture
def iron_oxide(registry: Connection) -> Connection:
    """Give a registry with entries of Fe, O2 and Fe2O3, corrected as they are, and a proposed Fe2O3."""
    elements = [("Fe", {"Fe": 2}, "Fe", IRON), ("O", {"O": 2}, "O2", OXYGEN)]
    put_entries(registry, [*elements, ("hematite", {"Fe": 4, "O": 6}, "Fe2O3", HEMATITE)])
    names = {"structure_id": "st-1", "formula_reduced": "Fe2O3", "chemsys": "Fe-O"}
    put_structures(registry, [{**names, "structure": to_plain(Structure(*CORUNDUM))}])
    return registry


def ingest(registry: Connection, tree: Path, **changes: object) -> None:
    folder = tree / "run"
    folder.mkdir(exist_ok=True)
    (folder / "vasprun.xml").write_bytes(MadeRun(**{"bands": INSULATOR, **changes}).xml())  # type: ignore[arg-type]
    (folder / "exfolio.json").write_text(json.dumps({"structure_id": "st-1"}))
    for stage in (VaspStage([str(tree)]), MatchStage(), HullStage(), BandGapStage()):
        run_stage(stage, registry)


def test_an_energy_is_corrected_and_compared(iron_oxide: Connection, tmp_path: Path) -> None:
    ingest(iron_oxide, tmp_path, steps=[Step(-70.0), Step(-70.0)])

    # Wang et al., Sci. Rep. 11, 15496 (2021): -2.256 eV per Fe with U, -0.687 eV per O of an oxide.
    corrected = (-70.0 - 4 * 2.256 - 6 * 0.687) / 10
    hull = properties(iron_oxide, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert hull["value"] == pytest.approx(corrected - HEMATITE, abs=1e-6)
    formation = properties(iron_oxide, "formation_energy")["st-1", METHOD]
    assert formation["value"] == pytest.approx(corrected - 0.4 * IRON - 0.6 * OXYGEN, abs=1e-6)
    assert properties(iron_oxide, "band_gap")["st-1", "GGA+U"]["value"] == 2.0
    assert len(query("calculations", "usable = TRUE", connection=iron_oxide)) == 1


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NELECT": 66.0}, "it is charged by +2"),
        ({"NUPDOWN": 20.0}, "NUPDOWN = 20"),
        ({"ENCUT": 200.0}, "ENCUT = 200 eV"),
        ({"IBRION": 6, "NSW": 1}, "Phonons by finite differences"),
    ],
)
def test_a_run_that_was_made_otherwise_gives_no_value_but_its_reason(
    iron_oxide: Connection, tmp_path: Path, tags: dict[str, object], reason: str
) -> None:
    ingest(iron_oxide, tmp_path, tags=tags)

    assert not any(doc.get("value") is not None for doc in properties(iron_oxide, "band_gap").values())
    for kind in ("formation_energy", "energy_above_hull"):
        (found,) = properties(iron_oxide, kind).values()
        assert found.get("value") is None
        assert reason in found["refused"]
    (unusable,) = query("calculations", "usable = FALSE", connection=iron_oxide)
    assert reason in " ".join(unusable["unusable_because"])
    told = f'unusable_because HAS "{unusable["unusable_because"][0]}"'
    assert len(query("calculations", told, connection=iron_oxide)) == 1


def test_a_calculation_that_is_run_again_aright_takes_the_refusals_place(
    iron_oxide: Connection, tmp_path: Path
) -> None:
    ingest(iron_oxide, tmp_path, tags={"NUPDOWN": 20.0})
    ingest(iron_oxide, tmp_path)

    assert list(properties(iron_oxide, "formation_energy")) == [("st-1", METHOD)]
    assert list(properties(iron_oxide, "band_gap")) == [("st-1", "GGA+U")]
