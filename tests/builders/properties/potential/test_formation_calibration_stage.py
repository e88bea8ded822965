"""Errors of formation energies and hull distances by what a registry knows, and how values and errors come to rest."""

import pytest
from exfolio.builders.properties.potential.formation_calibration_stage import FormationCalibrationStage
from exfolio.builders.properties.potential.formation_errors import FormationErrors
from exfolio.builders.properties.potential.potential_values_stage import PotentialValuesStage
from exfolio.models.potential.family.chgnet import is_installed
from exfolio.stores.connection import Connection
from exfolio.stores.documents import ReferenceEntry
from filled_registry import properties, put, put_properties
from plans import run_all

STATIC = "CHGNet 0.3.0 static"
STAGES = (PotentialValuesStage(), FormationCalibrationStage())
STRUCTURES = [f"st-{number:02}" for number in range(1, 41)]


@pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
def test_intervals_follow_known_errors_of_their_class_and_both_stages_come_to_rest(registry: Connection) -> None:
    # given 40 crystals of MgO by the potential, of which nothing else is known
    for symbol, per_atom in (("Mg", -1.6), ("O", -4.9)):
        by = {"source": "chgnet", "functional": "CHGNet 0.3.0", "scheme": "static"}
        facts = {"composition": {symbol: 1.0}, "chemsys": symbol, "formula_reduced": symbol}
        energies = {"energy": per_atom, "energy_per_atom": per_atom}
        put(registry, ReferenceEntry, [{"entry_id": f"chgnet:{symbol}", **by, **facts, **energies}])
    energy = {"kind": "energy", "method": STATIC, "basis": "potential", "chemsys": "Mg-O", "formula_reduced": "MgO"}
    details = {"energy": -12.0, "composition": {"Mg": 1.0, "O": 1.0}, "area": None}
    put_properties(registry, [{**energy, "structure_id": one, "value": -6.0, "details": details} for one in STRUCTURES])
    run_all(registry, STAGES)
    before = {one: doc for (one, _), doc in properties(registry, "formation_energy").items()}
    bundled = FormationErrors("chgnet", relax=False).of_formation(["Mg", "O"])[1]
    assert before["st-01"]["high"] - before["st-01"]["value"] == pytest.approx(bundled.quantile, abs=1e-6)

    # when 39 of them are measured to lie 0.01, 0.02 … 0.39 eV/atom higher, and the last has a value of another scale
    known = {"kind": "formation_energy", "basis": "same-structure", "method": "experiment, 298 K (lab, same-structure)"}
    value = before["st-01"]["value"]
    docs = [{**known, "structure_id": one, "value": value + i / 100} for i, one in enumerate(STRUCTURES, start=1)]
    put_properties(registry, [*docs[:39], {**docs[39], "method": "PBE (lab, same-structure)"}])
    run_all(registry, STAGES)
    again = run_all(registry, STAGES)

    # then nine in ten of them and the next one lie below the 36th, of those without one of the first 36 below the 37th
    after = {one: doc for (one, method), doc in properties(registry, "formation_energy").items() if method == STATIC}
    widths = {one: round(doc["high"] - doc["value"], 6) for one, doc in after.items()}
    assert widths == {one: 0.37 if i <= 36 else 0.36 for i, one in enumerate(STRUCTURES, start=1)}
    assert {doc["value"] for doc in after.values()} == {value}
    [model] = registry.database["trained_models"].find()
    by_class = model["metrics"]["formation energies and hull distances"]
    assert (by_class["oxides"]["size"], by_class["oxides"]["measured_on"]) == (39, "values of this registry")
    assert by_class["halides"]["measured_on"] == "bundled values"
    assert not any(report.due or report.did_anything for report in again.values())
