"""Connections: guarantees, errors, other processes, the Document classes."""

import multiprocessing
import os
import pickle
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import mongoengine
import psutil
import pytest
from exfolio.stores.connection import ALIAS, Connection, connect, explain, hosts_of
from exfolio.stores.errors import (
    AccessError,
    ConfigurationError,
    DatabaseUnavailable,
    ExfolioError,
    StandaloneServerError,
)
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import AutoReconnect, ExecutionTimeout, OperationFailure, WriteError


class Sighting(mongoengine.Document):
    """A document class like those of the project."""

    compound = mongoengine.StringField()
    meta = {"db_alias": "exfolio", "collection": "sightings", "strict": False, "auto_create_index": False}  # noqa: RUF012


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def standalone(mongod: Path, tmp_path: Path) -> Iterator[int]:
    """Port of a mongod that is no replica set."""
    port, data = _free_port(), tmp_path / "data"
    data.mkdir()
    command = [mongod, "--dbpath", data, "--port", port, "--bind_ip", "127.0.0.1", "--nounixsocket", "--fork"]
    subprocess.run([*map(str, command), "--logpath", str(tmp_path / "log")], check=True, stdout=subprocess.DEVNULL)
    yield port
    psutil.Process(int((data / "mongod.lock").read_text())).kill()


def test_datetimes_come_back_aware_and_uuids_as_they_were(connection: Connection) -> None:
    stamp, identity = datetime(2025, 3, 1, 12, tzinfo=UTC), uuid.uuid4()
    connection.database.runs.insert_one({"_id": identity, "at": stamp})
    assert connection.database.runs.find_one() == {"_id": identity, "at": stamp}


def test_reads_and_writes_are_those_of_the_majority(connection: Connection) -> None:
    assert connection.database.write_concern.document == {"w": "majority"}
    assert connection.database.read_concern.document == {"level": "majority"}
    assert connection.client.options.retry_writes


def test_aborted_transaction_leaves_nothing(connection: Connection) -> None:
    connection.database.create_collection("materials")
    with connection.client.start_session() as session:
        session.start_transaction()
        connection.database.materials.insert_one({"formula": "MoS2"}, session=session)
        session.abort_transaction()
    assert connection.database.materials.count_documents({}) == 0


def test_documents_use_the_connection_opened_last_and_fall_back_when_it_closes(connection: Connection) -> None:
    Sighting(compound="MoS2").save()
    assert connection.database.sightings.count_documents({}) == 1
    other = Settings(**(connection.settings.model_dump() | {"database": f"{connection.name}_b"}))

    with connect(other) as second:
        assert Sighting.objects.count() == 0
        second.client.drop_database(second.name)

    assert Sighting.objects.count() == 1
    assert connection.database.sightings.count_documents({}) == 1


def test_closing_twice_does_nothing(settings: Settings) -> None:
    opened = connect(settings)
    client = opened.client
    opened.close()
    opened.close()
    with suppress(mongoengine.ConnectionFailure):  # another connection of this process may stand behind the alias
        assert mongoengine.get_connection(ALIAS) is not client


def _count_and_add(connection: Connection) -> tuple[int, int]:
    count = connection.database.sightings.count_documents({})
    Sighting(compound="WS2").save()
    return os.getpid(), count


def test_worker_of_a_process_pool_makes_a_client_of_its_own(connection: Connection) -> None:
    Sighting(compound="MoS2").save()

    with multiprocessing.get_context("fork").Pool(1) as pool:
        pid, count = pool.apply_async(_count_and_add, (connection,)).get(timeout=20)

    assert pid != os.getpid()
    assert count == 1
    assert connection.database.sightings.count_documents({}) == 2


def test_pickled_connection_works_in_a_new_process(connection: Connection) -> None:
    Sighting(compound="MoS2").save()
    program = "import pickle, sys; print(pickle.load(sys.stdin.buffer).database.sightings.find_one()['compound'])"
    done = subprocess.run(
        [sys.executable, "-c", program], input=pickle.dumps(connection), capture_output=True, check=True, timeout=30
    )
    assert done.stdout.strip() == b"MoS2"


@pytest.mark.filterwarnings("error")
def test_forked_process_leaves_the_clients_of_its_parent_alone(connection: Connection) -> None:
    Sighting(compound="MoS2").save()
    parents = connection.client

    child = os.fork()
    if child == 0:  # no assertion may leave this block: the child would run the rest of the tests
        fine = False
        try:
            fine = Sighting.objects.count() == 1 and connection.client is not parents
            connection.close()
        finally:
            os._exit(0 if fine else 1)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connection.client is parents
    assert Sighting.objects.count() == 1


def test_text_of_a_connection_has_no_password(connection: Connection) -> None:
    password = connection.settings.home / "mongod" / "credentials.json"
    secret = embedded.ServerHome.below(connection.settings.home).credentials().user.get_secret_value()
    assert secret in password.read_text()
    assert secret not in f"{connection!r} {connection} {connection.describe()}"
    assert connection.describe() == f"database {connection.name} at {hosts_of(connection.uri)}"
    assert pickle.loads(pickle.dumps(connection)).describe() == connection.describe()


def test_uri_of_the_settings_comes_first(mongo_server: embedded.Server, settings: Settings, tmp_path: Path) -> None:
    by_uri = Settings(mongo_uri=mongo_server.uri(), database=settings.database, home=tmp_path / "never-used")
    with connect(by_uri) as opened:
        assert opened.origin == "uri"
        assert opened.client.admin.command("ping")["ok"] == 1
    assert not (tmp_path / "never-used").exists()


def test_database_of_the_uri_is_used_when_none_is_set(mongo_server: embedded.Server, tmp_path: Path) -> None:
    uri = mongo_server.uri().get_secret_value().replace("/?", "/photoanodes?")
    with connect(Settings(mongo_uri=SecretStr(uri), home=tmp_path)) as opened:
        assert opened.name == "photoanodes"
    with connect(Settings(mongo_uri=SecretStr(uri), home=tmp_path, database="mine")) as opened:
        assert opened.name == "mine"


def test_nobody_there_is_said_with_host_and_remedy(tmp_path: Path) -> None:
    port = _free_port()
    away = Settings(mongo_uri=SecretStr(f"mongodb://reader:secret@127.0.0.1:{port}"), server_wait_seconds=0.3)
    with pytest.raises(DatabaseUnavailable, match=rf"127\.0\.0\.1:{port}.*refused") as caught:
        connect(away)
    assert "exfolio db start" in caught.value.remedy
    assert "secret" not in str(caught.value)
    assert "Topology" not in str(caught.value)
    assert caught.value.exit_code == 3


def test_embedded_server_that_does_not_run_is_not_started_unasked(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="does not run") as caught:
        connect(Settings(home=tmp_path / "home"))
    assert caught.value.remedy == "Start it with: exfolio db start"
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("user", ["", "exfolio:wrong@", "nobody:nothing@"])
def test_without_the_right_password_nobody_gets_in(mongo_server: embedded.Server, user: str) -> None:
    uri = f"mongodb://{user}127.0.0.1:{mongo_server.port}/?authSource=admin"
    with pytest.raises(AccessError, match="refuses access") as caught:
        connect(Settings(mongo_uri=SecretStr(uri)))
    assert "wrong" not in caught.value.message
    assert caught.value.exit_code == 2


def test_unauthenticated_read_is_refused_by_the_server(mongo_server: embedded.Server) -> None:
    with MongoClient("127.0.0.1", mongo_server.port) as stranger, pytest.raises(OperationFailure, match="auth"):
        stranger["exfolio"]["materials"].find_one()


def test_standalone_server_is_refused_with_what_to_do(standalone: int) -> None:
    with pytest.raises(StandaloneServerError, match="not a replica set") as caught:
        connect(Settings(mongo_uri=SecretStr(f"mongodb://127.0.0.1:{standalone}")))
    assert "--replSet" in caught.value.remedy
    assert isinstance(caught.value, ConfigurationError)


def test_errors_of_the_driver_are_told_apart(connection: Connection) -> None:
    lost = explain(AutoReconnect("connection closed"), connection)
    assert isinstance(lost, DatabaseUnavailable)
    assert connection.describe() in lost.message
    with pytest.raises(OperationFailure) as caught:
        connection.database.command("noSuchCommand")
    other = explain(caught.value, connection)
    assert type(other) is ExfolioError
    assert "error 59 (CommandNotFound)" in other.message
    full = explain(WriteError("{ lsid: … }", 14031, {"codeName": "OutOfDiskSpace"}), connection)
    assert full.message == f"{connection.describe()} can't be written: its disk is full"
    connection.database["counters"].insert_one({})
    with pytest.raises(OperationFailure) as slow:
        connection.database["counters"].find_one({"$where": "sleep(50) || true"}, max_time_ms=10)
    late = explain(slow.value, connection)
    assert "took longer than it may" in late.message
    assert "$where" not in str(late)


def test_what_a_reader_may_not_do_is_said_in_words(connection: Connection) -> None:
    with connect(connection.settings, reader=True) as reading, pytest.raises(OperationFailure) as caught:
        reading.database["materials"].insert_one({})
    refused = explain(caught.value, connection)
    assert refused.message == f"{connection.describe()} refuses access: the user may not insert materials"


def test_errors_survive_the_way_home_from_a_worker() -> None:
    error = pickle.loads(pickle.dumps(DatabaseUnavailable("away", "start it")))
    assert (type(error), error.message, error.remedy) == (DatabaseUnavailable, "away", "start it")


def test_the_server_gives_up_whatever_takes_longer_than_anything_may(settings: Settings) -> None:
    slow = {"$where": "sleep(50) || true"}
    function = {"$function": {"body": "function() { sleep(50); return true }", "args": [], "lang": "js"}}
    with connect(settings.model_copy(update={"operation_seconds": 0.05})) as connection:
        documents = connection.database["materials"]
        documents.insert_many([{"number": number} for number in range(3)])
        questions: list[Callable[[], object]] = [
            lambda: list(documents.find(slow)),
            lambda: documents.find_one({"$where": "sleep(50) || false"}),
            lambda: list(documents.aggregate([{"$match": {"$expr": function}}])),
            lambda: documents.count_documents({"$expr": function}),
            lambda: documents.distinct("number", slow),
            lambda: list(connection.database.get_collection("materials").with_options().find(slow)),
        ]
        for ask in questions:
            with pytest.raises(ExecutionTimeout) as refused:
                ask()
        assert "EXFOLIO_OPERATION_SECONDS" in explain(refused.value, connection).remedy
        assert len(list(documents.find(slow, max_time_ms=5000))) == 3, "what has a time of its own keeps it"
        connection.client.drop_database(connection.name)
