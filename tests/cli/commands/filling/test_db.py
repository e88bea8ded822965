"""``exfolio db`` and the frame around every command: exit codes, errors, JSON, pipes."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from exfolio.cli import main as frame
from exfolio.cli.display.console import print_json
from exfolio.stores.bookkeeping.leases import Lease
from exfolio.stores.connection import connect
from exfolio.stores.errors import LeaseHeld
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings

PROGRAM = [sys.executable, "-c", "from exfolio.cli.main import main; main()"]


@pytest.fixture
def environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Let commands use the shared server and a database of this test's own."""
    for name in ("home", "mongod", "database"):
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(getattr(settings, name)))
    return settings


def test_start_stop_and_start_again(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXFOLIO_HOME", str(home.home))
    monkeypatch.setenv("EXFOLIO_MONGOD", str(home.mongod))

    assert frame.run(["db", "status", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["running"] is False

    assert frame.run(["db", "start", "--json"]) == 0
    started = json.loads(capsys.readouterr().out)
    assert started["running"] is True
    assert started["already_running"] is False

    assert frame.run(["db", "start", "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["already_running"] is True
    assert again["pid"] == started["pid"]

    assert frame.run(["db", "stop", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": True}
    assert frame.run(["db", "stop"]) == 0
    assert capsys.readouterr().out == "It was not running.\n"


@pytest.mark.endurance
def test_stop_while_a_run_holds_a_lease_is_refused_unless_forced(
    home: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a server whose one lease is held, in a database of its own, and another has run out
    monkeypatch.setenv("EXFOLIO_HOME", str(home.home))
    monkeypatch.setenv("EXFOLIO_MONGOD", str(home.mongod))
    impatient = home.model_copy(update={"server_wait_seconds": 1.0})
    with (
        connect(impatient, autostart=True) as first,
        connect(impatient.model_copy(update={"database": "another"})) as second,
    ):
        first.database["leases"].insert_one(
            {"job": "stage layers", "owner": "elsewhere:1", "token": 1, "expires_at": datetime(2020, 1, 1, tzinfo=UTC)}
        )
        with Lease(second, "refresh", seconds=30) as lease:
            # When it is to be stopped, it says who works, and goes on
            assert frame.run(["db", "stop"]) == 3
            said = capsys.readouterr().err
            assert f"refresh is being run by {lease.owner}, since {datetime.now(UTC):%Y-}" in said
            assert "stage layers" not in said
            assert "--force" in said
            assert embedded.find_running(home) is not None

            # Then it stops when told so in earnest
            assert frame.run(["db", "stop", "--force", "--json"]) == 0
            assert json.loads(capsys.readouterr().out) == {"stopped": True}
            assert embedded.find_running(home) is None


def test_status_shows_a_whole_uri_without_the_password(
    environment: Settings,
    mongo_server: embedded.Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert frame.run(["db", "status"]) == 0
    shown = capsys.readouterr().out
    assert f"mongodb://exfolio:***@127.0.0.1:{mongo_server.port}/?authSource=admin&replicaSet=exfolio\n" in shown
    assert mongo_server.home.credentials().user.get_secret_value() not in shown


def test_status_of_a_uri_asks_that_server(
    mongo_server: embedded.Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", mongo_server.uri().get_secret_value())
    assert frame.run(["db", "status", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["hosts"] == f"127.0.0.1:{mongo_server.port}"


def test_init_makes_the_collections_and_again_changes_nothing(
    environment: Settings, connection: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frame.run(["db", "init", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert "materials" in first["created"]

    assert frame.run(["db", "init", "--json"]) == 0
    second = json.loads(capsys.readouterr().out)
    assert second["created"] == []
    assert second["collections"] == first["collections"]


def test_settings_are_shown_without_the_password(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URI", "mongodb://reader:corundum@db.example:27017/")
    assert frame.run(["db", "settings", "--json"]) == 0
    shown = capsys.readouterr().out
    assert "corundum" not in shown
    assert json.loads(shown)["mongo_uri"] == "(hidden) at db.example:27017"


def test_settings_file_is_named_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = os.environ["EXFOLIO_CONFIG"]
    (tmp_path / "mine.toml").write_text("batch_size = 77\n")
    try:
        assert frame.run(["--config", str(tmp_path / "mine.toml"), "db", "settings", "--json"]) == 0
    finally:
        os.environ["EXFOLIO_CONFIG"] = before
    assert json.loads(capsys.readouterr().out)["batch_size"] == 77


def test_bad_settings_end_with_2_and_say_where(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EXFOLIO_BATCH_SIZE", "many")
    assert frame.run(["db", "status"]) == 2
    shown = capsys.readouterr()
    assert "EXFOLIO_BATCH_SIZE" in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""


@pytest.mark.parametrize("arguments", [["db", "launch"], ["no-such-command"], ["db", "start", "--no-such-option"]])
def test_bad_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert frame.run(arguments) == 2
    assert arguments[-1] in capsys.readouterr().err


def test_server_that_cannot_start_ends_with_3_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("EXFOLIO_HOME", str(tmp_path / "file"))
    assert frame.run(["db", "start"]) == 3
    shown = capsys.readouterr().err
    assert "Not a directory" in shown
    assert "set EXFOLIO_HOME" in shown


@pytest.mark.parametrize(
    ("raised", "code"),
    [(LeaseHeld("another run holds it"), 3), (KeyboardInterrupt(), 130), (ZeroDivisionError(), 3), (typer.Exit(1), 1)],
)
def test_what_a_command_raises_decides_the_exit_code(
    raised: BaseException,
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: Settings) -> bool:
        raise raised

    monkeypatch.setattr(embedded, "stop", fail)
    monkeypatch.setenv("EXFOLIO_HOME", str(tmp_path))
    assert frame.run(["db", "stop"]) == code
    assert ("Traceback" in capsys.readouterr().err) == isinstance(raised, ZeroDivisionError)


def test_closed_pipe_ends_quietly() -> None:
    shell = subprocess.Popen([*PROGRAM, "db", "settings"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert shell.stdout is not None
    assert shell.stderr is not None
    shell.stdout.close()
    assert shell.wait(timeout=30) == 141
    assert shell.stderr.read() == b""
    shell.stderr.close()


def test_json_refuses_nan_which_is_none() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        print_json({"band_gap": float("nan")})


def test_every_module_registers_the_commands_of_the_table() -> None:
    built = typer.main.get_command(frame.build())
    registered = list(built.commands)  # type: ignore[attr-defined]
    assert sorted(registered) == sorted(name for commands in frame.COMMANDS.values() for name in commands)


def test_call_imports_only_what_it_names() -> None:
    program = (
        "import sys; from exfolio.cli.main import run; "
        "run(['--version']); print('exfolio.cli.commands.filling.db' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.splitlines()[-1] == "False"
