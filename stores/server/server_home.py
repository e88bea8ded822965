"""The embedded server's folder: its layout, the modes of its files, its secrets, its remembered port, its lock.

Knows files only, nothing of processes or of MongoDB.
"""

from __future__ import annotations

import base64
import errno
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import filelock
from pydantic import SecretStr

from ..errors import ServerStartFailed

PRIVATE_FOLDER: Final = 0o700
PRIVATE_FILE: Final = 0o600
KEY_BYTES: Final = 756  # the largest that stays within the 1024 base64 characters mongod accepts in a key file
MEGABYTE: Final = 1_000_000
_USERS: Final = ("admin", "user", "reader")

REMEDIES: Final = {
    errno.ENOSPC: "Free some space on that disk, or set EXFOLIO_HOME to a folder on another one.",
    errno.EDQUOT: "Free some of the disk quota, or set EXFOLIO_HOME to a folder on another disk.",
    errno.EROFS: "That disk is read-only: set EXFOLIO_HOME to a folder that can be written.",
    errno.EACCES: "Set EXFOLIO_HOME to a folder of your own.",
    errno.EPERM: "Set EXFOLIO_HOME to a folder of your own.",
    errno.ENOTDIR: "A part of that path is a file: set EXFOLIO_HOME to a folder.",
    errno.EEXIST: "It exists and is no folder: set EXFOLIO_HOME to a folder.",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Passwords of the users of the embedded server: who sets it up, who works with it, who only reads."""

    admin: SecretStr
    user: SecretStr
    reader: SecretStr


@dataclass(frozen=True, slots=True)
class ServerHome:
    """Paths below ``<home>/mongod``, a folder that only its owner may enter."""

    folder: Path

    @classmethod
    def below(cls, home: Path) -> ServerHome:
        """Server's folder in exfolio's home, links resolved, so that it has one name only."""
        return cls(home.expanduser().resolve() / "mongod")

    @property
    def data(self) -> Path:
        """Database files."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """The server's log, JSON lines."""
        return self.folder / "mongod.log"

    @property
    def output(self) -> Path:
        """What mongod printed when it was last started."""
        return self.folder / "mongod.out"

    @property
    def key(self) -> Path:
        """Key file, by which members of the replica set know each other; switches authentication on."""
        return self.folder / "keyfile"

    @property
    def passwords(self) -> Path:
        """Passwords of the users."""
        return self.folder / "credentials.json"

    def prepare(self) -> None:
        """Make the folders, tighten their modes, and see that they can be written.

        Raises
        ------
        ServerStartFailed
            A folder cannot be made or written.
        """
        with explained(self.folder):
            for folder in (self.folder, self.data):
                folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
                folder.chmod(PRIVATE_FOLDER)
            write_private(self.folder / ".writable", b"")
            (self.folder / ".writable").unlink(missing_ok=True)

    def require_room(self, minimum_free_mb: int) -> None:
        """See that the disk has room for the data.

        Raises
        ------
        ServerStartFailed
            Less than `minimum_free_mb` are free.
        """
        free_mb = shutil.disk_usage(self.data).free / MEGABYTE
        if free_mb < minimum_free_mb:
            raise ServerStartFailed(
                f"{self.data}: the disk is full: {free_mb:,.0f} MB free, {minimum_free_mb:,} MB wanted",
                f"{REMEDIES[errno.ENOSPC]} The limit is EXFOLIO_MINIMUM_FREE_MB.",
            )

    @contextmanager
    def locked(self, *, seconds: float) -> Iterator[None]:
        """Let one process at a time start or stop the server; the lock ends with its holder.

        Raises
        ------
        ServerStartFailed
            Another process held it for all of `seconds`.
        """
        lock = filelock.FileLock(self.folder / "lock", timeout=seconds, mode=PRIVATE_FILE)
        try:
            with explained(self.folder):
                lock.acquire()
        except filelock.Timeout:
            raise ServerStartFailed(
                f"{self.folder}: another process has been starting or stopping this server for over {seconds:g} s",
                "Wait for it and try again; `exfolio db status` shows the server.",
            ) from None
        try:
            yield
        finally:
            lock.release()

    def credentials(self) -> Credentials:
        """Read the passwords, made up at the first call together with the key file.

        Raises
        ------
        ServerStartFailed
            They cannot be read or written, or are lost although there is a database.
        """
        with explained(self.passwords):
            if not self.passwords.exists():
                if (self.data / "WiredTiger").exists():
                    raise ServerStartFailed(
                        f"{self.passwords} is lost, and without it nobody can enter the database in {self.data}",
                        "Restore that file from a backup; or move the folder away to begin with an empty database.",
                    )
                write_private(self.passwords, json.dumps({name: _new_password() for name in _USERS}).encode())
            if not self.key.exists():  # may be made anew: it has no other member to agree with
                write_private(self.key, base64.b64encode(secrets.token_bytes(KEY_BYTES)))
            for file in (self.passwords, self.key):
                file.chmod(PRIVATE_FILE)
            content = self.passwords.read_bytes()
        try:
            read = json.loads(content)
            if "reader" not in read:  # made before there was one
                read["reader"] = _new_password()
                with explained(self.passwords):
                    write_private(self.passwords, json.dumps(read).encode())
            return Credentials(**{name: SecretStr(read[name]) for name in _USERS})
        except (ValueError, KeyError, TypeError):  # not chained: the error quotes the content
            raise ServerStartFailed(f"{self.passwords} is damaged", "Restore that file from a backup.") from None

    def remembered_port(self) -> int | None:
        """Port of the last start, if there was one."""
        try:
            return int((self.folder / "port").read_text())
        except (FileNotFoundError, ValueError):  # a damaged note costs a new port, no more
            return None

    def remember_port(self, port: int) -> None:
        """Keep the port for the next start, so that addresses people wrote down stay right."""
        with explained(self.folder):
            write_private(self.folder / "port", f"{port}\n".encode())

    def is_set_up(self, pid: int) -> bool:
        """Whether the mongod of this number was made usable, as `note_set_up` says."""
        try:
            return (self.folder / "set-up").read_text() == f"{pid}\n"
        except OSError:
            return False

    def note_set_up(self, pid: int) -> None:
        """Keep that the mongod of this number takes users and writes: who finds it without that waits for it."""
        if not self.is_set_up(pid):
            with explained(self.folder):
                write_private(self.folder / "set-up", f"{pid}\n".encode())

    def size_bytes(self) -> int:
        """Size on disk, in bytes, of everything in the folder."""
        total = 0
        for folder, _, files in os.walk(self.folder):
            for name in files:
                try:
                    total += (Path(folder) / name).lstat().st_blocks * 512
                except FileNotFoundError:  # the server removes files of its own while we look
                    continue
        return total


def _new_password() -> str:
    return secrets.token_urlsafe(32)


def write_private(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 whole or not at all, synced to disk.

    Raises
    ------
    OSError
        As from the file system.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError about `path` into an error that names the remedy.

    Raises
    ------
    ServerStartFailed
        In its place.
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, TimeoutError):  # filelock's Timeout is one too, and is its caller's to explain
            raise
        named = Path(error.filename) if isinstance(error.filename, str) else path
        place = path if named.suffix == ".partial" else named
        raise ServerStartFailed(
            f"{place}: {error.strerror or error}",
            REMEDIES.get(error.errno or 0, "Set EXFOLIO_HOME to a folder that can be written."),
        ) from error
