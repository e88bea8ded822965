"""A document that moves from one group to another, in every way it can: what is left must be what its last state gives.

Groups are formulas, chemical systems, structures; a move is a correction of the source, a folder used again.
"""

from collections.abc import Callable, Sequence

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
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())


def check(
    registry: Connection,
    way: Sequence[str],
    *,
    put: Callable[[str], None],
    retire: Callable[[], None],
    stages: Callable[[], Sequence[Stage]],
    compare: Callable[[Contents], Contents] = lambda contents: contents,
) -> None:
    """Demand that stages leave nothing stale: contents are those of a registry that was filled once, at the end.

    Parameters
    ----------
    way
        One of `WAYS`.
    put
        Writes all that the stages read, the document in the given state.
    retire
        Deprecates the document.
    stages
        Makes the stages that read it, fresh.
    compare
        Takes out of the contents what is compared, where that is not all.
    """
    with pytest.MonkeyPatch.context() as patch:
        for step in way:
            if step == _RUN:
                run_all(registry, stages())
            elif step == _RETIRE:
                retire()
            elif step == _RAISE:
                for kind in {type(stage) for stage in stages()}:
                    patch.setattr(kind, "version", kind.version + 100)
            else:
                put(step)
        disturbed = compare(current(registry))
        written = {name: report.written for name, report in run_all(registry, stages()).items() if report.written}
        assert written == {}, "not at rest"

        def undisturbed(*steps: str) -> Contents:
            empty(registry)
            for step in steps:
                retire() if step == _RETIRE else put(step)
            run_all(registry, stages())
            return compare(current(registry))

        states = [step for step in way if step not in (_RUN, _RAISE)]
        last = states.index(_RETIRE) - 1 if states[-1] == _RETIRE else len(states) - 1
        truth = undisturbed(*states[last:])
        if stale := differences(disturbed, truth):
            pytest.fail("\n".join(stale))
        if states[-1] != "old":
            assert differences(undisturbed("old"), truth), "the move would not be noticed"
