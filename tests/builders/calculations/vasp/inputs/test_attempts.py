"""Calculations that were refused are due again, with what has to change."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.inputs.attempts import what_has_to_change
from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp
from exfolio.builders.calculations.vasp.inputs.subjects import Subject
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.models.calculation.functional import functional_name
from exfolio.models.calculation.inputs import inputs
from exfolio.models.calculation.numerical_quality import Run
from exfolio.models.calculation.plan import CALCULATED_FIELDS, steps_for
from exfolio.models.calculation.run_kind import kind_of_run
from exfolio.models.calculation.usability import judge
from exfolio.models.calculation.vasp_tags import VaspTags
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Incar, Poscar
from small_registry import plain, put
from waiting_layer import CAMPAIGN, LAYER, folder_of, layer, manifest_of, mos2_bulk


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"settings": {"ENCUT": 400.0}}, "ENCUT is 400 eV, 520 eV is wanted"),
        ({"hubbards": {"Mo": 4.38}}, "U(Mo) is 4.38 eV, 0 eV is wanted"),
        ({"usable_for": ["gap"], "unusable_for": {"energy": ["NUPDOWN = 20"]}}, "NUPDOWN = 20"),
        ({"converged": False}, "it is not converged"),
    ],
)
def test_what_is_refused_is_due_again_with_what_has_to_change(
    waiting: Connection, tmp_path: Path, changed: dict[str, object], told: str
) -> None:
    calculation = {
        "calculation_id": "calc-1",
        "formula_reduced": "MoS2",
        "functional": "GGA",
        "task_type": "Structure Optimization",
        "structure": plain(layer()),
        "converged": True,
        **changed,
    }
    put(waiting, Calculation, [calculation])
    put(waiting, Calculation, [{"calculation_id": "calc-1", "structure_id": LAYER}], facet="match")

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert done.finished == 0
    assert done.again == {folder_of(done, "PBE-relax"): f"calc-1: {told}"}
    static = tmp_path / folder_of(done, "PBE-static")
    assert manifest_of(static)["after"] == "../PBE-relax", "nothing starts from a structure that is refused"


@pytest.mark.parametrize("alike", [True, False])
def test_a_pair_that_was_not_made_alike_is_due_again(waiting: Connection, tmp_path: Path, *, alike: bool) -> None:
    runs = [("layer", layer(), -21.0, {"ISMEAR": 0, "SIGMA": 0.05}), ("bulk", mos2_bulk(), -42.5, {"ISMEAR": 0})]
    runs[1][3].update({"SIGMA": 0.05} if alike else {"ISMEAR": -5})
    for name, structure, energy, settings in runs:
        calculation = {
            "calculation_id": f"calc-{name}",
            "formula_reduced": "MoS2",
            "composition": structure.composition.as_dict(),
            "functional": "optB88-vdW",
            "task_type": "Static",
            "structure": plain(structure),
            "energy": energy,
            "converged": True,
            "settings": {"ENCUT": 520.0, **settings},
        }
        belongs = {"structure_id": LAYER} if name == "layer" else {"material_id": "bulk:mos2"}
        put(waiting, Calculation, [calculation])
        put(waiting, Calculation, [{"calculation_id": f"calc-{name}", **belongs}], facet="match")
    run_stage(ExfoliationStage(), waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    told = "ISMEAR differs: monolayer 0 (Gaussian), bulk -5 (tetrahedra)"
    assert sorted(done.again.values()) == (
        []
        if alike
        else [
            f"calc-bulk: not made as its layer calc-layer was: {told}",
            f"calc-layer: not made as its bulk calc-bulk was: {told}",
        ]
    )


def test_pbe_without_u_is_not_done_where_pbe_with_u_is_wanted() -> None:
    relax = steps_for(["energy_above_hull"], 3)[0]
    oxide = Subject("structures", "st-1", "crystal", "Fe2O3")
    sulfide = Subject("structures", "st-2", "crystal", "FeS2")
    without = {"calculation_id": "calc-1", "hubbards": {}, "usable_for": ["energy"], "settings": {"ENCUT": 520.0}}

    assert what_has_to_change(without, oxide, relax) == ["U(Fe) is 0 eV, 5.3 eV is wanted"]
    assert what_has_to_change({**without, "hubbards": {"Fe": 5.3}}, oxide, relax) == []
    assert what_has_to_change(without, sulfide, relax) == []


@pytest.mark.parametrize("dimension", [2, 3])
def test_the_input_that_is_written_is_usable_by_its_settings(dimension: int) -> None:
    crystal = layer() if dimension == 2 else Structure(Lattice.cubic(4.2), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for step in steps_for(CALCULATED_FIELDS, dimension):
        if step.role == "bulk":
            continue
        made = inputs(crystal, step)
        incar = Incar.from_str(made.files["INCAR"])
        mesh = [int(n) for n in made.files["KPOINTS"].splitlines()[3].split()]
        elements = [str(title).split("_")[0] for title in made.potcar_symbols]
        tags = VaspTags.of(incar, {})
        judged = judge(
            Run(
                tags=tags,
                kind=kind_of_run(tags, k_points_along_lines=False),
                functional=functional_name(tags, [f"PAW_PBE {one} x" for one in made.potcar_symbols], {}),
                structure=Poscar.from_str(made.files["POSCAR"]).structure,
                potcar_titles=[f"PAW_PBE {one} x" for one in made.potcar_symbols],
                species=elements,
                mesh=mesh,
            )
        )
        purpose = "exfoliation" if "exfoliation_energy" in step.fields else "gap" if "HSE" in step.name else "energy"
        assert not judged.reasons[purpose], (step.name, judged.reasons)
