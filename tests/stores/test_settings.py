"""Settings: where they come from, which wins, and what a mistake says."""

from pathlib import Path

import pytest
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.settings import CONFIG_VARIABLE, Settings, find_settings_file, load_settings
from pydantic import BaseModel

PASSWORD = "corundum-4.76"


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "exfolio.toml"
    path.touch()
    monkeypatch.setenv(CONFIG_VARIABLE, str(path))
    return path


def test_every_setting_is_described() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_argument_wins_over_variable_over_file_over_default(
    settings_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_file.write_text("batch_size = 10\nlease_seconds = 11\nretry_attempts = 3\n")
    monkeypatch.setenv("EXFOLIO_BATCH_SIZE", "20")
    monkeypatch.setenv("EXFOLIO_LEASE_SECONDS", "21")

    settings = load_settings(batch_size=30)

    assert (settings.batch_size, settings.lease_seconds, settings.retry_attempts) == (30, 21, 3)
    assert settings.database == "exfolio"


def test_file_is_looked_for_here_then_in_the_users_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONFIG_VARIABLE)
    monkeypatch.setenv("HOME", str(tmp_path))
    here, of_user = tmp_path / "work", tmp_path / ".config" / "exfolio"
    for folder in (here, of_user):
        folder.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert find_settings_file() is None

    (of_user / "exfolio.toml").touch()
    assert find_settings_file() == of_user / "exfolio.toml"

    (here / "exfolio.toml").touch()
    assert find_settings_file() == here / "exfolio.toml"


def test_path_in_the_file_starts_at_its_folder(settings_file: Path) -> None:
    settings_file.write_text('home = "registry"\n')
    assert load_settings().home == settings_file.parent / "registry"


def test_tilde_is_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().home == tmp_path / ".local" / "share" / "exfolio"
    assert load_settings(home="~/x").home == tmp_path / "x"


def test_mistakes_in_a_file_name_it_with_line_value_and_remedy(settings_file: Path) -> None:
    settings_file.write_text('# mine\nbatch_size = 0\nlease_second = 5\n\n[retry]\nlog_level = "INFO"\n')

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    lines = caught.value.message.splitlines()
    assert len(lines) == 3
    assert any(line.startswith(f"{settings_file}, line 2: batch_size") and "(is 0)" in line for line in lines)
    assert any(line.startswith(f"{settings_file}, line 3: ") and "mean lease_seconds?" in line for line in lines)
    assert any(line.startswith(f"{settings_file}, line 5: retry: no such setting") for line in lines)
    assert caught.value.exit_code == 2


def test_a_file_that_is_nested_without_end_is_no_toml(settings_file: Path) -> None:
    settings_file.write_text("a = " + "[" * 20_000)
    with pytest.raises(ConfigurationError, match=r"exfolio\.toml: not valid TOML"):
        load_settings()


def test_file_that_is_no_toml_is_named_with_the_line(settings_file: Path) -> None:
    settings_file.write_text('database = "a"\nport = = 3\n')
    with pytest.raises(ConfigurationError, match=r"exfolio\.toml: not valid TOML: .*line 2"):
        load_settings()


def test_mistake_in_a_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_PORT", "seventy")
    with pytest.raises(ConfigurationError, match=r"variable EXFOLIO_PORT: .*integer.*\(is 'seventy'\)"):
        load_settings()


def test_unknown_variable_is_refused_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_MONGO_URL", f"mongodb://reader:{PASSWORD}@db")
    with pytest.raises(ConfigurationError, match="Did you mean EXFOLIO_MONGO_URI") as caught:
        load_settings()
    assert PASSWORD not in str(caught.value)


def test_configured_file_that_is_missing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "gone.toml"))
    with pytest.raises(ConfigurationError, match=r"gone\.toml is not a file"):
        load_settings()


def test_password_is_in_no_text_of_the_settings(settings_file: Path) -> None:
    settings_file.write_text(f'mongo_uri = "mongodb://reader:{PASSWORD}@db.example/"\n')
    settings = load_settings()
    assert PASSWORD not in f"{settings!r} {settings} {settings.model_dump_json()}"
    assert settings.mongo_uri is not None
    assert PASSWORD in settings.mongo_uri.get_secret_value()


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://reader:{PASSWORD}/x@db.example/",  # a slash that should be %2F
        f"mongodb://reader:{PASSWORD}:x@db.example/",
        f"mysql://reader:{PASSWORD}@db.example/",
        f"mongodb://reader:{PASSWORD}@db.example:notaport/",
    ],
)
def test_bad_uri_is_refused_without_showing_the_password(uri: str) -> None:
    with pytest.raises(ConfigurationError, match=r"mongo_uri: .*MongoDB URI") as caught:
        load_settings(mongo_uri=uri)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("name", ["admin", "local", "config", "", "a b", "a.b", "a/b", "$a", "x" * 64])
def test_database_names_the_server_would_refuse_or_owns_are_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="setting database"):
        load_settings(database=name)


def test_settings_cannot_be_changed_once_made() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().batch_size = 5  # type: ignore[misc]


def test_schedule_of_the_file_and_of_variables_are_joined(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file.write_text(
        '[schedule]\njitter_seconds = 5\n[schedule.sources]\n2dmatpedia = "0 3 * * *"\n'
        '[schedule.campaigns]\n"mine.yaml" = "@weekly"\ntwo-dimensional = "@daily"\n'
    )
    monkeypatch.setenv("EXFOLIO_SCHEDULE__TIMEZONE", "Europe/Berlin")
    monkeypatch.setenv("EXFOLIO_SCHEDULE__SOURCES", '{"mp": "@daily"}')

    schedule = load_settings().schedule

    assert (schedule.jitter_seconds, schedule.timezone) == (5, "Europe/Berlin")
    assert schedule.sources == {"2dmatpedia": "0 3 * * *", "mp": "@daily"}
    assert schedule.campaigns == {str(settings_file.parent / "mine.yaml"): "@weekly", "two-dimensional": "@daily"}


def test_every_table_of_the_file_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {
        name: field.annotation
        for name, field in Settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    }
    assert tables.keys() >= {"schedule", "notify", "dask"}
    for name, table in tables.items():
        for field in table.model_fields:
            monkeypatch.setenv(f"EXFOLIO_{name.upper()}__{field.upper()}", "\N{SNOWMAN}")
            with pytest.raises(ConfigurationError) as caught:  # of its value, or of nothing
                load_settings(processes=0)
            assert "no such setting" not in caught.value.message
            monkeypatch.delenv(f"EXFOLIO_{name.upper()}__{field.upper()}")

    monkeypatch.setenv("EXFOLIO_NOTIFY__RECIPIENTS", "lab@example.org")
    monkeypatch.setenv("EXFOLIO_NOTIFY__SMTP_HOST", "mail.example.org")  # which needs no JSON
    with pytest.raises(ConfigurationError, match="variable EXFOLIO_NOTIFY__RECIPIENTS: a list or a table is written"):
        load_settings()
    monkeypatch.setenv("EXFOLIO_NOTIFY__RECIPIENTS", '["lab@example.org"]')
    monkeypatch.setenv("EXFOLIO_NOTIFY__WEBHOOK", "https://hooks.example.org/t0ken")

    told = load_settings().notify

    assert told.recipients == ("lab@example.org",)
    assert told.webhook is not None
    assert told.webhook.get_secret_value() == "https://hooks.example.org/t0ken"


def test_mistakes_in_the_schedule_name_line_or_variable(settings_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings_file.write_text("batch_size = 5\n[schedule]\njitter_second = 5\nbackoff_factor = 0\n")
    monkeypatch.setenv("EXFOLIO_SCHEDULE__TIMEZONE", "Atlantis")

    with pytest.raises(ConfigurationError) as caught:
        load_settings()

    lines = caught.value.message.splitlines()
    assert any(line.startswith(f"{settings_file}, line 3: schedule.jitter_second: no such setting") for line in lines)
    assert any(line.startswith(f"{settings_file}, line 4: schedule.backoff_factor") for line in lines)
    assert any(line.startswith("environment variable EXFOLIO_SCHEDULE__TIMEZONE: there is no time") for line in lines)


def test_unknown_variable_of_the_schedule_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_SCHEDULE__JITTER", "5")
    with pytest.raises(ConfigurationError, match="Did you mean EXFOLIO_SCHEDULE__JITTER_SECONDS"):
        load_settings()


def test_a_worker_has_no_endless_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXFOLIO_WORKER_MEMORY_GB", "inf")

    with pytest.raises(ConfigurationError, match="EXFOLIO_WORKER_MEMORY_GB"):
        load_settings()
