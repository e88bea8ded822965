"""Which revisions a stage has taken care of, in whatever order its batches end, and under which owner."""

import random
from typing import Any

import pytest
from exfolio.stores.bookkeeping import stage_states
from exfolio.stores.bookkeeping.leases import LeaseLost
from exfolio.stores.bookkeeping.stage_states import gaps, join
from exfolio.stores.connection import Connection


@pytest.mark.parametrize(
    ("ahead", "left"),
    [
        ([], [(10, 40)]),
        ([[20, 30]], [(10, 20), (30, 40)]),
        ([[15, 25], [20, 30]], [(10, 15), (30, 40)]),  # they overlap
        ([[15, 35], [20, 25]], [(10, 15), (35, 40)]),  # one lies within the other
        ([[20, 25], [15, 35]], [(10, 15), (35, 40)]),  # … and stands before it
        ([[15, 20], [20, 30]], [(10, 15), (30, 40)]),  # they touch
        ([[5, 20]], [(20, 40)]),  # it begins before what is consumed
        ([[2, 8]], [(10, 40)]),  # it lies before that
        ([[20, 50]], [(10, 20)]),  # it goes beyond the highest
        ([[45, 50]], [(10, 40)]),  # it lies beyond that
        ([[10, 40]], []),
    ],
)
def test_what_is_left_between_overlapping_intervals(ahead: list[list[int]], left: list[tuple[int, int]]) -> None:
    assert gaps(10, ahead, 40) == left


def test_intervals_in_any_order_leave_what_no_interval_holds() -> None:
    dice = random.Random(7)
    for _ in range(300):
        consumed, high = dice.randint(0, 5), dice.randint(5, 25)
        intervals = [sorted(dice.sample(range(25), 2)) for _ in range(dice.randint(0, 5))]
        mark, apart = consumed, []
        for low, up_to in intervals:
            mark, apart = join(mark, apart, (low, up_to))

        done = {*range(consumed + 1), *(n for low, up_to in intervals for n in range(low + 1, up_to + 1))}
        left = [n for low, up_to in gaps(mark, apart, high) for n in range(low + 1, up_to + 1)]
        assert left == [n for n in range(high + 1) if n not in done]


def test_an_owner_that_was_taken_over_can_not_move_the_mark(connection: Connection) -> None:
    # Given a stage whose first owner has come to revision 5, and a second owner
    stage_states.open_state(connection, "layers", fingerprint="a", token=1)
    with connection.client.start_session() as session:
        stage_states.advance(connection, "layers", token=1, intervals={"materials": (0, 5)}, session=session)
        stage_states.open_state(connection, "layers", fingerprint="a", token=2)

        # When the first goes on, it is refused
        with pytest.raises(LeaseLost):
            stage_states.advance(connection, "layers", token=1, intervals={"materials": (5, 9)}, session=session)
        stage_states.set_partial(connection, "layers", {"last": "Mn-O"}, token=1, session=session)
        with pytest.raises(LeaseLost):
            stage_states.open_state(connection, "layers", fingerprint="b", token=1)
        state = stage_states.read(connection, "layers")
        assert (state["consumed"], state["partial"], state["fingerprint"]) == ({"materials": 5}, {}, "a")

        # Then the second is not
        stage_states.advance(connection, "layers", token=2, intervals={"materials": (5, 7)}, session=session)
        assert stage_states.read(connection, "layers")["consumed"] == {"materials": 7}


def test_another_fingerprint_makes_everything_due_again(connection: Connection) -> None:
    stage_states.open_state(connection, "layers", fingerprint="a", token=1)
    with connection.client.start_session() as session:
        stage_states.advance(connection, "layers", token=1, intervals={"materials": (3, 5)}, session=session)
    same = stage_states.open_state(connection, "layers", fingerprint="a", token=2)
    other = stage_states.open_state(connection, "layers", fingerprint="b", token=3)
    assert (same["ahead"], same["restarted"]) == ({"materials": [[3, 5]]}, False)
    assert (other["consumed"], other["ahead"], other["restarted"]) == ({}, {}, True)


def test_a_state_that_goes_on_to_hold_under_another_fingerprint_is_kept_with_its_changes(
    connection: Connection,
) -> None:
    maker = {"class": "layers:Layers", "arguments": {"count": 1}}
    stage_states.open_state(connection, "layers", fingerprint="a", token=1, maker=maker)
    with connection.client.start_session() as session:
        stage_states.advance(connection, "layers", token=1, intervals={"materials": (0, 5)}, session=session)

    def carried_over(state: dict[str, Any]) -> dict[str, Any]:
        return {"partial": {"had": state["maker"]["arguments"]["count"]}}

    kept = stage_states.open_state(connection, "layers", fingerprint="b", token=2, carried_over=carried_over)

    assert (kept["consumed"], kept["partial"], kept["restarted"]) == ({"materials": 5}, {"had": 1}, False)
    assert (kept["fingerprint"], kept["maker"]) == ("b", {})
