"""Stage `ingest:vasp`: brings VASP results into `calculations`; a folder is parsed again only when its content changed.

Results outlive their folders: a folder that vanishes retires nothing, one that moves keeps its identity, and one that
breaks keeps its earlier result beside the complaint.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Final

from pymongo import DeleteOne, UpdateOne
from pymongo.client_session import ClientSession

from ...stores.bookkeeping import failures, quarantine, stage_states
from ...stores.canonical import text_hash
from ...stores.documents import Calculation
from ...stores.errors import ConfigurationError
from ..engine.batches import Batch, Doc, Failure, Item, Outcome, Refused
from ..engine.stage import Stage
from .vasp.crawl import Run, Trouble, crawl, shown
from .vasp.guards import BadRun, check_size

BATCH: Final = 16
"""Calculations parsed and written together: seconds of work, so that little is done twice after a kill."""
_CHUNK = 1 << 20
_TREE = "tree"  # place of complaints about folders and links, as opposed to calculations
_VASPRUN = "vasprun.xml"


class VaspStage(Stage):
    """Ingests every calculation below the given folders.

    Parameters
    ----------
    directories
        Folders to crawl. What earlier runs crawled is remembered for refreshes.

    Attributes
    ----------
    quiet_seconds
        A calculation whose files changed within so many seconds is left for a later run: it may still be written.
    """

    name = "ingest:vasp"
    version = 8  # with magnetic moments
    writes: ClassVar = {Calculation: "record"}
    orphans = "kept"

    def __init__(self, directories: Sequence[str | Path] = (), share: Doc | None = None) -> None:
        given = [directories] if isinstance(directories, str | Path) else directories
        self.directories = [str(Path(directory).absolute()) for directory in given]
        self.quiet_seconds = 0.0
        self._remembered: list[str] = []
        self._known: dict[str, Doc] = {}
        self._by_hash: dict[str, list[str]] = {}
        self._taken: set[str] = set()
        self._complaints: dict[str, str] = {}
        self._troubles: set[str] = set()
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Folders, those of earlier runs included."""
        return {"directories": sorted({*self._remembered, *self.directories})}

    def config(self) -> Doc:
        """Nothing: where folders lie does not shape the documents."""
        return {}

    @property
    def size(self) -> int:
        """Calculations in a batch."""
        return self.current_run.batch_size or BATCH

    looks_for_itself = True
    needs_outcomes = True

    def before_run(self) -> None:
        """Check the folders, and recall those of earlier runs.

        Raises
        ------
        ConfigurationError
            None of the folders is there.
        """
        missing = [directory for directory in self.directories if not Path(directory).is_dir()]
        if missing and len(missing) == len(self.directories):
            raise ConfigurationError(
                f"no folder {', '.join(repr(folder) for folder in missing)}", "Name folders that hold VASP results."
            )
        if missing:
            self.report.note = f"not there any more: {', '.join(missing)}; what was read from them stays"
        maker = stage_states.read(self.db, self.name).get("maker") or {}
        self._remembered = list(maker.get("arguments", {}).get("directories", []))

    def opened(self) -> None:
        """Read what was read before."""
        self._known = {
            doc["path"]: doc for doc in self.db.database["source_files"].find({"stage": self.name}, {"_id": 0})
        }
        for name, doc in self._known.items():
            if doc.get("calculation_id"):
                self._by_hash.setdefault(doc["sha256"], []).append(name)
                self._taken.add(doc["calculation_id"])
        complaints = self.db.database["quarantine"].find({"stage": self.name, "place": _TREE}, {"_id": 0})
        self._complaints = {doc["file"]: doc["reason"] for doc in complaints}
        self.current_run.first_time = not self._known

    def select(self) -> Iterator[Batch]:
        """Yield the calculations that are new or changed, in the order of their folders."""
        retried = set(failures.due(self.db, self.name))
        items: list[Item] = []
        for run_folder in crawl(Path(directory) for directory in self.directories if Path(directory).is_dir()):
            item = self._trouble(run_folder) if isinstance(run_folder, Trouble) else self._due(run_folder, retried)
            if item is None:
                continue
            items.append(item)
            if len(items) == self.size:
                yield Batch(0, items)
                items = []
        if items:
            yield Batch(0, items)

    def _trouble(self, trouble: Trouble) -> Item | None:
        self._troubles.add(trouble.path)
        if self._complaints.get(trouble.path) == trouble.reason:
            return None  # on record already
        return Item(f"{_TREE}:{trouble.path}", Refused(trouble.path, _TREE, trouble.reason, trouble.remedy))

    def _due(self, run: Run, retried: set[str]) -> Item | None:
        known = self._known.get(run.place)
        same_stage = known is not None and known.get("fingerprint") == self.fingerprint
        try:
            for file in run.files:
                check_size(file)
            states = [file.stat() for file in run.files]
            facts: Doc = {
                "path": run.place,
                "files": [file.name for file in run.files],
                "size": sum(state.st_size for state in states),
                "modified_ns": max(state.st_mtime_ns for state in states),
                "changed_ns": max(state.st_ctime_ns for state in states),
            }
            if self.quiet_seconds and facts["modified_ns"] > time.time_ns() - self.quiet_seconds * 1e9:
                return None
            looked_at = ("size", "modified_ns", "changed_ns")
            looks_same = known is not None and all(known.get(name) == facts[name] for name in looked_at)
            if known is not None and looks_same and same_stage and known.get("complete"):
                return None
            facts["sha256"] = known["sha256"] if known is not None and looks_same else _hash(run)
        except (BadRun, OSError) as error:
            reason = error.reason if isinstance(error, BadRun) else str(error.strerror or error)
            remedy = error.remedy if isinstance(error, BadRun) else "Allow reading it."
            return self._trouble(Trouble(run.place, reason, remedy))
        facts["fingerprint"] = self.fingerprint
        same = known is not None and same_stage and known["sha256"] == facts["sha256"]
        identity = (known or {}).get("calculation_id") or self._new_identity(run.place, facts["sha256"])
        if known is not None and same:
            if known.get("complete"):  # touched, not changed
                return Item(identity, {"facts": {**known, **facts}})
            if identity not in retried:  # failed before, and it is not time to try again
                return None
        moved_from = None if known is not None else self._moved_from(facts["sha256"])
        if moved_from is not None:
            identity = self._known[moved_from]["calculation_id"]
        facts |= {"calculation_id": identity, "moved_from": moved_from}
        origin = {"collection": "file", "id": run.place, "place": run.vasprun.name, "hash": facts["sha256"]}
        return Item(identity, {"run": run, "facts": facts}, [origin])

    def _new_identity(self, place: str, digest: str) -> str:
        identity = f"calc-{text_hash(place)[:20]}"
        if identity in self._taken:  # by a folder that was here once and has moved
            identity = f"calc-{text_hash(place, digest)[:20]}"
        return identity

    def _moved_from(self, digest: str) -> str | None:
        for name in self._by_hash.get(digest, []):
            # Escaped names can't be looked for; a folder that is still there is a copy, with an identity of its own.
            if "\\x" not in name and not Path(name.rpartition("#")[0] or name).exists() and not Path(name).exists():
                self._by_hash[digest].remove(name)
                return name
        return None

    def process(self, items: list[Item]) -> list[Outcome]:
        """Parse each calculation."""
        return [self._parse(item) for item in items]

    def _parse(self, item: Item) -> Outcome:
        from .vasp.parse import parse_run  # pymatgen comes with it, a second that only the workers need to spend

        if isinstance(item.content, Refused):
            return item.content
        facts, run = item.content["facts"], item.content.get("run")
        if run is None:
            return {}
        try:
            doc = parse_run(run)
        except BadRun as bad:
            return Refused(run.place, _VASPRUN, bad.reason, bad.remedy)
        return {"calculations": [{"calculation_id": item.key, **doc, "directory_hash": facts["sha256"]}]}

    def after_write(self, batch: Batch, session: ClientSession) -> None:
        """Note what was read, and release from quarantine what is fine now."""
        operations: list[DeleteOne | UpdateOne] = []
        fine: set[str] = {item.key for item in batch.prepared.went_well} if batch.prepared is not None else set()
        for item, outcome in zip(batch.items, batch.outcomes, strict=True):
            if isinstance(item.content, Refused):
                continue
            facts = {key: value for key, value in item.content["facts"].items() if key not in ("moved_from", "file_id")}
            refused = isinstance(outcome, Refused)
            complete = refused or (item.key in fine and not isinstance(outcome, Failure))
            facts |= {"stage": self.name, "complete": complete, "records": 0 if refused else 1, "bad": int(refused)}
            if refused and not self._known.get(facts["path"], {}).get("records"):
                facts.pop("calculation_id", None)  # nothing was made of it yet that could move along
            key = {"file_id": text_hash(self.name, facts["path"])}
            operations.append(UpdateOne(key, {"$set": facts}, upsert=True))
            if moved := item.content["facts"].get("moved_from"):
                operations.append(DeleteOne({"file_id": text_hash(self.name, moved)}))
            if not refused and facts["path"] in self._known:
                quarantine.release(self.db, self.name, facts["path"], [_VASPRUN, _TREE], session=session)
        if operations:
            self.db.database["source_files"].bulk_write(operations, session=session, ordered=True)

    def close(self) -> None:
        """Release complaints about folders and links that are no longer as they were."""
        roots = [shown(Path(directory)) for directory in self.directories]
        mended = [
            file
            for file in self._complaints
            if file not in self._troubles and any(file == root or file.startswith(root + "/") for root in roots)
        ]
        if mended:
            self.current_run.in_transaction(lambda session: self._release(mended, session))

    def _release(self, files: Sequence[str], session: ClientSession) -> None:
        for file in files:
            quarantine.release(self.db, self.name, file, [_TREE], session=session)


def _hash(run: Run) -> str:
    digest = hashlib.sha256()
    for file in run.files:
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode("utf-8", "surrogateescape"))
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()
