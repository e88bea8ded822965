"""Stage `sample-compositions` of a campaign that names its compositions: a list takes the place of a generator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pymongo.client_session import ClientSession

from ...stores.bookkeeping import stage_states
from ...stores.canonical import content_hash
from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..candidates.composition_view import SAMPLE
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.stage import Stage
from .formula_list import listed


class ListedStage(Stage):
    """Keeps the compositions of a list, each with its name and the line it stands on; what is taken off is deprecated.

    A composition that a generator has drawn too stays as that made it, and is this campaign's as well.

    Parameters
    ----------
    formulas
        Formulas of the campaign's file.
    file
        Text file of further formulas; none without.
    label
        Of these settings, beside others.

    Raises
    ------
    ConfigurationError
        As `formula_list.listed`.
    """

    version = 2
    writes: ClassVar = {Composition: "sample"}
    orphans = "by key"
    selects_ahead = True

    def __init__(
        self, *, formulas: list[str], file: str | None = None, label: str = "", share: Doc | None = None
    ) -> None:
        self.name = labelled(SAMPLE, label)
        self.label = label
        self.formulas = formulas
        self.file = file
        self._listed = listed(formulas, file)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Formulas, file and label."""
        return {"formulas": self.formulas, "file": self.file, "label": self.label}

    def config(self) -> Doc:
        """Which compositions are listed."""
        return {"listed": content_hash([one.facts.reduced for one in self._listed])}

    def reads(self) -> tuple[Channel, ...]:
        """Nothing of the registry."""
        return ()

    def is_unfinished(self, state: Doc) -> bool:
        """Whether a run was cut off before the end of the list."""
        return not (state.get("partial") or {}).get("complete")

    def select(self) -> Iterator[Batch]:
        """Yield the list in batches, and at the end what is no longer on it."""
        self.total = -(-len(self._listed) // self.size)
        items = [
            Item(one.facts.reduced, one.facts, [{"collection": "file", "id": one.file, "place": one.place}])
            for one in self._listed
        ]
        for start in range(0, len(items), self.size):
            yield Batch(0, items[start : start + self.size])
        mine = self.db.database["compositions"].find(
            {"made_by": self.name, "deprecated": False}, {"_id": 0, Composition.KEY: 1}
        )
        gone = {doc[Composition.KEY] for doc in mine} - {item.key for item in items}
        yield Batch(0, [], mark={"complete": True}, withdrawn=dict.fromkeys(sorted(gone), "taken off the list"))

    def process(self, items: list[Item]) -> list[Outcome]:
        """Describe each composition."""
        return [
            {
                "compositions": [
                    {
                        "formula_reduced": item.content.reduced,
                        "formula_anonymous": item.content.anonymous,
                        "chemsys": item.content.chemsys,
                        "elements": item.content.elements,
                        "nelements": item.content.nelements,
                    }
                ]
            }
            for item in items
        ]

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note that the whole list is written."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)
