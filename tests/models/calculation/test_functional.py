"""Functionals by the tags that make them, as VASP's manual lists them."""

import pytest
from exfolio.models.calculation.functional import functional_name
from exfolio.models.calculation.vasp_tags import VaspTags

PBE, LDA = ("PAW_PBE Si 05Jan2001",), ("PAW Si 02Apr1999",)
HSE = {"LHFCALC": True, "AEXX": 0.25, "HFSCREEN": 0.2}
OPTB88 = {"GGA": "BO", "LUSE_VDW": True, "AGGAC": 0.0, "PARAM1": 0.1833333333, "PARAM2": 0.22}


def name(tags: dict[str, object], titles: tuple[str, ...] = PBE, **more: object) -> str:
    return functional_name(VaspTags.of(tags, {}), titles, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("tags", [{}, {"GGA": "PE"}, {"GGA": "Pe"}, {"GGA": "PE ! PBE"}, {"GGA": "--"}])
def test_pbe_has_one_name(tags: dict[str, object]) -> None:
    assert name(tags) == "GGA"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"GGA": "PS"}, "PBEsol"),
        ({"GGA": "91"}, "PW91"),
        ({"GGA": 91.0}, "PW91"),
        ({"GGA": "CA"}, "LDA"),
        ({"METAGGA": "R2SCAN ! a comment"}, "R2SCAN"),
        ({"METAGGA": "scan"}, "SCAN"),
        (HSE, "HSE06"),
        ({**HSE, "HFSCREEN": 0.207}, "HSE06"),
        ({**HSE, "GGA": "PE"}, "HSE06"),
        ({"LHFCALC": True, "HFSCREEN": 0.2}, "HSE06"),
        ({**HSE, "HFSCREEN": 0.3}, "HSE03"),
        ({**HSE, "HFSCREEN": 0.0}, "PBE0"),
        ({**HSE, "GGA": "PS"}, "HSEsol"),
        ({**HSE, "AEXX": 0.5}, "hybrid of PBE (AEXX=0.5, HFSCREEN=0.2)"),
        ({**HSE, "HFSCREEN": 0.4}, "hybrid of PBE (AEXX=0.25, HFSCREEN=0.4)"),
        ({**HSE, "AGGAX": 0.5}, "hybrid of PBE (AEXX=0.25, HFSCREEN=0.2, AGGAX=0.5)"),
        ({**HSE, "GGA": "BO"}, "hybrid of optB88 exchange (AEXX=0.25, HFSCREEN=0.2)"),
        ({**HSE, "METAGGA": "SCAN"}, "hybrid of SCAN (AEXX=0.25, HFSCREEN=0.2)"),
        ({"LHFCALC": True, "AEXX": 1.0, "ALDAC": 0.0, "AGGAC": 0.0}, "HF"),
        ({"LHFCALC": True, "AEXX": 1.0}, "HF"),
        ({"LHFCALC": True, "AEXX": 1.0, "AGGAC": 1.0}, "hybrid of PBE (AEXX=1, HFSCREEN=0, AGGAC=1)"),
        ({"LHFCALC": True, "GGA": "B3", "AEXX": 0.2, "AGGAX": 0.72, "AGGAC": 0.81, "ALDAC": 0.19}, "B3LYP"),
        (OPTB88, "optB88-vdW"),
        ({**OPTB88, "LUSE_VDW": False}, "optB88 exchange (AGGAC=0)"),
        ({**OPTB88, **HSE}, "hybrid of optB88 exchange (AEXX=0.25, HFSCREEN=0.2, AGGAC=0)+nonlocal vdW"),
        ({"GGA": "MK", "LUSE_VDW": True, "AGGAC": 0.0, "PARAM1": 0.1234, "PARAM2": 1.0}, "optB86b-vdW"),
        (
            {"GGA": "MK", "LUSE_VDW": True, "AGGAC": 0, "PARAM1": 0.1234, "PARAM2": 0.711357, "Zab_VDW": -1.8867},
            "rev-vdW-DF2",
        ),
        ({"GGA": "OR", "LUSE_VDW": True, "AGGAC": 0.0}, "optPBE-vdW"),
        ({"GGA": "RE", "LUSE_VDW": True, "AGGAC": 0.0}, "vdW-DF"),
        ({"GGA": "ML", "LUSE_VDW": True, "AGGAC": 0.0, "Zab_VDW": -1.8867}, "vdW-DF2"),
        ({"METAGGA": "R2SCAN", "LUSE_VDW": True, "BPARAM": 11.95}, "R2SCAN+rVV10"),
        ({"METAGGA": "SCAN", "LUSE_VDW": True, "BPARAM": 15.7}, "SCAN+rVV10"),
        ({"METAGGA": "R2SCAN", "LUSE_VDW": True, "BPARAM": 15.7}, "R2SCAN+rVV10 (BPARAM=15.7)"),
        ({"METAGGA": "R2SCAN", "LUSE_VDW": True}, "R2SCAN+rVV10 (BPARAM=6.3)"),
        ({"METAGGA": "TPSS", "LUSE_VDW": True, "BPARAM": 15.7}, "TPSS+rVV10 (BPARAM=15.7)"),
        ({"GGA": "BF", "LUSE_VDW": True, "Zab_VDW": -1.8867}, "BEEF-vdW"),
        ({"GGA": "BF"}, "BEEF exchange"),
        ({"GGA": "PE", "LUSE_VDW": True, "BPARAM": 10.0, "IVDW_NL": 2}, "PBE+rVV10L"),
        ({"GGA": "ML", "LUSE_VDW": True, "IVDW_NL": 2}, "rVV10"),
        (
            {"GGA": "PE", "LUSE_VDW": True},
            "GGA+nonlocal vdW (AGGAC=1, ZAB_VDW=-0.8491, PARAM1=0.1234, PARAM2=1)",
        ),
        ({"IVDW": 12}, "GGA+vdW-DFT-D3-BJ"),
        ({"IVDW": 12, "VDW_S8": 0.7875, "VDW_A1": 0.4289, "VDW_A2": 4.4407}, "GGA+vdW-DFT-D3-BJ"),
        ({"IVDW": 12, "VDW_A1": 0.1}, "GGA+vdW-DFT-D3-BJ (VDW_A1=0.1)"),
        ({"IVDW": 1, "VDW_SR": 0.5, "VDW_D": 23.0}, "GGA+vdW-DFT-D2 (VDW_SR=0.5, VDW_D=23)"),
        ({**HSE, "IVDW": 12, "VDW_S8": 2.31, "VDW_A1": 0.383, "VDW_A2": 5.685}, "HSE06+vdW-DFT-D3-BJ"),
        ({**HSE, "IVDW": 12, "VDW_S8": 2.31}, "HSE06+vdW-DFT-D3-BJ (its damping is not given)"),  # VASP has none
        ({**HSE, "HFSCREEN": 0.0, "IVDW": 12}, "PBE0+vdW-DFT-D3-BJ"),
        ({"METAGGA": "R2SCAN", "IVDW": 11}, "R2SCAN+vdW-DFT-D3 (its damping is not given)"),
        ({"METAGGA": "SCAN", "IVDW": 11}, "SCAN+vdW-DFT-D3"),
        ({"GGA": "PS", "IVDW": 20}, "PBEsol+vdW-TS (its damping is not given)"),
        ({"GGA": "PS", "IVDW": 4}, "PBEsol+vdW-dDsC"),
        ({"METAGGA": "LIBXC", "LIBXC1": "MGGA_X_R2SCAN"}, "METAGGA=LIBXC"),
        ({"METAGGA": "SCAN_X"}, "METAGGA=SCAN_X"),
        ({**OPTB88, "IVDW": 12}, "optB88-vdW+vdW-DFT-D3-BJ (dispersion twice)"),
        ({"IVDW": 0}, "GGA"),
        ({"LVDW": True}, "GGA+vdW-DFT-D2"),
        ({"IVDW": 99}, "GGA+vdW-IVDW=99"),
    ],
)
def test_functionals_are_told_apart(tags: dict[str, object], expected: str) -> None:
    assert name(tags) == expected


def test_vdw_correlation_beside_that_of_pbe_is_no_optb88() -> None:
    assert name({**OPTB88, "AGGAC": 1.0}).startswith("optB88 exchange+nonlocal vdW (AGGAC=1")
    assert name({**OPTB88, "PARAM1": 0.1234}).startswith("optB88 exchange+nonlocal vdW (AGGAC=0")


def test_potcars_decide_where_no_tag_does() -> None:
    assert name({}, LDA) == "LDA"
    assert name({}, ("PAW_GGA Si 05Jan2001",)) == "PW91"
    assert name({}, (*PBE, *LDA)) == "GGA+LDA"
    assert name({}, ()) == "functional not stated"


def test_u_is_named_where_it_is_not_zero() -> None:
    assert name({}, hubbards={"Fe": 5.3}) == "GGA+U"
    assert name({}, hubbards={"Fe": 0.0}) == "GGA"
    assert name({"METAGGA": "R2SCAN", "IVDW": 13}, hubbards={"Fe": 3.1}) == "R2SCAN+U+vdW-DFT-D4"


def test_a_scaled_part_is_named() -> None:
    assert name({"AGGAC": 0.0}) == "GGA (AGGAC=0)"
    assert name({"METAGGA": "R2SCAN", "AMGGAX": 0.5}) == "R2SCAN (AMGGAX=0.5)"
    assert name({"METAGGA": "R2SCAN", "LUSE_VDW": True, "IVDW_NL": 1}).startswith("R2SCAN+nonlocal vdW (")
    assert name({**OPTB88, "IVDW_NL": 1}) == "optB88-vdW"
    assert name({**OPTB88, "IVDW_NL": 2}) != "optB88-vdW"


def test_a_hybrid_that_is_off_is_none_and_no_other_is() -> None:
    stated = {"LHFCALC": True, "AEXX": 0.0, "HFSCREEN": 0.2}
    assert functional_name(VaspTags.of({"LHFCALC": True, "HFSCREEN": 0.2}, stated), PBE) == "HSE06"
    assert functional_name(VaspTags.of({"LHFCALC": True, "AEXX": 0.0}, stated), PBE) == "GGA"
    assert name({"AEXX": 0.25, "HFSCREEN": 0.2, "LHFCALC": False}) == "GGA"
