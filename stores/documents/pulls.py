"""The bookkeeping of sources: what was pulled of live ones, how the last whole pull went, what is to be retired."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DateTimeField, DictField, Document, ListField, LongField, StringField

from .base import meta


class SourceRecord(Document):
    """A record of a live source that was brought in, so that it is pulled again only when it has changed."""

    KEY: ClassVar[str] = "record_id"
    meta = meta(
        "source_records",
        {"fields": ["record_id"], "unique": True},
        {"fields": ["stage", "seen"]},
        {"fields": ["source", "record"]},
    )

    record_id = StringField(required=True, help_text="Identity: hash of stage and record")
    stage = StringField(required=True, help_text="Stage that pulls it")
    source = StringField(required=True, help_text="Name of the source")
    record = StringField(required=True, help_text="Its id in the source")
    stamp = StringField(help_text="When the source says it changed last")
    fingerprint = StringField(help_text="Fingerprint of the stage that brought it in")
    tried = DictField(help_text="What of it failed last: stamp and fingerprint")
    seen = StringField(help_text="Pass in which the source last had it")
    withdrawn = StringField(help_text="Why the source itself has withdrawn it")
    bad = BooleanField(help_text="Whether it is in quarantine")
    made = DictField(help_text="By collection: keys of the documents made of it")


class SourcePull(Document):
    """The last pass over a live source that came to its end."""

    KEY: ClassVar[str] = "stage"
    meta = meta("source_pulls", {"fields": ["stage"], "unique": True})

    stage = StringField(required=True, help_text="Stage that pulls it")
    source = StringField(required=True, help_text="Name of the source")
    address = StringField(help_text="Where it was pulled from")
    release = StringField(help_text="Release of the source, where it has such a thing")
    fingerprint = StringField(help_text="Fingerprint of the stage that pulled it")
    ended_at = DateTimeField(help_text="When the pass ended (UTC)")
    requests = LongField(help_text="Requests it took, since the last cut")
    complete = BooleanField(help_text="Whether it met every record of the source")
    note = StringField(help_text="Why it did not")
    memory = DictField(help_text="What the next pass needs to know of it")
    provider = DictField(help_text="What the service says of itself: name, homepage, licence, version, last_modified")


class PendingRetirement(Document):
    """A document that its source no longer has and that is not deprecated yet."""

    KEY: ClassVar[str] = "retirement_id"
    meta = meta("pending_retirements", {"fields": ["retirement_id"], "unique": True}, "stage")

    retirement_id = StringField(required=True, help_text="Identity: hash of stage, collection and key")
    stage = StringField(required=True, help_text="Stage that brought it in")
    collection = StringField(required=True, help_text="Collection it is in")
    key = StringField(required=True, help_text="Its key there")
    reason = StringField(required=True, help_text="Why it will be deprecated")
    held_by = ListField(StringField(), help_text="Files whose bad records may be the one that is missing")


PULLS: tuple[type[Document], ...] = (SourceRecord, SourcePull, PendingRetirement)
"""Every collection of bookkeeping of live sources."""
