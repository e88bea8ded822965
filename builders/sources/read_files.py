"""Which files of a source were read, how far, and how each is to be read now: not at all, from where it was cut, whole.

Knows files by path, bytes and times; no reader and no record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures
from ...stores.canonical import text_hash
from ..engine.batches import Doc
from ..engine.stage import Stage

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read.

    Attributes
    ----------
    facts
        Size, times and hash.
    skip
        Records before this one are taken care of: its first reading was cut.
    compare
        Whether it may have lost records; it then counts as read only once these are noted.
    """

    facts: Doc
    skip: int = 0
    compare: bool = False


@dataclass(slots=True)
class ReadFiles:
    """The files of one source in one run of its stage.

    Attributes
    ----------
    stage
        The stage, in its run.
    known
        What was noted of each before this run, by path.
    readings
        How each that is due is read.
    present
        All that the source has now.
    with_repeats
        Those that hold records of ids that others of the source have.
    """

    stage: Stage
    known: dict[str, Doc]
    readings: dict[str, Reading] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    with_repeats: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, stage: Stage) -> ReadFiles:
        """Look up what a stage has read."""
        files = stage.db.database["source_files"]
        return cls(stage, {doc["path"]: doc for doc in files.find({"stage": stage.name}, {"_id": 0})})

    @property
    def vanished(self) -> set[str]:
        """Files that were read and are there no more."""
        return self.known.keys() - self.present

    @property
    def kept(self) -> set[str]:
        """Files that are as they were read."""
        return self.present - self.readings.keys()

    @property
    def vouched_for(self) -> set[str]:
        """Files of which it is sure that they hold what was made of them."""
        return {name for name in self.present if name not in self.readings or not self.readings[name].compare}

    def look(self, paths: Mapping[str, Path], *, whole_source: bool, reread: bool) -> None:
        """Find out which files are due.

        Parameters
        ----------
        paths
            The files of the source, by name.
        whole_source
            Whether they are all of it, so that what they lost is to be retired.
        reread
            Read all of them, also those that look as if nothing had changed.
        """
        self.present = set(paths)
        retried = failures.due(self.stage.db, self.stage.name)
        for name, path in paths.items():
            known = self.known.get(name)
            facts = _facts(path, known or {}, trust=not reread)
            if known is None:
                self.readings[name] = Reading(facts)
                continue
            same = known.get("sha256") == facts["sha256"] and known.get("fingerprint") == self.stage.fingerprint
            not_compared = known.get("compare") and whole_source
            again = reread or not_compared or any(item.startswith(f"{name}: ") for item in retried)
            if same and known.get("complete") and not again:
                continue
            # What was read before a cut counts; but a file that may have lost records is read whole.
            resumed = same and "records" not in known and not known.get("compare") and not again
            skip = int(known.get("next_record", 0)) if resumed else 0
            self.readings[name] = Reading(facts, skip, compare=not resumed)
            if skip and known.get("repeats"):
                self.with_repeats.add(name)
        # A record that one file no longer has may live on in another one that has the same id.
        if self.vanished or any(reading.compare for reading in self.readings.values()):
            for name in [name for name in self.kept if self.known[name].get("repeats")]:
                self.readings[name] = Reading(_facts(paths[name], self.known[name]), compare=True)

    def mark(self, name: str, *, done: int, bad: int) -> Doc:
        """How far the reading of a file has come, as it is noted.

        Parameters
        ----------
        name
            The file.
        done, bad
            Records that were read, and of these bad ones.
        """
        reading = self.readings[name]
        return {
            "path": name,
            **reading.facts,
            "fingerprint": self.stage.fingerprint,
            "next_record": done,
            "complete": False,
            "compare": reading.compare,
            "bad": bad,
        }

    def note(self, marks: Iterable[Doc], session: ClientSession) -> None:
        """Note how far files were read, in the caller's transaction."""
        operations = []
        for mark in marks:
            path = mark["path"]
            repeats = {"repeats": True} if path in self.with_repeats else {}
            if mark["complete"]:
                repeats = {"repeats": path in self.with_repeats}
                if not self.readings[path].skip:
                    self._forget_complaints(path, session)
            identity = {"file_id": text_hash(self.stage.name, path)}
            operations.append(UpdateOne(identity, {"$set": {"stage": self.stage.name, **mark, **repeats}}, upsert=True))
        if operations:
            self.stage.db.database["source_files"].bulk_write(operations, session=session, ordered=False)

    def _forget_complaints(self, path: str, session: ClientSession) -> None:
        # What a whole reading did not complain about is mended or gone.
        db, stage, run_id = self.stage.db, self.stage.name, self.stage.current_run.run_id
        stale = {"stage": stage, "file": path, "run_id": {"$ne": run_id}}
        db.database["quarantine"].delete_many(stale, session=session)
        failures.forget_others(db, stage, f"{path}: ", run_id, session)

    def forget(self, names: Collection[str], session: ClientSession) -> None:
        """Forget files that are gone, with what was wrong in them, in the caller's transaction."""
        gone = list(names)
        database = self.stage.db.database
        database["source_files"].delete_many({"stage": self.stage.name, "path": {"$in": gone}}, session=session)
        database["quarantine"].delete_many({"stage": self.stage.name, "file": {"$in": gone}}, session=session)

    def with_bad_records(self) -> set[str]:
        """Files that hold records of which not even the id is known."""
        database = self.stage.db.database
        files = set(database["quarantine"].distinct("file", {"stage": self.stage.name, "key": {"$exists": False}}))
        failed = database["failures"].distinct("item", {"stage": self.stage.name})
        names = {*self.present, *self.known} if failed else set()
        return files | {name for name in names if any(item.startswith(f"{name}: ") for item in failed)}


def _facts(path: Path, known: Doc, *, trust: bool = True) -> Doc:
    stat = path.stat()
    # Size and time of change can be set by a program; the time at which the system noted the change can't.
    facts: Doc = {"size": stat.st_size, "modified_ns": stat.st_mtime_ns, "changed_ns": stat.st_ctime_ns}
    if trust and all(known.get(name) == value for name, value in facts.items()):
        return {**facts, "sha256": known.get("sha256")}
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return {**facts, "sha256": digest.hexdigest()}
