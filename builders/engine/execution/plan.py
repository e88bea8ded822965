"""The order of stages, from what they say they read and write, and running them until nothing is due.

Knows no stage by name: whoever adds one says its channels, and it takes its place.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Sequence
from enum import IntEnum

from ....stores.bookkeeping import revisions
from ....stores.connection import Connection
from ..channels import Channel
from ..stage import Stage

logger = logging.getLogger(__name__)
MOST_PASSES = 12
"""Stages that make each other due come to rest within a few passes; what does not in so many never does."""


Circle = list[Stage]
"""Stages that read each other's writing; most circles have but one."""


class Held(IntEnum):
    """What keeps a stage from being run now, as something else is still on its way."""

    NOT = 0
    IN_PART = 1
    """It can go on, but stages fused with it will have to do again what they can't do yet."""
    ALTOGETHER = 2


def ordered(stages: Sequence[Stage]) -> list[Circle]:
    """Put stages after those that write what they read or look at.

    Within a circle, and where nothing else decides, those come first that take long, so that the others can run beside
    them, and then the given order stays; a stage that is given twice is taken once.
    """
    by_name: dict[str, Stage] = {}
    for stage in sorted(stages, key=lambda stage: not stage.takes_long):
        by_name.setdefault(stage.name, stage)
    names = list(by_name)
    place = {name: i for i, name in enumerate(names)}
    written = {name: by_name[name].written_channels() for name in names}
    after: dict[str, set[str]] = {name: set() for name in names}
    for name in names:
        inputs = _inputs(by_name[name])
        after[name] = {
            other
            for other in names
            if other != name and any(channel.meets(wish) for channel in written[other] for wish in inputs)
        }
    circles = _circles(names, after)
    circle_of = {name: i for i, circle in enumerate(circles) for name in circle}
    waits = {
        i: {circle_of[other] for name in circle for other in after[name]} - {i} for i, circle in enumerate(circles)
    }
    ready = [(min(place[name] for name in circles[i]), i) for i, others in waits.items() if not others]
    heapq.heapify(ready)
    result: list[Circle] = []
    while ready:
        _, done = heapq.heappop(ready)
        result.append([by_name[name] for name in sorted(circles[done], key=place.__getitem__)])
        for i, others in waits.items():
            if done in others:
                others.discard(done)
                if not others:
                    heapq.heappush(ready, (min(place[name] for name in circles[i]), i))
    return result


def _inputs(stage: Stage) -> tuple[Channel, ...]:
    own = stage.written_channels()
    fused = stage.fused.stages if stage.fused is not None else ()
    needed = [
        channel
        for fused_stage in fused
        for channel in (*fused_stage.reads(), *fused_stage.looks_at())
        if channel.facet not in fused_stage.later  # documents that have it are left to its own run
    ]
    return (*stage.reads(), *stage.looks_at(), *(channel for channel in needed if channel not in own))


def _circles(names: Sequence[str], after: dict[str, set[str]]) -> list[list[str]]:
    """Groups of stages that wait for each other; most have one member (Tarjan 1972, doi:10.1137/0201010)."""
    index: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    circles: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = lowest[name] = len(index)
        stack.append(name)
        for other in sorted(after[name]):
            if other not in index:
                visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], index[other])
        if lowest[name] == index[name]:
            circle: list[str] = []
            while not circle or circle[-1] != name:
                circle.append(stack.pop())
            circles.append(circle)

    for name in names:
        if name not in index:
            visit(name)
    return circles


class Unsettled(RuntimeError):
    """Stages made each other due over and over again; names them."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = list(names)


def settle(
    circles: Sequence[Circle],
    connection: Connection,
    run: Callable[[Stage], None],
    is_due: Callable[[Stage], bool] | None = None,
    end_pass: Callable[[], None] = lambda: None,
    held_up: Callable[[Stage], Held] = lambda _: Held.NOT,
) -> None:
    """Run stages, circle after circle, each until nothing is due in it, and all over again until nothing is at all.

    A circle that is held up lets those pass that need nothing of it.

    Parameters
    ----------
    circles
        The plan, as `ordered` gives it.
    connection
        The registry.
    run
        Runs one stage, which is due.
    is_due
        Says whether anything is due for a stage, which is fresh; the stage itself without.
    end_pass
        Called at the end of each pass over all circles, to see to what is still running.
    held_up
        Says what keeps a stage from being run now; one that is run all the same waits.

    Raises
    ------
    Unsettled
        Something was due still after `MOST_PASSES` passes over a circle, or over all of them.
    """
    seen: dict[str, dict[str, int]] = {}

    def run_due(circle: Circle) -> list[str]:
        return _run_due(circle, connection, run, is_due or (lambda stage: stage.is_due(connection)), seen)

    for _ in range(MOST_PASSES):
        left = list(circles)
        done: list[str] = []
        while left:
            done += _rest(left.pop(_next(left, held_up)), run_due)
        end_pass()
        if not done:
            return
    raise Unsettled([name for circle in circles for name in run_due(circle)])


def _next(left: Sequence[Circle], held_up: Callable[[Stage], Held]) -> int:
    """Place of the circle that is run next: the first that is least held up and needs nothing of those before it."""
    passed: list[Channel] = []
    in_part: int | None = None
    for place, circle in enumerate(left):
        held = max((held_up(stage) for stage in circle), default=Held.NOT)
        if passed and any(channel.meets(wish) for stage in circle for wish in _inputs(stage) for channel in passed):
            held = Held.ALTOGETHER
        if held is Held.NOT:
            return place
        if held is Held.IN_PART and in_part is None:
            in_part = place
        passed += [channel for stage in circle for channel in stage.written_channels()]
    return in_part or 0


def _rest(circle: Circle, run_due: Callable[[Circle], list[str]]) -> list[str]:
    """Run a circle until it rests; names what was run."""
    names: list[str] = []
    for _ in range(MOST_PASSES):
        due = run_due(circle)
        names += due
        if not due or len(circle) == 1:
            return names
    raise Unsettled(due)


def _run_due(
    circle: Circle,
    connection: Connection,
    run: Callable[[Stage], None],
    is_due: Callable[[Stage], bool],
    seen: dict[str, dict[str, int]],
) -> list[str]:
    names = []
    for stage in circle:
        changes = revisions.last_changes(connection.database)
        if stage.name in seen and not _moved(stage, seen[stage.name], changes):
            continue
        fresh = stage.fresh()
        if is_due(fresh):
            names.append(stage.name)
            seen[stage.name] = changes
            run(fresh)
    return names


def _moved(stage: Stage, before: dict[str, int], now: dict[str, int]) -> bool:
    # What a run left undone - failures, what it puts off - waits for the next refresh, unless its input has changed.
    channels = ((channel.name, channel.collection) for channel in _inputs(stage))
    return any(
        now.get(name, now.get(collection, 0)) > before.get(name, before.get(collection, 0))
        for name, collection in channels
    )
