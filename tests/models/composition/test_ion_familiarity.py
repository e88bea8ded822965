"""Familiarity of ions: pairs that known compounds hold, and pairs that no chemist would try."""

import math

import pytest
from exfolio.models.composition.formula.single_formula import UnparsableFormula
from exfolio.models.composition.ion_company import kinds_of_anions
from exfolio.models.composition.ion_familiarity import IonPairs, familiarity, learn, rarest_pair


def test_compounds_of_a_textbook_are_familiar_and_mixtures_that_only_sum_to_zero_are_not() -> None:
    known = ["NaCl", "MoS2", "CaF2", "BiTeI", "FeOCl", "MnPS3", "CuInP2S6", "CrI3", "Bi2O2Se"]
    silly = ["HBrO", "CrTe3C", "AgIO", "In2SeCl", "CoCuHI", "NiTePtF", "AgHAuF", "CoNiIF"]

    assert min(familiarity(known)) > -1.7
    assert max(familiarity(silly)) < -2.2


def test_company_tells_what_pairs_do_not() -> None:
    # Given: ammonium chlorides, so that H+ and Cl- are no strangers
    known = learn([*["NH4Cl", "NH4MgCl3", "NH4CaCl3", "KCl", "NaCl", "MgCl2", "CaCl2"] * 10])
    hydrogen, chloride, nitride = (1, 1), (17, -1), (7, -3)

    held = known.surprise_of_company(hydrogen, kinds_of_anions([chloride, nitride]))
    bare = known.surprise_of_company(hydrogen, kinds_of_anions([chloride]))

    assert known.surprise(hydrogen, chloride) > -0.1
    assert held > -0.1
    assert bare < -1, "nothing but chloride beside the proton"


def test_an_electron_without_a_partner_costs_and_one_in_an_open_shell_does_not() -> None:
    pairs = IonPairs({}, {}, {}, {}, 1)  # knows nothing, and is surprised alike

    odd, even, doubled, open_shell = familiarity(["In2SCl", "In2SCl2", "In4S2Cl2", "CrSBr"], pairs)

    assert odd == doubled == pytest.approx(even - 0.75)
    assert open_shell == pytest.approx(even)


def test_what_has_no_neutral_choice_of_states_and_an_element_have_no_score() -> None:
    scores = familiarity(["Fe", "Na2Cl", "NaCl"])

    assert [math.isnan(score) for score in scores] == [True, True, False]


def test_the_score_is_of_the_composition_however_it_is_written() -> None:
    assert familiarity(["Mo2S4"])[0] == familiarity(["SMo0.5"])[0]


def test_the_rarest_pair_says_what_is_wrong() -> None:
    pair = rarest_pair("CoNiIF")

    assert pair is not None
    assert set(pair.ions) <= {"Co+", "Ni+", "I-", "F-", "Co2+", "Ni2+"}
    assert pair.seen < pair.expected / 10
    assert rarest_pair("Fe") is None


def test_counting_settles_states_that_one_compound_leaves_open_by_what_the_others_say() -> None:
    # Given: FeMnO3 alone may be Fe2+ Mn4+ as well as Fe3+ Mn3+, or Fe4+ Mn2+
    allowed = {"Fe": [2, 3, 4], "Mn": [2, 3, 4], "O": [-2]}

    counted = learn(["FeMnO3", *["Fe2O3"] * 20, *["Mn2O3"] * 20, *["MnO2"] * 2], allowed)

    iron, manganese = 26, 25
    three = counted.pairs[(manganese, 3), (iron, 3)]
    assert three > counted.pairs[(manganese, 4), (iron, 2)]
    assert three > 0.5
    assert counted.compounds == 43


def test_packing_keeps_what_counts() -> None:
    counted = learn(["NaCl", "KCl", "CaCl2", "Na2O", "CaO"])

    again = IonPairs.from_bytes(counted.to_bytes())

    assert again.compounds == 5
    assert familiarity(["NaCl", "CaO", "K2O"], again) == pytest.approx(familiarity(["NaCl", "CaO", "K2O"], counted))


def test_a_bad_formula_is_named() -> None:
    with pytest.raises(UnparsableFormula, match=r"Na\(Cl"):
        familiarity(["Na(Cl"])
