"""One step from a version of the registry to the next: which documents are in the old form, and what they become.

Documents are changed in batches, each in one transaction together with the note of how far it got: cut off anywhere, a
step goes on where it stopped, and nothing is done twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pymongo import UpdateMany, UpdateOne
from pymongo.client_session import ClientSession
from pymongo.database import Database

from ..connection import Connection
from ..registry_version import STAMP, STEPS_DONE
from ..transactions import in_transaction

logger = logging.getLogger(__name__)
Doc = dict[str, Any]
Updates = list[UpdateOne | UpdateMany]

_AT_ONCE: Final = 1000
_TOLD: Final = 100_000
"""Documents after which it is said how far it is: some seconds."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a step does to one collection.

    Attributes
    ----------
    collection
        Its name, as it was then.
    old_form
        Filter of the documents that are in the old form.
    fields
        What `updates` looks at, of each document.
    updates
        What brings documents into the new form.
    """

    collection: str
    old_form: Doc
    fields: tuple[str, ...]
    updates: Callable[[Database[Doc], Sequence[Doc]], Updates]


@dataclass(frozen=True, slots=True)
class Migration:
    """A step of the list in `steps`.

    Attributes
    ----------
    number
        Version of the registry once it is done.
    does
        What it does, in a few words.
    changes
        By collection, in order.
    """

    number: int
    does: str
    changes: tuple[Change, ...]

    def pending(self, connection: Connection) -> int:
        """Number of documents in the old form; looks at all of them."""
        counts = (connection.database[change.collection].count_documents(change.old_form) for change in self.changes)
        return sum(counts)

    def run(self, connection: Connection) -> int:
        """Bring all documents into the new form, and note that this step is done.

        Another program may be at the same step: a document that it has changed is not found any more.

        Returns
        -------
        int
            How many documents were changed, without those of a time before that was cut off.
        """
        counters = connection.database["counters"]
        begun = (counters.find_one(STAMP) or {}).get("migrating", {})
        place = begun.get("change", 0) if begun.get("number") == self.number else 0
        after = begun.get("after") if begun.get("number") == self.number else None
        done = 0
        for i, change in enumerate(self.changes[place:], place):
            while batch := self._batch(connection, i, after):
                after, number = batch
                done += number
                if not done % _TOLD:
                    logger.info("%s: %s documents brought into this version's form", change.collection, f"{done:,}")
            after = None
        counters.update_one(STAMP, {"$max": {STEPS_DONE: self.number}, "$unset": {"migrating": ""}}, upsert=True)
        return done

    def _batch(self, connection: Connection, place: int, after: Any) -> tuple[Any, int] | None:
        """Change the next documents in one transaction; None where there are no more.

        Parameters
        ----------
        connection
            The database.
        place
            Which of the changes.
        after
            ``_id`` of the last document that was changed; None at the beginning.

        Returns
        -------
        tuple
            ``_id`` of the last document now, and how many there were.
        """
        change = self.changes[place]
        documents = connection.database[change.collection]
        query = change.old_form if after is None else {"$and": [change.old_form, {"_id": {"$gt": after}}]}
        wanted = dict.fromkeys(("_id", *change.fields), 1)

        def work(session: ClientSession) -> tuple[Any, int] | None:
            batch = list(documents.find(query, wanted, session=session).sort("_id", 1).limit(_AT_ONCE))
            if not batch:
                return None
            updates = change.updates(connection.database, batch)
            # Past the validator, which is that of a version before this step, or after it.
            documents.bulk_write(updates, ordered=False, bypass_document_validation=True, session=session)
            stand = {"migrating": {"number": self.number, "change": place, "after": batch[-1]["_id"]}}
            connection.database["counters"].update_one(STAMP, {"$set": stand}, session=session)
            return batch[-1]["_id"], len(batch)

        return in_transaction(connection, work)


def pipeline(*stages: Doc) -> Callable[[Database[Doc], Sequence[Doc]], Updates]:
    """Updates that the server works out by itself, the same for every document."""
    return lambda _, batch: [UpdateMany({"_id": {"$in": [doc["_id"] for doc in batch]}}, list(stages))]
