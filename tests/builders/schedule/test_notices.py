"""What is told of a scheduled job that has ended, to a webhook and by mail; what can't be sent harms nothing."""

import json
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import small_registry
from exfolio.builders.schedule.jobs import Ending, Job
from exfolio.builders.schedule.notices import Notice, notices_of, send
from exfolio.stores.connection import Connection
from exfolio.stores.settings_tables.notify import NotifySettings
from pydantic import SecretStr, ValidationError

JOB = Job("campaign", "two-dimensional", "30 2 * * *")
WELL = Ending("succeeded", None, "20261130T023000-aaaaaaaa", 3)
PROMOTED = Notice(
    "promoted",
    "MoS2 is promoted by campaign two-dimensional",
    {"job": "campaign two-dimensional", "candidates": [{"formula": "MoS2", "candidate_id": "a/1", "reason": ""}]},
)


def told(
    connection: Connection, ending: Ending, *, failures: int = 0, ago: timedelta = timedelta(days=1)
) -> list[Notice]:
    return list(notices_of(connection, JOB, ending, datetime.now(UTC) - ago, failures))


def test_candidates_that_were_promoted_since_it_began_are_named(empty_registry: Connection) -> None:
    small_registry.fill(empty_registry)

    [notice] = told(empty_registry, WELL)

    assert notice.event == "promoted"
    assert notice.text == "MoS2 is promoted by campaign two-dimensional"
    assert notice.details["candidates"][0]["candidate_id"] == "two-dimensional/st-1890e1f5735df206"
    assert told(empty_registry, WELL, ago=-timedelta(days=1)) == []


def test_only_the_first_failure_in_a_row_is_told_and_the_recovery(empty_registry: Connection) -> None:
    down = Ending("failed", "the server answered 503")

    [first] = told(empty_registry, down, failures=1)
    [recovered] = told(empty_registry, WELL, failures=4)

    assert first.text == "campaign two-dimensional failed: the server answered 503"
    assert told(empty_registry, down, failures=2) == []
    assert recovered.text == "campaign two-dimensional works again after 4 failures"


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Address of a webhook, and what was posted to it."""
    posted: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/token", posted
        server.shutdown()


def test_a_webhook_gets_the_sentence_and_the_facts(webhook: tuple[str, list[dict[str, Any]]]) -> None:
    address, posted = webhook

    send([PROMOTED], NotifySettings(webhook=SecretStr(address)))
    send([PROMOTED], NotifySettings(webhook=SecretStr(address), events=("failed",)))

    [content] = posted
    assert (content["event"], content["text"]) == ("promoted", PROMOTED.text)
    assert content["candidates"][0]["formula"] == "MoS2"


@pytest.fixture
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """Port of a mail server that speaks just enough SMTP, and what it was given."""
    lines: list[str] = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                lines.append(line)
                if data and line != ".":
                    continue
                data = line.upper() == "DATA"
                self.wfile.write(b"354 go on\r\n" if data else b"250 ok\r\n")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1], lines
        server.shutdown()


def test_a_mail_names_the_candidates(mail_server: tuple[int, list[str]]) -> None:
    port, lines = mail_server
    settings = NotifySettings(
        smtp_host="127.0.0.1", smtp_port=port, smtp_starttls=False, recipients=("lab@example.org",), timeout_seconds=5
    )

    send([PROMOTED], settings)

    assert "rcpt TO:<lab@example.org>" in lines
    assert f"Subject: exfolio: {PROMOTED.text}" in lines
    assert "MoS2  a/1" in "\n".join(lines)


def test_what_cannot_be_sent_is_logged_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    send([PROMOTED], NotifySettings(webhook=SecretStr("http://127.0.0.1:9/secret-token"), timeout_seconds=1))

    assert "notice not sent" in caplog.text
    assert "secret-token" not in caplog.text


def test_an_address_that_is_none_is_refused_and_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        NotifySettings(webhook=SecretStr("secret-token"))

    assert "https://" in str(caught.value)
    assert "secret-token" not in str(caught.value)
