"""Stages that pull known materials from a service: only what changed, resumed after a cut, retired when gone.

Knows passes, records and bookkeeping; what a service is asked, and what its records mean, is a `LiveSource`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures, quarantine, stage_states
from ...stores.canonical import text_hash
from ...stores.clock import utc_now
from ...stores.documents import Material, ReferenceEntry
from ...stores.documents.pulls import SourcePull, SourceRecord
from ...stores.errors import ConfigurationError
from ...stores.schema import initialise
from ..engine.batches import Batch, Doc, Item, Outcome, Refused
from ..engine.stage import Stage
from .records.raw_record import BadRecord, RawRecord
from .records.source_options import SourceOptionError
from .retirement import SourceShrank, check_loss, reason_of_loss, retire, writer_of
from .services.service import LiveSource, Page, Pull, live_source

UNNAMED = "unnamed: "
"""Begins the place, in quarantine, of a record that has no id."""
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Aside:
    """What a batch notes beside the documents of its items."""

    seen: Sequence[str] = ()
    withdrawn: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Unnamed:
    complaint: str


class LiveSourceStage(Stage):
    """Brings the records of one live source into the registry.

    A pass asks the source what changed since the last one. Each batch is written together with the stamps of its
    records, so a pass that is cut goes on where it stood. Records that a complete listing no longer has are retired
    when the pass ends; a record that comes back is current again.

    Parameters
    ----------
    kind
        Kind of live source, as `sources.live_source` names it.
    options
        Keyword arguments of the source: filter, address and so on (plain data, no secrets).
    accept_loss
        Retire what the source no longer has, even if that is more than the settings' share.
    """

    name = "ingest"
    writes: ClassVar = {Material: "record", ReferenceEntry: "record"}
    orphans = "kept"  # what is gone is retired at the end of a pass, never batch by batch

    def __init__(
        self, kind: str, options: Doc | None = None, *, accept_loss: bool = False, share: Doc | None = None
    ) -> None:
        self.kind = kind
        self.options = {name: value for name, value in (options or {}).items() if value is not None}
        self.accept_loss = accept_loss
        try:
            self.live: LiveSource = live_source(kind, **self.options)
        except SourceOptionError as error:
            raise ConfigurationError(str(error), "Live sources and their options: exfolio ingest --help") from None
        self.name = ":".join(filter(None, ("ingest", self.live.source, self.live.scope)))
        self._pull: Pull | None = None
        self._pass = ""
        self._asides: dict[int, _Aside] = {}
        self._known: dict[str, Doc] = {}
        self._waiting: dict[str, Doc] = {}
        self._batch = Batch(0, [])
        self._unnamed = 0
        self.requests = 0
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Give kind and options of the source; a key is no part of them."""
        return {"kind": self.kind, "options": self.options}

    def config(self) -> Doc:
        """Give what shapes the documents: the source and its version."""
        return {"kind": self.kind, "source": self.live.describe(), "version": self.live.version}

    def begin(self) -> None:
        """Begin as every stage; a database of before there were live sources gets their collections."""
        super().begin()
        if SourceRecord._get_collection_name() not in self.db.database.list_collection_names():
            initialise(self.db)

    # One pass

    def select(self) -> Iterator[Batch]:
        """Give what changed in the source, page by page."""
        last = self._last()
        pull = self._pull = self.live.open(self.db.settings)
        try:
            unfinished = self.state.get("partial") or {}
            cursor = unfinished.get("cursor")
            due = failures.due(self.db, self.name)
            # Records whose turn has come again may be older than what the source would list as new.
            memory = last["memory"] if last and not due else {}
            if not unfinished and not due and last and pull.nothing_new(memory):
                self._pull = None
                return
            self._pass = unfinished["pass"] if cursor else self.run_id + text_hash(self.name, str(utc_now()))[:8]
            self._known = self._read_known()
            self.first_time = last is None and not self._known and not failures.known(self.db, self.name)
            known = {
                name: doc.get("stamp") for name, doc in self._known.items() if doc["fingerprint"] == self.fingerprint
            }
            for failed in due:
                known.pop(failed, None)
            self._waiting = self._read_waiting()
            for page in pull.pages(memory, cursor, known):
                self.total = pull.total
                yield from self._batches(page)
        finally:
            self.requests = pull.requests
            pull.close()

    def _last(self) -> Doc | None:
        doc = self.db.database[SourcePull._get_collection_name()].find_one({"stage": self.name})
        return doc if doc and doc.get("fingerprint") == self.fingerprint else None

    @property
    def _records(self) -> Any:
        return self.db.database[SourceRecord._get_collection_name()]

    def _read_known(self) -> dict[str, Doc]:
        fields = {"_id": 0, "record": 1, "stamp": 1, "fingerprint": 1, "made": 1, "bad": 1}
        return {
            doc.pop("record"): doc
            for doc in self._records.find({"stage": self.name, "made": {"$exists": True}}, fields)
        }

    def _read_waiting(self) -> dict[str, Doc]:
        """Give what was tried of records that failed and are not to be tried yet."""
        names = failures.waiting(self.db, self.name)
        tried = {"stage": self.name, "record": {"$in": names}, "tried": {"$exists": True}}
        return {doc["record"]: doc["tried"] for doc in self._records.find(tried, {"_id": 0, "record": 1, "tried": 1})}

    def _tried(self, record: RawRecord) -> Doc:
        return {"stamp": record.stamp, "fingerprint": self.fingerprint}

    def _batches(self, page: Page) -> Iterator[Batch]:
        waiting = [record.place for record in page.records if self._waiting.get(record.place) == self._tried(record)]
        items = [self._item(record) for record in page.records if record.place not in waiting]
        items += [
            Item(place, _Unnamed(complaint), [{"collection": "service", "id": self.live.address, "place": place}])
            for place, complaint in ((f"{UNNAMED}{place}", complaint) for place, complaint in page.unnamed)
        ]
        self._unnamed += len(page.unnamed)
        starts = list(range(0, len(items), self.size)) or [0]
        for start in starts:
            last = start == starts[-1]
            # The cursor goes past a page only with the last of its records.
            mark = {"pass": self._pass, "cursor": page.cursor} if last and page.cursor is not None else None
            self._asides[self._given] = _Aside([*page.seen, *waiting], page.withdrawn) if last else _Aside()
            yield Batch(0, items[start : start + self.size], mark=mark)

    def _item(self, record: RawRecord) -> Item:
        origin = {"collection": "service", "id": f"{self.live.address}/{record.place}"}
        if record.release is not None:
            origin["release"] = record.release
        return Item(record.place, record, [origin])

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make documents of records."""
        results: list[Outcome] = []
        for item in items:
            if isinstance(item.content, _Unnamed):
                results.append(Refused(self.live.address, item.key, item.content.complaint))
                continue
            try:
                results.append(self.live.parse(item.content))
            except BadRecord as bad:
                results.append(Refused(self.live.address, item.key, bad.reason, bad.remedy))
        return results

    def commit(self, batch: Batch) -> None:
        """Write one batch, and with it what is known of its records."""
        self._batch = batch
        super().commit(batch)
        self._asides.pop(batch.ordinal, None)

    def after_write(self, went_well: list[Item], session: ClientSession) -> None:
        """Note in the batch's transaction which records it took care of."""
        well = {item.key for item in went_well}
        operations: list[UpdateOne] = []
        orphans: dict[str, dict[str, str]] = {}
        for item, outcome in zip(self._batch.items, self._batch.outcomes, strict=True):
            if isinstance(item.content, _Unnamed):
                continue
            before = self._known.get(item.key, {})
            changes: Doc = {"seen": self._pass}
            past = {"withdrawn": ""}
            if item.key in well and isinstance(outcome, dict):
                made = {name: _keys(name, docs) for name, docs in outcome.items()}
                changes |= self._note(item, bad=False) | {"made": made}
                for name, keys in before.get("made", {}).items():
                    gone = set(keys) - set(made.get(name, []))
                    orphans.setdefault(name, {}).update(dict.fromkeys(gone, f"no longer made from {item.key}"))
            elif isinstance(outcome, Refused):
                changes |= self._note(item, bad=True) | {"made": before.get("made", {})}
            else:
                changes["tried"] = self._tried(item.content)
            if "tried" not in changes:
                past["tried"] = ""
            operations.append(self._update(item.key, {"$set": changes, "$unset": past}))
        aside = self._asides.get(self._batch.ordinal, _Aside())
        operations += [
            self._update(name, {"$set": {"seen": self._pass}, "$unset": {"withdrawn": ""}}) for name in aside.seen
        ]
        operations += [
            self._update(name, {"$set": {"seen": self._pass, "withdrawn": reason}})
            for name, reason in aside.withdrawn.items()
            if name in self._known
        ]
        if operations:
            self._records.bulk_write(operations, session=session, ordered=False)
        mended = [key for key in well if self._known.get(key, {}).get("bad")]
        quarantine.release(self.db, self.name, self.live.address, mended, session=session)
        for document in self.writes:
            if reasons := orphans.get(document.collection_name()):
                writer_of(self, document).deprecate(self.db.database, reasons, session)

    def _note(self, item: Item, *, bad: bool) -> Doc:
        stamp = {"stamp": item.content.stamp} if item.content.stamp is not None else {}
        return {**stamp, "fingerprint": self.fingerprint, "bad": bad}

    def _update(self, record: str, changes: Doc) -> UpdateOne:
        identity = text_hash(self.name, record)
        fixed = {"stage": self.name, "source": self.live.source, "record": record}
        return UpdateOne({"record_id": identity}, {**changes, "$setOnInsert": fixed}, upsert=True)

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how far the pass has come."""
        stage_states.set_partial(self.db, self.name, mark, token=self.token, session=session)

    # The end of a pass

    def close(self) -> None:
        """Retire what the source no longer has, unless that looks like an accident, and remember the pass."""
        pull = self._pull
        if pull is None:
            return
        if pull.complete and self._unnamed:
            self.report.note = "nothing was retired, because records without an id may be the ones that are missing"
        elif pull.complete:
            self._retire(pull)
            self.in_transaction(partial(quarantine.release_starting, self.db, self.name, UNNAMED))
        else:
            self.report.note = pull.note
        self.in_transaction(lambda session: self._remember(pull, session))

    def _remember(self, pull: Pull, session: ClientSession) -> None:
        stage_states.set_partial(self.db, self.name, {}, token=self.token, session=session)
        doc = {
            "source": self.live.source,
            "address": self.live.address,
            **({"release": pull.release} if pull.release is not None else {}),
            "fingerprint": self.fingerprint,
            "ended_at": utc_now(),
            "requests": pull.requests,
            "complete": pull.complete,
            "note": pull.note,
            "memory": pull.memory,
        }
        pulls = self.db.database[SourcePull._get_collection_name()]
        pulls.update_one({"stage": self.name}, {"$set": doc}, upsert=True, session=session)

    def _retire(self, pull: Pull) -> None:
        total = self._records.count_documents({"stage": self.name})
        gone = {"stage": self.name, "$or": [{"seen": {"$ne": self._pass}}, {"withdrawn": {"$exists": True}}]}
        missing = {doc["record"]: doc for doc in self._records.find(gone, {"_id": 0})}
        if not missing:
            return
        try:
            if not self.accept_loss:
                allowed = self.db.settings.loss_share
                check_loss(self.live.source, "the registry", missing=len(missing), total=total, allowed=allowed)
        except SourceShrank:
            # The next run must list the source anew, or it would find nothing to do and say all is well.
            self.in_transaction(self._forget_pass)
            raise
        shared = self._also_elsewhere(list(missing))
        usual = reason_of_loss(self.live.source, pull.release)
        for document in self.writes:
            name = document.collection_name()
            reasons = {
                key: doc.get("withdrawn") or usual
                for record, doc in missing.items()
                if record not in shared
                for key in doc.get("made", {}).get(name, [])
            }
            retire(self, document, reasons)
        self._records.delete_many({"record_id": {"$in": [doc["record_id"] for doc in missing.values()]}})
        places = list(missing)
        self.in_transaction(lambda session: self._drop_complaints(places, session))

    def _forget_pass(self, session: ClientSession) -> None:
        stage_states.set_partial(self.db, self.name, {}, token=self.token, session=session)
        self.db.database[SourcePull._get_collection_name()].update_one(
            {"stage": self.name}, {"$set": {"memory": {}}}, session=session
        )

    def _drop_complaints(self, places: list[str], session: ClientSession) -> None:
        quarantine.release(self.db, self.name, self.live.address, places, session=session)
        failures.clear(self.db, self.name, places, session=session)

    def _also_elsewhere(self, records: list[str]) -> set[str]:
        # Two parts of a source may share records (O2 is in every oxide's system); the last to lose it retires it.
        others = {"source": self.live.source, "record": {"$in": records}, "stage": {"$ne": self.name}}
        return {doc["record"] for doc in self._records.find(others, {"_id": 0, "record": 1})}


def _keys(collection: str, docs: Sequence[Doc]) -> list[str]:
    key = _KEYS[collection]
    return [doc[key] for doc in docs]


_KEYS = {document.collection_name(): document.KEY for document in LiveSourceStage.writes}
