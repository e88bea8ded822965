"""A small HTTP server on loopback that can be told to misbehave; what it serves is its subclass's."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass
class Fault:
    """What goes wrong, once: `status` and `headers`, a `cut` answer, a raw `body`, or whatever `then` does first."""

    path: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: bool = False
    then: Callable[[], None] | None = None
    after: int = 0
    """So many requests that match are let through before."""


class Loopback:
    """Serves `answer` on a free port of 127.0.0.1, in a thread."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.keys: list[str | None] = []
        self.faults: list[Fault] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                query = {name: values[0] for name, values in parse_qs(parts.query).items()}
                outer.asked.append((parts.path, query))
                outer.keys.append(self.headers.get("x-api-key"))
                fault = outer._next_fault(parts.path)
                if fault is not None and fault.then is not None:
                    fault.then()
                if fault is not None and (fault.status or fault.body is not None):
                    body = fault.body if fault.body is not None else b'{"detail": "told to fail"}'
                    self._send(fault.status or 200, body, fault.headers)
                    return
                status, content = outer.answer(parts.path, query, self.headers.get("x-api-key"))
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                self._send(status, body, {}, cut=fault is not None and fault.cut)

            def _send(self, status: int, body: bytes, headers: dict[str, str], *, cut: bool = False) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if cut else body)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, path: str, query: dict[str, str], key: str | None) -> tuple[int, Any]:
        """Give status and JSON of a request."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next_fault(self, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.path in path:
                if fault.after:
                    fault.after -= 1
                    continue
                self.faults.remove(fault)
                return fault
        return None
