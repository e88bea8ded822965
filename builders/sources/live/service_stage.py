"""Stages that pull known materials from a service: only what changed, resumed after a cut, retired when gone.

Knows passes and bookkeeping; what a service is asked, and what its records mean, is a `LiveSource`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import ClassVar

from pymongo.client_session import ClientSession

from ....stores.bookkeeping import failures, quarantine, stage_states
from ....stores.canonical import text_hash
from ....stores.clock import utc_now
from ....stores.documents import Material, ReferenceEntry
from ....stores.errors import ConfigurationError
from ...engine.batches import Batch, Doc, Item, Outcome, Refused
from ...engine.stage import Stage
from ..records.raw_record import BadRecord, RawRecord
from ..records.source_options import SourceOptionError
from ..registered import check_kind
from ..retirement import SourceShrank, writer_of
from ..services.service import LiveSource, Page, Pull, live_source
from .lost_records import LostRecords
from .page_batches import REPEATED, UNNAMED, Complaint, PageBatches, PageEnd
from .pulled_records import PulledRecords

_PULLS = "source_pulls"


class LiveSourceStage(Stage):
    """Brings the records of one live source into the registry.

    A pass asks the source what changed since the last one. Each batch is written together with the stamps of its
    records, so a pass that is cut goes on where it stood. Records that a complete listing no longer has are retired
    when the pass ends; a record that comes back is current again.

    Parameters
    ----------
    kind
        Kind of live source, as `services.service` names it.
    options
        Keyword arguments of the source: filter, address and so on (plain data, no secrets).
    accept_loss
        Retire what the source no longer has, even if that is more than the settings' share.
    reread
        Pull all records, also those that have not changed by their stamp.
    share
        As of every stage.

    Raises
    ------
    ConfigurationError
        There is no such kind, or it does not take these options.
    """

    name = "ingest"
    writes: ClassVar = {Material: "record", ReferenceEntry: "record"}
    looks_for_itself = True
    needs_outcomes = True
    orphans = "kept"  # what is gone is retired at the end of a pass, never batch by batch

    def __init__(
        self,
        kind: str,
        options: Doc | None = None,
        *,
        accept_loss: bool = False,
        reread: bool = False,
        share: Doc | None = None,
    ) -> None:
        self.kind = kind
        self.options = {name: value for name, value in (options or {}).items() if value is not None}
        self.accept_loss = accept_loss
        self.reread = reread
        try:
            self.live: LiveSource = live_source(kind, **self.options)
        except SourceOptionError as error:
            raise ConfigurationError(str(error), "Live sources and their options: exfolio ingest --help") from None
        self.name = ":".join(filter(None, ("ingest", self.live.source, self.live.scope)))
        self._pull: Pull | None = None
        self._known: dict[str, Doc] = {}
        self._waiting: dict[str, Doc] = {}
        self._pages = PageBatches(self.live.address)
        self._about: Doc = {}
        self.requests = 0
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Kind and options of the source; a key is no part of them."""
        return {"kind": self.kind, "options": self.options}

    def config(self) -> Doc:
        """Source and version, which shape the documents."""
        return {"kind": self.kind, "source": self.live.describe(), "version": self.live.version}

    @property
    def _records(self) -> PulledRecords:
        return PulledRecords(self.db, self.name, self.live.source)

    def before_run(self) -> None:
        """Check that the source was always of the same kind.

        Raises
        ------
        ConfigurationError
            It was not.
        """
        check_kind(self.db, self.live.source, self.kind)

    # One pass

    def select(self) -> Iterator[Batch]:
        """Pull what changed in the source, page by page."""
        last = self._last()
        pull = self._pull = self.live.open(self.db.settings)
        try:
            unfinished = {} if self.reread else self.state.get("partial") or {}
            cursor = unfinished.get("cursor")
            due = failures.due(self.db, self.name)
            # Records whose turn has come again may be older than what the source would list as new.
            memory = last["memory"] if last and not due and not self.reread else {}
            if not unfinished and not due and last and pull.nothing_new(memory):
                self._pull = None
                return
            new = self.current_run.run_id + text_hash(self.name, str(utc_now()))[:8]
            bad = {name: unfinished.get(name, 0) for name in ("unnamed", "repeated")}
            self._pages = PageBatches(self.live.address, unfinished["pass"] if cursor else new, **bad)
            self._known = self._records.known()
            self.current_run.first_time = last is None and not self._known and not failures.known(self.db, self.name)
            stamps = self._stamps(due)
            self._waiting = self._records.tried(failures.waiting(self.db, self.name))
            met = self._records.met(self._pages.pass_id) if cursor else []
            for page in pull.pages(memory, cursor, stamps, met):
                self.total = pull.total
                yield from self._batches(page)
        finally:
            self.requests = pull.requests
            pull.close()

    def _stamps(self, due: Sequence[str]) -> dict[str, str | None]:
        if self.reread:
            return dict.fromkeys(self._known)
        current = {name: note for name, note in self._known.items() if note["fingerprint"] == self.fingerprint}
        return {name: note.get("stamp") for name, note in current.items() if name not in set(due)}

    def _last(self) -> Doc | None:
        last = self.db.database[_PULLS].find_one({"stage": self.name})
        self._about = dict((last or {}).get("provider") or {})
        return last if last and last.get("fingerprint") == self.fingerprint else None

    def _tried(self, record: RawRecord) -> Doc:
        return {"stamp": record.stamp, "fingerprint": self.fingerprint}

    def _batches(self, page: Page) -> Iterator[Batch]:
        waiting = [record.place for record in page.records if self._waiting.get(record.place) == self._tried(record)]
        said = self._about | (self._pull.provider if self._pull is not None else {})
        yield from self._pages.of(page, self.size, passed_over=waiting, about=said)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make documents of records."""
        results: list[Outcome] = []
        for item in items:
            if isinstance(item.content, Complaint):
                results.append(Refused(self.live.address, item.key, item.content.text))
                continue
            try:
                results.append(self.live.parse(item.content))
            except BadRecord as bad:
                results.append(Refused(self.live.address, item.key, bad.reason, bad.remedy))
        return results

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Note in the batch's transaction which records it took care of."""
        well = {item.key for item in batch.prepared.went_well} if batch.prepared is not None else set()
        records = self._records
        operations = []
        no_longer_made: dict[str, dict[str, str]] = {}
        for item, outcome in zip(batch.items, batch.outcomes, strict=True):
            if isinstance(item.content, Complaint):
                continue
            before = self._known.get(item.key, {}).get("made", {})
            changes: Doc = {"seen": self._pages.pass_id}
            gone = ["withdrawn", "tried"]
            if item.key in well and isinstance(outcome, dict):
                made = {name: [doc[_KEYS[name]] for doc in docs] for name, docs in outcome.items()}
                changes |= self._note(item, bad=False) | {"made": made}
                for name, keys in before.items():
                    lost = set(keys) - set(made.get(name, []))
                    no_longer_made.setdefault(name, {}).update(dict.fromkeys(lost, f"no longer made from {item.key}"))
            elif isinstance(outcome, Refused):
                changes |= self._note(item, bad=True) | {"made": before}
            else:
                changes["tried"] = self._tried(item.content)
                gone.remove("tried")
            operations.append(records.update(item.key, changes, gone))
        if isinstance(batch, PageEnd):
            operations += [records.update(name, {"seen": self._pages.pass_id}, ["withdrawn"]) for name in batch.seen]
            operations += [
                records.update(name, {"seen": self._pages.pass_id, "withdrawn": reason})
                for name, reason in batch.withdrawn_records.items()
                if name in self._known
            ]
        records.write(operations, session)
        mended = [key for key in well if self._known.get(key, {}).get("bad")]
        quarantine.release(self.db, self.name, self.live.address, mended, session=session)
        for document in self.writes:
            if reasons := no_longer_made.get(document.collection_name()):
                writer_of(self, document).deprecate(self.db.database, reasons, session)

    def _note(self, item: Item, *, bad: bool) -> Doc:
        stamp = {"stamp": item.content.stamp} if item.content.stamp is not None else {}
        return {**stamp, "fingerprint": self.fingerprint, "bad": bad}

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how far the pass has come."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)

    # The end of a pass

    def close(self) -> None:
        """Retire what the source no longer has, unless that looks like an accident, and remember the pass.

        Raises
        ------
        SourceShrank
            Too much of the source is gone at once.
        """
        pull = self._pull
        if pull is None:
            return
        notes = [f"{self.live.source} warns: {warning}" for warning in pull.warnings]
        if pull.broken_off:
            self.report.failed += max(1, pull.not_sent)
            notes.append(f"{pull.broken_off}; nothing was retired, and the next run asks for all of it again")
            self.current_run.in_transaction(self._begin_anew)
        elif pull.complete and self._pages.unnamed:
            notes.append("nothing was retired, because records without an id may be the ones that are missing")
        elif pull.complete:
            self._retire(pull)
        else:
            notes.append(pull.note)
        self.report.note = "\n".join(filter(None, notes))
        if not pull.broken_off:
            self.current_run.in_transaction(partial(self._remember, pull))

    def _begin_anew(self, session: ClientSession) -> None:
        stage_states.set_partial(self.db, self.name, {}, token=self.current_run.token, session=session)

    def _remember(self, pull: Pull, session: ClientSession) -> None:
        stage_states.set_partial(self.db, self.name, {}, token=self.current_run.token, session=session)
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
            "provider": self._about | pull.provider,
        }
        self.db.database[_PULLS].update_one({"stage": self.name}, {"$set": doc}, upsert=True, session=session)
        if pull.complete:
            if not self._pages.unnamed:
                quarantine.release_starting(self.db, self.name, UNNAMED, session)
                had = {"records": self._records.count(session)}
                stage_states.note_had(self.db, self.name, had, token=self.current_run.token, session=session)
            if not (self._pages.repeated or pull.repeats):
                quarantine.release_starting(self.db, self.name, REPEATED, session)

    def _retire(self, pull: Pull) -> None:
        lost = LostRecords(self, self.live, self._records, self._pages.pass_id)
        try:
            if not self.accept_loss:
                lost.check(len(self._known))
        except SourceShrank:
            # The next run must list the source anew, or it would find nothing to do and say all is well.
            self.current_run.in_transaction(self._forget_pass)
            raise
        self.report.deprecated += lost.retire(pull.release)

    def _forget_pass(self, session: ClientSession) -> None:
        self._begin_anew(session)
        self.db.database[_PULLS].update_one({"stage": self.name}, {"$set": {"memory": {}}}, session=session)


_KEYS = {document.collection_name(): document.KEY for document in LiveSourceStage.writes}
