"""What every request is held to: length of its address, time, and what a browser may do with the answer."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_ADDRESS: Final = 8_000
"""Bytes of path and query: filters of hundreds of comparisons."""
SECONDS: Final = 30.0
"""Time for one answer; the database has less for each question, by ``EXFOLIO_QUERY_SECONDS``."""

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (
        b"content-security-policy",
        b"default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; script-src 'self'; "
        b"worker-src 'self' blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
)


class Limits:
    """Middleware that refuses what is too long, ends what takes too long, and only lets through what reads.

    Parameters
    ----------
    app
        What answers.
    seconds
        Time for one answer.
    may_post
        Path under which POST is let through as well, for a protocol whose questions are posted.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = SECONDS, may_post: str = "") -> None:
        self.app = app
        self.seconds = seconds
        self.may_post = may_post

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if refusal := self._refusal(scope):
            await refusal(scope, receive, send)
            return
        began = False

        async def with_headers(message: Message) -> None:
            nonlocal began
            if message["type"] == "http.response.start":
                began = True
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        try:
            async with asyncio.timeout(self.seconds):
                await self.app(scope, receive, with_headers)
        except TimeoutError:
            if not began:
                late = f"no answer within {self.seconds:g} s: ask for less, by fewer entries or by an indexed field"
                await JSONResponse(_error(503, late), 503)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        posts = (
            bool(self.may_post) and scope["path"].startswith(self.may_post) and scope["method"] in ("POST", "DELETE")
        )
        if scope["method"] not in ("GET", "HEAD", "OPTIONS") and not posts:
            return JSONResponse(_error(405, "this server only reads: GET"), 405, headers={"Allow": "GET, HEAD"})
        length = len(scope.get("raw_path") or scope["path"].encode()) + len(scope.get("query_string", b""))
        if length > LONGEST_ADDRESS:
            return JSONResponse(_error(414, f"the address has {length:,} bytes, {LONGEST_ADDRESS:,} are the most"), 414)
        return None


def _error(status: int, detail: str) -> dict[str, object]:
    return {"errors": [{"status": str(status), "detail": detail}]}
