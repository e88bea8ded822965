"""Hydrates, coefficients, subscripts: read as what they must be, or refused."""

import pytest
from exfolio.models.composition.formula.formulas import FormulaError, parse_or_report, read_one
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Composition


@pytest.mark.parametrize(
    ("written", "atoms"),
    [
        ("CuSO4.5H2O", "CuSO9H10"),
        ("CuSO4·5H2O", "CuSO9H10"),
        ("CuSO4*5 H2O", "CuSO9H10"),
        ("CuSO4 . 5H2O", "CuSO9H10"),
        ("CuSO4.5 H2O", "CuSO9H10"),
        ("Cu S O4.5 H2 O", "CuSO5.5H2"),
        ("Na2CO3.10H2O", "Na2CO13H20"),
        ("Al2(SO4)3.18H2O", "Al2S3O30H36"),
        ("LiOH.H2O", "LiO2H3"),
        ("MgCl2.6NH3", "MgCl2N6H18"),
        ("CoCl2.6(H2O)", "CoCl2O6H12"),
        ("FeCl3.6H2O.2NH3", "FeCl3O6H18N2"),
        ("CaSO4.0.5H2O", "CaSO4.5H"),
        ("CaSO4·1/2H2O", "CaSO4.5H"),
        ("CaCO3.MgCO3", "CaMgC2O6"),
        ("3CaO·SiO2", "Ca3SiO5"),
        ("MoS₂", "MoS2"),
        ("MoS$_{2}$", "MoS2"),
        ("La₁.₈₅Sr₀.₁₅CuO4", "La1.85Sr0.15CuO4"),
        # Decimal amounts, as they were
        ("YBa2Cu3O6.5", "YBa2Cu3O6.5"),
        ("LiNi0.5Mn1.5O4", "LiNi0.5Mn1.5O4"),
        ("La1.85Sr0.15CuO4", "La1.85Sr0.15CuO4"),
        ("O4.5Sr2Ti3", "Sr2Ti3O4.5"),
        ("Li.5CoO2", "Li0.5CoO2"),
    ],
)
def test_a_dot_is_what_it_must_be(written: str, atoms: str) -> None:
    assert read_one(written) == pytest.approx(Composition(atoms).as_dict())


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("MgCl2.5Mg(OH)2", "may be an amount, or 5 of"),
        ("Li2O.2SiO2", "may be an amount"),
        ("WO3.33H2O", "may be an amount"),
        ("Ni.5 H2O", "may be an amount"),
        ("Cu1S1O1.5H2O", "may be an amount"),
        ("C4.5H2O", "may be an amount"),
        ("(CuSO4.5H2O)2", "may be an amount"),
        ("CaCl2.1.5H2O", "two dots"),
        ("CuSO4..5H2O", "two dots"),
        ("CuSO4.05H2O", "may be an amount"),
        ("CaSO4.2H20", "the digit zero"),
        ("CaSO4·2H20", "the digit zero"),
        ("13CO2·H2O", "isotope"),
        ("·H2O", "nothing on one side"),
        ("CuSO4·nH2O", "unexpected 'n'"),
        ("CuSO4.²H2O", "unexpected '²'"),
        ("SO4^2-", r"unexpected '\^'"),
        ("Fe3+", r"unexpected '\+'"),
        ("[18O]2", "does not read it"),
        ("CuSO4 5H2O", "does not read it"),
        ("K₂13CO₃", "two sizes"),
        ("Al$_{2}$18O3", "two sizes"),
        ("Fe2₃O4", "two sizes"),
    ],
)
def test_what_can_be_meant_in_two_ways_is_refused(written: str, why: str) -> None:
    with pytest.raises(FormulaError, match=why):
        read_one(written)
    assert list(parse_or_report([written, "MoS2"])[1]) == [0]


_SYMBOLS = st.sampled_from(["H", "O", "Mo", "S", "Mg", "C", "Co", "N", "Na", "Cl", "D", "Fe", "Og"])
_AMOUNTS = st.sampled_from(["", "", "2", "3", "12", "0.5", "1.5", "4.5", ".5"])
_UNITS = st.tuples(_SYMBOLS, _AMOUNTS).map("".join)
_GROUPS = st.tuples(st.sampled_from(["()", "[]", "{}"]), st.lists(_UNITS, min_size=1, max_size=3), _AMOUNTS).map(
    lambda group: f"{group[0][0]}{''.join(group[1])}{group[0][1]}{group[2]}"
)
_COMPOUNDS = st.lists(st.one_of(_UNITS, _UNITS, _GROUPS), min_size=1, max_size=4).map("".join)
_OTHERS = st.sampled_from(["", "", "", "", "+", "2-", "^3+", "(s)", "@C60", "18O"])


@pytest.mark.filterwarnings("ignore:No Pauling electronegativity")
@settings(max_examples=300, deadline=None)
@given(
    _COMPOUNDS,
    st.sampled_from(["", "·", ".", "*", " · ", ". "]),
    st.sampled_from(["", "5", "0.5"]),
    _COMPOUNDS,
    _OTHERS,
)
def test_a_random_formula_is_what_pymatgen_says_or_refused(
    compound: str, dot: str, times: str, other: str, end: str
) -> None:
    # Given two compounds with a dot between them, or none, perhaps with a charge, a state or an isotope at the end
    compound, other = (compound, f"{other}{end}") if dot else (f"{compound}{end}", "")
    # When they are read as one formula
    try:
        amounts = read_one(f"{compound}{dot}{times}{other}" if dot else compound)
    except FormulaError:
        return
    # Then it is what pymatgen says of each, or where the dot may be one of a number, of the whole
    readings = [_total((1.0, compound), (float(times or 1), other))]
    readings += [_total((1.0, f"{compound}.{times}{other}"))] if dot == "." else []
    assert any(amounts == pytest.approx(reading) for reading in readings if reading)


def _total(*compounds: tuple[float, str]) -> dict[str, float]:
    total: dict[str, float] = {}
    try:
        for times, compound in compounds:
            for symbol, amount in (Composition(compound).as_dict() if compound else {}).items():
                total[symbol] = total.get(symbol, 0.0) + times * amount
    except ValueError:
        return {}
    return total
