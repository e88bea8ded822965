"""What the registry notes of each record of a live source: its stamp, what was made of it, which pass met it last."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from ....stores.canonical import text_hash
from ....stores.connection import Connection
from ...engine.batches import Doc


class PulledRecords:
    """The notes of one stage that pulls a source, or a part of one.

    Parameters
    ----------
    connection
        The registry.
    stage
        Name of the stage.
    source
        Name of the source; other stages may pull other parts of it.
    """

    def __init__(self, connection: Connection, stage: str, source: str) -> None:
        self.stage = stage
        self.source = source
        self._notes: Any = connection.database["source_records"]

    def known(self) -> dict[str, Doc]:
        """Look up the notes of all records that were brought in, by id."""
        fields = {"_id": 0, "record": 1, "stamp": 1, "fingerprint": 1, "made": 1, "bad": 1}
        brought_in = self._notes.find({"stage": self.stage, "made": {"$exists": True}}, fields)
        return {doc.pop("record"): doc for doc in brought_in}

    def met(self, pass_id: str) -> list[str]:
        """Ids of the records that a pass has met so far."""
        seen = self._notes.find({"stage": self.stage, "seen": pass_id}, {"_id": 0, "record": 1})
        return [doc["record"] for doc in seen]

    def tried(self, records: Collection[str]) -> dict[str, Doc]:
        """Stamp and fingerprint under which each of these records failed last."""
        query = {"stage": self.stage, "record": {"$in": list(records)}, "tried": {"$exists": True}}
        return {doc["record"]: doc["tried"] for doc in self._notes.find(query, {"_id": 0, "record": 1, "tried": 1})}

    def count(self, session: ClientSession | None = None) -> int:
        """Count the records."""
        return int(self._notes.count_documents({"stage": self.stage}, session=session))

    def missing(self, pass_id: str) -> dict[str, Doc]:
        """Look up the notes of records that a pass did not meet, or that the source itself has withdrawn, by id."""
        gone = {"stage": self.stage, "$or": [{"seen": {"$ne": pass_id}}, {"withdrawn": {"$exists": True}}]}
        return {doc["record"]: doc for doc in self._notes.find(gone, {"_id": 0})}

    def in_other_parts(self, records: Collection[str]) -> set[str]:
        """Those of the records that other parts of the source have too: O2 is in the system of every oxide."""
        others = {"source": self.source, "record": {"$in": list(records)}, "stage": {"$ne": self.stage}}
        return {doc["record"] for doc in self._notes.find(others, {"_id": 0, "record": 1})}

    def update(self, record: str, changes: Doc, gone: Iterable[str] = ()) -> UpdateOne:
        """Change the notes of a record, once `write` is called."""
        fixed = {"stage": self.stage, "source": self.source, "record": record}
        operation = {"$set": changes, "$unset": dict.fromkeys(gone, ""), "$setOnInsert": fixed}
        return UpdateOne({"record_id": text_hash(self.stage, record)}, operation, upsert=True)

    def write(self, operations: list[UpdateOne], session: ClientSession) -> None:
        """Store changes, in the caller's transaction."""
        if operations:
            self._notes.bulk_write(operations, session=session, ordered=False)

    def forget(self, records: Collection[str], session: ClientSession) -> None:
        """Delete notes, in the caller's transaction."""
        ids = [text_hash(self.stage, record) for record in records]
        self._notes.delete_many({"record_id": {"$in": ids}}, session=session)
