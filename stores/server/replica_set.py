"""Makes a freshly started mongod of our own a usable one: replica set, users, primary.

Every step looks first whether it is done, so that a set-up killed half-way is completed by the next.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import SecretStr
from pymongo import MongoClient
from pymongo import errors as mongo

from ..driver_errors import AUTHENTICATION_FAILED, UNAUTHORIZED, in_words
from ..errors import ServerStartFailed
from .server_home import Credentials

NAME: Final = "exfolio"
HOST: Final = "127.0.0.1"
ADMIN: Final = "admin"
USER: Final = "exfolio"
READER: Final = "exfolio-reader"
POLL_SECONDS: Final = 0.02
# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
ALREADY_INITIALIZED: Final = 23
NOT_YET_INITIALIZED: Final = 94
USER_EXISTS: Final = 51003

Client = MongoClient[dict[str, Any]]


def set_up(port: int, credentials: Credentials, database: str, *, seconds: float) -> None:
    """Bring a server to the point where the exfolio user can write to a database.

    Parameters
    ----------
    port
        Port of the server.
    credentials
        Passwords of the admin and the exfolio user.
    database
        Name of the database.
    seconds
        How long it may take.

    Raises
    ------
    ServerStartFailed
        It does not accept the admin's password, or is no writable primary within `seconds`.
    """
    deadline = time.monotonic() + seconds
    try:
        if not _admin_is_known(port, credentials.admin, seconds):
            _initiate_and_make_admin(port, credentials.admin, deadline)
        with admin_client(port, credentials.admin) as client:
            _point_to_itself(client, port, deadline)
            _wait_for_primary(client, deadline)
            _make_user(client, credentials.user, database)
    except mongo.PyMongoError as error:
        raise ServerStartFailed(f"the server on {HOST}:{port} could not be set up: {in_words(error)}") from error


def admin_client(port: int, password: SecretStr, *, seconds: float = 5) -> Client:
    """Client of the admin on this one server, whatever state its replica set is in."""
    return _client(port, seconds=seconds, username=ADMIN, password=password.get_secret_value())


def uri(port: int, password: str, user: str = USER) -> str:
    """URI of a user, exfolio's where none is named, on the server on `port`."""
    return f"mongodb://{user}:{password}@{HOST}:{port}/?authSource=admin&replicaSet={NAME}"


def is_granted(roles: Sequence[Mapping[str, str]], database: str) -> bool:
    """Whether roles let their holder read, write and define collections in `database`."""
    held = {(role["role"], role["db"]) for role in roles}
    return {("readWrite", database), ("dbAdmin", database)} <= held or {
        ("readWriteAnyDatabase", "admin"),
        ("dbAdminAnyDatabase", "admin"),
    } <= held


def grant(port: int, credentials: Credentials, database: str) -> None:
    """Let the exfolio user use one more database."""
    with admin_client(port, credentials.admin) as client:
        _make_user(client, credentials.user, database)


def grant_reading(port: int, credentials: Credentials, database: str) -> None:
    """Make the user who only reads, with the password of `credentials`, and let it read one database more."""
    role = {"role": "read", "db": database}
    with admin_client(port, credentials.admin) as client:
        _unless(USER_EXISTS, client, "createUser", READER, pwd=credentials.reader.get_secret_value(), roles=[role])
        client.admin.command("updateUser", READER, pwd=credentials.reader.get_secret_value())
        client.admin.command("grantRolesToUser", READER, roles=[role])


def _client(port: int, *, seconds: float = 5, **options: Any) -> Client:
    return MongoClient(
        HOST, port, directConnection=True, serverSelectionTimeoutMS=int(seconds * 1000), w="majority", **options
    )


def _admin_is_known(port: int, password: SecretStr, seconds: float) -> bool:
    with admin_client(port, password, seconds=seconds) as client:  # it may still be on its way to listen
        try:
            client.admin.command("ping")
        except mongo.OperationFailure as error:
            if error.code == AUTHENTICATION_FAILED:
                return False
            raise
    return True


def _initiate_and_make_admin(port: int, password: SecretStr, deadline: float) -> None:
    # A server without any user accepts this much from its own machine:
    # https://www.mongodb.com/docs/manual/core/localhost-exception/
    with _client(port) as client:
        try:
            if "setName" not in client.admin.command("hello"):
                config = {"_id": NAME, "members": [{"_id": 0, "host": f"{HOST}:{port}"}]}
                _unless(ALREADY_INITIALIZED, client, "replSetInitiate", config)
            _wait_for_primary(client, deadline)
            _unless(USER_EXISTS, client, "createUser", ADMIN, pwd=password.get_secret_value(), roles=["root"])
        except mongo.OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            raise ServerStartFailed(
                f"the server on {HOST}:{port} has users already and refuses the password of credentials.json",
                "Restore the credentials.json that belongs to its data, beside the data folder.",
            ) from error


def _unless(accepted: int, client: Client, command: str, value: object, **options: Any) -> None:
    try:
        client.admin.command(command, value, **options)
    except mongo.OperationFailure as error:
        if error.code != accepted:
            raise


def _point_to_itself(client: Client, port: int, deadline: float) -> None:
    # The configuration stored in the data holds host:port; after a change of port the server does not know itself.
    config = _stored_config(client, deadline)
    address = f"{HOST}:{port}"
    if [member["host"] for member in config["members"]] != [address]:
        config["members"] = [{"_id": 0, "host": address}]
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _stored_config(client: Client, deadline: float) -> dict[str, Any]:
    while True:
        try:
            return dict(client.admin.command("replSetGetConfig")["config"])
        except mongo.OperationFailure as error:  # a server just started listens before it has read it
            if error.code != NOT_YET_INITIALIZED or time.monotonic() > deadline:
                raise
        time.sleep(POLL_SECONDS)


def _wait_for_primary(client: Client, deadline: float) -> None:
    while not (hello := client.admin.command("hello"))["isWritablePrimary"]:
        if time.monotonic() > deadline:
            state = hello.get("info", "secondary" if hello.get("secondary") else "starting")
            raise ServerStartFailed(
                f"the server on {client.address} is up but not writable: {state}", "Try again, or see its log."
            )
        time.sleep(POLL_SECONDS)


def _make_user(client: Client, password: SecretStr, database: str) -> None:
    users = client.admin.command("usersInfo", USER)["users"]
    if users and is_granted(users[0]["roles"], database):
        return
    roles = [{"role": role, "db": database} for role in ("readWrite", "dbAdmin")]
    if users:
        client.admin.command("grantRolesToUser", USER, roles=roles)
    else:
        _unless(USER_EXISTS, client, "createUser", USER, pwd=password.get_secret_value(), roles=roles)
