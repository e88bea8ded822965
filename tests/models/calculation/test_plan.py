"""Which calculations a value needs."""

import pytest
from exfolio.models.calculation.plan import Choices, steps_for


def names(fields: list[str], dimension: int, **choices: object) -> list[str]:
    return [f"{step.role} {step.name}" for step in steps_for(fields, dimension, Choices(**choices))]


def test_hull_and_pourbaix_energies_need_one_relaxation_and_one_static_run() -> None:
    assert names(["pourbaix_energy", "energy_above_hull", "formation_energy"], 3) == [
        "crystal PBE-relax",
        "crystal PBE-static",
    ]


def test_an_exfoliation_energy_needs_layer_and_bulk_with_van_der_waals() -> None:
    assert names(["exfoliation_energy"], 2, van_der_waals="r2SCAN+rVV10") == [
        "layer r2SCAN-rVV10-relax",
        "layer r2SCAN-rVV10-static",
        "bulk r2SCAN-rVV10-relax",
        "bulk r2SCAN-rVV10-static",
    ]
    assert names(["exfoliation_energy"], 3) == [], "a crystal is taken off nothing"


def test_a_gap_starts_from_the_relaxed_structure() -> None:
    relax, gap = steps_for(["band_gap"], 3)

    assert (relax.name, gap.name, gap.after) == ("PBE-relax", "HSE06-static", relax)
    assert relax.fields == gap.fields == ("band_gap",)


def test_a_relaxation_is_shared_by_the_values_that_need_it() -> None:
    steps = steps_for(["band_gap", "energy_above_hull"], 2)

    assert [step.name for step in steps] == ["PBE-relax", "PBE-static", "HSE06-static"]
    assert steps[0].fields == ("energy_above_hull", "band_gap")


def test_values_no_calculation_gives_need_none() -> None:
    assert steps_for(["p_2d", "novel"], 2) == ()


def test_a_vacuum_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="3 Å is not within 5 and 100"):
        Choices(vacuum=3)
