"""Asks a web service for JSON, patiently: retries with growing waits, does as it is told when it is told to wait.

Knows HTTP only. It never logs or shows a header, because a header may hold a key, and it never follows a server
to another one.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from ....stores.errors import AccessError, CannotRunError

logger = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""A longer answer is refused: no page of any service pulled from comes near it."""
SILENCES = 10
"""An answer may take so many times as long as the service may be silent: one that drips never ends."""
LONGEST_WAIT = 60.0
"""s. Longest wait between two attempts that nobody asked for."""
LONGEST_ASKED_WAIT = 300.0
"""s. A server that asks for a longer wait counts as away, and the next run tries again."""
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses after which the same question may be answered (RFC 9110, RFC 6585)."""
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 3
_CHUNK = 1 << 20
_SHOWN = 200
_JITTER = 0.25


class SourceUnavailable(CannotRunError):
    """A service does not answer, or not as it should; a later run may find it well."""


class SourceDenied(AccessError):
    """A service does not let this user in."""


class QuestionRefused(SourceUnavailable):
    """A service understood the question and won't answer it (status 4xx)."""

    def __init__(self, message: str, remedy: str = "", status: int = 0) -> None:
        super().__init__(message, remedy)
        self.args = (message, remedy, status)
        self.status = status


class _TryAgain(Exception):
    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


class WebClient:
    """Asks one service.

    Parameters
    ----------
    base
        Address under which everything asked for lies; only its scheme, host and port are ever asked.
    headers
        Sent with every request, and shown to nobody.
    timeout
        How long the service may be silent, s.
    attempts
        How often a question is asked before giving up.
    first_wait
        Wait before the second attempt, s; each further one is twice as long, up to `LONGEST_WAIT`.
    denied
        What a person can do where the service does not let them in.
    max_bytes
        Longest answer accepted.

    Attributes
    ----------
    requests
        Requests sent so far, repeated ones too.
    """

    def __init__(
        self,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        attempts: int = 6,
        first_wait: float = 1.0,
        denied: str = "",
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        self.base = base.rstrip("/")
        self.origin = origin(base)
        self.timeout = timeout
        self.attempts = attempts
        self.first_wait = first_wait
        self.denied = denied
        self.max_bytes = max_bytes
        self.requests = 0
        self._pause = threading.Event()
        self._session = requests.Session()
        self._session.trust_env = True  # proxies
        self._session.headers.update({"Accept": "application/json", "User-Agent": "exfolio"} | dict(headers or {}))
        self._session.auth = _no_auth  # a .netrc must not replace the headers given here

    def get(self, url: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        """Ask, and give the JSON object that is the answer.

        Parameters
        ----------
        url
            Path below the base, or a whole address of the same service.
        params
            Query parameters.

        Raises
        ------
        SourceDenied
            Status 401 or 403.
        QuestionRefused
            Another status 4xx.
        SourceUnavailable
            No usable answer after all attempts, or the service asks for a wait that is too long.
        """
        address = url if "://" in url else f"{self.base}/{url.lstrip('/')}"
        if origin(address) != self.origin:
            raise SourceUnavailable(f"{self.base} points to another server, {origin(address)}, which is not asked")
        wait = self.first_wait
        for attempt in range(1, self.attempts + 1):
            try:
                return self._ask(address, params)
            except _TryAgain as trouble:
                asked = trouble.wait
                if asked is not None and asked > LONGEST_ASKED_WAIT:
                    raise SourceUnavailable(
                        f"{_shown(address)} asks to wait {asked:,.0f} s ({trouble})", "Run the same command later."
                    ) from trouble
                if attempt == self.attempts:
                    raise SourceUnavailable(
                        f"{_shown(address)} gave no usable answer in {attempt} attempts: {trouble}",
                        "What was pulled is kept; run the same command later and it goes on from there.",
                    ) from trouble
                pause = asked if asked is not None else wait * (1 + random.uniform(0, _JITTER))  # noqa: S311
                logger.info("%s: %s; attempt %d in %.1f s", self.origin, trouble, attempt + 1, pause)
                self._pause.wait(pause)
                wait = min(2 * wait, LONGEST_WAIT)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _ask(self, address: str, params: Mapping[str, str | int] | None) -> dict[str, Any]:
        for _ in range(_MAX_REDIRECTS + 1):
            self.requests += 1
            try:
                with self._session.get(
                    address, params=params, timeout=self.timeout, stream=True, allow_redirects=False
                ) as response:
                    if response.status_code in _REDIRECTS:
                        address, params = self._elsewhere(address, response.headers.get("Location", "")), None
                        continue
                    return self._read(response, address)
            except requests.RequestException as error:
                raise _TryAgain(_reason(error)) from error
        raise SourceUnavailable(f"{_shown(address)} leads from one address to the next without end")

    def _elsewhere(self, address: str, location: str) -> str:
        target = urljoin(address, location)
        if origin(target) != self.origin:
            raise SourceUnavailable(
                f"{_shown(address)} has moved to {origin(target)}",
                "Look there, and give the new address if it is right.",
            )
        return target

    def _read(self, response: requests.Response, address: str) -> dict[str, Any]:
        status = response.status_code
        if status in AGAIN:
            raise _TryAgain(f"status {status} {response.reason or ''}".strip(), _asked_wait(response))
        body = self._body(response, address)
        if status in (401, 403):
            raise SourceDenied(f"{_shown(address)} answers {status}: {_message(body)}", self.denied)
        if status != requests.codes.ok:
            raise QuestionRefused(f"{_shown(address)} answers {status}: {_message(body)}", status=status)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _TryAgain(f"the answer is no JSON ({error})") from error
        if not isinstance(answer, dict):
            raise _TryAgain(f"the answer is no JSON object but {type(answer).__name__}")
        return answer

    def _body(self, response: requests.Response, address: str) -> bytes:
        parts: list[bytes] = []
        size = 0
        deadline = time.monotonic() + SILENCES * self.timeout
        while part := _next_part(response):
            if time.monotonic() > deadline:
                raise _TryAgain(f"the answer did not end in {SILENCES * self.timeout:g} s")
            size += len(part)
            if size > self.max_bytes:
                raise SourceUnavailable(
                    f"{_shown(address)} answers with more than {self.max_bytes:,} bytes", "Ask for smaller pages."
                )
            parts.append(part)
        return b"".join(parts)


def _next_part(response: requests.Response) -> bytes:
    """What has come of an answer, uncompressed; empty at its end."""
    try:
        return bytes(response.raw.read1(_CHUNK, decode_content=True) or b"")
    except HTTPError as error:
        raise _TryAgain(f"the answer broke off or is damaged ({type(error).__name__})") from error


def origin(url: str) -> str:
    """Scheme, host and port of an address, without user and password.

    >>> origin("https://example.org/a/b?c=d")
    'https://example.org:443'
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _no_auth(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _shown(address: str) -> str:
    parts = urlsplit(address)  # the query may be long, and is the caller's to tell
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer broke off"
    if isinstance(error, requests.ConnectionError):
        return "the connection failed or broke off"
    return type(error).__name__


def _asked_wait(response: requests.Response) -> float | None:
    """Read Retry-After, in either of its forms (RFC 9110, 10.2.3)."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())


def _message(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = text
    if isinstance(answer, dict):
        errors = answer.get("errors")
        if isinstance(errors, list):
            return said_in(errors)
        answer = answer.get("detail") or answer.get("message") or answer.get("error") or answer
    return _short(answer)


def said_in(messages: object) -> str:
    """What a list of JSON:API errors or warnings says, in a line.

    >>> said_in([{"title": "Bad Request", "detail": "elements HAVE O"}, {"title": "Gone"}])
    'elements HAVE O; Gone'
    """
    listed = messages if isinstance(messages, list) else [messages]
    texts = [
        message.get("detail") or message.get("title") if isinstance(message, dict) else message for message in listed
    ]
    return _short("; ".join(str(text) for text in texts if text))


def _short(text: object) -> str:
    return " ".join(str(text).split())[:_SHOWN] or "nothing more"
