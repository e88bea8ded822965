"""``exfolio why``: why one candidate fell out, waits, or was promoted."""

from collections.abc import Callable
from typing import Any

import pytest
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.stores.connection import Connection
from known_crystals import campaign, go, one

Ask = Callable[..., tuple[int, str, str]]


def test_why_names_every_gate_with_value_condition_and_method(judged: Connection, ask: Ask) -> None:
    graphene = one(judged, "candidates", formula_reduced="C")

    code, printed, _ = ask("why", graphene["structure_id"])

    assert code == 0
    first, *gates, novelty, bulk, reason = printed.splitlines()
    assert first == f"{graphene['candidate_id']}  C, top-down from handbook:C-graphite-2H: promoted"
    assert [line.split()[0] for line in gates] == ["✓", "✓", "✓"]
    assert "0.052" in gates[2]
    assert "<= 0.2" in gates[2]
    assert "experiment (handbook" in gates[2]
    assert gates[0].split() == ["✓", "valid", "yes", "yes"]
    assert "layer of a known crystal (handbook:C-graphite-2H), to these " in novelty
    assert bulk.split(" (")[0] == "handbook:C-graphite-2H  C: layered, score 1.00"
    assert "0% of its bonding across" in reason


def test_why_says_of_a_known_material_whether_it_is_layered(
    judged: Connection, ask: Ask, ask_json: Callable[..., Any]
) -> None:
    code, printed, _ = ask("why", "handbook:MoS2-2H")
    assert code == 0
    assert "MoS2: layered, score" in printed
    assert ask_json("why", "handbook:MoS2-2H")[0]["layering"]["kind"] == "layers"
    _, shown, _ = ask("show", "handbook:MoS2-2H")
    assert shown[shown.index("layers ─") :].splitlines()[1:3] == printed.splitlines()


@pytest.mark.parametrize(
    ("formula", "says", "mark"),
    [
        ("MoS2", "rejected by novel", "✗"),
        ("BN", "waiting for exfoliable", "?"),
        ("Bi2Te3", "rejected by exfoliable", "✗"),
    ],
)
def test_why_says_what_stands_in_the_way(judged: Connection, ask: Ask, formula: str, says: str, mark: str) -> None:
    found = one(judged, "candidates", formula_reduced=formula)

    _, printed, _ = ask("why", found["candidate_id"])

    assert says in printed
    assert mark in printed


def test_why_says_how_a_known_one_was_made_and_by_whom(judged: Connection, ask: Ask) -> None:
    found = one(judged, "candidates", formula_reduced="MoS2")

    _, printed, _ = ask("why", found["candidate_id"])

    assert "made: flat:MoS2-2H, mechanical exfoliation, A (2005)" in printed


def test_a_lower_bound_is_shown_as_one(judged: Connection, ask: Ask, ask_json: Callable[..., Any]) -> None:
    found = one(judged, "candidates", formula_reduced="BN")

    _, why, _ = ask("why", found["candidate_id"])
    _, shown, _ = ask("show", found["candidate_id"])

    gate = next(line for line in why.splitlines() if "exfoliable" in line and "?" in line)
    assert "at least 0.050 eV/atom, a lower bound" in gate
    assert "! CHGNet does not describe dispersion" in why
    assert "at least 0.050 eV/atom, a lower bound" in shown
    gate_of_json = ask_json("why", found["candidate_id"])[0]["gates"][2]
    assert (gate_of_json["low"], gate_of_json["warnings"]) == (0.05, ["CHGNet does not describe dispersion"])
    assert "high" not in gate_of_json


def test_the_beginning_of_an_id_is_enough(judged: Connection, ask: Ask, ask_json: Callable[..., Any]) -> None:
    found = one(judged, "candidates", formula_reduced="BN")

    assert ask_json("why", found["structure_id"][:12])[0]["candidate_id"] == found["candidate_id"]
    assert ask_json("why", found["candidate_id"][:18])[0]["candidate_id"] == found["candidate_id"]
    code, _, said = ask("why", "st-")
    assert code == 2
    assert "may be several candidates" in said
    code, _, said = ask("why", "st-nothing")
    assert code == 2
    assert "exfolio query candidates" in said
    assert ask("why", "")[0] == 2


def test_a_formula_is_enough_whoever_proposed_it(judged: Connection, ask_json: Callable[..., Any], ask: Ask) -> None:
    candidate = one(judged, "candidates", formula_reduced="BN")

    assert [found["candidate_id"] for found in ask_json("why", "NB")] == [candidate["candidate_id"]]
    assert ask("why", "NaCl")[0] == 2


def test_why_shows_what_was_judged_before(judged: Connection, ask: Ask, ask_json: Callable[..., Any]) -> None:
    plain = campaign().model_dump(mode="json", by_alias=True)
    plain["gates"][2]["at_most"] = 0.05
    go(judged, Campaign.model_validate(plain))
    graphene = one(judged, "candidates", formula_reduced="C")

    _, printed, _ = ask("why", graphene["structure_id"])
    [found] = ask_json("why", graphene["structure_id"])

    assert "rejected by exfoliable" in printed
    assert "before (judged " in printed
    assert "promoted" in printed.splitlines()[-1]
    assert found["history"][0]["status"] == "promoted"
    assert found["history"][0]["until"] >= found["history"][0]["judged_at"]
    go(judged, campaign())


def test_why_says_where_energies_speak_against_a_verdict(judged: Connection, ask: Ask) -> None:
    parents = {formula: one(judged, "candidates", formula_reduced=formula)["parent_id"] for formula in ("C", "Bi2Te3")}

    _, easy, _ = ask("why", parents["C"])
    _, hard, _ = ask("why", parents["Bi2Te3"])

    assert "layer taken off: 0.052 eV/atom" in easy
    assert "against this verdict" not in easy
    assert "its layers are held by more than 0.2 eV/atom by " in hard
    assert hard.rstrip().endswith("against this verdict")


def test_of_many_candidates_of_a_formula_the_first_are_told_in_full(judged: Connection, ask: Ask) -> None:
    candidates = judged.database["candidates"]
    candidate = one(judged, "candidates", formula_reduced="BN")
    del candidate["_id"]
    candidates.insert_many([{**candidate, "candidate_id": f"layers/st-copy-{i}"} for i in range(4)])

    try:
        _, briefly, _ = ask("why", "BN")
        _, whole, _ = ask("why", "BN", "--all")
    finally:
        candidates.delete_many({"candidate_id": {"$regex": "^layers/st-copy"}})

    gate = candidate["gates"][0]["name"]
    assert (briefly.count(f" {gate} "), whole.count(f" {gate} ")) == (2, 5)
    assert "3 more" in briefly
    assert all(f"layers/st-copy-{i}" in briefly for i in range(4))
