"""What the name of a method says, and what it only seems to say."""

import pytest
from exfolio.models.calculation.methods import Level, parse_method


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("experiment, 298 K", ["experiment"]),
        ("experiment, 298 K of the bulk + exfoliation energy (handbook, parent)", ["experiment"]),
        ("HSE06", ["HSE06"]),
        ("HSE06+SOC", ["HSE06"]),
        ("HSE06+U", ["hybrid"]),
        ("HSEsol", ["hybrid"]),
        ("PBE0", ["hybrid"]),
        ("G0W0@PBE", ["many-body"]),
        ("r2SCAN, uncorrected, against known", ["meta-GGA"]),
        ("R2SCAN+U", ["meta-GGA"]),
        ("TB-mBJ", ["meta-GGA"]),
        ("SCAN+rVV10", ["van der Waals", "meta-GGA"]),
        ("PBE(+U) MP2020, against known and ours", ["corrected GGA", "GGA+U"]),
        ("PBE MP2020", ["corrected GGA", "GGA"]),
        ("PBE(+U)/r2SCAN MP2020", ["meta-GGA"]),
        ("GGA_GGA+U_R2SCAN", ["meta-GGA"]),
        ("GGA+U, uncorrected", ["GGA+U"]),
        ("PBE (2dmatpedia, same-structure)", ["GGA"]),
        ("PBE-D3(BJ)", ["van der Waals", "GGA"]),
        ("GGA+DFT-D3-BJ", ["van der Waals", "GGA"]),
        ("optB88-vdW (jarvis, composition)", ["van der Waals", "GGA"]),
        ("vdW-DF2", ["van der Waals", "GGA"]),
        ("vdW-DF-cx+U", ["van der Waals", "GGA"]),
        ("rVV10", ["van der Waals", "GGA"]),
        ("R2SCAN+U+vdW-DFT-D4", ["van der Waals", "meta-GGA"]),
        ("GGA+vdW-unsaid", ["van der Waals", "GGA"]),
        ("hybrid of PBE (AEXX=0.5, HFSCREEN=0.2)", ["hybrid"]),
        ("hybrid of PBE (AEXX=0.5, HFSCREEN=0.2), against known", ["hybrid"]),
        ("optB88", ["GGA"]),
        ("CHGNet 0.3.0 + D3(BJ) static, against its bulk", ["potential + dispersion", "potential"]),
        (
            "CHGNet 0.3.0 + D3(BJ) and SevenNet-0 11Jul2024 MP2020 + D3(BJ) static, stacked on itself",
            ["potential + dispersion", "potential"],
        ),
        ("CHGNet 0.3.0 and SevenNet-0 + D3(BJ) static", ["potential"]),
        ("HSE06 and PBE static", ["not stated"]),
        ("LDA+U", ["GGA+U"]),
        ("LDA", ["LDA"]),
        ("CHGNet 0.3.0 static", ["potential"]),
        ("CHGNet 0.3.0 relaxed", ["relaxed potential"]),
        ("SevenNet-0 + D3(BJ) relaxed", ["potential + dispersion", "relaxed potential"]),
        ("EMT 1996 relaxed", ["relaxed potential"]),
        ("EMT 1996 static + D3(BJ)", ["potential + dispersion", "potential"]),
        ("CHGNet 0.3.0 relaxed + D3(BJ), settings a1b2c3", ["potential + dispersion", "relaxed potential"]),
        ("pair potential + D3 static", ["potential + dispersion", "potential"]),
        ("PBE relaxed", ["not stated"]),
        ("CHGNet 0.3.0 relaxed, hull of known materials", ["relaxed potential"]),
    ],
)
def test_a_name_tells_its_level(name: str, levels: list[str]) -> None:
    assert list(parse_method(name).levels) == levels


@pytest.mark.parametrize(
    "name",
    ["ALIGNN trained on HSE06", "HSE06 predicted by a network", "HSE06, learnt from 2,000 gaps", "ridge on Magpie"],
)
def test_a_model_is_none_of_what_it_has_learnt_from(name: str) -> None:
    assert parse_method(name).levels == (Level.MODEL,)


@pytest.mark.parametrize(
    "name", ["not stated", "", "HSE06-like", "like HSE06", "pseudoHSE06", "HSE06, AEXX 0.5", "HSE06, 50 % exchange"]
)
def test_what_only_holds_a_name_is_not_stated(name: str) -> None:
    assert parse_method(name).levels == (Level.NOT_STATED,)


def test_dispersion_is_told_where_the_name_tells() -> None:
    with_dispersion = ["optB88-vdW", "r2SCAN+rVV10", "PBE-D3(BJ)", "PBE+TS", "PBE+MBD@rsSC", "RPA", "experiment"]
    without = ["PBE", "r2SCAN", "optB88", "PBE(+U) MP2020, against known", "CHGNet 0.3.0 static", "HSE06"]

    assert {name: parse_method(name).dispersion for name in with_dispersion} == dict.fromkeys(with_dispersion, True)
    assert {name: parse_method(name).dispersion for name in without} == dict.fromkeys(without, False)
    assert parse_method("in house code").dispersion is None
