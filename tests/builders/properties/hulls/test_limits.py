"""What a distance to a hull does not know, and how that is said."""

from typing import Any

import pytest
from exfolio.builders.properties.hulls.hull_depth import depths
from exfolio.builders.properties.hulls.limits import Depth, completeness, limited_by_dispersion, limited_distance

Doc = dict[str, Any]


def known(formula: str, chemsys: str, **more: object) -> Doc:
    return {"formula_reduced": formula, "chemsys": chemsys, **more}


NIOBIUM_OXIDES = [known(formula, "Nb-O") for formula in ("NbO", "NbO2", "Nb2O5", "Nb2O5")]
ELEMENTS = [known("Nb", "Nb"), known("O2", "O")]


def distance(value: float) -> Doc:
    return {"kind": "energy_above_hull", "value": value, "details": {"scheme": "none"}}


def test_compounds_are_counted_by_formula_and_elements_not_at_all() -> None:
    found = completeness([*ELEMENTS, *NIOBIUM_OXIDES], {"Nb", "O2", "NbO", "NbO2"})

    assert (found.known, found.with_energy, found.missing) == (3, 2, ("Nb2O5",))


def test_a_hull_with_a_hole_gives_a_lower_bound_that_names_what_is_missing() -> None:
    found = completeness(NIOBIUM_OXIDES, {"NbO"})

    document = limited_distance(distance(-1.24), "Nb-O", found, layer=False, method="PBE")

    assert (document["value"], document["low"], "high" in document) == (-1.24, -1.24, False)
    assert document["lacks"] == ["compounds"]
    assert "2 of 3 known compounds" in document["warnings"][0]
    assert "Nb2O5, NbO2" in document["warnings"][0]
    assert document["details"]["completeness"] == {
        "known_compounds": 3,
        "with_energy": 1,
        "number_missing": 2,
        "missing": ["Nb2O5", "NbO2"],
    }


def test_of_an_interval_the_low_end_stays_where_the_hull_has_a_hole() -> None:
    uncertain = {**distance(0.05), "low": 0.02, "high": 0.08}

    document = limited_distance(uncertain, "Nb-O", completeness(NIOBIUM_OXIDES, {"NbO"}), layer=False, method="PBE")

    assert (document["value"], document["low"], "high" in document) == (0.05, 0.02, False)


def test_a_complete_hull_says_so_and_gives_a_value() -> None:
    found = completeness(NIOBIUM_OXIDES, {"NbO", "NbO2", "Nb2O5"})

    document = limited_distance(distance(0.02), "Nb-O", found, layer=False, method="PBE")

    assert document == {
        **distance(0.02),
        "details": {"scheme": "none", "completeness": {"known_compounds": 3, "with_energy": 3}},
    }


def test_a_distance_deeper_than_discoveries_lie_tells_of_a_hole_though_no_compound_is_known_to_be_missing() -> None:
    """TlF3 where of Tl-F no more is known than TlF."""
    whole = completeness([known("TlF", "F-Tl")], {"TlF"})

    document = limited_distance(distance(-0.76), "F-Tl", whole, layer=False, method="PBE")
    against_ours = limited_distance(distance(0.0), "F-Tl", whole, layer=False, method="PBE", known_distance=-0.76)

    assert (document["low"], document["lacks"]) == (-0.76, ["compounds"])
    assert "lies 0.76 eV/atom below all known phases: a competing phase is probably missing" in document["warnings"][0]
    assert against_ours["low"] == 0.0
    assert "low" not in limited_distance(distance(-0.03), "F-Tl", whole, layer=False, method="PBE")


def test_how_deep_is_too_deep_depends_on_how_large_errors_of_the_method_are() -> None:
    whole = completeness([known("CoBr2", "Br-Co")], {"CoBr2"})
    by_potential = {**distance(-0.19), "low": -0.31, "high": -0.07}

    deep = limited_distance(by_potential, "Br-Co", whole, layer=False, method="CHGNet", deepest=0.12)
    by_density_functional = limited_distance(distance(-0.19), "Br-Co", whole, layer=False, method="PBE")

    assert (deep["low"], "high" in deep, deep["lacks"]) == (-0.31, False, ["compounds"])
    assert "lacks" not in by_density_functional


def test_a_compound_that_a_source_has_far_above_the_hull_is_not_missed() -> None:
    far = known("Nb3O", "Nb-O", energy_above_hull=0.35)
    near = known("Nb3O", "Nb-O", decomposition_energy=0.05)

    without = completeness([*NIOBIUM_OXIDES, far], {"NbO", "NbO2", "Nb2O5"})
    with_another = completeness([*NIOBIUM_OXIDES, far, near], {"NbO", "NbO2", "Nb2O5"})

    assert (without.missing, without.irrelevant, without.known) == ((), 1, 4)
    assert with_another.missing == ("Nb3O",)


def test_a_monolayer_is_no_compound_that_a_hull_lacks() -> None:
    assert completeness([known("NbO3", "Nb-O", dimension_claimed=2)], set()).known == 0


def test_a_hull_of_elements_alone_gives_a_lower_bound_but_for_an_element() -> None:
    nobody = completeness([], set())

    assert limited_distance(distance(-0.5), "Nb-O", nobody, layer=False, method="PBE")["lacks"] == ["compounds"]
    assert "low" not in limited_distance(distance(0.1), "Nb", nobody, layer=False, method="PBE")
    deep = limited_distance(distance(-0.4), "Nb", nobody, layer=False, method="PBE")
    assert "the element's ground state is probably missing" in deep["warnings"][0]


def test_a_layer_without_dispersion_has_a_lower_bound_and_a_crystal_a_value() -> None:
    whole = completeness(NIOBIUM_OXIDES, {"NbO", "NbO2", "Nb2O5"})

    def lacks(method: str, *, layer: bool) -> list[str] | None:
        lacking: list[str] | None = limited_distance(distance(0.03), "Nb-O", whole, layer=layer, method=method).get(
            "lacks"
        )
        return lacking

    assert lacks("GGA+U", layer=True) == lacks("CHGNet 0.3.0 relaxed", layer=True) == ["dispersion"]
    assert lacks("GGA+U", layer=False) is lacks("optB88-vdW", layer=True) is lacks("experiment", layer=True) is None
    assert lacks("a code of our own", layer=True) is None, "nothing is known of it"


def test_only_values_that_dispersion_matters_to_become_bounds() -> None:
    gap = {"kind": "band_gap", "value": 1.6, "details": {}}

    assert limited_by_dispersion(gap, layer=True, method="PBE") == gap


def test_where_another_method_knows_what_a_hull_lacks_so_much_is_added() -> None:
    """NbO2 on a hull of NbO alone; with PBE's Nb2O5 (-2.9 eV/atom) that is deeper."""
    pbe = {"NbO": -2.1, "Nb2O5": -2.9}
    by_method = {"PBE": [known(formula, "Nb-O", formation_energy=energy) for formula, energy in pbe.items()]}
    found = completeness(NIOBIUM_OXIDES[:1] + NIOBIUM_OXIDES[2:], {"NbO"})

    [depth] = depths([{"Nb": 1, "O": 2}], by_method, {"NbO"}, found.missing, [["NbO", "O2"]])
    document = limited_distance(
        {**distance(0.05), "low": 0.0, "high": 0.1}, "Nb-O", found, layer=False, method="CHGNet", depth=depth
    )

    # Of three atoms of NbO2 two thirds of NbO and a third of O2; or 2/9 of NbO (per atom) and 7/9 of Nb2O5.
    assert depth is not None
    deeper = pytest.approx((2 * 2.1 + 7 * 2.9) / 9 - 2.1 * 2 / 3)
    assert (depth.least, depth.most) == (deeper, deeper)
    added = (document["low"] - 0.0, document["value"] - 0.05, document["high"] - 0.1)
    assert added == pytest.approx((depth.most,) * 3, abs=1e-5)
    assert document["lacks"] == ["compounds"], "it says still what the value leaves out"
    assert "by PBE they make the hull" in document["warnings"][0]


def test_uncorrected_energies_of_bromides_are_corrected_before_hulls_are_compared() -> None:
    """CrBr3 of which a potential has none, by GGA: -0.6 eV/atom, and 0.4 lower with MP2020's 0.534 eV per Br."""
    plain = {"PBE": [known("CrBr3", "Br-Cr", formation_energy=-0.6)]}
    corrected = {"PBE(+U) MP2020": plain["PBE"]}

    [by_plain] = depths([{"Cr": 1, "Br": 3}], plain, set(), ["CrBr3"], [["Cr", "Br"]])
    [by_corrected] = depths([{"Cr": 1, "Br": 3}], corrected, set(), ["CrBr3"], [["Cr", "Br"]])

    lower = pytest.approx(0.6 + 0.534 * 3 / 4)
    assert by_plain == (pytest.approx(0.6), lower, "PBE with MP2020's corrections of anions", {"CrBr3": 1.0})
    assert by_corrected == (pytest.approx(0.6), pytest.approx(0.6), "PBE(+U) MP2020", {"CrBr3": 1.0})
    assert by_plain is not None
    document = limited_distance(
        {**distance(-0.7), "low": -0.8, "high": -0.6}, "Br-Cr", completeness([known("CrBr3", "Br-Cr")], set()),
        layer=False, method="CHGNet", depth=by_plain,
    )  # fmt: skip
    assert (document["low"], document["high"]) == (pytest.approx(-0.2), pytest.approx(by_plain.most - 0.6, abs=1e-5))
    assert document["low"] < document["value"] < document["high"]


def test_a_method_that_knows_some_of_what_a_hull_lacks_tells_nothing() -> None:
    some = {"PBE": [known("NbO2", "Nb-O", formation_energy=-2.7)]}

    assert depths([{"Nb": 2, "O": 5}], some, set(), ["NbO2", "Nb2O5"], [["Nb", "O2"]]) == [None]
    # Nor does one that lacks what competes with them there; what lies elsewhere or above the hull does not matter.
    assert depths([{"Nb": 2, "O": 5}], some, {"NbO"}, ["NbO2"], [["NbO", "O2"]]) == [None]
    assert depths([{"Nb": 2, "O": 5}], some, {"NbO"}, ["NbO2"], [["Nb", "O2"]]) != [None]


@pytest.mark.parametrize("method", ["machine learning on PBE", "CHGNet 0.3.0 static"])
def test_what_is_predicted_itself_tells_nothing_of_how_deep_a_hull_is(method: str) -> None:
    predicted = {method: [known("NbO2", "Nb-O", formation_energy=-2.7)]}

    assert depths([{"Nb": 1, "O": 2}], predicted, set(), ["NbO2"], [["Nb", "O2"]]) == [None]


def test_measured_enthalpies_need_no_correction_of_anions() -> None:
    """CdBr2: -1.09 eV/atom, as the CRC Handbook has it."""
    measured = {"experiment": [known("CdBr2", "Br-Cd", formation_energy=-1.09)]}

    [depth] = depths([{"Cd": 1, "Br": 2}], measured, set(), ["CdBr2"], [["Cd", "Br"]])

    assert depth == (pytest.approx(1.09), pytest.approx(1.09), "experiment", {"CdBr2": 1.0})


def test_a_hole_deeper_than_errors_stays_a_question_whatever_another_method_knows() -> None:
    found = completeness(NIOBIUM_OXIDES, {"NbO"})

    document = limited_distance(
        distance(-1.24), "Nb-O", found, layer=False, method="CHGNet", depth=Depth(0.4, 0.4, "PBE", {})
    )

    assert (document["low"], "high" in document) == (-1.24, False)


@pytest.mark.parametrize(
    ("has", "by"), [({}, (0.6, 1.0005)), ({"Br": False}, (1.0005, 1.0005)), ({"Br": True}, (0.6, 0.6))]
)
def test_where_a_method_is_known_to_lack_corrections_hulls_are_made_one_way(
    has: dict[str, bool], by: tuple[float, float]
) -> None:
    plain = {"PBE": [known("CrBr3", "Br-Cr", formation_energy=-0.6)]}

    [depth] = depths([{"Cr": 1, "Br": 3}], plain, set(), ["CrBr3"], [["Cr", "Br"]], {"PBE": has})

    assert depth is not None
    assert (depth.least, depth.most) == pytest.approx(by)
    assert (depth.method == "PBE") is (has == {"Br": True})
