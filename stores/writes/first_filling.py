"""Fills an empty collection without the indexes that only people's questions need; made at its end they cost a third.

Whoever writes next makes them (`schema.initialise`) where a run ends before; until then questions take longer.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ..connection import Connection
from ..questions import indexes_of
from ..schema import initialise, is_up_to_date, put_off_indexes

_beside: dict[Connection, _Making] = {}
"""Connections whose user goes on while indexes are made."""


class _Making(threading.Thread):
    """Makes indexes by a thread of its own; the server works, this one waits for it."""

    def __init__(self, connection: Connection) -> None:
        # One that is left alone, as the program was asked to stop, ends with it; the server goes on all the same.
        super().__init__(name="indexes", daemon=True)
        self.connection = connection
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            initialise(self.connection)
        except BaseException as error:  # noqa: BLE001  raised where it is waited for
            self.error = error

    def wait(self) -> None:
        if self.ident is not None:
            self.join()
        if self.error is not None and not is_up_to_date(self.connection):  # else somebody has made them since
            raise self.error


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
    """Make what was put off, or begin to (`made_beside`)."""
    if is_up_to_date(connection) or is_under_way(connection):
        return
    if (making := _beside.get(connection)) is not None and making.ident is None:
        making.start()
    else:
        initialise(connection)


def is_under_way(connection: Connection) -> bool:
    """Whether what was put off is being made."""
    return connection in _beside and _beside[connection].is_alive()


@contextmanager
def made_beside(connection: Connection) -> Iterator[None]:
    """Have `catch_up` return at once, and whoever uses the connection go on; at the end all indexes are there."""
    making = _beside[connection] = _Making(connection)
    try:
        yield
        making.wait()
    finally:
        del _beside[connection]


__all__ = ["catch_up", "is_under_way", "made_beside", "put_off_questions"]
