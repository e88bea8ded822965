"""Distances of layers to the hull by a potential without dispersion, with what D3(BJ) says of layer and phases."""

from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.potential.layers.hull_dispersion_stage import HullDispersionStage
from exfolio.stores.connection import Connection
from filled_registry import properties, put_properties, put_structures
from known_crystals import crystals, monolayer_of, put

pytest.importorskip("dftd3", reason="dftd3 is not installed (pip install exfolio[mlip])")
STATIC, WITH_D3 = "CHGNet 0.3.0 static", "CHGNet 0.3.0 static + D3(BJ)"


def layer(name: str) -> dict[str, Any]:
    doc = monolayer_of(name)
    facts = {key: doc[key] for key in ("structure", "formula_reduced", "chemsys", "elements")}
    return {"structure_id": f"st-{name}", "dimension": 2, "valid": True, **facts}


def distance(name: str, *phases: tuple[str, float], lacks: tuple[str, ...] = (), **details: Any) -> dict[str, Any]:
    shares = [{"id": f"chgnet:{phase}", "formula": "any", "share_of_atoms": share} for phase, share in phases]
    facts = {"structure_id": f"st-{name}", "kind": "energy_above_hull", "method": STATIC, "basis": "potential"}
    ends = {"value": 0.0, "low": -0.1, "coverage": 0.9, "lacks": [*lacks, "dispersion"]}
    return {**facts, **ends, "competing": shares, "details": details}


def with_d3(registry: Connection) -> dict[str, dict[str, Any]]:
    found = properties(registry, "energy_above_hull").items()
    return {structure: doc for (structure, method), doc in found if method == WITH_D3}


def test_a_layer_lies_above_its_bulk_by_the_attraction_that_it_has_lost(registry: Connection) -> None:
    names = ("MoS2-2H", "BN-h", "CdI2-CdI2")
    put(registry, crystals(*names, "Cd-hcp", "I-molecular"))
    put_structures(registry, [layer(name) for name in names])
    unknown = {"known_compounds": 9, "number_missing": 3}
    put_properties(
        registry,
        [
            distance("MoS2-2H", ("handbook:MoS2-2H", 1.0)),
            distance("BN-h", ("handbook:BN-h", 0.5), ("handbook:gone", 0.5)),
            distance(
                "CdI2-CdI2", ("handbook:Cd-hcp", 1 / 3), ("handbook:I-molecular", 2 / 3),
                lacks=("compounds",), completeness=unknown,
            ),
        ],
    )  # fmt: skip

    run_stage(HullDispersionStage(), registry)

    found = with_d3(registry)
    sulfide, iodide = found["st-MoS2-2H"], found["st-CdI2-CdI2"]
    # RPA, 20.5 meV/Å^2 (Björkman et al., Phys. Rev. Lett. 108, 235502 (2012)); functionals give up to twice as much.
    rpa = 0.0205 * 3.16**2 * 3**0.5 / 2 / 3
    assert rpa < sulfide["value"] < 2 * rpa
    assert sulfide["low"] < rpa < sulfide["value"] < sulfide["high"] < 0.3
    assert (sulfide.get("lacks", []), sulfide["coverage"], sulfide["basis"]) == ([], 0.9, "potential")
    assert {one["id"] for one in sulfide["origins"]} >= {"handbook:MoS2-2H", "st-MoS2-2H"}
    assert (iodide["lacks"], "high" in iodide) == (["compounds"], False)  # what else it lacks it still lacks
    assert "st-BN-h" not in found  # a phase without a structure: as it was


def test_a_changed_phase_makes_due_the_layers_above_it_and_no_others(registry: Connection) -> None:
    put(registry, crystals("MoS2-2H", "BN-h"))
    put_structures(registry, [layer("MoS2-2H"), layer("BN-h")])
    of_layers = [distance("MoS2-2H", ("handbook:MoS2-2H", 1.0)), distance("BN-h", ("handbook:BN-h", 1.0))]
    put_properties(registry, of_layers)
    run_stage(HullDispersionStage(), registry)
    before = with_d3(registry)
    again = run_stage(HullDispersionStage(), registry)

    [sulfide] = crystals("MoS2-2H")
    sulfide["structure"]["lattice"]["matrix"][2][2] *= 1.05  # its layers drawn apart
    for name in ("c", "volume"):
        sulfide["structure"]["lattice"].pop(name, None)
    put(registry, [sulfide])
    changed = run_stage(HullDispersionStage(), registry)

    after = with_d3(registry)
    assert (again.due, changed.due) == (0, 1)
    assert after["st-MoS2-2H"]["value"] < before["st-MoS2-2H"]["value"]
    assert after["st-BN-h"] == before["st-BN-h"]
