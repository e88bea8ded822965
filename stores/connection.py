"""One way to MongoDB: who is asked, with which guarantees, and clear words when it does not answer.

Knows settings and servers, nothing of collections. A `Connection` may be inherited by a forked process or pickled
to another one: each process makes its own client on first use.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Literal, Self

import mongoengine
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo import errors as mongo
from pymongo.database import Database
from pymongo.uri_parser import parse_uri

from .driver_errors import AUTHENTICATION_FAILED, OUT_OF_DISK_SPACE, TOOK_TOO_LONG, UNAUTHORIZED, in_words
from .errors import AccessError, ConfigurationError, DatabaseUnavailable, ExfolioError, StandaloneServerError
from .limited import LimitedDatabase
from .registry_version import STAMP, refuse_newer
from .server import embedded, replica_set
from .server.server_log import disk_refusal
from .settings import Settings, load_settings

ALIAS: Final = "exfolio"  # the db_alias of every Document class
REFUSED_CODES: Final = {UNAUTHORIZED, AUTHENTICATION_FAILED}

_serial = itertools.count(1)
_latest: list[Connection] = []  # what `explain` speaks of where nobody says which one
_open: list[Connection] = []  # those with a client in this process; mongoengine's alias stands for the last one


@dataclass(slots=True)
class _ClientOfProcess:
    """The client one process made; a process that inherits it makes its own."""

    pid: int = 0
    client: MongoClient[dict[str, Any]] | None = None
    alias: str = ""
    inherited: list[MongoClient[dict[str, Any]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Connection:
    """A database on a server; made by `connect`, which has checked it.

    Attributes
    ----------
    settings
        The settings it was made from.
    name
        Name of the database.
    origin
        Where the server comes from: the URI of the settings, or the embedded server.
    """

    settings: Settings = field(repr=False)
    name: str
    origin: Literal["uri", "embedded"]
    uri: SecretStr = field(repr=False)
    _own: _ClientOfProcess = field(repr=False, init=False, default_factory=_ClientOfProcess)

    @property
    def client(self) -> MongoClient[dict[str, Any]]:
        """The client of this process.

        Datetimes are aware, UUIDs standard, reads and writes acknowledged by the majority, and retried once by the
        driver.
        """
        own = self._own
        if own.client is not None and own.pid == os.getpid():
            return own.client
        if own.client is not None:  # closing it would talk over sockets of the parent, so it is only put aside
            own.inherited.append(own.client)
        own.client, own.pid = _new_client(self.uri, self.settings), os.getpid()
        own.alias = f"{ALIAS}-{own.pid}-{next(_serial)}"
        _register(own.alias, self)
        mongoengine.get_connection(own.alias)
        if self in _open:
            _open.remove(self)
        _open.append(self)
        _bind_documents()
        return own.client

    @property
    def database(self) -> Database[dict[str, Any]]:
        """The database, by the client of this process; whatever it is asked, it answers within a time or gives up."""
        return LimitedDatabase(self.client, self.name, self.settings.operation_seconds)

    def describe(self) -> str:
        """Say which database this is, without secrets."""
        return f"database {self.name} at {hosts_of(self.uri)}"

    def close(self) -> None:
        """Close the client of this process; a second call does nothing."""
        own = self._own
        if own.client is None or own.pid != os.getpid():
            return
        client, own.client = own.client, None
        _open.remove(self)
        _bind_documents()
        mongoengine.disconnect(own.alias)
        client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return Connection, (self.settings, self.name, self.origin, self.uri)


def connect(settings: Settings | None = None, *, autostart: bool = False, reader: bool = False) -> Connection:
    """Connect to the URI of the settings, else to the embedded server.

    Also lets the Document classes (mongoengine alias "exfolio") use this connection, until a later one is opened.

    Parameters
    ----------
    settings
        Read from file and environment when not given.
    autostart
        Start the embedded server when there is no URI and it does not run.
    reader
        As a user who can only read: of the embedded server a user of its own, else that of
        ``settings.mongo_reader_uri``, and where there is none that of ``settings.mongo_uri``.

    Raises
    ------
    DatabaseUnavailable
        No server answers within ``settings.server_wait_seconds``.
    AccessError
        The server refuses the user, or its access to the database.
    StandaloneServerError
        The server is no member of a replica set, so transactions would fail later.
    ConfigurationError
        The settings are wrong, or the registry is of a newer program.

    Examples
    --------
    >>> with connect() as connection:  # doctest: +SKIP
    ...     connection.database.materials.estimated_document_count()
    """
    settings = load_settings() if settings is None else settings
    if settings.mongo_uri is not None:
        name = _database_of(settings, settings.mongo_uri)
        uri = settings.mongo_reader_uri if reader and settings.mongo_reader_uri else settings.mongo_uri
        connection = Connection(settings, name, "uri", uri)
    else:
        uri = _embedded_uri(settings, autostart=autostart, reader=reader)
        connection = Connection(settings, settings.database, "embedded", uri)
    try:
        _check(connection, reader=reader)
    except BaseException:
        connection.close()
        raise
    _latest[:] = [connection]
    return connection


def explain(error: mongo.PyMongoError, connection: Connection | None = None) -> ExfolioError:
    """Turn a driver's error into one that says what happened and what to do; shows no secret.

    Parameters
    ----------
    error
        What the driver raised.
    connection
        The connection in use; the last that was made without.
    """
    connection = connection or next(iter(_latest), None)
    where = connection.describe() if connection else "the database"
    short = in_words(error)
    if isinstance(error, mongo.OperationFailure) and error.code in REFUSED_CODES:
        return AccessError(
            f"{where} refuses access: {short}",
            "Check user, password and authSource of EXFOLIO_MONGO_URI, and the user's roles (readWrite, dbAdmin).",
        )
    if isinstance(error, mongo.ConnectionFailure):  # server selection, lost connections and time-outs derive from it
        return _away(f"{where} does not answer: {short}", connection)
    if isinstance(error, mongo.ConfigurationError):
        return ConfigurationError(f"{where} cannot be used: {short}", "Check EXFOLIO_MONGO_URI.")
    if isinstance(error, mongo.OperationFailure) and error.code == OUT_OF_DISK_SPACE:
        return DatabaseUnavailable(f"{where} can't be written: {short}", "Free some space on its machine, try again.")
    if isinstance(error, mongo.ExecutionTimeout) or getattr(error, "code", None) == TOOK_TOO_LONG:
        return DatabaseUnavailable(
            f"{where} did not answer: {short}",
            "Ask for less, or allow more time: EXFOLIO_QUERY_SECONDS, of jobs EXFOLIO_OPERATION_SECONDS",
        )
    return ExfolioError(
        f"{where} reports an error: {short}", "EXFOLIO_LOG_LEVEL=DEBUG shows all that the driver says of it."
    )


def hosts_of(uri: SecretStr) -> str:
    """Hosts a URI names, without user, password and options."""
    text = uri.get_secret_value()
    if text.startswith("mongodb+srv://"):
        return text.removeprefix("mongodb+srv://").rpartition("@")[2].partition("/")[0].partition("?")[0]
    return ",".join(f"{host}:{port}" if port else str(host) for host, port in parse_uri(text, warn=False)["nodelist"])


def _new_client(uri: SecretStr, settings: Settings) -> MongoClient[dict[str, Any]]:
    return MongoClient(
        uri.get_secret_value(),
        appname="exfolio",
        tz_aware=True,
        uuidRepresentation="standard",
        w="majority",
        readConcernLevel="majority",
        retryWrites=True,
        retryReads=True,
        serverSelectionTimeoutMS=int(settings.server_wait_seconds * 1000),
        connectTimeoutMS=int(settings.server_wait_seconds * 1000),
    )


def may_write(connection: Connection) -> bool:
    """Whether the user of a connection may write to its database, as far as the server says what it may."""
    held = connection.client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    if not held["authenticatedUsers"]:  # a server without users lets everybody
        return True
    return any(
        "insert" in privilege["actions"] and privilege["resource"].get("db") in ("", connection.name)
        for privilege in held.get("authenticatedUserPrivileges", ())
    )


def _check(connection: Connection, *, reader: bool) -> None:
    try:
        hello = connection.client.admin.command("hello")
        if connection.origin == "embedded" and not reader:
            _grant_if_needed(connection)
        connection.database.command("listCollections", 1, nameOnly=True)
        stamp = connection.database["counters"].find_one(STAMP)
    except mongo.PyMongoError as error:
        raise explain(error, connection) from error
    if "setName" not in hello and hello.get("msg") != "isdbgrid":  # the latter is a router of a sharded cluster
        raise StandaloneServerError(
            f"{connection.describe()} is not a replica set, and transactions need one",
            "Start that mongod with --replSet NAME and run rs.initiate() once (one member is enough), or leave out "
            "EXFOLIO_MONGO_URI to use the embedded server.",
        )
    refuse_newer(stamp, connection.describe())


def _grant_if_needed(connection: Connection) -> None:
    held = connection.client.admin.command("connectionStatus")["authInfo"]["authenticatedUserRoles"]
    if not replica_set.is_granted(held, connection.name):
        server = embedded.find_running(connection.settings)
        if server is not None:
            server.grant(connection.name)


def _embedded_uri(settings: Settings, *, autostart: bool, reader: bool) -> SecretStr:
    server = embedded.find_running(settings)
    if server is None:
        if not autostart:
            raise DatabaseUnavailable(
                f"the embedded server of {settings.home} does not run and no EXFOLIO_MONGO_URI is set",
                "Start it with: exfolio db start",
            )
        server = embedded.start(settings)
    elif not server.home.is_set_up(server.pid):  # another program is at it, or was killed there
        server = embedded.start(settings)
    else:
        embedded.keep_log_short(server)
    return server.reader_uri(settings.database) if reader else server.uri()


def _database_of(settings: Settings, uri: SecretStr) -> str:
    text = uri.get_secret_value()
    if "database" in settings.model_fields_set or text.startswith("mongodb+srv://"):
        return settings.database
    named = parse_uri(text, warn=False)["database"]
    # With a user in the URI, its path may as well mean where the user is defined: admin, most often.
    return named if named and named != "admin" else settings.database


def _away(message: str, connection: Connection | None) -> DatabaseUnavailable:
    if connection is None or connection.origin == "uri":
        return DatabaseUnavailable(
            message,
            "Check that it runs and can be reached from here, and EXFOLIO_MONGO_URI; "
            "without that setting, `exfolio db start` gives a server on this machine.",
        )
    last = embedded.why_stopped(connection.settings)
    refusal = disk_refusal(last)
    first = refusal[1] if refusal else "Look at it with: exfolio db status."
    return DatabaseUnavailable(
        f"{message}. The embedded server stopped and says: {last}" if last else message,
        f"{first} Start it with: exfolio db start",
    )


def _register(alias: str, connection: Connection) -> None:
    mongoengine.register_connection(
        alias,
        name=connection.name,
        uuidRepresentation="standard",
        mongo_client_class=lambda **_: connection.client,
    )


def _bind_documents() -> None:
    # mongoengine closes a client when its last alias goes; that of the connection itself keeps it open here.
    mongoengine.disconnect(ALIAS)
    if _open:
        _register(ALIAS, _open[-1])


if hasattr(os, "register_at_fork"):  # the child's Documents must not use the parent's sockets
    os.register_at_fork(after_in_child=_bind_documents)
