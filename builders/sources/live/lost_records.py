"""Retires what was made of records that a service no longer has, unless too many are gone at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from pymongo.client_session import ClientSession

from ....stores.bookkeeping import failures, quarantine
from ...engine.batches import Doc
from ...engine.stage import Stage
from ..retirement import check_loss, chunks, reason_of_loss, writer_of
from ..services.service import LiveSource
from .pulled_records import PulledRecords


class LostRecords:
    """Records that a complete listing of a source lacks.

    Parameters
    ----------
    stage
        The stage that pulls the source, in its run.
    live
        The source.
    records
        What is noted of its records.
    pass_id
        The pass that listed all of it.
    """

    def __init__(self, stage: Stage, live: LiveSource, records: PulledRecords, pass_id: str) -> None:
        self._stage = stage
        self._live = live
        self._records = records
        self._missing = records.missing(pass_id)

    def check(self, known: int) -> None:
        """Refuse to believe that so many are gone.

        Parameters
        ----------
        known
            How many records there were, where the last complete pass has not noted it.

        Raises
        ------
        SourceShrank
            Too many are gone.
        """
        had = (self._stage.state.get("had") or {}).get("records", known)
        allowed = self._stage.db.settings.loss_share
        missing: Sequence[str] = sorted(self._missing)
        check_loss(self._live.source, "the registry", missing=missing, had=had, allowed=allowed)

    def retire(self, release: str | None) -> int:
        """Deprecate the documents made of them, a batch to a transaction; gives how many.

        Parameters
        ----------
        release
            Release of the source that no longer has them.
        """
        deprecated = 0
        for names in chunks(sorted(self._missing), self._stage.size):
            work = partial(self._retire_some, {name: self._missing[name] for name in names}, release)
            deprecated += self._stage.current_run.in_transaction(work)
        return deprecated

    def _retire_some(self, notes: Mapping[str, Doc], release: str | None, session: ClientSession) -> int:
        """Retire what was made of records, and forget them, in one transaction."""
        stage = self._stage
        shared = self._records.in_other_parts(notes)  # the last part to lose a record retires it
        usual = reason_of_loss(self._live.source, release)
        deprecated = 0
        for document in stage.writes:
            reasons = {
                key: note.get("withdrawn") or usual
                for record, note in notes.items()
                if record not in shared
                for key in note.get("made", {}).get(document.collection_name(), [])
            }
            if reasons:
                deprecated += writer_of(stage, document).deprecate(stage.db.database, reasons, session).deprecated
        self._records.forget(notes, session)
        quarantine.release(stage.db, stage.name, self._live.address, notes, session=session)
        failures.clear(stage.db, stage.name, list(notes), session=session)
        return deprecated
