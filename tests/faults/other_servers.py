"""Servers beside the embedded one: a replica set of several members on loopback, and a proxy that cuts connections."""

from __future__ import annotations

import selectors
import socket
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from exfolio.stores.server.mongod_binary import find_mongod
from ground import Ground
from pymongo import MongoClient
from pymongo.errors import PyMongoError

SET: Final = "faults"


class Members:
    """A replica set without users.

    Parameters
    ----------
    folder
        Where its data lie.
    number
        How many members.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.folder = folder
        self.ports = [_free_port() for _ in range(number)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def uri(self) -> str:
        """Of the set."""
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/faults?replicaSet={SET}"

    def ground(self, like: Ground) -> Ground:
        """The same campaigns in this set, to be compared with the same content."""
        own = Ground(self.folder / "ground", uri=self.uri)
        own.campaigns, own.undisturbed, own.seconds = like.campaigns, like.undisturbed, like.seconds
        return own

    def start(self, port: int) -> None:
        """Start a member."""
        data = self.folder / str(port)
        data.mkdir(parents=True, exist_ok=True)
        options = ["--port", str(port), "--dbpath", str(data), "--replSet", SET, "--bind_ip", "127.0.0.1"]
        limits = ["--wiredTigerCacheSizeGB", "0.25", "--logpath", str(data / "log"), "--logappend"]
        self._running[port] = subprocess.Popen([str(find_mongod()), *options, *limits], stdout=subprocess.DEVNULL)

    def kill_primary(self) -> int:
        """SIGKILL of the member that takes writes; returns its port."""
        port = self._primary()
        self._running[port].kill()
        self._running[port].wait()
        return port

    def __enter__(self) -> Self:
        for port in self.ports:
            self.start(port)
        members = [{"_id": i, "host": f"127.0.0.1:{port}"} for i, port in enumerate(self.ports)]
        with MongoClient("127.0.0.1", self.ports[0], directConnection=True) as client:
            settings = {"electionTimeoutMillis": 2000}
            self._until_all_listen()
            client.admin.command("replSetInitiate", {"_id": SET, "members": members, "settings": settings})
        self._primary()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def _until_all_listen(self) -> None:
        for port in self.ports:
            with MongoClient("127.0.0.1", port, directConnection=True) as client:
                client.admin.command("hello")

    def _primary(self) -> int:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            with suppress(PyMongoError), MongoClient(self.uri, serverSelectionTimeoutMS=2000) as client:
                client.admin.command("ping")
                if client.primary:
                    return int(client.primary[1])
            time.sleep(0.2)
        raise TimeoutError("the set has no primary")


class Proxy:
    """Passes connections on to a port of this machine, until told to cut them all.

    Parameters
    ----------
    to
        The port.
    """

    def __init__(self, to: int) -> None:
        self._to = to
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._open: set[socket.socket] = set()
        self._closed_until = 0.0
        self._ended = False

    def cut(self, seconds: float) -> None:
        """Cut all connections, and accept none for a while."""
        self._closed_until = time.monotonic() + seconds
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def wait(self) -> None:
        """Return once connections are let through."""
        time.sleep(max(0.0, self._closed_until - time.monotonic()))

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._ended = True
        self._listener.close()

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if time.monotonic() < self._closed_until:
                client.close()
                continue
            server = socket.create_connection(("127.0.0.1", self._to))
            threading.Thread(target=self._pass_on, args=(client, server), daemon=True).start()

    def _pass_on(self, client: socket.socket, server: socket.socket) -> None:
        self._open |= {client, server}
        other = {client: server, server: client}
        with selectors.DefaultSelector() as selector, client, server:
            for end in other:
                selector.register(end, selectors.EVENT_READ)
            with suppress(OSError):
                while True:
                    for key, _ in selector.select():
                        data = key.fileobj.recv(1 << 16)  # type: ignore[union-attr]
                        if not data:
                            self._open -= {client, server}
                            return
                        other[key.fileobj].sendall(data)  # type: ignore[index]
        self._open -= {client, server}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
