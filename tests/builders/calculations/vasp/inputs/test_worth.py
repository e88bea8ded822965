"""What a calculation is worth: four layers of one kind wait for their exfoliation energies, ranked by hand."""

from typing import Any

import pytest
from exfolio.builders.calculations.vasp.inputs.due import Part, find_due, next_due
from exfolio.builders.calculations.vasp.inputs.worth import wanted_fields
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Candidate, Material
from exfolio.stores.query.language.query_errors import QueryError
from pymatgen.core import Lattice, Structure
from small_registry import material, plain, put

CAMPAIGN = "two-dimensional"
EXFOLIATION, HULL = "exfoliation_energy", "energy_above_hull"


def gate(field: str, verdict: str = "unknown", **value: float) -> dict[str, Any]:
    return {"name": field, "field": field, "condition": "<= 0.2", "verdict": verdict, **value}


FORMULAS = {1: "MoS2", 2: "MoSe2", 3: "WS2", 4: "WSe2"}
"""Of one composition each, with as many electrons."""


def candidate(number: int, *gates: dict[str, Any], nsites: int = 3, status: str = "waiting") -> dict[str, Any]:
    return {
        "candidate_id": f"{CAMPAIGN}/{number}",
        "campaign": CAMPAIGN,
        "structure_id": f"st-{number:016d}",
        "formula_reduced": FORMULAS.get(number, "MoS2"),
        "chemsys": "Mo-S",
        "elements": ["Mo", "S"],
        "nelements": 2,
        "dimension": 2,
        "nsites": nsites,
        "thickness": 3.13,
        "route": "top-down",
        "parent_id": f"bulk:{FORMULAS.get(number, 'MoS2')}",
        "status": status,
        "waiting_for": gates[0]["name"] if status == "waiting" else None,
        "gates": list(gates),
        "gates_passed": 0,
    }


@pytest.fixture
def four(registry: Connection) -> Connection:
    """Likely and small, likely and large, next to sure, and hardly known; their bulks have two layers in a cell."""
    cell, sites = Lattice.hexagonal(3.16, 12.294), [(1 / 3, 2 / 3, 0.25), (1 / 3, 2 / 3, 0.621)]
    bulks = [
        material(f"bulk:{metal}{anion}2", f"{metal}{anion}2", f"{metal}-{anion}", nsites=6,
                 structure=plain(Structure(cell, [metal, anion], sites)))
        for metal in ("Mo", "W") for anion in ("S", "Se")
    ]  # fmt: skip
    likely = gate(EXFOLIATION, value=0.15, low=0.05, high=0.25)
    docs = [
        candidate(1, likely),
        candidate(2, likely, nsites=6),
        candidate(3, gate(EXFOLIATION, value=0.05, low=0.0, high=0.21)),
        candidate(4, gate(EXFOLIATION), gate(HULL, value=0.1, low=0.1)),
        candidate(5, gate("p_2d")),
    ]
    put(registry, Material, bulks)
    put(registry, Candidate, docs)
    return registry


def test_likely_undecided_and_cheap_ones_come_first(four: Connection) -> None:
    ranked, _ = next_due(four, CAMPAIGN)

    # The fifth waits for what no calculation gives.
    assert [one.candidate_id[-1] for one in ranked] == ["1", "2", "3", "4"]
    first, _, sure, unknown = ranked
    assert first.chance == pytest.approx(0.7946, abs=1e-3), "0.2 is half way from the value to its end: 0.822 sigma"
    assert first.information == pytest.approx(0.7325, abs=1e-3)
    # 11 runs of 18 electrons in a cell of 23.13 Å, 11 of the bulk's 36; silicon has 8, and a mesh of 25.13 Å.
    assert first.cost == pytest.approx(11 * (18 * 23.13 / 25.13 + 36) / 8, rel=1e-3)
    assert first.score == pytest.approx(first.chance * first.information / first.cost)
    assert sure.chance > 0.9
    # Neither passed nor failed by anyone yet; above a lower bound of 0.1 half of the threshold is left.
    assert unknown.waits_for == pytest.approx({EXFOLIATION: 0.5, HULL: 1 - 2.71828**-0.5}, rel=1e-3)
    assert unknown.chance == pytest.approx(0.5 * 0.3935, rel=1e-3)
    assert unknown.fields == (HULL, EXFOLIATION)


def test_each_composition_comes_once_before_any_comes_twice(four: Connection) -> None:
    # Given: two more structures of MoS2, one likelier to pass than the one there was
    likelier, worse = ({"value": value, "low": value - 0.1, "high": value + 0.1} for value in (0.12, 0.19))
    put(four, Candidate, [candidate(6, gate(EXFOLIATION, **likelier)), candidate(7, gate(EXFOLIATION, **worse))])

    ranked, _ = next_due(four, CAMPAIGN)

    first = {one.formula: one.candidate_id[-1] for one in ranked[:4]}
    assert first == {"MoS2": "6", "MoSe2": "2", "WS2": "3", "WSe2": "4"}
    assert [(one.candidate_id[-1], one.turn, one.structures) for one in ranked[4:]] == [("1", 1, 3), ("7", 2, 3)]


def test_of_what_nothing_is_known_the_decided_candidates_tell(four: Connection) -> None:
    passed = gate(EXFOLIATION, "passed", value=0.1)
    put(four, Candidate, [candidate(number, passed, status="promoted") for number in (11, 12, 13)])

    ranked, _ = next_due(four, CAMPAIGN)

    [unknown] = [one for one in ranked if len(one.waits_for) == 2]
    assert unknown.waits_for[EXFOLIATION] == pytest.approx(4 / 5)


def test_where_costs_do_not_matter_the_likeliest_come_first(four: Connection) -> None:
    due = find_due(four, CAMPAIGN, part=Part(first="chance", limit=9))

    assert [name[-1] for name in due.served] == ["3", "1", "2", "4"]


def test_candidates_may_be_filtered_and_limited(four: Connection) -> None:
    ranked, due = next_due(four, CAMPAIGN, "nsites < 4", limit=2)

    assert due.served == [one.candidate_id for one in ranked] == [f"{CAMPAIGN}/1", f"{CAMPAIGN}/3"]
    with pytest.raises(QueryError):
        next_due(four, CAMPAIGN, "no_such_field = 1")


def test_gaps_wait_until_they_are_all_that_is_missing() -> None:
    def gates(*fields: str) -> list[dict[str, str]]:
        return [{"name": field, "field": field, "verdict": "unknown"} for field in fields]

    assert wanted_fields(gates("pourbaix_energy", "band_gap")) == ({"pourbaix_energy"}, None)
    assert wanted_fields(gates("band_gap")) == ({"band_gap"}, None)
    assert wanted_fields(gates("novel", "band_gap")) == (set(), "novel")
    assert wanted_fields(gates("novel", "band_gap", "pourbaix_energy"), everything=True)[0] == {
        "band_gap",
        "pourbaix_energy",
    }
