"""Errors of exfoliation energies by what a registry knows: intervals by hand, and what a new known value makes due."""

from typing import Any

import pytest
from exfolio.builders.properties.potential.layers.exfoliation_calibration_stage import ExfoliationCalibrationStage
from exfolio.builders.properties.potential.layers.exfoliation_errors import errors_of
from exfolio.builders.properties.potential.layers.exfoliation_values_stage import ExfoliationValuesStage
from exfolio.builders.properties.potential.layers.layer_energies_stage import BULK
from exfolio.builders.reports.model_report import report
from exfolio.stores.connection import Connection
from filled_registry import properties, put_properties
from plans import run_all

SAID = f"CHGNet 0.3.0 + D3(BJ) static, {BULK}"
KNOWN = "optB88-vdW (lab, same-structure)"


def said(layer: str, value: float, *elements: str) -> dict[str, Any]:
    details = {"elements": list(elements or ("Mo", "S"))}
    facts = {"structure_id": layer, "kind": "energy_over_bulk", "method": SAID, "basis": "potential"}
    return {**facts, "value": value, "per_area": 20.0, "details": details}


def known(layer: str, value: float, **more: Any) -> dict[str, Any]:
    facts = {"structure_id": layer, "kind": "exfoliation_energy", "method": KNOWN, "basis": "same-structure"}
    return {**facts, "value": value, **more}


def stages() -> list[Any]:
    return [ExfoliationCalibrationStage(), ExfoliationValuesStage()]


def by_potential(registry: Connection) -> dict[str, dict[str, Any]]:
    found = properties(registry, "exfoliation_energy")
    return {layer: doc for (layer, _), doc in found.items() if doc["basis"] == "potential"}


def half_width(doc: dict[str, Any]) -> float:
    return doc["high"] - doc["value"]


def test_intervals_follow_from_known_errors_but_never_from_a_layer_s_own(registry: Connection) -> None:
    # given 39 sulfides that the potential binds by 0.1 eV/atom, where the scale of errors is 0.2: the error of the
    # i-th is i hundredths of that; and four values that tell nothing of errors
    layers = [f"layer-{i:02}" for i in range(1, 40)]
    put_properties(
        registry,
        [
            *(said(layer, 0.1) for layer in [*layers, "bound", "by RPA", "by another potential", "of composition"]),
            *(known(layer, 0.1 + 0.2 * i / 100) for i, layer in enumerate(layers, start=1)),
            known("bound", 0.9, low=0.9, lacks=["dispersion"]),
            known("by RPA", 0.9, method="RPA (lab, same-structure)"),
            known("by another potential", 0.9, method="MACE-MP-0 + D3(BJ) static (lab, same-structure)"),
            known("of composition", 0.9, basis="composition"),
            *(said("new", 0.1), said("oxide", 0.1, "Mo", "O")),
        ],
    )

    run_all(registry, stages())

    # then nine in ten of 40 are 36: 0.36 of the scale for a layer of which nothing is known; without its own error
    # the 36th of 39 others for each, which is 0.37 where that is among the 36 smallest, else 0.36
    found = by_potential(registry)
    assert half_width(found["new"]) == pytest.approx(0.36 * 0.2, abs=1e-6)
    for i, layer in enumerate(layers, start=1):
        assert half_width(found[layer]) == pytest.approx((0.37 if i <= 36 else 0.36) * 0.2, abs=1e-6)
    assert found["new"]["details"]["errors"]["measured_on"] == "values of this registry"
    # and oxides, of which nothing is known here or beforehand, have that of all layers
    assert half_width(found["oxide"]) == pytest.approx(0.36 * 0.2, abs=1e-6)


def test_few_known_values_change_nothing_and_more_change_what_rests_on_them(registry: Connection) -> None:
    bundled = errors_of(["chgnet-d3"], relax=False, against=BULK)
    layers = [f"layer-{i:02}" for i in range(1, 41)]
    put_properties(registry, [*(said(layer, 0.1) for layer in layers), said("oxide", 0.1, "Mo", "O")])
    put_properties(registry, [known(layer, 0.102) for layer in layers[:29]])
    run_all(registry, stages())
    before = by_potential(registry)

    put_properties(registry, [known(layer, 0.102) for layer in layers[29:]])
    done = run_all(registry, stages())
    again = run_all(registry, stages())

    after = by_potential(registry)
    assert half_width(before["layer-40"]) == pytest.approx(0.2 * bundled["chalcogenides and halides"].quantile)
    assert half_width(before["oxide"]) == pytest.approx(0.2 * bundled["all"].quantile)
    assert half_width(after["layer-40"]) == half_width(after["oxide"]) == pytest.approx(0.002)
    assert done["exfoliation-errors:chgnet-d3"].updated == 1
    assert not any(report.due or report.did_anything for report in again.values())


def test_the_report_tells_set_size_coverage_and_half_widths(registry: Connection) -> None:
    layers = [f"layer-{i:02}" for i in range(1, 41)]
    put_properties(registry, [said(layer, 0.1) for layer in layers])
    put_properties(registry, [known(layer, 0.1 + 0.2 * i / 100) for i, layer in enumerate(layers)])
    run_all(registry, stages())

    [model] = registry.database["trained_models"].find()
    text, _ = report(registry, model)

    assert "| against its bulk | chalcogenides and halides | 40 | 0.9" in text
    assert "values of this registry" in text
    assert "layer-40" in text
