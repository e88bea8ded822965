"""Gates: what passes, what fails, what is not known yet, and what does not concern a route."""

import pytest
from exfolio.builders.candidates.campaigns.gates import Gate, pass_through, standing_of
from pydantic import ValidationError

EXFOLIABLE = Gate(name="exfoliable", field="exfoliation_energy", at_most=0.2)
BOUND = Gate(name="bound", field="formation_energy", below=0)
NEUTRAL = Gate(name="neutral", field="charge_neutral", equals=True)
OFTEN_2D = Gate(name="probability of 2D", field="p_2d", at_least=0.95, routes=("template",))


@pytest.mark.parametrize(
    ("condition", "passes", "fails"),
    [
        ({"at_most": 0.2}, [0.2, -1], [0.2001]),
        ({"at_least": 0.95}, [0.95, 1], [0.9499]),
        ({"below": 0}, [-1e-9], [0, 0.1]),
        ({"above": 1.5}, [1.51], [1.5, 0]),
        ({"between": (0.5, 3)}, [0.5, 1, 3], [0.49, 3.01]),
        ({"between": (2, 2)}, [2], [1.99, 2.01]),
        ({"is": 2}, [2, 2.0], [3]),
        ({"is": True}, [True], [False]),
        ({"is": False}, [False], [True]),
        ({"is": "top-down"}, ["top-down"], ["bottom-up"]),
    ],
)
def test_each_condition_at_its_threshold(
    condition: dict[str, object], passes: list[object], fails: list[object]
) -> None:
    gate = Gate.model_validate({"name": "one", "field": "value", **condition})

    assert [gate.judge({"value": value}) for value in passes] == ["passed"] * len(passes)
    assert [gate.judge({"value": value}) for value in fails] == ["failed"] * len(fails)


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ({"is": True}, "yes"),
        ({"is": False}, "no"),
        ({"is": "top-down"}, "top-down"),
        ({"is": 2}, "= 2"),
        ({"at_most": 0.2}, "<= 0.2"),
        ({"at_least": 0.95}, ">= 0.95"),
        ({"below": 0}, "< 0"),
        ({"above": 1.5}, "> 1.5"),
        ({"between": (0.5, 3)}, "0.5 to 3"),
    ],
)
def test_conditions_go_on_with_has_to_be(condition: dict[str, object], words: str) -> None:
    assert Gate.model_validate({"name": "one", "field": "value", **condition}).condition == words


def test_zero_and_no_are_values_and_only_absence_is_unknown() -> None:
    assert BOUND.judge({"formation_energy": 0.0}) == "failed"
    assert NEUTRAL.judge({"charge_neutral": False}) == "failed"
    assert BOUND.judge({}) == "unknown"
    assert BOUND.judge({"formation_energy": None}) == "unknown"


@pytest.mark.parametrize(
    ("condition", "at_least", "at_most"),
    [  # verdicts where the value is 1, 2, 3 or more, and where it is 1, 2, 3 or less
        ({"at_most": 2}, "??-", "++?"),
        ({"below": 2}, "?--", "+??"),
        ({"at_least": 2}, "?++", "-??"),
        ({"above": 2}, "??+", "--?"),
        ({"between": (1.5, 2)}, "??-", "-??"),
        ({"is": 2}, "??-", "-??"),
    ],
)
def test_a_bound_decides_only_where_every_value_beyond_it_gives_the_same_verdict(
    condition: dict[str, object], at_least: str, at_most: str
) -> None:
    gate = Gate.model_validate({"name": "one", "field": "value", **condition})
    signs = {"passed": "+", "failed": "-", "unknown": "?"}

    for end, expected in (("lows", at_least), ("highs", at_most)):
        candidates = [{"value": value, end: {"value": value}} for value in (1, 2, 3)]
        assert "".join(signs[gate.judge(candidate)] for candidate in candidates) == expected


def test_a_lower_bound_within_the_limit_waits_and_one_beyond_it_rejects() -> None:
    neutral = {"charge_neutral": True}

    judged, beyond = (
        pass_through(
            (NEUTRAL, EXFOLIABLE), {**neutral, "exfoliation_energy": least, "lows": {"exfoliation_energy": least}}
        )
        for least in (0.05, 0.31)
    )

    assert (judged["status"], judged["waiting_for"]) == ("waiting", "exfoliable")
    assert (judged["gates"][1]["value"], judged["gates"][1]["low"]) == (0.05, 0.05)
    assert "high" not in judged["gates"][1]
    assert (beyond["status"], beyond["rejected_by"]) == ("rejected", "exfoliable")


@pytest.mark.parametrize(
    ("condition", "verdicts"),
    [  # of values within 0.5 and 1.5, 1.5 and 2.5, 2.5 and 3.5
        ({"at_most": 2}, "+?-"),
        ({"at_most": 1.5}, "+?-"),
        ({"below": 1.5}, "?--"),
        ({"at_least": 2}, "-?+"),
        ({"at_least": 2.5}, "-?+"),
        ({"above": 2.5}, "--?"),
        ({"between": (1, 3)}, "?+?"),
        ({"between": (1.5, 2.5)}, "?+?"),
        ({"between": (4, 5)}, "---"),
        ({"is": 2}, "-?-"),
    ],
)
def test_an_interval_decides_where_all_of_it_lies_on_one_side(condition: dict[str, object], verdicts: str) -> None:
    gate = Gate.model_validate({"name": "one", "field": "value", **condition})
    signs = {"passed": "+", "failed": "-", "unknown": "?"}

    candidates = [{"value": n, "lows": {"value": n - 0.5}, "highs": {"value": n + 0.5}} for n in (1, 2, 3)]

    assert "".join(signs[gate.judge(candidate)] for candidate in candidates) == verdicts


def test_a_value_of_a_further_kind_has_its_interval_as_well() -> None:
    gate = Gate(name="work", field="values.work_function", at_least=4)
    value = {"values": {"work_function": 4.5}}

    assert gate.judge(value) == "passed"
    assert gate.judge({**value, "lows": {"work_function": 3.9}, "highs": {"work_function": 5.1}}) == "unknown"
    assert gate.judge({**value, "lows": {"work_function": 4.1}, "highs": {"work_function": 4.9}}) == "passed"


def test_a_gate_of_another_route_does_not_apply_even_where_it_would_fail() -> None:
    assert OFTEN_2D.judge({"route": "top-down", "p_2d": 0.1}) == "not-applicable"
    assert OFTEN_2D.judge({"route": "template", "p_2d": 0.1}) == "failed"
    assert OFTEN_2D.judge({"route": "template"}) == "unknown"


def test_energies_from_the_elements_say_nothing_of_an_element() -> None:
    gate = Gate(name="bound", field="formation_energy", below=0)

    assert gate.judge({"nelements": 1, "formation_energy": 0.02}) == "not-applicable"
    assert gate.judge({"nelements": 2, "formation_energy": 0.02}) == "failed"


def test_a_promoted_candidate_has_passed_every_gate_that_concerns_it() -> None:
    mos2 = {"route": "top-down", "charge_neutral": True, "formation_energy": -0.9, "exfoliation_energy": 0.0765}

    judged = pass_through((NEUTRAL, OFTEN_2D, BOUND, EXFOLIABLE), mos2)

    assert (judged["status"], judged["rejected_by"], judged["waiting_for"]) == ("promoted", None, None)
    assert judged["gates_passed"] == 4
    assert [gate["verdict"] for gate in judged["gates"]] == ["passed", "not-applicable", "passed", "passed"]
    assert judged["gates"][3] == {
        "name": "exfoliable",
        "field": "exfoliation_energy",
        "condition": "<= 0.2",
        "verdict": "passed",
        "value": 0.0765,
    }


def test_what_fails_is_rejected_although_something_before_it_is_not_known() -> None:
    judged = pass_through((NEUTRAL, BOUND, EXFOLIABLE), {"charge_neutral": True, "exfoliation_energy": 0.31})

    standing = {"status": "rejected", "rejected_by": "exfoliable", "waiting_for": None}
    assert {name: judged[name] for name in standing} == standing
    assert standing_of((NEUTRAL, BOUND, EXFOLIABLE), {"charge_neutral": True, "exfoliation_energy": 0.31}) == standing
    assert judged["gates_passed"] == 1, "up to the first gate that was not passed"
    assert "value" not in judged["gates"][1]


def test_the_first_gate_that_fails_rejects_and_all_are_judged() -> None:
    fails_twice = {"charge_neutral": False, "formation_energy": -1.0, "exfoliation_energy": 0.31}

    judged = pass_through((NEUTRAL, BOUND, EXFOLIABLE), fails_twice)
    the_other_way = pass_through((EXFOLIABLE, BOUND, NEUTRAL), fails_twice)

    assert (judged["rejected_by"], the_other_way["rejected_by"]) == ("neutral", "exfoliable")
    assert [gate["verdict"] for gate in judged["gates"]] == ["failed", "passed", "failed"]


def test_what_has_failed_nothing_waits_for_the_first_value_that_is_missing() -> None:
    judged = pass_through((NEUTRAL, BOUND, EXFOLIABLE), {"charge_neutral": True})

    assert (judged["status"], judged["waiting_for"], judged["gates_passed"]) == ("waiting", "bound", 1)
    assert standing_of((NEUTRAL, BOUND, EXFOLIABLE), {"charge_neutral": True})["waiting_for"] == "bound"


def test_a_gate_has_one_condition() -> None:
    with pytest.raises(ValidationError, match=r"exactly one condition of is, at_most.*this one has 0"):
        Gate(name="none", field="band_gap")
    with pytest.raises(ValidationError, match="this one has 2"):
        Gate(name="two", field="band_gap", at_most=3, at_least=1)
    with pytest.raises(ValidationError, match="the first number is the lower one"):
        Gate(name="upside down", field="band_gap", between=(3, 1))
    with pytest.raises(ValidationError, match="finite"):
        Gate(name="no number", field="band_gap", at_most=float("nan"))


def test_a_gate_that_waits_for_nobody_decides_only_by_values_that_are_known() -> None:
    stable = Gate(name="stable", field="dynamic_stability", at_least=-0.1, waits=False)
    bounds = {"lows": {"dynamic_stability": -2.0}, "highs": {"dynamic_stability": 0.0}}

    given = [{}, {"dynamic_stability": 0.0}, {"dynamic_stability": -1.0}, {"dynamic_stability": -1.0, **bounds}]

    assert [stable.judge(one) for one in given] == ["not-applicable", "passed", "failed", "not-applicable"]
    judged = pass_through((EXFOLIABLE, stable), {"exfoliation_energy": 0.1})
    assert (judged["status"], judged["gates_passed"]) == ("promoted", 2)
