"""Which values of a structure count for a campaign, of those that campaigns want by other settings each."""

from typing import Any

import pytest
from exfolio.builders.candidates.own_values import ValuesBy, own_values

HERE, THERE = "pH 0-14, 1.5 V vs RHE, 1e-06 mol/l", "pH 0-14, 0 V vs RHE, 1e-06 mol/l"
PBE, OTHER_POTCARS = "PBE(+U) MP2020", "PBE(+U) MP2020, settings a1b2c3"


def value(kind: str, method: str, basis: str = "calculation", *, stage: str = "test", of: str = "") -> dict[str, Any]:
    details = {"formation_energy_by": of} if of else {}
    return {"kind": kind, "method": method, "basis": basis, "details": details, "facets": {"value": {"stage": stage}}}


@pytest.mark.parametrize(
    ("by", "own", "others"),
    [
        (
            ValuesBy(hull="hull:MP2020"),
            [
                value("formation_energy", PBE, stage="hull:MP2020"),
                value("pourbaix_energy", f"{PBE}, {HERE}", of=PBE),
                value("formation_energy", "experiment (handbook, same-structure)", "same-structure"),
                value("exfoliation_energy", "optB88-vdW", stage="exfoliation"),
            ],
            [
                value("formation_energy", OTHER_POTCARS, stage="hull:MP2020@a1b2c3"),
                value("energy_above_hull", "PBE, uncorrected, against known", stage="hull:none"),
                value("pourbaix_energy", f"{OTHER_POTCARS}, {HERE}", of=OTHER_POTCARS),
            ],
        ),
        (
            ValuesBy(energies="EMT 1996 relaxed", values="EMT 1996 relaxed, settings a1b2c3"),
            [
                value("energy", "EMT 1996 relaxed", "potential"),
                value("formation_energy", "EMT 1996 relaxed, settings a1b2c3", "potential"),
                value("energy_above_hull", "EMT 1996 relaxed + D3(BJ), settings a1b2c3", "potential"),
                value("formation_energy", "EMT 1996 of another package", "potential"),
            ],
            [
                value("energy", "EMT 1996 relaxed, settings a1b2c3", "potential"),
                value("formation_energy", "EMT 1996 relaxed", "potential"),
                value("energy_above_hull", "EMT 1996 static + D3(BJ)", "potential"),
            ],
        ),
        (
            ValuesBy(conditions=HERE),
            [value("pourbaix_energy", f"PBE, {HERE}", "same-structure")],
            [
                value("pourbaix_energy", f"PBE, {THERE}", "same-structure"),
                value("pourbaix_energy", f"PBE, {HERE}, settings a1b2c3", "same-structure"),
            ],
        ),
        (
            ValuesBy(hull="hull:MP2020", exfoliation="exfoliation-values:chgnet-d3"),
            [
                value("exfoliation_energy", "CHGNet + D3 static", "potential", stage="exfoliation-values:chgnet-d3"),
                value("exfoliation_energy", "optB88-vdW", stage="exfoliation"),
            ],
            [value("exfoliation_energy", "EMT + D3 static", "potential", stage="exfoliation-values:emt-d3")],
        ),
        (ValuesBy(exfoliation=""), [], [value("exfoliation_energy", "EMT + D3", stage="exfoliation-values:emt-d3")]),
    ],
    ids=["hull", "potential", "water", "exfoliation", "no exfoliation"],
)
def test_what_other_settings_made_and_what_rests_on_it_is_passed_over(
    by: ValuesBy, own: list[dict[str, Any]], others: list[dict[str, Any]]
) -> None:
    assert own_values([*others, *own], by) == own
    assert own_values([*others, *own], ValuesBy()) == [*others, *own]
