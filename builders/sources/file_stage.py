"""Stages that read files of known materials: an unchanged file is not read again, a changed one only writes changes.

A file that may have lost records is read whole, and counts as read only once its losses are noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import ClassVar

from pymongo.client_session import ClientSession

from ...stores.bookkeeping import quarantine
from ...stores.disk_room import require_room_in_database
from ...stores.documents import Material, ReferenceEntry
from ...stores.errors import ConfigurationError
from ..engine.batches import Batch, Doc, Item, Outcome, Prepared, Refused
from ..engine.stage import Stage
from .files.open_files import SourceFileError
from .read_files import ReadFiles
from .reader_kinds import reader_for
from .readers.reader import Reader, parse_many
from .records.raw_record import BadRecord, RawRecord
from .records.source_options import SourceOptionError
from .registered import check_kind
from .repeated_records import RepeatedRecords
from .retirement import PendingRetirements, SourceShrank, chunks, current_of, note_had, reason_of_loss, some


class SourceMissing(ConfigurationError):
    """The files of a source are not there or can't be read."""


class SourceStage(Stage):
    """Brings the records of one file source into the registry.

    Parameters
    ----------
    kind
        Kind of file, as `sources.reader_kinds` names it.
    options
        Keyword arguments of its reader: paths, name of the source and so on (plain data).
    accept_loss
        Retire what the source no longer has, even if that is more than the settings' share.
    reread
        Read all files, those too that look as if nothing had changed.
    share
        As of every stage.

    Raises
    ------
    ConfigurationError
        There is no such kind, or it does not take these options.
    """

    name = "ingest"
    version = 2
    writes: ClassVar = {Material: "record", ReferenceEntry: "record"}
    orphans = "kept"  # what is missing is retired at the end of a pass, never batch by batch
    selects_ahead = True
    looks_for_itself = True

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
        self.options = _plain_options(options or {})
        self.accept_loss = accept_loss
        self.reread = reread
        try:
            self.reader: Reader = reader_for(kind, **self.options)
        except SourceOptionError as error:
            raise ConfigurationError(
                str(error), "The kinds of source and their options: exfolio ingest --help"
            ) from None
        self.name = f"ingest:{self.reader.source}"
        self._files = ReadFiles(self, {})
        self._paths: list[Path] = []
        self._ends: list[Doc] = []
        self._repeated = RepeatedRecords({doc.collection_name(): (doc, facet) for doc, facet in self.writes.items()})
        self._same = 0
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Kind and options of the reader."""
        return {"kind": self.kind, "options": self.options}

    def config(self) -> Doc:
        """Reader and its version, which shape the documents; not where its files lie."""
        return {"kind": self.kind, "reader": self.reader.describe(), "version": self.reader.version}

    def before_run(self) -> None:
        """Check that the source was always read by the same kind of reader, and that there is room for it.

        Raises
        ------
        ConfigurationError
            It was not.
        CannotRunError
            The database has no room for it.
        """
        check_kind(self.db, self.reader.source, self.kind)
        require_room_in_database(self.db, f"source {self.reader.source}", self._new_bytes())

    def _new_bytes(self) -> int:
        """Bytes of files that were never read: the registry keeps more of them than that, as it indexes it."""
        known = set(self.db.database["source_files"].distinct("path", {"stage": self.name}))
        with suppress(SourceFileError, OSError):  # said where they are read
            return sum(path.stat().st_size for path in self.reader.files() if self.name_of(path) not in known)
        return 0

    def opened(self) -> None:
        """Read which files were read before, and what of them is still to be retired."""
        self._files = ReadFiles.of(self)
        self.current_run.first_time = not self._files.known
        self._pending = PendingRetirements(self, self.reader.source)
        if "had" not in self.state and any("records" in doc for doc in self._files.known.values()):
            self.current_run.in_transaction(partial(note_had, self, self.reader.source))

    def select(self) -> Iterator[Batch]:
        """Read the records of new and changed files, in the order of the files."""
        self.find()
        self._files.look(
            {self.name_of(path): path for path in self._paths}, whole_source=self.reader.complete, reread=self.reread
        )
        for path in self._paths:
            if self.name_of(path) in self._files.readings:
                yield from self._batches(path, self.name_of(path))

    def find(self) -> list[Path]:
        """Files of the source, in the order in which they are read.

        Raises
        ------
        SourceMissing
            They are not there or can't be read.
        """
        try:
            self._paths = self.reader.files()
        except SourceFileError as error:
            raise self._unread(error, "Put it back, or ingest the source from where it is now.") from None
        return self._paths

    def items(self, path: Path) -> Iterator[Item]:
        """Every record of one of these files, whatever was read of it before."""
        return (self._item(record, self.name_of(path)) for record in self._records(path))

    def _unread(self, error: SourceFileError, remedy: str) -> SourceMissing:
        return SourceMissing(str(error), f"Nothing was retired. {remedy}" if self._files.known else "")

    def _records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        try:
            yield from self.reader.records(path)
        except SourceFileError as error:  # before the first record
            if len(self._paths) == 1:
                raise self._unread(error, "Mend the file, or say otherwise how to read it.") from None
            yield BadRecord(str(error), remedy="mend or remove the file", place="the file", rest_unread=True)

    def _batches(self, path: Path, name: str) -> Iterator[Batch]:
        reading = self._files.readings[name]
        records = islice(self._records(path), reading.skip, None)
        done = reading.skip
        bad = 0
        while chunk := list(islice(records, self.size)):
            done += len(chunk)
            bad += sum(isinstance(record, BadRecord) for record in chunk)
            mark = self._files.mark(name, done=done, bad=bad)
            yield Batch(0, [self._item(record, name) for record in chunk], mark=mark)
        ending = self._files.mark(name, done=done, bad=bad) | {"records": done}
        if reading.compare:
            self._ends.append(ending)
        else:
            yield Batch(0, [], mark=ending | {"complete": True})

    def _item(self, record: RawRecord | BadRecord, name: str) -> Item:
        return Item(f"{name}: {record.place}", record, [{"collection": "file", "id": name, "place": record.place}])

    def name_of(self, path: Path) -> str:
        """Name under which a file is noted."""
        return str(path.absolute())

    def process(self, items: list[Item]) -> list[Outcome]:
        """Parse raw records into documents."""
        raws = [item.content for item in items if isinstance(item.content, RawRecord)]
        parsed = iter(parse_many(self.reader, raws))
        results: list[Outcome] = []
        for item in items:
            result = item.content if isinstance(item.content, BadRecord) else next(parsed)
            if isinstance(result, BadRecord):
                file = item.origins[0]["id"]
                results.append(Refused(file, item.origins[0]["place"] or result.place, result.reason, result.remedy))
            else:
                results.append(result)
        return results

    def sift(self, prepared: Prepared) -> None:
        """Set apart records whose id another one has; what says the same twice is one document."""
        kept = self._files.kept
        resumed = {name for name, reading in self._files.readings.items() if reading.skip}

        def still_there(first: Doc, later: Doc) -> bool:
            file = first.get("id")
            return file in kept or (file in resumed and file == later["id"] and first["place"] != later["place"])

        claims = still_there if kept or resumed else None
        repeats = self._repeated.sift(prepared, self.db.database, claims, self._pending)
        self._files.with_repeats |= repeats.files
        self._same += repeats.same
        self.report.unchanged += repeats.same

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Release from quarantine what is fine now, and take back what was to be retired and is there."""
        by_file: dict[str, list[str]] = {}
        for item in batch.prepared.went_well if batch.prepared is not None else ():
            by_file.setdefault(item.origins[0]["id"], []).append(item.origins[0]["place"])
        for file, places in by_file.items():
            if file in self._files.known:
                quarantine.release(self.db, self.name, file, places, session=session)
        if self._pending.any and batch.prepared is not None:
            for collection, docs in batch.prepared.documents.items():
                self._pending.forget(collection, [doc.key for doc in docs], session)

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how far a file was read."""
        self._files.note([mark], session)

    # The end of a pass

    def close(self) -> None:
        """Retire what the source no longer has, unless that looks like an accident.

        Raises
        ------
        SourceShrank
            Too much of the source is gone at once.
        """
        vanished = self._files.vanished if self.reader.complete else set()
        if self.reader.complete and (self._ends or vanished):
            self._note_missing()
        if self._ends or vanished:
            self.current_run.in_transaction(partial(self._end_files, vanished))
        if self._same:
            says = "record says" if self._same == 1 else "records say"
            counts = "counts" if self._same == 1 else "count"
            self.report.note = f"{self._same:,} {says} what another one of the same id says, and {counts} once"
        if self.reader.complete:
            self._settle(vanished)

    def _end_files(self, vanished: set[str], session: ClientSession) -> None:
        # Where the files are not the whole source, a later reading of all of it is to tell what was lost.
        compare = not self.reader.complete
        self._files.note([end | {"complete": True, "compare": compare} for end in self._ends], session)
        if vanished:
            self._files.forget(vanished, session)

    def _note_missing(self) -> None:
        """Note which documents come from a file that is gone, or that was read whole and does not have them."""
        sure = self._files.vouched_for
        missing: dict[str, list[str]] = {}
        for document in self.writes:
            name = document.collection_name()
            fields = {"_id": 0, document.KEY: 1, "origins.collection": 1, "origins.id": 1}
            current = self.db.database[name].find(current_of(self, document, self.reader.source), fields)
            for docs in chunks(current, self.size):
                unsure = [doc[document.KEY] for doc in docs if not sure & _files_of(doc)]
                met = self._repeated.met[name].among(unsure)
                missing.setdefault(name, []).extend(key for key, there in zip(unsure, met, strict=True) if not there)
        if any(missing.values()):
            bad = self._files.with_bad_records() & self._files.readings.keys()
            reason = reason_of_loss(self.reader.source, self.reader.source_version)
            self._pending.note(missing, reason, sorted(bad))

    def _settle(self, vanished: set[str]) -> None:
        pending = PendingRetirements(self, self.reader.source)
        if not (pending.any or self._files.readings or vanished):
            return
        bad = self._files.with_bad_records()
        hint = _hint(self.reader.source, [file for file in sorted(vanished) if Path(file).exists()])
        if waiting := pending.settle(bad, accept_loss=self.accept_loss, hint=hint):
            waits = (
                f"nothing was retired of {waiting:,} records that are no longer met, because bad records in "
                f"{some(sorted(bad))} may be the ones that are missing; mend these, or accept the loss "
                "with --accept-loss"
            )
            self.report.note = "; ".join(filter(None, (self.report.note, waits)))


def _files_of(doc: Doc) -> set[str]:
    return {origin["id"] for origin in doc.get("origins", []) if origin.get("collection") == "file"}


def _hint(source: str, files: list[str]) -> str:
    if not files:
        return ""
    return (
        f"{some(files)}, read as {source} before, is not among the paths any more: name it too, or "
        "give the new files a source name of their own (--source NAME). "
    )


def _plain_options(options: Doc) -> Doc:
    # Kept in the database for later refreshes, which may start in another folder.
    plain = {name: value for name, value in options.items() if value is not None}
    if "paths" in plain:
        given = [plain["paths"]] if isinstance(plain["paths"], str | Path) else plain["paths"]
        plain["paths"] = [str(Path(path).absolute()) for path in given]
    return plain


__all__ = ["SourceMissing", "SourceShrank", "SourceStage"]
