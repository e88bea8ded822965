"""What compounds set free as they fall apart: ions that don't bear each other, though their charges cancel."""

from typing import Any

import pytest
from exfolio.builders.properties.hulls.set_free import redox_stable, set_free


@pytest.mark.parametrize(
    ("phases", "freed"),
    [
        ({"FePO4": 0.65, "Fe(PO3)3": 0.28, "O2": 0.07}, ["O"]),  # Fe3(PO4)4, of Fe4+
        ({"AgBr": 0.33, "AgI": 0.33, "IBr": 0.33}, ["Br", "I"]),  # AgBrI: Ag2+ oxidises both
        ({"InI2": 0.75, "Au": 0.25}, ["Au"]),  # AuInI2: In+ reduces Au+
        ({"Al2Se3": 0.53, "PdSe": 0.36, "AlPd2": 0.11}, ["Al", "Pd"]),
        ({"CdCl2": 0.38, "Cu7S4": 0.34, "CdS": 0.25, "Cu": 0.03}, []),  # CuCdSCl; Cu2S is not known to the source
        ({"Al2S3": 0.56, "AlCl3": 0.44}, []),
        ({"Cu": 0.5, "CuCl2": 0.5}, []),  # CuCl: any compound richest in its metal
        ({"Sb": 0.5, "SbTe": 0.5}, []),
        ({"TeSe": 1.0}, []),
        ({"Bi2O3": 0.62, "TeO2": 0.38}, []),  # Bi2TeO5: what is a cation before and after is not oxidised
        ({"Al2O3": 0.29, "SO3": 0.71}, []),
        ({"AgI": 0.29, "TeI4": 0.71}, []),
        ({"Bi2Te3": 0.6, "TeO2": 0.4}, ["O", "Te"]),  # Bi2Te4O2: of the tellurium a part is oxidised
        ({"MgO": 0.5, "SeO2": 0.4, "Se": 0.1}, ["Se"]),
        ({"MgBr2": 0.6, "IBr": 0.4}, ["Br", "I"]),
        ({"FeAl": 0.5, "FeAl2": 0.5}, []),
    ],
)
def test_anions_and_metals_that_are_left_over(phases: dict[str, float], freed: list[str]) -> None:
    assert set_free(phases) == freed


def _distance(value: float, *freed: str, basis: str = "potential", known: bool = True) -> dict[str, Any]:
    details = {"falls_into": [{"formula": "I2", "share_of_atoms": 1.0}], "sets_free": list(freed)} if known else {}
    return {"kind": "energy_above_hull", "basis": basis, "value": value, "details": details}


@pytest.mark.parametrize(
    ("distances", "stable"),
    [
        ([_distance(0.02, "I")], False),
        ([_distance(-0.08, "S")], True),  # TiS3 loses sulfur too, and holds it by more than errors are large
        ([_distance(-0.06, "S"), _distance(0.03, "S")], True),  # of the layer, with the dispersion of its bulk
        ([_distance(0.02)], True),
        ([_distance(0.02, known=False)], None),
        ([_distance(0.02, "I"), _distance(0.1, basis="calculation", known=False)], None),
        ([], None),
    ],
)
def test_what_sets_something_free_near_the_hull_is_not_redox_stable(
    distances: list[dict[str, Any]], stable: bool | None
) -> None:
    assert redox_stable(distances) is stable
