"""Reads a source of files without writing anything: what a run would bring in, refuse and retire.

What it accepts, the run accepts: it asks the same readers, sifts ids in the same order, and looks at the same registry.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...stores.bookkeeping import stage_states
from ...stores.bookkeeping.quarantine import Refused
from ...stores.canonical import NotStorable
from ...stores.connection import Connection
from ..engine.batch_writing import ready, writers_of
from ..engine.batches import Doc, Failure, Item, Outcome
from .file_stage import SourceStage
from .read_files import ReadFiles
from .registered import check_kind
from .repeated_records import repeated
from .retirement import check_loss, chunks, current_of

_BATCH = 1000
_SHOWN = 10


@dataclass(slots=True)
class Trial:
    """What a run would do.

    Attributes
    ----------
    documents
        How many would be brought in, by collection.
    sample
        The first of them.
    refused
        What would go to quarantine.
    failed
        What could not be stored: place and reason.
    missing
        Keys of documents that would be retired, by collection.
    """

    documents: dict[str, int] = field(default_factory=dict)
    sample: list[Doc] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    missing: dict[str, list[str]] = field(default_factory=dict)


class Rehearsal:
    """A run of a stage that writes nothing.

    Parameters
    ----------
    stage
        The stage, fresh.
    connection
        The registry; None where there is none yet.
    """

    def __init__(self, stage: SourceStage, connection: Connection | None) -> None:
        self.stage = stage
        self.connection = connection
        self.trial = Trial()
        self._met: dict[tuple[str, str], tuple[Doc, int]] = {}

    def read(self) -> Trial:
        """Read all files, and find what they would do to the registry.

        Raises
        ------
        ConfigurationError
            The source can't be read, or something of another kind was ingested under its name.
        """
        if self.connection is not None:
            check_kind(self.connection, self.stage.reader.source, self.stage.kind)
        for items in self._items():
            for item, outcome in zip(items, self.stage.outcomes(items), strict=True):
                self._take(item, outcome)
        if self.connection is not None and self.stage.reader.complete:
            self._look_for_losses(self.connection)
        return self.trial

    def check_losses(self) -> None:
        """Refuse a loss that the run would refuse.

        Raises
        ------
        SourceShrank
            It would not be believed.
        """
        if self.connection is None or self.stage.accept_loss or self._waits_for_bad_records(self.connection):
            return
        state = stage_states.read(self.connection, self.stage.name)
        for collection, missing in self.trial.missing.items():
            had = (state.get("had") or {}).get(collection, len(missing))
            allowed = self.connection.settings.loss_share
            check_loss(self.stage.reader.source, collection, missing=missing, had=had, allowed=allowed)

    def _waits_for_bad_records(self, connection: Connection) -> bool:
        """Whether a bad record may be one that is missing: of a file that the run would read."""
        bad = {refused.file for refused in self.trial.refused if not refused.key}
        if not bad:
            return False
        self.stage.use(connection)
        files = ReadFiles.of(self.stage)
        paths = {self.stage.name_of(path): path for path in self.stage.find()}
        files.look(paths, whole_source=True, reread=self.stage.reread)
        return bool(bad & files.readings.keys())

    def _items(self) -> Iterator[list[Item]]:
        for path in self.stage.find():
            yield from chunks(self.stage.items(path), _BATCH)

    def _take(self, item: Item, outcome: Outcome) -> None:
        trial = self.trial
        if isinstance(outcome, Refused):
            trial.refused.append(outcome)
            return
        if isinstance(outcome, Failure):
            trial.failed.append((item.key, outcome.reason))
            return
        writers = writers_of(self.stage)
        try:
            written = [
                (name, doc, ready(self.stage, writers[name], item, dict(doc)))
                for name, docs in outcome.items()
                for doc in docs
            ]
        except NotStorable as error:
            trial.failed.append((item.key, f"can't be stored: {error}"))
            return
        for name, doc, ready_doc in written:
            first = self._met.setdefault((name, ready_doc.key), (item.origins[0], ready_doc.hash))
            if first[0] is item.origins[0]:
                trial.documents[name] = trial.documents.get(name, 0) + 1
                trial.sample += [doc] * (len(trial.sample) < _SHOWN)
            elif first[1] != ready_doc.hash:
                trial.refused.append(repeated(ready_doc.key, item.origins[0], first[0]))
                return

    def _look_for_losses(self, connection: Connection) -> None:
        for document in self.stage.writes:
            name = document.collection_name()
            current = current_of(self.stage, document, self.stage.reader.source)
            docs = connection.database[name].find(current, {"_id": 0, document.KEY: 1}).sort(document.KEY, 1)
            gone = [doc[document.KEY] for doc in docs if (name, doc[document.KEY]) not in self._met]
            if gone:
                self.trial.missing[name] = gone
