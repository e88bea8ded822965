"""The bookkeeping of jobs: runs, stage states, leases, failures, quarantine, source files.

These are written by the modules of the same names in `stores`; they describe work, never a material.
"""

from __future__ import annotations

from typing import ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    LongField,
    StringField,
    UUIDField,
)

from .base import meta
from .pulls import PULLS


class Run(Document):
    """One run of a job: what it did, stage by stage, and how it ended."""

    KEY: ClassVar[str] = "run_id"
    meta = meta("runs", {"fields": ["run_id"], "unique": True}, {"fields": ["job", "-started_at"]}, "-started_at")

    run_id = StringField(required=True, help_text="Identity: time of start and a random part")
    job = StringField(required=True, help_text="What was run, e.g. refresh two-dimensional")
    state = StringField(
        required=True,
        choices=("running", "succeeded", "partial", "failed", "interrupted"),
        help_text="partial: some items failed; failed: the job could not go on",
    )
    started_at = DateTimeField(required=True, help_text="Start (UTC)")
    ended_at = DateTimeField(help_text="End (UTC)")
    host = StringField(help_text="Machine")
    pid = IntField(help_text="Process id")
    version = StringField(help_text="Version of exfolio")
    stages = ListField(
        DictField(), help_text="By stage: due, written, unchanged, failed, quarantined, deprecated, seconds"
    )
    error = StringField(help_text="Why it could not go on")


class StageState(Document):
    """How far a stage has come in each collection it reads."""

    KEY: ClassVar[str] = "stage"
    meta = meta("stage_states", {"fields": ["stage"], "unique": True})

    stage = StringField(required=True, help_text="Name of the stage")
    fingerprint = StringField(
        help_text="Hash of version, config and model ids; when it changes, everything is due again"
    )
    token = LongField(help_text="Token of the lease under which it may be written")
    maker = DictField(help_text="Class and arguments that make the stage again")
    consumed = DictField(help_text="By collection: every document up to this revision has been taken care of")
    ahead = DictField(help_text="By collection: intervals of revisions beyond that are done too")
    partial = DictField(help_text="Where a pass over groups or files stands")
    had = DictField(help_text="Of a source: by collection, how many documents it had when its last pass was settled")
    updated_at = DateTimeField(help_text="Last change (UTC)")


class Lease(Document):
    """Who runs a job now."""

    KEY: ClassVar[str] = "job"
    meta = meta("leases", {"fields": ["job"], "unique": True})

    job = StringField(required=True, help_text="Name of the job")
    owner = StringField(help_text="Machine, process and a random part")
    token = LongField(help_text="Grows with every owner; a write under an older token is refused")
    process = DictField(help_text="Machine, process id and its start, to see whether it still lives")
    session = UUIDField(help_text="Server session of the owner's transactions")
    expires_at = DateTimeField(help_text="When others may take over, by the server's clock")


class Failure(Document):
    """An item a stage could not process; whatever good value it had stays."""

    KEY: ClassVar[str] = "failure_id"
    meta = meta(
        "failures",
        {"fields": ["failure_id"], "unique": True},
        {"fields": ["stage", "parked", "next_retry_at"]},
        "item",
    )

    failure_id = StringField(required=True, help_text="Identity: <stage>/<item>")
    stage = StringField(required=True, help_text="Stage that failed")
    item = StringField(required=True, help_text="Key of the item in the collection the stage reads")
    attempts = IntField(required=True, help_text="How often it was tried in a row", min_value=1)
    last_error = StringField(required=True, help_text="Reason of the last failure")
    remedy = StringField(help_text="What a person can do")
    first_failed_at = DateTimeField(required=True, help_text="First failure in the row (UTC)")
    last_failed_at = DateTimeField(required=True, help_text="Last failure (UTC)")
    next_retry_at = DateTimeField(help_text="When it is due again (UTC)")
    parked = BooleanField(required=True, default=False, help_text="No longer retried until `exfolio retry`")
    run_id = StringField(help_text="Run of the last failure")


class Quarantined(Document):
    """Bad input: what, where and why, until it is mended."""

    KEY: ClassVar[str] = "quarantine_id"
    meta = meta(
        "quarantine",
        {"fields": ["quarantine_id"], "unique": True},
        {"fields": ["stage", "file"]},
    )

    quarantine_id = StringField(required=True, help_text="Identity: hash of stage, file and place")
    stage = StringField(required=True, help_text="Stage that refused it")
    file = StringField(required=True, help_text="File, or collection, it comes from")
    place = StringField(help_text="Line, row, block or id in it")
    reason = StringField(required=True, help_text="What is wrong")
    remedy = StringField(help_text="What a person can do")
    key = StringField(help_text="Id of the document it would have been, where that is known")
    first_seen_at = DateTimeField(required=True, help_text="When it was first met (UTC)")
    run_id = StringField(help_text="Run that last met it")


class SourceFile(Document):
    """A file that was ingested, so that an unchanged one is not read again."""

    KEY: ClassVar[str] = "file_id"
    meta = meta("source_files", {"fields": ["file_id"], "unique": True}, "stage")

    file_id = StringField(required=True, help_text="Identity: hash of stage and path")
    stage = StringField(required=True, help_text="Stage that reads it")
    path = StringField(required=True, help_text="Where it lies; of a calculation, its folder, maybe with #suffix")
    files = ListField(StringField(), help_text="Of a calculation, the files in its folder that it is read from")
    size = LongField(help_text="Bytes, of all its files")
    modified_ns = LongField(help_text="Time of last change of the file, in nanoseconds")
    changed_ns = LongField(help_text="Time at which the system noted its last change, which no program can set")
    sha256 = StringField(help_text="Hash of its bytes")
    fingerprint = StringField(help_text="Fingerprint of the stage that read it")
    next_record = LongField(help_text="Records before this one are taken care of")
    complete = BooleanField(help_text="Read to its end")
    records = LongField(help_text="Records in it, where read to its end")
    bad = LongField(help_text="… of which were refused")
    compare = BooleanField(help_text="Whether what it held before is still to be compared with what it holds now")
    repeats = BooleanField(help_text="Whether it holds records of ids that other records of the source have")


class ScheduledJob(Document):
    """A job of the schedule: when it ran, how it went, when it is due, how long it is put off."""

    KEY: ClassVar[str] = "job"
    meta = meta("scheduled_jobs", {"fields": ["job"], "unique": True})

    job = StringField(required=True, help_text="Name of the job, e.g. source 2dmatpedia")
    cron = StringField(help_text="When it runs, as in the settings")
    runner = StringField(
        choices=("service", "once"), help_text="Who plans it: a scheduler that stays, or one run by cron"
    )
    state = StringField(
        choices=("running", "succeeded", "partial", "failed", "skipped", "interrupted"),
        help_text="How it went last; skipped: somebody else was at it",
    )
    error = StringField(help_text="Why it could not go on, or was skipped")
    run_id = StringField(help_text="Run that recorded it")
    started_at = DateTimeField(help_text="Last start (UTC); fire times up to it are taken care of")
    ended_at = DateTimeField(help_text="Last end (UTC)")
    succeeded_at = DateTimeField(help_text="Last end that was no failure (UTC)")
    next_due_at = DateTimeField(help_text="When it runs next (UTC)")
    failures = IntField(help_text="Failures in a row", min_value=0)
    failing_since = DateTimeField(help_text="First failure in the row (UTC)")
    runs = LongField(help_text="Times it was started", min_value=0)
    failed = LongField(help_text="… and could not go on", min_value=0)
    skips = LongField(help_text="Times it was skipped because somebody else was at it", min_value=0)
    passed_over = LongField(help_text="Fire times passed over while it was put off after failures", min_value=0)
    recoveries = LongField(help_text="Times it went well again after failures", min_value=0)


class SettingsClaim(Document):
    """Which settings of a stage a campaign wants, and under which label that stage writes."""

    KEY: ClassVar[str] = "claim_id"
    meta = meta("settings_claims", {"fields": ["claim_id"], "unique": True}, "campaign")

    claim_id = StringField(required=True, help_text="Identity: <campaign>/<stage>")
    campaign = StringField(required=True, help_text="Name of the campaign")
    stage = StringField(required=True, help_text="Usual name of the stage")
    settings = StringField(required=True, help_text="Hash of the settings that the campaign wants")
    label = StringField(help_text="Label of the stage with these settings; empty for the one with the usual name")


class RestingPoint(Document):
    """The state of the registry in which a refresh found nothing more to do."""

    KEY: ClassVar[str] = "job"
    meta = meta("resting_points", {"fields": ["job"], "unique": True})

    job = StringField(required=True, help_text="Always refresh")
    stamp = StringField(help_text="Hash of program, settings and sources as they were then")
    campaigns = DictField(help_text="Hash of each campaign that was at rest, by name")
    revisions = DictField(help_text="Last revision of each collection then")
    at = DateTimeField(help_text="When that was (UTC)")


class Writer(Document):
    """A stage in a run that wrote something; the notes of facets name it by its number (`facets`, `by`)."""

    KEY: ClassVar[str] = "number"
    meta = meta(
        "writers",
        {"fields": ["number"], "unique": True},
        {"fields": ["run_id", "stage", "fingerprint"], "unique": True},
    )

    number = IntField(required=True, help_text="Identity, from 1")
    stage = StringField(required=True, help_text="Name of the stage")
    version = IntField(help_text="Version of the stage")
    fingerprint = StringField(required=True, help_text="Hash of its version, config and model ids")
    run_id = StringField(required=True, help_text="The run")


class Release(Document):
    """The registry of a day that was frozen into files."""

    KEY: ClassVar[str] = "number"
    meta = meta("releases", {"fields": ["number"], "unique": True})

    number = IntField(required=True, help_text="Identity, from 1", min_value=1)
    title = StringField(help_text="What it is called")
    digest = StringField(required=True, help_text="SHA-256 of its manifest, which has those of its files")
    version = StringField(help_text="Version of exfolio")
    created_at = DateTimeField(required=True, help_text="When it was made (UTC)")
    rows = DictField(help_text="Documents by table")


OPERATIONS: tuple[type[Document], ...] = (
    Run,
    Writer,
    StageState,
    Lease,
    Failure,
    Quarantined,
    SourceFile,
    ScheduledJob,
    SettingsClaim,
    RestingPoint,
    Release,
    *PULLS,
)
"""Every collection of bookkeeping."""
