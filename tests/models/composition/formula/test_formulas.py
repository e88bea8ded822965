"""Formulas read in bulk say what pymatgen says of each."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.formula.elements import SYMBOLS
from exfolio.models.composition.formula.formulas import (
    FormulaFacts,
    UnknownElement,
    UnparsableFormula,
    anonymous_formulas,
    chemical_systems,
    describe,
    describe_all,
    from_amounts,
    parse,
    parse_or_report,
    reduced_formulas,
)
from pymatgen.core import Composition

# fmt: off
HAND_PICKED = [
    "MoS2", "Mo2S4", "Li4Fe4P4O16", "LiFePO4", "C", "O", "O2", "O3", "N4", "H2", "F2", "Cl2", "Br2", "P4", "S8",
    "He", "Ne2", "LiO", "Li2O2", "Na4O4", "KO", "HO", "H2O2", "CsO", "RbO", "KO2", "NaCl", "ClNa", "OH2", "C6H6",
    "CH3COOH", "HeH", "XeF6", "Mg3Si2H4O9", "Ca5P3O13H", "CaSO4", "Ca2S2O8", "(NH4)2SO4", "Fe2(SO4)3", "Ca3(PO4)2",
    "[Fe(CN)6]2", "((H2O)2)3", "K4{Fe(CN)6}", "Y3N@C80", "Fe2 O3", "Br4 Si1", "Li0.5CoO2", "Ba0.6K0.4Fe2As2",
    "Fe0.95O", "Fe0O2", "Fe1e2", "Mg6MnO8", "MnO2", "Mn3O4", "CrI3", "WTe2", "Bi2Se3", "BN", "Al2O3",
    "YBa2Cu3O7", "UO2", "PuO2", "AmO2", "Og", "Cs1000I1001", "Pa2O5Pa", "D2O", "LiD", "T2O", "Sn2P2S6", "K2Cr2O7",
    "Na2S2O3", "C1Pt1", "Al4O6H2", "CoO2H1", "Co4", "CO", "Os1O4", "HoF3", "HOF",
    "Mg(PO3)2.5", "Mg(OH)0", "(PO3)", "Ca10(PO4)6(OH)2", "Fe(C5H5)2", "Mg(OH) 2", "(CO)3e5", "(OH)02", "(D2O)3",
]
# fmt: on


def facts_by_pymatgen(formula: str) -> tuple[str, str, str]:
    composition = Composition(formula)
    return composition.reduced_formula, composition.anonymized_formula, composition.chemical_system


def facts_in_bulk(formulas: list[str]) -> list[tuple[str, str, str]]:
    parsed = parse(formulas)
    return list(zip(reduced_formulas(parsed), anonymous_formulas(parsed), chemical_systems(parsed), strict=True))


def generated_formulas(n: int) -> list[str]:
    rng = random.Random(20)
    amounts = ["", "", *map(str, range(1, 13)), "24", "360", "0.5", "1.25"]
    groups = ["", "", "", "(PO4)3", "(OH)2", "(NH3)4", "(H2O)6", "[SO4]2"]
    return [
        "".join(rng.choice(SYMBOLS[1:]) + rng.choice(amounts) for _ in range(rng.randint(1, 6))) + rng.choice(groups)
        for _ in range(n)
    ]


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
@pytest.mark.parametrize("formula", HAND_PICKED)
def test_a_formula_says_what_pymatgen_says(formula: str) -> None:
    assert facts_in_bulk([formula]) == [facts_by_pymatgen(formula)]


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
def test_generated_formulas_say_what_pymatgen_says() -> None:
    formulas = generated_formulas(1500)
    refused = parse_or_report(formulas)[1]  # Cn1.25Cn(NH3)4, which may be an adduct
    assert all("may be an amount" in str(refused[index]) for index in refused)
    assert len(refused) < 15
    formulas = [formula for index, formula in enumerate(formulas) if index not in refused]
    assert facts_in_bulk(formulas) == [facts_by_pymatgen(formula) for formula in formulas]


def test_formulas_of_the_real_sources_say_what_pymatgen_says(shared_data: Path) -> None:
    formulas: list[str] = []
    for path in sorted(shared_data.glob("*.csv.gz")):
        with gzip.open(path, "rt") as lines:
            rows = [row.get("formula") or row["Material"] for row in csv.DictReader(lines)]
        formulas += rows[:: max(1, len(rows) // 400)]
    assert len(formulas) > 2000
    assert facts_in_bulk(formulas) == [facts_by_pymatgen(formula) for formula in formulas]


def test_describing_one_and_describing_many_agree() -> None:
    assert describe("Li4Fe4P4O16") == FormulaFacts("LiFePO4", "ABCD4", "Fe-Li-O-P", ["Fe", "Li", "O", "P"], 4)
    formulas = ["MoS2", "O", "Mg6MnO8", "Ca3(PO4)2", "D2O", "Li0.5CoO2"]
    assert describe_all(formulas) == [describe(formula) for formula in formulas]


def test_the_arrays_hold_amounts_as_written_by_atomic_number() -> None:
    parsed = parse(["S4Mo2", "CH3COOH", "Li0.5CoO2"])
    assert parsed.numbers.tolist() == [16, 42, 1, 6, 8, 3, 8, 27]
    assert parsed.amounts.tolist() == [4, 2, 4, 2, 2, 0.5, 2, 1]
    assert parsed.offsets.tolist() == [0, 2, 5, 8]
    assert parsed.composition(1) == {"H": 4, "C": 2, "O": 2}
    assert parsed.nelements.tolist() == [2, 3, 3]
    assert parsed.whole().tolist() == [True, True, False]


def test_an_amount_next_to_a_whole_number_is_whole() -> None:
    assert facts_in_bulk(["Li1.0000000001O"]) == [("Li2O2", "AB", "Li-O")]


def test_reduction_divides_whole_amounts_only() -> None:
    reduced = parse(["Mo2S4", "C60", "Li0.5CoO2", "Fe2O3"]).reduced()
    assert [reduced.composition(i) for i in range(4)] == [
        {"S": 2, "Mo": 1},
        {"C": 1},
        {"Li": 0.5, "O": 2, "Co": 1},
        {"O": 3, "Fe": 2},
    ]


def test_blocks_cover_every_formula_once() -> None:
    parsed = parse([f"Fe{i}O{i + 1}" for i in range(1, 101)])
    seen = [block.composition(i) for _, block in parsed.blocks(7) for i in range(len(block))]
    assert seen == [parsed.composition(i) for i in range(100)]


def test_deuterium_and_tritium_are_hydrogen() -> None:
    assert reduced_formulas(["D2O", "HDO", "T2O", "LiD"]) == ["H2O", "H2O", "H2O", "LiH"]


@pytest.mark.parametrize("formula", ["TIO2", "TB", "DY2O3", "ND4TH"])
def test_an_isotope_that_may_be_half_an_element_in_capitals_is_refused(formula: str) -> None:
    with pytest.raises(UnparsableFormula, match="or an isotope of hydrogen"):
        parse([formula])


def test_amounts_given_by_symbol_are_read_like_a_formula() -> None:
    given = from_amounts([{"O": 4, "Mg": 1, "Mn": 2}, {"D": 1, "H": 1, "O": 1, "Fe": 0}])
    assert reduced_formulas(given) == ["MgMn2O4", "H2O"]


def test_an_unknown_element_is_named_with_its_position() -> None:
    with pytest.raises(UnknownElement, match=r"'MgXy2': there is no element 'Xy' \(position 2\)") as caught:
        parse(["MgO", "MgXy2"])
    assert (caught.value.formula, caught.value.symbol, caught.value.position) == ("MgXy2", "Xy", 2)


@pytest.mark.parametrize("formula", ["X2O", "MO2", "R3H", "Oh"])
def test_placeholders_that_pymatgen_lets_pass_are_unknown_elements(formula: str) -> None:
    with pytest.raises(UnknownElement):
        parse([formula])


@pytest.mark.parametrize(
    ("formula", "position"),
    [("Fe2+", 3), ("Fe2O3-", 5), ("feO", 0), ("NaCl,KCl", 4)],
)
def test_a_sign_that_no_formula_has_is_shown_with_its_position(formula: str, position: int) -> None:
    with pytest.raises(UnparsableFormula, match=f"at position {position}") as caught:
        parse([formula])
    assert caught.value.position == position


@pytest.mark.parametrize(
    "formula", ["", "  ", "Fe0", "(Fe2O3", "Fe2O3)", "2H2O", "12", "Fe1.2.3O", "Fe1e30", "Fe9999999999999"]
)
def test_what_is_no_formula_is_refused(formula: str) -> None:
    with pytest.raises(UnparsableFormula):
        parse(["MgO", formula])


def test_bad_formulas_can_be_reported_instead_of_raised() -> None:
    parsed, failures = parse_or_report(["MgO", "Fe2+", "Ca3(PO4)2", "QqO", "NaCl"])
    assert {index: type(error) for index, error in failures.items()} == {1: UnparsableFormula, 3: UnknownElement}
    assert reduced_formulas(parsed) == ["MgO", "", "Ca3(PO4)2", "", "NaCl"]
    with pytest.raises(UnparsableFormula) as caught:
        parse(["MgO", "Fe2+", "QqO"])
    assert caught.value.__notes__ == ["2 of 3 formulas are bad; this is the first, number 1"]


def test_what_is_not_text_is_refused_with_its_type() -> None:
    with pytest.raises(UnparsableFormula, match="not NoneType"):
        parse(["MgO", None])  # type: ignore[list-item]


def test_a_single_text_is_no_sequence_of_formulas() -> None:
    with pytest.raises(TypeError, match="put it in a list"):
        parse("MgO")


def test_no_formulas_give_no_entries() -> None:
    assert len(parse([])) == 0
    assert reduced_formulas([]) == anonymous_formulas([]) == chemical_systems([]) == []


def test_many_blocks_are_read_like_one() -> None:
    once = ["MoS2", "Ca3(PO4)2", "CH3COOH"]
    many = parse(once * 30_000)
    assert len(many) == 90_000
    np.testing.assert_array_equal(many.amounts, np.tile(parse(once).amounts, 30_000))
    np.testing.assert_array_equal(many.numbers, np.tile(parse(once).numbers, 30_000))
