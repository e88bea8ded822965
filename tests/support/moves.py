"""A document that moves from one group to another, in every way it can: what is left must be what its last state gives.

Groups are formulas, chemical systems, structures; a move is a correction of the source, a folder used again.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cache

import pytest
from contents import Contents, current, differences, empty
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection
from plans import run_all

_RUN, _RETIRE, _RAISE = "run", "retire", "raise versions"
WAYS = {
    "moves": ["old", _RUN, "new", _RUN],
    "moves several times before anybody looks": ["old", _RUN, "other", "new", _RUN],
    "moves on after somebody looked": ["old", _RUN, "other", _RUN, "new", _RUN],
    "moves there and back unseen": ["old", _RUN, "new", "old", _RUN],
    "moves there and back": ["old", _RUN, "new", _RUN, "old", _RUN],
    "moves the same way twice": ["old", _RUN, "new", _RUN, "old", _RUN, "new", _RUN],
    "moves and is retired": ["old", _RUN, "new", _RETIRE, _RUN],
    "is retired and comes back elsewhere": ["old", _RUN, _RETIRE, "new", _RUN],
    "moves, and all stages have a new version": ["old", _RUN, "new", _RAISE, _RUN],
}
"""What happens to the document, and when the stages run: `old`, `other` and `new` are states of it."""
TELLING = ("moves the same way twice", "moves and is retired", "moves, and all stages have a new version")
"""What differs between stages; the others differ in what the engine does for all of them."""


def check(
    registry: Connection,
    *,
    put: Callable[[str], None],
    retire: Callable[[], None],
    stages: Callable[[], Sequence[Stage]],
    compare: Callable[[Contents], Contents] = lambda contents: contents,
    ways: Iterable[str] = TELLING,
) -> None:
    """Demand that stages leave nothing stale: contents are those of a registry that was filled once, at the end.

    Parameters
    ----------
    put
        Writes all that the stages read, the document in the given state.
    retire
        Deprecates the document.
    stages
        Makes the stages that read it, fresh.
    compare
        Takes out of the contents what is compared, where that is not all.
    ways
        Names of `WAYS` to try, one after the other.
    """

    @contextmanager
    def raised() -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            for kind in {type(stage) for stage in stages()}:
                patch.setattr(kind, "version", kind.version + 100)
            yield

    def take(steps: Iterable[str]) -> Contents:
        empty(registry)
        with ExitStack() as until_the_end:
            for step in steps:
                if step == _RUN:
                    run_all(registry, stages())
                elif step == _RETIRE:
                    retire()
                elif step == _RAISE:
                    until_the_end.enter_context(raised())
                else:
                    put(step)
            contents = compare(current(registry))
            written = {name: report.written for name, report in run_all(registry, stages()).items() if report.written}
        assert written == {}, "not at rest"
        return contents

    @cache
    def undisturbed(*steps: str) -> Contents:
        return take([*steps, _RUN])

    for way in ways:
        disturbed = take(WAYS[way])
        changes = [step for step in WAYS[way] if step != _RUN]
        states = [step for step in changes if step not in (_RAISE, _RETIRE)]
        last = len(changes) - 1 - changes[::-1].index(states[-1])
        truth = undisturbed(*changes[last:])
        if stale := differences(disturbed, truth):
            pytest.fail("\n".join([f"{way}:", *stale]))
        if changes[-1] != "old":
            assert differences(undisturbed("old"), truth), f"{way}: the move would not be noticed"
