"""Screening gives smact's verdicts, for each set of oxidation states."""

import csv
import gzip
import random
import warnings
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.formula.formulas import UnknownElement, UnparsableFormula, parse, parse_or_report
from exfolio.models.composition.one_hot import ELEMENTS
from exfolio.models.composition.oxidation_states import BadOxidationStates
from exfolio.models.composition.screening import all_metals, screen, without_states
from smact.screening import smact_validity

# fmt: off
HAND_PICKED = [
    "NaCl", "MoS2", "WTe2", "Bi2Te3", "CrI3", "BN", "C2", "C60", "O2", "Si", "Fe", "GaSe", "InSe", "HfS2", "TiO2",
    "TiO", "VO2", "V2O5", "MnO2", "Mn3O4", "MgMn2O4", "Mg6MnO8", "LiFePO4", "LiCoO2", "NaCl2", "Na2Cl", "MgO2",
    "H2O", "H2O2", "KO2", "CO", "CO2", "CaTiO3", "BaTiO3", "SrTiO3", "CsPbI3", "KF3", "AlN", "GaN", "GaAs", "CdTe",
    "ZnS", "Fe2O3", "Fe3O4", "FeS2", "CuO", "Cu2O", "AgCl", "AuCl3", "HgI2", "TlBr", "PbO2", "SnSe", "SnSe2",
    "Sb2Te3", "As2S3", "P2O5", "PCl5", "SF6", "SO3", "Cl2O7", "BrF5", "IF7", "XeF2", "XeF6", "KrF2", "HeH", "NeF",
    "ArO", "PmCl3", "Pm2O3", "RnF2", "PoO2", "AtI", "RaCl2", "FrCl", "AcF3", "ThO2", "Pa2O5", "UO3", "NpO2", "PuO2",
    "AmO2", "CmF3", "Ca3P2O8", "Ca5P3O13H", "YBa2Cu3O7", "KAlSi3O8", "Mg3Si2H4O9", "NaAlSi2O6", "K2Cr2O7", "KMnO4",
    "Na2S2O3", "NH4Cl", "N2O4", "NO2", "OF2", "HOF", "ClF3", "ICl", "BrCl", "NaK", "CuZn", "Ni3Al", "FeTi", "AuCu3",
    "Nb3Sn", "MgB2", "LaB6", "CaC2", "SiC", "B4C", "TiN", "WC", "HCN", "Li3N", "Na3Bi", "BiSb", "SeS", "TeSe",
    "TeS", "IBr", "CSi", "GePb", "SnPb", "PdH", "NbSe2", "TaS2", "ReS2", "PtS2", "PdTe2", "Ni2Te", "IrF2", "Ba2Sb",
    "Cs8O8Fe1", "H8C8", "Ti8O7", "Re8Os8O8", "U8Pu8N3", "OsO4", "RuO4", "MnF7",
]
# fmt: on

SETS = ["icsd24", "icsd16", "smact14", "pymatgen_sp", "wiki"]


def verdicts_of_smact(formulas: list[str], name: str | None = None) -> tuple[list[bool], list[bool]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # smact warns of Wikipedia's set at each call
        neutral, balanced = (
            [
                smact_validity(formula, use_pauling_test=test, include_alloys=False, oxidation_states_set=name)
                for formula in formulas
            ]
            for test in (False, True)
        )
    return neutral, balanced


def generated_formulas(n: int, *, seed: int = 1) -> list[str]:
    """Representable formulas, every other one with a common anion so that many are neutral."""
    rng = random.Random(seed)
    formulas = []
    for index in range(n):
        symbols = rng.sample(ELEMENTS, rng.choice([1, 2, 2, 3, 3, 4, 5]))
        if index % 2:
            symbols = list(dict.fromkeys([*symbols[:3], rng.choice(["O", "S", "F", "Cl", "N", "Se"])]))
        formulas.append("".join(f"{symbol}{rng.randint(1, 8)}" for symbol in symbols))
    return formulas


def test_hand_picked_formulas_get_smacts_verdicts() -> None:
    neutral, balanced = screen(HAND_PICKED)
    expected_neutral, expected_balanced = verdicts_of_smact(HAND_PICKED)
    assert dict(zip(HAND_PICKED, neutral.tolist(), strict=True)) == dict(
        zip(HAND_PICKED, expected_neutral, strict=True)
    )
    assert dict(zip(HAND_PICKED, balanced.tolist(), strict=True)) == dict(
        zip(HAND_PICKED, expected_balanced, strict=True)
    )


@pytest.mark.parametrize("name", SETS)
def test_each_named_set_gives_smacts_verdicts(name: str) -> None:
    formulas = HAND_PICKED + generated_formulas(100, seed=2)
    neutral, balanced = screen(formulas, name)  # type: ignore[arg-type]
    assert (neutral.tolist(), balanced.tolist()) == verdicts_of_smact(formulas, name)


def test_generated_representable_formulas_get_smacts_verdicts() -> None:
    formulas = generated_formulas(1000)
    neutral, balanced = screen(formulas)
    assert (neutral.tolist(), balanced.tolist()) == verdicts_of_smact(formulas)


def test_formulas_with_large_amounts_get_smacts_verdicts() -> None:
    rng = random.Random(5)
    formulas = [
        "".join(f"{symbol}{rng.randint(1, 300)}" for symbol in [*rng.sample(ELEMENTS, rng.randint(1, 3)), "O", "P"])
        for _ in range(60)
    ]
    formulas = [formula for formula in formulas if formula.count("O") == 1] + ["C60H62", "Si240O480", "Fe299O300"]
    neutral, balanced = screen(formulas)
    assert (neutral.tolist(), balanced.tolist()) == verdicts_of_smact(formulas)
    assert neutral.any()
    assert not neutral.all()


@pytest.mark.parametrize("size", [100, 1_000, 1_000_000, 100_000_000_000])
def test_amounts_of_any_size_are_exact(size: int) -> None:
    states = {"Na": [1], "Mg": [2], "Cl": [-1, 5]}
    fitting, wrong = f"Na{size + 3}Mg{size}Cl{3 * size + 3}", f"Na{size + 3}Mg{size}Cl{3 * size + 4}"
    assert [verdict.tolist() for verdict in screen([fitting, wrong], states)] == [[True, False]] * 2


def test_an_amount_that_fills_the_machines_integers_gives_nothing_it_should_not() -> None:
    states = {"Na": [1], "K": [1, 3], "Cl": [-1]}
    assert screen([f"Na{2**32}K1Cl1", f"Na{2**32}K1Cl{2**32 + 1}"], states).charge_neutral.tolist() == [False, True]


def test_the_real_compositions_get_smacts_verdicts(shared_data: Path) -> None:
    formulas: list[str] = []
    for name in ("2dmatpedia_formulas", "critexam", "v2db_predictions"):
        with gzip.open(shared_data / f"{name}.csv.gz", "rt") as lines:
            rows = [row.get("formula") or row["Material"] for row in csv.DictReader(lines)]
        formulas += rows[:: max(1, len(rows) // 300)]
    assert len(formulas) > 900
    neutral, balanced = screen(formulas)
    assert (neutral.tolist(), balanced.tolist()) == verdicts_of_smact(formulas)


def test_parsed_formulas_are_taken_as_they_are() -> None:
    texts = generated_formulas(500)
    np.testing.assert_array_equal(screen(texts), screen(parse(texts)))


def test_verdicts_do_not_depend_on_how_many_are_screened_together() -> None:
    once = HAND_PICKED + generated_formulas(200)
    together = screen(once * 250)
    np.testing.assert_array_equal(together, np.tile(screen(once), 250))
    apart = [screen([formula]) for formula in once]
    assert screen(once).charge_neutral.tolist() == [bool(verdict.charge_neutral[0]) for verdict in apart]
    assert screen(once).electronegativity_balanced.tolist() == [
        bool(verdict.electronegativity_balanced[0]) for verdict in apart
    ]


def test_a_multiple_of_a_formula_gets_the_same_verdicts() -> None:
    assert screen(["Fe20O30", "FeO30"]).charge_neutral.tolist() == screen(["Fe2O3", "FeO30"]).charge_neutral.tolist()


def test_fractions_are_scaled_up_not_cut_off() -> None:
    states = {"Li": [1], "Co": [3, 4], "O": [-2], "Fe": [2]}
    # 0.5 Li and 1 Co give 3.5 or 4.5 where 2 O take 4; half a mixed valence is out of this rule's reach.
    assert screen(["Li0.5CoO2", "LiCoO2", "Fe0.5O0.5", "Li0.5Co0.5O"], states).charge_neutral.tolist() == [
        False,
        True,
        True,
        True,
    ]


def test_amounts_that_were_measured_are_rounded() -> None:
    states = {"Na": [1], "K": [1], "Rb": [1], "Cl": [-1]}
    formulas = ["Na0.123456789K0.876543211Cl1", "Na0.33333333333K0.66666666667Cl", "Na0.1234567K0.5Cl1"]
    assert screen(formulas, states).charge_neutral.tolist() == [True, True, False]
    # 271828.1 + 314159.2 + 414012.7 millionths
    assert screen(["Na0.2718281K0.3141592Rb0.4140127Cl"], states).charge_neutral.tolist() == [True]
    with pytest.raises(UnparsableFormula, match="common measure"):
        screen(["Na0.0000001K0.1234567Cl1"], states)


def test_states_can_be_given() -> None:
    assert screen(["MgO", "MgO2"], {"Mg": [2], "O": [-1]}).charge_neutral.tolist() == [False, True]


def test_a_cation_must_be_less_electronegative_than_every_anion() -> None:
    states = {"O": [2, -2], "F": [1, -1], "Na": [1]}
    neutral, balanced = screen(["OF2", "Na4OF2"], states)
    assert neutral.tolist() == [True, True]
    assert balanced.tolist() == [True, True]
    # Oxygen and fluorine the wrong way round: neutral only.
    neutral, balanced = screen(["OF2"], {"O": [-2], "F": [1]})
    assert (neutral[0], balanced[0]) == (True, False)


def test_equally_electronegative_elements_are_no_cation_and_anion() -> None:
    # On Pauling's scale copper and silicon are both at 1.90, silver is at 1.93.
    neutral, balanced = screen(["CuSi", "CuAg"], {"Cu": [1], "Si": [-1], "Ag": [-1]})
    assert neutral.tolist() == [True, True]
    assert balanced.tolist() == [False, True]


def test_elements_that_may_be_uncharged_are_on_either_side() -> None:
    neutral, balanced = screen(["NaCl", "NaClF"], {"Na": [0], "Cl": [0, 1], "F": [0, -1]})
    assert neutral.tolist() == balanced.tolist() == [True, True]


def test_metals_that_may_be_uncharged_are_balanced_though_equally_electronegative() -> None:
    states = {"Cu": [-1, 0], "Si": [0, 1]}  # both 1.90 on Pauling's scale
    for formula in ("CuSi2", "Cu300Si301"):
        assert [verdict.tolist() for verdict in screen([formula], states)] == [[True], [True]]


def test_an_element_alone_passes() -> None:
    assert [verdict.tolist() for verdict in screen(["Fe", "O2", "He", "Og"])] == [[True] * 4] * 2


def test_an_element_without_states_fails_and_is_told() -> None:
    formulas = ["HeH", "NaCl", "RfO2", "LrF3"]
    assert screen(formulas).charge_neutral.tolist() == [False, True, False, False]
    assert without_states(formulas).tolist() == [True, False, True, True]
    assert without_states(["MgO"], {"Mg": [2]}).tolist() == [True]


def test_metals_alone_are_flagged_and_are_what_smact_lets_pass_as_alloys() -> None:
    formulas = HAND_PICKED + generated_formulas(300, seed=3)
    flags = all_metals(formulas)
    assert dict(zip(formulas, flags.tolist(), strict=True))["Ni3Al"]
    assert all_metals(["Fe", "NaCl", "CuZn", "Nb3Sn", "MgB2"]).tolist() == [True, False, True, True, False]
    with_alloys = screen(formulas).electronegativity_balanced | flags
    assert with_alloys.tolist() == [smact_validity(formula) for formula in formulas]


def test_bad_formulas_are_errors_and_never_verdicts() -> None:
    with pytest.raises(UnknownElement, match="Xx"):
        screen(["NaCl", "XxO"])
    with pytest.raises(UnparsableFormula):
        screen(["NaCl", "Na+"])
    parsed, failures = parse_or_report(["NaCl", "XxO"])
    assert list(failures) == [1]
    assert screen(parsed).charge_neutral.tolist() == [True, False]
    assert all_metals(parsed).tolist() == [False, False]


def test_an_unknown_set_names_the_known_ones() -> None:
    with pytest.raises(BadOxidationStates, match=r"'icsd99'.*smact_default, icsd24"):
        screen(["NaCl"], "icsd99")  # type: ignore[arg-type]


def test_no_formulas_give_no_verdicts() -> None:
    assert [len(verdict) for verdict in screen([])] == [0, 0]
