"""How far a stage has come: per collection, the revisions it has taken care of.

Batches may end in any order, so finished intervals are kept until they join up. The state also carries the token of
the lease: an owner that was taken over can't move it, and with it none of its writes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from ..clock import utc_now
from ..connection import Connection
from .leases import LeaseLost

Doc = dict[str, Any]
_NOTHING_DONE: Doc = {"consumed": {}, "ahead": {}, "partial": {}}


def open_state(
    connection: Connection,
    stage: str,
    *,
    fingerprint: str,
    token: int,
    maker: Doc | None = None,
    carried_over: Callable[[Doc], Doc | None] = lambda _: None,
) -> Doc:
    """Take the state of a stage under a new lease; where the fingerprint changed, everything is due again.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    fingerprint
        Hash of all that the results depend on beside the input.
    token
        Token of the lease.
    maker
        What it takes to make the stage again in a later refresh.
    carried_over
        Asked about a state of another fingerprint: changes with which it goes on to hold; None where it does not.

    Returns
    -------
    dict
        The state: ``consumed`` (collection to revision), ``ahead``, ``partial``, and ``restarted`` (whether the
        fingerprint has ever changed).

    Raises
    ------
    LeaseLost
        The stage has another owner by now.
    """
    states = connection.database["stage_states"]
    with suppress(DuplicateKeyError):  # somebody else makes it at the same time
        fresh = {"fingerprint": fingerprint, "token": 0, **_NOTHING_DONE}
        states.update_one({"stage": stage}, {"$setOnInsert": fresh}, upsert=True)
    # A call of an earlier owner may still wait in the server; it must not undo a later one.
    state: Doc | None = states.find_one_and_update(
        {"stage": stage, "token": {"$lt": token}}, {"$set": {"token": token}}, return_document=ReturnDocument.AFTER
    )
    changes: Doc = {}
    if state is not None and state["fingerprint"] != fingerprint:
        carried = carried_over(state)  # which looks at the earlier maker
        changes = {**_NOTHING_DONE, "restarted": True, "updated_at": utc_now()} if carried is None else carried
    if state is not None and (changes or state["fingerprint"] != fingerprint or state.get("maker") != (maker or {})):
        state = states.find_one_and_update(
            {"stage": stage, "token": token},
            {"$set": {"fingerprint": fingerprint, "maker": maker or {}, **changes}},
            return_document=ReturnDocument.AFTER,
        )
    if state is None:  # taken over between the two
        raise LeaseLost(stage)
    return {"restarted": False, **state}


def gaps(consumed: int, ahead: list[list[int]], high: int) -> list[tuple[int, int]]:
    """Intervals up to `high` that are still to be done.

    >>> gaps(10, [[20, 30]], 40)
    [(10, 20), (30, 40)]
    """
    result = []
    for low, up_to in [*sorted(ahead), [high, high]]:
        if consumed < min(low, high):
            result.append((consumed, min(low, high)))
        consumed = max(consumed, up_to)
    return result


def read(connection: Connection, stage: str) -> Doc:
    """State of a stage as it is, empty where it never ran."""
    return connection.database["stage_states"].find_one({"stage": stage}, {"_id": 0}) or {}


def replace_channels(connection: Connection, stage: str, state: Doc, *, token: int) -> None:
    """Note how far a stage has come in other channels than before, as `state` says it.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    state
        ``consumed`` and ``ahead``.
    token
        Token of its lease.
    """
    changes = {name: state[name] for name in ("consumed", "ahead")}
    connection.database["stage_states"].update_one({"stage": stage, "token": token}, {"$set": changes})


def advance(
    connection: Connection,
    stage: str,
    *,
    token: int,
    intervals: dict[str, tuple[int, int]],
    session: ClientSession,
) -> None:
    """Note in the caller's transaction that intervals ``(after, up to]`` of revisions are done.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    token
        Token of its lease.
    intervals
        By channel, the interval that is done.
    session
        The caller's session, in its transaction.

    Raises
    ------
    LeaseLost
        The stage has another owner by now.
    """
    states = connection.database["stage_states"]
    state = states.find_one({"stage": stage, "token": token}, session=session)
    if state is None:
        raise LeaseLost(stage)
    changes: Doc = {"updated_at": utc_now()}
    for collection, (low, high) in intervals.items():
        consumed, ahead = join(state["consumed"].get(collection, 0), state["ahead"].get(collection, []), (low, high))
        changes[f"consumed.{collection}"] = consumed
        changes[f"ahead.{collection}"] = ahead
    states.update_one({"stage": stage, "token": token}, {"$set": changes}, session=session)


def set_partial(connection: Connection, stage: str, partial: Doc, *, token: int, session: ClientSession) -> None:
    """Note in the caller's transaction where a pass stands that is not counted in revisions.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    partial
        Where the pass stands, as the stage has it.
    token
        Token of its lease.
    session
        The caller's session, in its transaction.
    """
    connection.database["stage_states"].update_one(
        {"stage": stage, "token": token}, {"$set": {"partial": partial}}, session=session
    )


def note_had(connection: Connection, stage: str, had: dict[str, int], *, token: int, session: ClientSession) -> None:
    """Note in the caller's transaction how many documents a source has, by collection, now that a pass is settled.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    had
        Documents by collection.
    token
        Token of its lease.
    session
        The caller's session, in its transaction.
    """
    connection.database["stage_states"].update_one(
        {"stage": stage, "token": token}, {"$set": {"had": had}}, session=session
    )


def join(consumed: int, ahead: list[list[int]], done: tuple[int, int]) -> tuple[int, list[list[int]]]:
    """Add a finished interval ``(low, high]``; gives the new mark and the intervals still apart from it.

    >>> join(10, [[20, 30]], (10, 20))
    (30, [])
    >>> join(10, [], (20, 30))
    (10, [[20, 30]])
    """
    intervals = sorted([*ahead, list(done)])
    rest: list[list[int]] = []
    for low, high in intervals:
        if low <= consumed:
            consumed = max(consumed, high)
        elif rest and low <= rest[-1][1]:
            rest[-1][1] = max(rest[-1][1], high)
        else:
            rest.append([low, high])
    return consumed, rest
