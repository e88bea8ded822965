"""Batches of the pages of a pass: records as items, and complaints about those of which nothing can be kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ...engine.batches import Batch, Doc, Item
from ..records.raw_record import RawRecord
from ..services.service import Page

UNNAMED = "unnamed: "
"""Begins the place, in quarantine, of a record that has no id."""
REPEATED = "repeated: "
"""Begins the place, in quarantine, of a record with the id of another one."""
_ABOUT = {"provider": "name", "licence": "licence"}  # what of it goes with each document, among its origins


@dataclass(slots=True)
class PageEnd(Batch):
    """The last batch of a page: with its items it notes the records of the page that have none."""

    seen: Sequence[str] = ()
    withdrawn_records: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Complaint:
    """Stands for a record of which nothing can be kept."""

    text: str


@dataclass(slots=True)
class PageBatches:
    """Makes the batches of one pass.

    Attributes
    ----------
    address
        Of the service.
    pass_id
        Which pass it is; a pass that was cut goes on under the same one.
    unnamed, repeated
        How many records had no id, or the id of another one, in the pass so far.
    """

    address: str
    pass_id: str = ""
    unnamed: int = 0
    repeated: int = 0

    def of(self, page: Page, size: int, *, passed_over: Collection[str], about: Mapping[str, str]) -> Iterator[Batch]:
        """Batches of one page; the last one carries the mark that the page is done.

        Parameters
        ----------
        page
            The page.
        size
            Items of a batch.
        passed_over
            Ids of its records that are seen and no more.
        about
            What the provider says of itself.
        """
        items = [self._item(record, about) for record in page.records if record.place not in passed_over]
        complaints = [(f"{UNNAMED}{place}", text) for place, text in page.unnamed]
        complaints += [(f"{REPEATED}{place}", text) for place, text in page.repeated]
        items += [
            Item(place, Complaint(text), [{"collection": "service", "id": self.address, "place": place}])
            for place, text in complaints
        ]
        self.unnamed += len(page.unnamed)
        self.repeated += len(page.repeated)
        last = max(0, (len(items) - 1) // size) * size
        for start in range(0, last, size):
            yield Batch(0, items[start : start + size])
        # The cursor goes past a page only with the last of its records.
        mark: Doc | None = None
        if page.cursor is not None:
            mark = {"pass": self.pass_id, "cursor": page.cursor, "unnamed": self.unnamed, "repeated": self.repeated}
        seen = [*page.seen, *passed_over]
        yield PageEnd(0, items[last:], mark=mark, seen=seen, withdrawn_records=page.withdrawn)

    def _item(self, record: RawRecord, about: Mapping[str, str]) -> Item:
        origin = {"collection": "service", "id": f"{self.address}/{record.place}"}
        if record.release is not None:
            origin["release"] = record.release
        origin |= {field: about[name] for field, name in _ABOUT.items() if name in about}
        return Item(record.place, record, [origin])
