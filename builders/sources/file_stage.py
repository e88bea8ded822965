"""Stages that read files of known materials: an unchanged file is not read again, a changed one only writes changes."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import quarantine, stage_states
from ...stores.canonical import text_hash
from ...stores.documents import Material, ReferenceEntry
from ...stores.errors import ConfigurationError
from ..engine.batches import Batch, Doc, Item, Outcome, Refused
from ..engine.stage import Stage
from .files.open_files import SourceFileError
from .reader_kinds import reader_for
from .readers.reader import Reader, parse_many
from .records.raw_record import BadRecord, RawRecord
from .records.source_options import SourceOptionError
from .retirement import SourceShrank, check_loss, reason_of_loss, retire

_CHUNK = 1 << 20


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
    share
        As of every stage.

    Raises
    ------
    ConfigurationError
        There is no such kind, or it does not take these options.
    """

    name = "ingest"
    writes: ClassVar = {Material: "record", ReferenceEntry: "record"}
    orphans = "kept"  # what is missing is retired at the end of a pass, never batch by batch
    selects_ahead = True
    looks_for_itself = True

    def __init__(
        self, kind: str, options: Doc | None = None, *, accept_loss: bool = False, share: Doc | None = None
    ) -> None:
        self.kind = kind
        self.options = _plain_options(options or {})
        self.accept_loss = accept_loss
        try:
            self.reader: Reader = reader_for(kind, **self.options)
        except SourceOptionError as error:
            raise ConfigurationError(
                str(error), "The kinds of source and their options: exfolio ingest --help"
            ) from None
        self.name = f"ingest:{self.reader.source}"
        self._files: dict[str, Doc] = {}
        self._paths: list[Path] = []
        self._unread: set[str] = set()
        self._seen = array("Q")
        self._bad = 0
        self._had_documents = False
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Kind and options of the reader."""
        return {"kind": self.kind, "options": self.options}

    def config(self) -> Doc:
        """Reader and its version, which shape the documents; not where its files lie."""
        return {"kind": self.kind, "reader": self.reader.describe(), "version": self.reader.version}

    def before_run(self) -> None:
        """Check that the source was always read by the same kind of reader.

        Raises
        ------
        ConfigurationError
            It was not.
        """
        before = stage_states.read(self.db, self.name)  # beginning puts this stage's arguments in their place
        known = (before.get("maker") or {}).get("arguments", {}).get("kind", self.kind)
        if known != self.kind:
            raise ConfigurationError(
                f"source {self.reader.source} was read as {known}, not as {self.kind}",
                "Give the new data a source name of its own (--source NAME).",
            )

    def opened(self) -> None:
        """Read which files were read before."""
        files = self.db.database["source_files"]
        self._files = {doc["path"]: doc for doc in files.find({"stage": self.name}, {"_id": 0})}
        self.current_run.first_time = not self._files
        # A file that was read to its end once has its number of records, even if a later reading was cut off.
        self._had_documents = any("records" in doc for doc in self._files.values())

    def select(self) -> Iterator[Batch]:
        """Read the records of new and changed files, in the order of the files."""
        self._paths = self._find()
        for path in self._paths:
            name = self._name(path)
            known = self._files.get(name, {})
            facts = _facts(path, known)
            same = known.get("sha256") == facts["sha256"] and known.get("fingerprint") == self.fingerprint
            if same and known.get("complete"):
                self._unread.add(name)
                continue
            # What was read before a cut counts; but a file that may retire records is read whole.
            skip = int(known.get("next_record", 0)) if same and not self._had_documents else 0
            yield from self._batches(path, name, facts, skip)

    def _find(self) -> list[Path]:
        try:
            return self.reader.files()
        except SourceFileError as error:
            raise self._missing(error) from None

    def _missing(self, error: SourceFileError) -> SourceMissing:
        remedy = "Nothing was retired. Put it back, or ingest the source from where it is now."
        return SourceMissing(str(error), remedy if self._files else "")

    def _records(self, path: Path) -> Iterator[RawRecord | BadRecord]:
        try:
            yield from self.reader.records(path)
        except SourceFileError as error:  # before the first record
            if len(self._paths) == 1:
                raise self._missing(error) from None
            yield BadRecord(str(error), remedy="mend or remove the file", place="the file", rest_unread=True)

    def _batches(self, path: Path, name: str, facts: Doc, skip: int) -> Iterator[Batch]:
        records = islice(self._records(path), skip, None)
        done = skip
        bad = 0
        cut = False
        while chunk := list(islice(records, self.size)):
            done += len(chunk)
            bad += sum(isinstance(record, BadRecord) for record in chunk)
            cut = cut or any(isinstance(record, BadRecord) and record.rest_unread for record in chunk)
            yield Batch(0, [self._item(record, name) for record in chunk], mark=self._mark(name, facts, done, bad))
        ending = self._mark(name, facts, done, bad)
        ending |= {"complete": True, "records": done, "cut": cut, "whole": not skip}
        yield Batch(0, [], mark=ending)

    def _mark(self, name: str, facts: Doc, done: int, bad: int) -> Doc:
        return {
            "path": name,
            **facts,
            "fingerprint": self.fingerprint,
            "next_record": done,
            "complete": False,
            "bad": bad,
        }

    def _item(self, record: RawRecord | BadRecord, name: str) -> Item:
        return Item(f"{name}: {record.place}", record, [{"collection": "file", "id": name, "place": record.place}])

    def _name(self, path: Path) -> str:
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

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Release from quarantine what is fine now."""
        by_file: dict[str, list[str]] = {}
        for item in batch.prepared.went_well if batch.prepared is not None else ():
            by_file.setdefault(item.origins[0]["id"], []).append(item.origins[0]["place"])
        for file, places in by_file.items():
            if self._files.get(file, {}).get("bad"):
                quarantine.release(self.db, self.name, file, places, session=session)

    def stored(self, batch: Batch) -> None:
        """Remember which records were met."""
        for outcome in batch.outcomes:
            if isinstance(outcome, dict):
                self._seen.extend(
                    _short_hash(doc[document.KEY])
                    for document in self.writes
                    for doc in outcome.get(document.collection_name(), [])
                )
            else:
                self._bad += 1

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how far a file was read."""
        identity = text_hash(self.name, mark["path"])
        facts = {key: value for key, value in mark.items() if key not in ("cut", "whole")}
        changes = {"$set": {"stage": self.name, **facts}}
        if mark.get("cut"):
            self._bad += 1
        if mark.get("whole"):  # what this reading did not complain about is mended or gone
            stale = {"stage": self.name, "file": mark["path"], "run_id": {"$ne": self.current_run.run_id}}
            self.db.database["quarantine"].delete_many(stale, session=session)
        self.db.database["source_files"].update_one({"file_id": identity}, changes, upsert=True, session=session)

    def close(self) -> None:
        """Retire what the source no longer has, unless that looks like an accident.

        Raises
        ------
        SourceShrank
            Too much of the source is gone at once.
        """
        if self.share is not None:
            return
        present = {self._name(path) for path in self._paths}
        vanished = set(self._files) - present
        read_again = present - self._unread
        if not self.reader.complete or not self._had_documents or not (vanished or read_again):
            return
        if self._bad:
            self.report.note = "nothing was retired, because bad records may be the ones that are missing"
            return
        for document in self.writes:
            self._retire(document, vanished)

    def _retire(self, document: Any, vanished: set[str]) -> None:
        collection = self.db.database[document.collection_name()]
        query = {"source": self.reader.source, "deprecated": False}
        seen = np.unique(np.frombuffer(self._seen, dtype=np.uint64)) if self._seen else np.empty(0, np.uint64)
        total = 0
        missing: list[str] = []
        for doc in collection.find(query, {"_id": 0, document.KEY: 1, "origins.collection": 1, "origins.id": 1}):
            total += 1
            files = {origin.get("id") for origin in doc.get("origins", []) if origin.get("collection") == "file"}
            if files & self._unread:
                continue
            digest = np.uint64(_short_hash(doc[document.KEY]))
            at = int(np.searchsorted(seen, digest))
            if at == len(seen) or seen[at] != digest:
                missing.append(doc[document.KEY])
        if not self.accept_loss:
            try:
                check_loss(
                    self.reader.source,
                    document.collection_name(),
                    missing=len(missing),
                    total=total,
                    allowed=self.db.settings.loss_share,
                )
            except SourceShrank:
                self._read_again_next_time()
                raise
        reason = reason_of_loss(self.reader.source, self.reader.source_version)
        retire(self, document, dict.fromkeys(missing, reason))
        if vanished:
            self.db.database["source_files"].delete_many({"stage": self.name, "path": {"$in": sorted(vanished)}})
            self.db.database["quarantine"].delete_many({"stage": self.name, "file": {"$in": sorted(vanished)}})

    def _read_again_next_time(self) -> None:
        # The files were read to their end; without this the next run would find nothing to do and say all is well.
        self.db.database["source_files"].update_many({"stage": self.name}, {"$set": {"fingerprint": "read again"}})


def _facts(path: Path, known: Doc) -> Doc:
    stat = path.stat()
    facts: Doc = {"size": stat.st_size, "modified_ns": stat.st_mtime_ns}
    if known.get("size") == facts["size"] and known.get("modified_ns") == facts["modified_ns"]:
        return {**facts, "sha256": known.get("sha256")}
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return {**facts, "sha256": digest.hexdigest()}


def _short_hash(key: str) -> int:
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "little")


def _plain_options(options: Doc) -> Doc:
    # Kept in the database for later refreshes, which may start in another folder.
    plain = {name: value for name, value in options.items() if value is not None}
    if "paths" in plain:
        given = [plain["paths"]] if isinstance(plain["paths"], str | Path) else plain["paths"]
        plain["paths"] = [str(Path(path).absolute()) for path in given]
    return plain


__all__ = ["SourceMissing", "SourceShrank", "SourceStage"]
