"""What is kept beside the documents comes back byte for byte, or not at all."""

import hashlib

import pytest
from exfolio.stores.bookkeeping import artefacts
from exfolio.stores.bookkeeping.artefacts import ArtefactMissing
from exfolio.stores.connection import Connection


def test_bytes_are_named_by_their_hash_and_kept_once(connection: Connection) -> None:
    data = bytes(range(256)) * 4096

    name = artefacts.put(connection, data, what="test")
    again = artefacts.put(connection, data, what="test")

    assert name == again == hashlib.sha256(data).hexdigest()
    assert artefacts.get(connection, name) == data
    assert connection.database["artefacts.files"].count_documents({}) == 1


def test_an_artefact_that_is_not_there_is_missed(connection: Connection) -> None:
    with pytest.raises(ArtefactMissing, match="artefact 0123 is not in the database"):
        artefacts.get(connection, "0123")


def test_a_damaged_artefact_is_noticed(connection: Connection) -> None:
    name = artefacts.put(connection, b"weights", what="test")
    connection.database["artefacts.chunks"].update_one({}, {"$set": {"data": b"wEights"}})

    with pytest.raises(ArtefactMissing, match="is damaged"):
        artefacts.get(connection, name)


def test_the_newest_checkpoint_of_a_job_stays(connection: Connection) -> None:
    assert artefacts.checkpoint(connection, "roost-1") is None
    for data in (b"first", b"second"):
        artefacts.put_checkpoint(connection, "roost-1", data)
    artefacts.put_checkpoint(connection, "roost-2", b"another")

    assert artefacts.checkpoint(connection, "roost-1") == b"second"
    assert connection.database["checkpoints.files"].count_documents({}) == 2

    artefacts.drop_checkpoints(connection, "roost-1")
    assert artefacts.checkpoint(connection, "roost-1") is None
    assert artefacts.checkpoint(connection, "roost-2") == b"another"


def test_a_checkpoint_that_was_cut_off_is_passed_over(connection: Connection) -> None:
    artefacts.put_checkpoint(connection, "roost-1", b"whole")
    files = connection.database["checkpoints.files"]
    kept = files.find_one()
    assert kept is not None
    artefacts.put_checkpoint(connection, "roost-1", b"newer")
    connection.database["checkpoints.chunks"].update_one({}, {"$set": {"data": b"newe?"}})

    assert artefacts.checkpoint(connection, "roost-1") is None
