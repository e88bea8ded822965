"""What a user may set: a TOML file and ``EXFOLIO_...`` variables (which win), read and checked in one place.

Holds values only: opens no connection and makes no directory.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_origin
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from .errors import ConfigurationError
from .settings_tables.dask import DaskSettings
from .settings_tables.notify import NotifySettings
from .settings_tables.schedule import ScheduleSettings

PREFIX = "EXFOLIO_"
NESTED = "__"
_TABLES: Final[dict[str, type[BaseModel]]] = {
    "schedule": ScheduleSettings,
    "notify": NotifySettings,
    "dask": DaskSettings,
}
"""Settings that are tables of the file, by name; in the environment ``EXFOLIO_<TABLE>__<NAME>``."""
CONFIG_VARIABLE = "EXFOLIO_CONFIG"
FILE_NAME = "exfolio.toml"
_SECRET = frozenset(
    {"mongo_uri", "mongo_reader_uri", "mp_api_key", "mp_endpoint", "mp_contribs_endpoint", "notify"}
)  # a mistaken value may hold a password
RESERVED_DATABASES = frozenset({"admin", "local", "config"})
# https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions (the stricter Windows set, 63 bytes)
DATABASE_NAME = re.compile(r'[^/\\. "$*<>:|?\x00]{1,63}')


def _usable_cpus() -> int:
    # The affinity mask is what a container or a batch system really grants; macOS has none.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked_uri(uri: SecretStr) -> SecretStr:
    text = uri.get_secret_value()
    if not text.startswith(("mongodb://", "mongodb+srv://")):
        raise ValueError("a MongoDB URI starts with mongodb:// or mongodb+srv://")
    if text.startswith("mongodb+srv://"):  # parsing one asks the name server, which is for connect to do
        return uri
    try:
        parse_uri(text, warn=False)
    except (PyMongoError, ValueError):  # their text may hold a part of the password
        problem = "not a valid MongoDB URI; percent-encode special characters in user name and password"
    else:
        return uri
    raise ValueError(problem)


def _checked_database(name: str) -> str:
    if name in RESERVED_DATABASES:
        raise ValueError(f"{name!r} is a database of the server itself; choose another name")
    if not DATABASE_NAME.fullmatch(name):
        raise ValueError('a database name has 1 to 63 characters and none of /\\. "$*<>:|?')
    return name


def _checked_address(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("an address starts with https:// and names a host")
    if parts.username or parts.password:
        raise ValueError("an address holds no user and no password")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("a key is sent by https only (http is for this machine itself)")
    return address.rstrip("/")


class Settings(BaseSettings):
    """Every setting, with its default.

    Precedence: arguments, environment variables ``EXFOLIO_<NAME>``, settings file, defaults. Use `load_settings`
    to read them with errors that name the file and line or the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=NESTED,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    mongo_uri: Annotated[SecretStr, AfterValidator(_checked_uri)] | None = Field(
        None, description="URI of a MongoDB replica set; without it the embedded server is used"
    )
    mongo_reader_uri: Annotated[SecretStr, AfterValidator(_checked_uri)] | None = Field(
        None, description="URI of the same database for a user who can only read: what `serve` connects with"
    )
    database: Annotated[str, AfterValidator(_checked_database)] = Field(
        "exfolio", description="database name; when not set, the one in the URI's path if it has one"
    )
    home: Annotated[Path, AfterValidator(Path.expanduser)] = Field(
        Path("~/.local/share/exfolio"), validate_default=True, description="folder of the embedded server's data"
    )
    mongod: Annotated[Path, AfterValidator(Path.expanduser)] | None = Field(
        None, description="mongod program of the embedded server; when not set, from PATH, then the embedded extra"
    )
    port: int | None = Field(
        None, ge=1, le=65535, description="port of the embedded server; when not set, a free one, kept from then on"
    )
    cache_gb: float = Field(1.0, ge=0.25, le=10_000, description="WiredTiger cache of the embedded server, GB")
    minimum_free_mb: int = Field(
        500,
        ge=0,
        description="free disk space below which the embedded server is not started, and no run begun, MB",
    )
    start_seconds: float = Field(60, gt=0, description="how long the embedded server may take to start or stop, s")
    server_wait_seconds: float = Field(5, gt=0, description="how long to look for a server before giving up, s")
    query_seconds: float = Field(
        60, gt=0, description="how long the server may take over a question; one for all documents has longer, s"
    )
    operation_seconds: float = Field(
        3600,
        gt=0,
        le=2_000_000,
        description="how long the server may take over anything else it is asked, by a stage or a report, s",
    )
    processes: int = Field(default_factory=_usable_cpus, ge=1, description="worker processes of a heavy stage")
    item_seconds: float = Field(
        86_400, gt=0, le=2_000_000, description="how long a stage may take over one item, which is given up then, s"
    )
    worker_memory_gb: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="memory of a worker process, GB; without it a share of the machine's, 4 at least",
    )
    training_threads: int = Field(
        1, ge=1, description="threads that train a network on the CPU; the networks are small: more seldom pay"
    )
    batch_size: int = Field(1000, ge=1, le=100_000, description="documents a stage reads, computes and writes at once")
    lease_seconds: float = Field(30, ge=1, description="a lease whose holder is silent for this long is taken over, s")
    retry_first_seconds: float = Field(60, ge=0, description="wait before a failed item is tried again, s")
    retry_factor: float = Field(4, ge=1, description="each further wait is this many times longer")
    retry_longest_seconds: float = Field(86_400, ge=0, description="longest wait between two attempts, s")
    retry_attempts: int = Field(6, ge=1, description="attempts after which an item is parked for `exfolio retry`")
    loss_share: float = Field(
        0.1, ge=0, le=1, description="a refresh stops if a source loses more than this share of its records"
    )
    source_order: tuple[str, ...] = Field(
        ("handbook", "mp", "2dmatpedia", "c2db", "jarvis", "oqmd", "alexandria"),
        description="sources whose value of a property is preferred, the best first; a better method goes before",
    )
    mp_api_key: SecretStr | None = Field(None, description="key of the Materials Project's API; shown nowhere")
    mp_endpoint: Annotated[str, AfterValidator(_checked_address)] = Field(
        "https://api.materialsproject.org", description="address of the Materials Project's API"
    )
    mp_contribs_endpoint: Annotated[str, AfterValidator(_checked_address)] = Field(
        "https://contribs-api.materialsproject.org", description="address of MPContribs, which has its aqueous ions"
    )
    optimade_providers: Annotated[str, AfterValidator(_checked_address)] = Field(
        "https://providers.optimade.org", description="address of the list of OPTIMADE providers"
    )
    web_timeout_seconds: float = Field(60, gt=0, description="how long a live source may be silent, s")
    web_attempts: int = Field(6, ge=1, description="how often a live source is asked before giving up for this time")
    web_first_wait_seconds: float = Field(1, ge=0, description="wait before it is asked again, s; doubled each time")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="least severe log lines shown")
    log_format: Literal["text", "json"] = Field("text", description="log lines for a person, or one JSON object a line")
    dask: DaskSettings = Field(
        default_factory=DaskSettings, description="cluster for heavy stages; see docs/recipes/my-cluster.md"
    )
    notify: NotifySettings = Field(
        default_factory=NotifySettings, description="whom the scheduler tells of what; see docs/schedule.md"
    )
    schedule: ScheduleSettings = Field(
        default_factory=ScheduleSettings, description="what `exfolio schedule` runs and when; see docs/schedule.md"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  no .env: one file is enough
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the settings file."""
        path = find_settings_file()
        values = read_settings_file(path) if path else {}
        return init_settings, env_settings, InitSettingsSource(settings_cls, init_kwargs=values)


def find_settings_file() -> Path | None:
    """Find the settings file in force: of ``EXFOLIO_CONFIG``, else ./exfolio.toml, else ~/.config/exfolio/exfolio.toml.

    Raises
    ------
    ConfigurationError
        ``EXFOLIO_CONFIG`` names a file that is not there.
    """
    if named := os.environ.get(CONFIG_VARIABLE):
        path = Path(named).expanduser()
        if not path.is_file():
            raise ConfigurationError(
                f"{CONFIG_VARIABLE}={named} is not a file", f"Create it, or unset {CONFIG_VARIABLE}."
            )
        return path.absolute()
    candidates = (Path.cwd() / FILE_NAME, Path.home() / ".config" / "exfolio" / FILE_NAME)
    return next((path for path in candidates if path.is_file()), None)


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read a TOML file; relative paths in it start at its own folder.

    Raises
    ------
    ConfigurationError
        The file cannot be read, or is no TOML (names the line).
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}", 'A line reads: name = "value"') from None
    for name in ("home", "mongod"):
        if isinstance(values.get(name), str) and not values[name].startswith("~"):
            values[name] = path.absolute().parent / values[name]
    schedule = values.get("schedule")
    folder = path.absolute().parent
    if isinstance(schedule, dict) and isinstance(backup := schedule.get("backup"), dict):
        for name in ("folder", "passphrase_file"):
            if isinstance(backup.get(name), str):
                backup[name] = folder / Path(backup[name]).expanduser()
    if isinstance(schedule, dict) and isinstance(campaigns := schedule.get("campaigns"), dict):
        schedule["campaigns"] = {
            str(folder / name) if name.endswith((".yaml", ".yml")) else name: cron for name, cron in campaigns.items()
        }
    return values


def load_settings(**values: Any) -> Settings:
    """Read file and environment, with `values` given here before both.

    Raises
    ------
    ConfigurationError
        Naming for each problem the file and line, or the variable, and what would be right. Shows no secret.

    Examples
    --------
    >>> load_settings(database="trial").database
    'trial'
    """
    _refuse_unknown_variables(os.environ)
    path = find_settings_file()
    try:
        return Settings(**values)
    except ValidationError as error:
        text = path.read_text(encoding="utf-8") if path else ""
        problems = [_explain(problem, values, path, text) for problem in error.errors(include_url=False)]
    except SettingsError as error:  # a variable that has to be JSON, and is not
        problems = [_no_json(error, os.environ)]
    raise ConfigurationError("\n".join(problems), "All settings and their meaning: exfolio db settings")


def _refuse_unknown_variables(environment: Mapping[str, str]) -> None:
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for table, fields in _TABLES.items():
        known |= {f"{PREFIX}{table.upper()}{NESTED}{name.upper()}" for name in fields.model_fields}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            raise ConfigurationError(f"environment variable {name}: no such setting", _nearest(name.upper(), known))


def _no_json(error: SettingsError, environment: Mapping[str, str]) -> str:
    [field] = re.findall(r'field "(\w+)"', str(error))
    of_table = _TABLES[field].model_fields if field in _TABLES else {}
    inner = [name for name, told in of_table.items() if get_origin(told.annotation) in (tuple, list, dict)]
    known = {f"{PREFIX}{field}".upper(), *(f"{PREFIX}{field}{NESTED}{name}".upper() for name in inner)}
    names = [name for name in environment if name.upper() in known]
    said = " or ".join(sorted(name for name in names if not _is_json(environment[name])))
    return f'environment variable {said}: a list or a table is written as JSON, such as ["one", "two"]'


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _nearest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(known))}."


def _explain(problem: Any, values: Mapping[str, Any], path: Path | None, text: str) -> str:
    name, *inner = map(str, problem["loc"])
    variable = _variable_of(name, inner)
    dotted = ".".join([name, *inner])
    if name in values:
        place = f"setting {dotted}"
    elif variable:
        place = f"environment variable {variable}"
    else:
        place = f"{path}, line {_line_of([name, *inner], text)}: {dotted}"
    if problem["type"] == "extra_forbidden":
        known = set((_TABLES.get(name, Settings) if inner else Settings).model_fields)
        return f"{place}: no such setting. {_nearest(inner[0] if inner else name, known)}"
    message = problem["msg"].removeprefix("Value error, ")
    shown = "" if name in _SECRET else f" (is {problem['input']!r})"
    return f"{place}: {message}{shown}"


def _variable_of(name: str, inner: list[str]) -> str | None:
    names = [PREFIX + NESTED.join([name, *inner[:depth]]).upper() for depth in range(len(inner), -1, -1)]
    variables = {key.upper(): key for key in os.environ if os.environ[key]}
    return next((variables[key] for key in names if key in variables), None)


def _line_of(names: list[str], text: str) -> int:
    lines = text.splitlines()
    line = 0
    for name in names:  # each below the one that holds it
        start = re.compile(rf"""\s*\[*\s*(?:[\w.-]+\.)?["']?{re.escape(name)}["']?\s*[=.\]]""")
        line = next((number for number in range(line, len(lines)) if start.match(lines[number])), line)
    return line + 1
