#!/usr/bin/env python
"""Makes a fresh mongod usable: replica set of one, root, the users of exfolio. Run again, it changes passwords only.

Must run where it reaches the server as localhost: a server without users accepts its first one from there alone
(https://www.mongodb.com/docs/manual/core/localhost-exception/). Passwords come from files, never from arguments.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError

AUTHENTICATION_FAILED, ALREADY_INITIALIZED, USER_EXISTS = 18, 23, 51003
WAIT_SECONDS = 60.0
Client = MongoClient[dict[str, Any]]


def main() -> None:
    """Set the server up."""
    given = arguments()
    passwords = {role: secret(file) for role, file in (("root", given.root), ("exfolio", given.exfolio))}
    if given.reader:
        passwords["reader"] = secret(given.reader)
    try:
        if not root_is_known(given.port, passwords["root"]):
            make_set_and_root(given.port, given.member, given.replica_set, passwords["root"])
        with client_of(given.port, username="root", password=passwords["root"]) as client:
            wait_for_primary(client)
            put_user(client, "exfolio", passwords["exfolio"], ["readWrite", "dbAdmin"], given.database)
            if given.reader:
                put_user(client, "reader", passwords["reader"], ["read"], given.database)
    except PyMongoError as error:
        sys.exit(f"the server can't be set up: {error}")
    sys.stdout.write(f"replica set {given.replica_set} with member {given.member} and its users are ready\n")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--member", default="mongo:27017", help="name by which the server's clients reach it")
    parser.add_argument("--replica-set", default="exfolio")
    parser.add_argument("--database", default="exfolio", help="database that the users may use")
    parser.add_argument("--port", type=int, default=27017, help="port on localhost")
    parser.add_argument("--root", type=Path, required=True, metavar="FILE", help="password of the user root")
    parser.add_argument("--exfolio", type=Path, required=True, metavar="FILE", help="password of who reads and writes")
    parser.add_argument("--reader", type=Path, metavar="FILE", help="password of who only reads")
    return parser.parse_args()


def secret(file: Path) -> str:
    """Read a password."""
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"the password file can't be read: {error}")
    return password or sys.exit(f"the password file {file} is empty")


def client_of(port: int, **options: Any) -> Client:
    """Give a client of the one server on localhost, whatever state its replica set is in."""
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=10_000, **options)


def root_is_known(port: int, password: str) -> bool:
    """Whether the server has the user root already, with this password."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            with client_of(port, username="root", password=password) as client:
                client.admin.command("ping")
        except OperationFailure as error:
            if error.code == AUTHENTICATION_FAILED:
                return False
            raise
        except ConnectionFailure:
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return True


def make_set_and_root(port: int, member: str, name: str, password: str) -> None:
    """Make the replica set and its first user, as a server without users lets this machine do."""
    with client_of(port) as client:
        config = {"_id": name, "members": [{"_id": 0, "host": member}]}
        unless(ALREADY_INITIALIZED, client, "replSetInitiate", config)
        wait_for_primary(client)
        unless(USER_EXISTS, client, "createUser", "root", pwd=password, roles=["root"])


def wait_for_primary(client: Client) -> None:
    """Wait until the server takes writes."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not client.admin.command("hello").get("isWritablePrimary"):
        if time.monotonic() > deadline:
            sys.exit(f"the server is no writable primary after {WAIT_SECONDS:.0f} s")
        time.sleep(0.2)


def put_user(client: Client, name: str, password: str, roles: list[str], database: str) -> None:
    """Make a user, or give an existing one this password and these roles."""
    granted = [{"role": role, "db": database} for role in roles]
    try:
        client.admin.command("createUser", name, pwd=password, roles=granted)
    except OperationFailure as error:
        if error.code != USER_EXISTS:
            raise
        client.admin.command("updateUser", name, pwd=password, roles=granted)


def unless(accepted: int, client: Client, command: str, value: object, **options: Any) -> None:
    """Run a command, content with one kind of refusal."""
    try:
        client.admin.command(command, value, **options)
    except OperationFailure as error:
        if error.code != accepted:
            raise


if __name__ == "__main__":
    main()
