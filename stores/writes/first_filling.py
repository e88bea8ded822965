"""Fills an empty collection without the indexes that only people's questions need; made at its end they cost a third.

Whoever writes next makes them (`schema.initialise`) where a run ends before; until then questions take longer.
"""

from __future__ import annotations

from ..connection import Connection
from ..questions import indexes_of
from ..schema import initialise, is_up_to_date, put_off_indexes


def put_off_questions(connection: Connection, collection: str) -> bool:
    """Drop the indexes for questions where the collection is empty; says whether it is."""
    documents = connection.database[collection]
    if documents.find_one({}, {"_id": 1}) is not None:
        return False
    put_off_indexes(connection)
    for name in documents.index_information().keys() & {index.name for index in indexes_of(collection)}:
        documents.drop_index(name)
    return True


def catch_up(connection: Connection) -> None:
    """Make what was put off."""
    if not is_up_to_date(connection):
        initialise(connection)
