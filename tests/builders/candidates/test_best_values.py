"""Which of several known values decides."""

import pytest
from exfolio.builders.candidates.best_values import best_values, by_one_potential
from exfolio.builders.candidates.campaigns.ranking import Ranking


def value(kind: str, method: str, basis: str, number: float | None, **more: object) -> dict[str, object]:
    unit = "eV" if kind in ("band_gap", "work_function") else "eV/atom"
    return {"kind": kind, "method": method, "basis": basis, "value": number, "unit": unit, **more}


def test_the_hybrid_gap_wins_where_there_is_one() -> None:
    gaps = [("GGA", 1.6), ("GGA+U", 1.8), ("R2SCAN", 1.9), ("HSE06", 2.5), ("HSE03", 2.3)]
    found = best_values([value("band_gap", method, "calculation", gap) for method, gap in gaps])

    assert (found["band_gap"], found["hse_band_gap"]) == (2.5, 2.5)
    assert found["methods"] == {"band_gap": "HSE06", "hse_band_gap": "HSE06"}


def test_without_a_hybrid_the_better_functional_decides_and_the_hybrid_gap_stays_unknown() -> None:
    gaps = [("GGA", 1.6), ("R2SCAN", 1.9), ("GGA+U", 1.7)]
    found = best_values([value("band_gap", method, "calculation", gap) for method, gap in gaps])

    assert found["band_gap"] == 1.9
    assert "hse_band_gap" not in found


def test_a_calculation_of_the_structure_itself_comes_before_what_others_say() -> None:
    known = [
        value("energy_above_hull", "PBE (mp, same-structure)", "same-structure", 0.0),
        value("energy_above_hull", "CHGNet", "potential", -0.1),
        value("energy_above_hull", "experiment, hull of known materials", "known hull", -0.2),
    ]
    ours = value("energy_above_hull", "PBE(+U) MP2020, against known", "calculation", 0.03)

    assert best_values(known)["energy_above_hull"] == 0.0
    assert best_values([*known, ours])["energy_above_hull"] == 0.03


def test_the_basis_nearest_to_the_structure_itself_decides_though_another_would_promise_more() -> None:
    bases = ("calculation", "same-structure", "parent", "known hull", "potential")
    known = [value("formation_energy", "PBE", basis, -0.1 * place) for place, basis in enumerate(bases)]

    for place in range(len(bases)):
        rest = list(reversed(known[place:]))
        assert best_values(rest)["formation_energy"] == -0.1 * place, bases[place]


def test_a_better_method_counts_though_another_would_promise_more() -> None:
    pbe, r2scan = ("PBE(+U) MP2020, against known", 0.05), ("PBE(+U)/r2SCAN MP2020, against known", 0.15)

    best = best_values([value("energy_above_hull", method, "calculation", above) for method, above in (pbe, r2scan)])

    assert best == {"energy_above_hull": 0.15, "methods": {"energy_above_hull": "PBE(+U)/r2SCAN MP2020, against known"}}


def test_energies_corrected_count_before_energies_as_computed_and_of_methods_alike_the_lowest() -> None:
    found = [("GGA+U, uncorrected", -1.5), ("PBE(+U) MP2020", -1.2), ("PBE MP2020", -1.3)]

    best = best_values([value("formation_energy", method, "calculation", energy) for method, energy in found])

    assert best == {"formation_energy": -1.3, "methods": {"formation_energy": "PBE MP2020"}}


def test_the_distance_to_what_is_known_goes_before_that_to_what_was_calculated_too() -> None:
    ours = value("energy_above_hull", "r2SCAN, uncorrected, against known and ours", "calculation", 0.0)
    known = value("energy_above_hull", "r2SCAN, uncorrected, against known", "calculation", -0.02)

    assert best_values([ours, known])["energy_above_hull"] == -0.02


@pytest.mark.parametrize("method", ["ALIGNN trained on HSE06", "HSE06, learnt from 2,000 gaps", "HSE06-like"])
def test_a_method_that_only_names_the_hybrid_gives_no_hybrid_gap(method: str) -> None:
    found = best_values([value("band_gap", method, "calculation", 2.4), value("band_gap", "GGA", "calculation", 1.6)])

    assert "hse_band_gap" not in found
    assert found["band_gap"] == 1.6


def test_a_campaign_may_put_bases_and_levels_of_theory_first() -> None:
    known = [
        value("energy_above_hull", "PBE(+U)/r2SCAN MP2020, against known", "calculation", 0.15),
        value("energy_above_hull", "PBE(+U) MP2020, against known", "calculation", 0.05),
        value("energy_above_hull", "GGA_GGA+U_R2SCAN (mp, same-structure)", "same-structure", 0.02),
    ]
    pbe_first = Ranking(methods={"energy_above_hull": ("corrected GGA",)})
    known_first = Ranking(bases=("same-structure",))
    any_kind = Ranking(methods={"any": ("corrected GGA",), "band_gap": ("experiment",)})

    assert best_values(known)["energy_above_hull"] == 0.15
    assert best_values(known, ranking=pbe_first)["energy_above_hull"] == 0.05
    assert best_values(known, ranking=any_kind)["energy_above_hull"] == 0.05
    assert best_values(known, ranking=known_first)["energy_above_hull"] == 0.02


def test_what_a_relaxed_structure_gives_comes_before_what_it_gave_as_it_was_proposed() -> None:
    static = value("energy_above_hull", "CHGNet 0.3.0 static", "potential", 0.1)
    relaxed = value("energy_above_hull", "CHGNet 0.3.0 relaxed", "potential", 0.2)

    assert best_values([static, relaxed])["energy_above_hull"] == 0.2


def test_a_refused_calculation_decides_nothing_and_a_stale_one_only_where_no_fresh_one_is() -> None:
    refused = value("formation_energy", "MP2020, refused", "calculation", None)
    stale = value("formation_energy", "PBE(+U) MP2020", "calculation", -2.0, stale=True)
    fresh = value("formation_energy", "PBE(+U)/r2SCAN MP2020", "calculation", -1.9)

    assert best_values([refused]) == {}
    assert best_values([refused, stale])["formation_energy"] == -2.0
    assert best_values([stale, fresh])["formation_energy"] == -1.9


def test_a_stale_calculation_still_comes_before_what_others_say() -> None:
    stale = value("formation_energy", "PBE(+U) MP2020", "calculation", -1.9, stale=True)
    others = [
        value("formation_energy", "PBE (mp, same-structure)", "same-structure", -2.0),
        value("formation_energy", "CHGNet 0.3.0 relaxed", "potential", -2.1),
    ]

    assert best_values([stale, *others])["formation_energy"] == -1.9


def test_a_bound_is_named_as_one_and_gives_way_to_any_value() -> None:
    chgnet = value("exfoliation_energy", "CHGNet 0.3.0 static", "potential", 0.01, low=0.01)
    pbe = value("exfoliation_energy", "GGA", "calculation", 0.02, low=0.02)
    optb88 = value("exfoliation_energy", "optB88-vdW", "calculation", 0.08)
    bulk = value("exfoliation_energy", "experiment (handbook, parent)", "parent", 0.07)

    bounded = best_values([chgnet, pbe])
    assert (bounded["exfoliation_energy"], bounded["lows"]) == (0.02, {"exfoliation_energy": 0.02})
    assert "highs" not in bounded
    assert best_values([chgnet, pbe, bulk])["exfoliation_energy"] == 0.07
    assert best_values([pbe, optb88]) == {"exfoliation_energy": 0.08, "methods": {"exfoliation_energy": "optB88-vdW"}}


def test_a_bound_that_is_trusted_more_goes_before_a_value_that_it_contradicts() -> None:
    pbe = value("exfoliation_energy", "GGA", "calculation", 0.31, low=0.31)
    table = value("exfoliation_energy", "optB88-vdW (jarvis, composition)", "composition", 0.08)
    measured = value("exfoliation_energy", "experiment (handbook, parent)", "parent", 0.4)

    assert best_values([pbe, table])["exfoliation_energy"] == 0.31
    assert best_values([pbe, measured])["exfoliation_energy"] == 0.4


def test_an_interval_is_kept_with_its_ends_and_counts_as_a_value() -> None:
    model = value("work_function", "graph network", "model", 4.1, low=3.6, high=4.5)
    bound = value("work_function", "graph network of another", "model", 4.0, low=4.0)

    found = best_values([model, bound])

    assert (found["values"], found["lows"], found["highs"]) == (
        {"work_function": 4.1},
        {"work_function": 3.6},
        {"work_function": 4.5},
    )


def test_a_layer_lies_above_the_hull_at_most_by_its_exfoliation_energy_more_than_without_dispersion() -> None:
    hull = "PBE(+U) MP2020, against known"
    own, *others = ({"id": f"mp-{n}", "amount": 0.5} for n in range(3))
    distance = value("energy_above_hull", hull, "calculation", 0.03, low=0.03, lacks=["dispersion"], competing=[own])
    among_others = {**distance, "competing": others}
    incomplete = {**distance, "lacks": ["compounds", "dispersion"]}
    exfoliation = value("exfoliation_energy", "optB88-vdW", "calculation", 0.08)
    bound = value("exfoliation_energy", "GGA", "calculation", 0.02, low=0.02)

    found = best_values([distance, exfoliation])

    assert (found["lows"], found["highs"]) == ({"energy_above_hull": 0.03}, {"energy_above_hull": 0.11})
    assert found["methods"]["energy_above_hull"].startswith(hull)
    # Other compounds may be layered as well, and attract as much as any layers do.
    assert best_values([among_others, exfoliation])["highs"] == {"energy_above_hull": pytest.approx(0.23)}
    assert "highs" not in best_values([incomplete, exfoliation])
    assert "highs" not in best_values([distance, bound])
    # Where it is known how much deeper the whole hull lies, the value counts it, and it is other phases that lie there.
    told = {**incomplete, "details": {"completeness": {"deeper_by": 0.02}}}
    assert best_values([told, exfoliation])["highs"] == {"energy_above_hull": pytest.approx(0.03 + 0.2)}
    # A potential's own errors come on top as independent ones; what else makes a calculation uncertain is not known.
    by_potential = {**distance, "basis": "potential", "low": -0.03}
    assert best_values([by_potential, exfoliation])["highs"] == {"energy_above_hull": pytest.approx(0.03 + 0.1)}
    assert best_values([by_potential, exfoliation])["lows"] == {"energy_above_hull": -0.03}
    assert "highs" not in best_values([{**distance, "low": -0.03}, exfoliation])


def test_by_a_potential_other_phases_attract_about_as_much_as_the_layers_bulk() -> None:
    """CuZnSSe, 0.18 eV/atom above CuSe and ZnS without any attraction, which its bulk has 0.14 of."""
    others = [{"id": f"chgnet:mp-{n}", "share_of_atoms": 0.5} for n in range(2)]
    static = "CHGNet 0.3.0 static"
    of_layer = {"low": 0.11, "lacks": ["dispersion"], "competing": others}
    distance = value("energy_above_hull", static, "potential", 0.18, **of_layer)
    binding, hardly = (
        value("exfoliation_energy", "CHGNet 0.3.0 + D3(BJ) static", "potential", energy, low=0.0, high=0.2)
        for energy in (0.14, 0.02)
    )

    found, near = best_values([distance, binding]), best_values([distance, hardly])

    assert found["energy_above_hull"] == pytest.approx(0.32)
    assert (found["lows"]["energy_above_hull"], found["highs"]["energy_above_hull"]) == pytest.approx(
        (0.32 - 0.1188, 0.18 + 0.2119),
        abs=1e-3,  # at most with 0.2 eV/atom of attraction
    )
    assert near["lows"]["energy_above_hull"] == 0.11, "attraction takes nothing off"
    assert found["methods"]["energy_above_hull"].startswith(f"{static}; with the exfoliation energy on top")

    strong = value("exfoliation_energy", "CHGNet 0.3.0 + D3(BJ) static", "potential", 0.8, low=0.7, high=0.9)
    bonded = best_values([distance, strong])  # by bonds, which CHGNet describes, and not by attraction

    assert bonded["energy_above_hull"] == pytest.approx(0.18 + 0.2)
    assert bonded["lows"]["energy_above_hull"] == pytest.approx(0.38 - 0.1188, abs=1e-3)
    assert bonded["methods"]["energy_above_hull"].startswith(f"{static}; with 0.2 eV/atom on top, for the attraction")


def test_what_dispersion_adds_to_the_distance_of_a_layer_counts_but_above_its_own_bulk() -> None:
    own, *others = ({"id": f"chgnet:mp-{n}", "share_of_atoms": 0.5} for n in range(3))
    static, added = "CHGNet 0.3.0 static", "CHGNet 0.3.0 static + D3(BJ)"
    bound = value("energy_above_hull", static, "potential", 0.02, low=-0.08, lacks=["dispersion"])
    whole = value("energy_above_hull", added, "potential", 0.07, low=-0.04, high=0.22)
    exfoliation = value("exfoliation_energy", "CHGNet 0.3.0 + D3(BJ) static", "potential", 0.03, low=0.0, high=0.06)

    among_others = best_values([{**bound, "competing": others}, {**whole, "competing": others}, exfoliation])
    above_its_bulk = best_values([{**bound, "competing": [own]}, {**whole, "competing": [own]}, exfoliation])
    without_exfoliation = best_values([{**bound, "competing": [own]}, {**whole, "competing": [own]}])

    for found in (among_others, without_exfoliation):
        assert (found["energy_above_hull"], found["highs"]["energy_above_hull"]) == (0.07, 0.22)
    assert among_others["methods"]["energy_above_hull"] == added
    assert above_its_bulk["highs"]["energy_above_hull"] < 0.15  # what the layer lies above is told by its exfoliation
    assert above_its_bulk["methods"]["energy_above_hull"].startswith(f"{static}; at most with the exfoliation energy")


def test_a_kind_without_a_field_of_its_own_is_among_the_further_values() -> None:
    found = best_values(
        [
            value("work_function", "graph network", "model", 4.1),
            value("work_function", "PBE", "calculation", 4.6),
            value("work_function", "experiment, 300 K", "same-structure", None),
            value("energy", "CHGNet 0.3.0 relaxed", "potential", -5.2),
        ]
    )

    assert found == {"values": {"work_function": 4.6}, "methods": {"work_function": "PBE"}}


def test_a_campaign_of_one_potential_does_not_look_at_what_another_says() -> None:
    def by(method: str, formation: float) -> list[dict[str, object]]:
        energies = [value("energy", method, "potential", formation - 3)]
        return [*energies, value("formation_energy", method, "potential", formation)]

    known = [*by("CHGNet 0.3.0 static", -0.1), *by("CHGNet 0.3.0 relaxed", -0.2), *by("EMT 1996 relaxed", -0.9)]
    of_a_package = value("exfoliation_energy", "pair potential", "potential", 0.02)

    chgnet = best_values(by_one_potential([*known, of_a_package], "CHGNet 0.3.0"))
    emt = best_values(by_one_potential([*known, of_a_package], "EMT 1996"))
    any_of_them = best_values(by_one_potential(known, None))

    assert (chgnet["formation_energy"], emt["formation_energy"]) == (-0.2, -0.9)
    assert chgnet["exfoliation_energy"] == emt["exfoliation_energy"] == 0.02
    assert any_of_them["methods"]["formation_energy"] == "CHGNet 0.3.0 relaxed", "two potentials are not compared"


def test_nor_does_it_at_what_was_made_of_energies_by_another() -> None:
    energies = [value("energy", f"{name} static", "potential", -5.0) for name in ("CHGNet 0.3.0", "SevenNet-0")]
    made_of_them = [
        value("energy_above_hull", "CHGNet 0.3.0 static + D3(BJ)", "potential", 0.01),
        value("pourbaix_energy", "CHGNet 0.3.0 static, pH 0-14, 1.5 V vs RHE, 1e-06 mol/l", "potential", 0.3),
    ]

    assert by_one_potential([*energies, *made_of_them], "SevenNet-0") == energies[1:]
    assert by_one_potential([*energies, *made_of_them], "CHGNet 0.3.0") == [energies[0], *made_of_them]
