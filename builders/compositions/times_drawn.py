"""How often compositions were drawn before, so that further draws add to it: as the registry has it, where it has it.

A composition that several stages draw has the count of the one that was first. Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...stores.connection import Connection
from ...stores.documents import Composition

_SAID = ("times_drawn", "generator", "made_by", "facets.sample.stage")


class TimesDrawn:
    """Counts of a stage's earlier draws.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    generator
        Id of the model it draws from.
    count_again
        Counts anew how often each of some formulas came among the earlier draws: they have to be drawn again for it.
    """

    def __init__(
        self,
        connection: Connection,
        stage: str,
        generator: str,
        count_again: Callable[[Sequence[str]], Sequence[int]],
    ) -> None:
        self._compositions = connection.database[Composition.collection_name()]
        self._stage = stage
        self._generator = generator
        self._count_again = count_again

    def of(self, formulas: Sequence[str]) -> list[int]:
        """Say how often each was drawn before."""
        times = dict.fromkeys(formulas, 0)
        unknown: list[str] = []
        query = {Composition.KEY: {"$in": list(formulas)}, "made_by": self._stage}
        for doc in self._compositions.find(query, dict.fromkeys((Composition.KEY, *_SAID), 1)):
            first = doc["facets"]["sample"]["stage"]
            if first == self._stage and doc["generator"] == self._generator:
                times[doc[Composition.KEY]] = doc["times_drawn"]
            elif first not in doc["made_by"]:  # the stage whose count stands there has withdrawn: this one's follows
                unknown.append(doc[Composition.KEY])
        if unknown:
            times |= zip(unknown, self._count_again(unknown), strict=True)
        return list(times.values())
