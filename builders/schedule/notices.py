"""Notices of what a scheduled job has come to: candidates promoted, a shortlist that changed, a job that failed.

A notice that can't be sent is a line in the log; no job suffers from it.
"""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

import requests

from ...models.composition.formula.chemists_formula import chemists_formula
from ...stores.connection import Connection
from ...stores.query.changes import Change, changes_since
from ...stores.settings_tables.notify import NotifySettings
from .event_log import log_event
from .jobs import Ending, Job

Doc = dict[str, Any]

_NAMED: Final = 10
"""Candidates that a sentence names; all are among the details."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell.

    Attributes
    ----------
    event
        promoted, shortlist, failed or recovered.
    text
        In a sentence.
    details
        For programs: job, run, candidates.
    """

    event: str
    text: str
    details: Doc


def notices_of(connection: Connection, job: Job, ending: Ending, began_at: datetime, failures: int) -> Iterator[Notice]:
    """Yield what there is to tell of a job that has ended.

    Parameters
    ----------
    connection
        The database.
    job, ending
        What was run and how it ended.
    began_at
        When it began: verdicts since then are its doing.
    failures
        How often the job has failed in a row, this time included; only the first failure is told.
    """
    about: Doc = {"job": job.name, "run_id": ending.run_id}
    if ending.state == "failed":
        if failures == 1:
            yield Notice("failed", f"{job.name} failed: {ending.error}", {**about, "reason": ending.error})
        return
    if ending.went_well and failures:
        yield Notice("recovered", f"{job.name} works again after {failures} failures", about)
    changed = list(changes_since(connection, "candidates", began_at))
    promoted = [change for change in changed if change.after == "promoted" and change.before != "promoted"]
    gone = [change for change in changed if change.before == "promoted" and not _stays(change)]
    if promoted:
        yield Notice(
            "promoted", f"{_told(promoted)} promoted by {job.name}", {**about, "candidates": _listed(promoted)}
        )
    if gone:
        yield Notice(
            "shortlist", f"{_told(gone)} promoted no more, by {job.name}", {**about, "candidates": _listed(gone)}
        )


def send(notices: Sequence[Notice], settings: NotifySettings) -> None:
    """Send notices to whom the settings name; what can't be sent is logged."""
    for notice in notices:
        if notice.event not in settings.events:
            continue
        log_event("notice", notice=notice.text)
        ways = [(_post, settings.webhook), (_mail, settings.smtp_host if settings.recipients else None)]
        for way, wanted in ways:
            if not wanted:
                continue
            try:
                way(notice, settings)
            except (requests.RequestException, OSError, smtplib.SMTPException) as error:
                # The address may hold a token: the kind of error has to do.
                log_event("notice not sent", logging.WARNING, way=way.__name__.strip("_"), reason=type(error).__name__)


def _post(notice: Notice, settings: NotifySettings) -> None:
    address = settings.webhook.get_secret_value() if settings.webhook else ""
    content = {"source": "exfolio", "event": notice.event, "text": notice.text, **notice.details}
    requests.post(address, json=content, timeout=settings.timeout_seconds, allow_redirects=False).raise_for_status()


def _mail(notice: Notice, settings: NotifySettings) -> None:
    message = EmailMessage()
    message["Subject"] = f"exfolio: {notice.text}"[:150].replace("\n", " ")
    message["From"], message["To"] = settings.sender, ", ".join(settings.recipients)
    listed = (
        f"{one['formula']}  {one['candidate_id']}  {one['reason']}" for one in notice.details.get("candidates", ())
    )
    message.set_content("\n".join([notice.text, "", *listed]))
    with smtplib.SMTP(settings.smtp_host or "", settings.smtp_port, timeout=settings.timeout_seconds) as server:
        if settings.smtp_starttls:
            server.starttls(context=ssl.create_default_context())
        if settings.smtp_user and settings.smtp_password:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        server.send_message(message)


def _stays(change: Change) -> bool:
    return change.after == "promoted" and change.kind != "deprecated"


def _told(changes: Sequence[Change]) -> str:
    formulas = [chemists_formula(change.formula) for change in changes]
    more = len(formulas) - _NAMED
    named = ", ".join(formulas[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"{named} {'is' if len(formulas) == 1 else 'are'}"


def _listed(changes: Sequence[Change]) -> list[Doc]:
    return [
        {
            "candidate_id": change.key,
            "formula": chemists_formula(change.formula),
            "before": change.before,
            "after": change.after,
            "reason": change.reason,
        }
        for change in changes
    ]
