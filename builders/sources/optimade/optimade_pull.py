"""Passes over an OPTIMADE provider: everything, then what changed, now and then the list of what there is.

The protocol is in `optimade_provider`, what a resource means in `optimade_record`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from ....stores.clock import utc_now
from ..records.raw_record import RawRecord
from ..services.http_client import QuestionRefused, WebClient
from ..services.service import Page, Pull
from .optimade_pages import Tally
from .optimade_provider import Provider
from .optimade_record import Mapped
from .optimade_structure import STRUCTURE, not_sent

logger = logging.getLogger(__name__)

OVERLAP: Final = timedelta(hours=1)
"""What changed within this time before a pass is asked for again by the next one: clocks differ, and so do writes."""
_FETCHED = 20  # records asked for by id at once; filters of more terms are refused by some providers


class Asked(Protocol):
    """What is asked of a provider; see `optimade.Optimade`."""

    @property
    def url(self) -> str:
        """Its base address."""

    @property
    def filter(self) -> str:
        """What structures must meet."""

    @property
    def source(self) -> str:
        """Name of the source."""

    @property
    def keep(self) -> Sequence[str]:
        """Further properties to keep as they are."""

    @property
    def page_limit(self) -> int:
        """Structures asked for at once."""

    @property
    def list_days(self) -> float:
        """After so many days all ids are listed again."""

    @property
    def mapped(self) -> tuple[Mapped, ...]:
        """The map of fields, read."""

    def asked_for(self) -> list[str]:
        """Properties to ask for, by name."""


class OptimadePull(Pull):
    """One pass: everything the first time, later what changed, and now and then the list of what there is."""

    def __init__(self, source: Asked, client: WebClient) -> None:
        super().__init__(client)
        self.source = source
        self.server = Provider(client, source.url, source.filter, source.page_limit)
        self._never_sent: set[str] = set()

    def pages(
        self,
        memory: Mapping[str, Any],
        cursor: Mapping[str, Any] | None,
        known: Mapping[str, str | None],
        met: Collection[str] = (),
    ) -> Iterator[Page]:
        """Pull what changed since the newest stamp of the last pass, then list what there is where it is time to."""
        if cursor is not None:
            try:
                yield from self._pass(dict(cursor), known, met)
            except QuestionRefused as refused:  # the page has lost its meaning for the server by now
                logger.info("%s: beginning anew, because %s", self.source.source, refused.message)
            else:
                return
        if not memory:
            self.server.check_fields(self.source.mapped, self.source.keep)
            self.server.look_up_licence()
        yield from self._pass(self._start(memory), known, ())

    def _start(self, memory: Mapping[str, Any]) -> dict[str, Any]:
        now = utc_now()
        since, listed_at = memory.get("newest"), memory.get("listed_at")
        due = listed_at is None or now - datetime.fromisoformat(listed_at) >= timedelta(days=self.source.list_days)
        return {
            "began": now.isoformat(),
            "since": since,
            "newest": since,
            "held": None,
            "unstamped": False,
            "listed_at": listed_at,
            "list": bool(since) and due,
            "phase": "changed",
            "next": None,
            "met": 0,
        }

    def _pass(self, at: dict[str, Any], known: Mapping[str, str | None], met: Collection[str]) -> Iterator[Page]:
        tally = Tally()
        fetched: set[str] = set()
        if at["phase"] == "changed":
            # Those without an id came too; of others the ids tell which came before a cut.
            tally = Tally(dict.fromkeys(met), before=max(0, at["met"] - len(met)))
            try:
                yield from self._changed(at, known, tally)
            except QuestionRefused:
                if not at["since"] or at["met"]:
                    raise
                logger.info("%s can't be asked by last_modified; asking for everything", self.source.source)
                at |= {"since": None, "list": False}
                tally = Tally()
                yield from self._changed(at, known, tally)
            fetched = set(tally.met)
            at |= {"phase": "listing", "next": None, "met": 0}
        if at["list"] and not tally.broken_off:
            tally = Tally(before=at["met"])
            yield from self._listing(at, known, fetched, tally)
        self._end(at, tally)

    def _end(self, at: Mapping[str, Any], tally: Tally) -> None:
        listed = (at["list"] or not at["since"]) and not tally.incomplete
        self.warnings = self.server.warnings
        self.broken_off, self.not_sent = tally.broken_off, tally.not_sent
        self.complete = listed and not tally.broken_off
        self.note = tally.incomplete
        self.repeats = bool(tally.again)
        newest = min(filter(None, (at["newest"], at["held"])), default=None)
        self.provider = self.server.about | ({"last_modified": at["newest"]} if at["newest"] else {})
        self.memory = {
            "newest": None if at["unstamped"] else newest,
            "listed_at": at["began"] if listed else at["listed_at"],
        }

    def _changed(self, at: dict[str, Any], known: Mapping[str, str | None], tally: Tally) -> Iterator[Page]:
        since = f'last_modified >= "{_whole_seconds(at["since"])}"' if at["since"] else ""
        latest = _one_form(datetime.fromisoformat(at["began"]) - OVERLAP)
        for page in self.server.structures(since, self.source.asked_for(), tally, link=at["next"]):
            self.total = self.total if page.total is None else page.total
            self.provider = self.server.about
            records: list[RawRecord] = []
            seen = []
            for name, attributes in self._whole(page.resources, known).items():
                stamp = _stamp(attributes)
                if stamp is None:  # there is no telling what changed, so each pass will ask for everything
                    at["unstamped"] = True
                else:
                    at["newest"] = max(at["newest"] or "", min(stamp, latest))
                if stamp and known.get(name) == stamp:
                    seen.append(name)
                    continue
                record = _record(name, len(records), attributes)
                if stamp and record.stamp is None:  # it is to be asked for again
                    at["held"] = min(at["held"] or stamp, stamp)
                records.append(record)
            at |= {"next": page.link, "met": tally.came}
            last = {"phase": "listing", "next": None, "met": 0}
            cursor = None if tally.broken_off else {**at, "phase": "changed"} if page.link else {**at, **last}
            yield Page(records=records, seen=seen, unnamed=page.unnamed, repeated=page.repeated, cursor=cursor)

    def _listing(
        self, at: dict[str, Any], known: Mapping[str, str | None], fetched: set[str], tally: Tally
    ) -> Iterator[Page]:
        for page in self.server.structures("", ["last_modified"], tally, link=at["next"]):
            stamps = {name: _stamp(attributes) for name, attributes in page.resources.items()}
            same = [name for name, stamp in stamps.items() if name in known and known[name] == stamp]
            unchanged = set(same)
            other = [name for name in stamps if name not in unchanged and name not in fetched]
            for start in range(0, len(other), _FETCHED):
                yield self._fetch(other[start : start + _FETCHED], known)
            at |= {"next": page.link, "met": tally.came}
            yield Page(seen=same, unnamed=page.unnamed, cursor=dict(at) if page.link else None)

    def _fetch(self, names: Sequence[str], known: Mapping[str, str | None]) -> Page:
        """Get records that are new or changed, and that their stamp did not tell of."""
        given = self._whole(self._by_id(names), known)
        records = [_record(name, place, attributes) for place, (name, attributes) in enumerate(given.items())]
        return Page(records=records, seen=[name for name in names if name not in given and name in known])

    def _by_id(self, names: Sequence[str]) -> dict[str, Any]:
        condition = "(" + " OR ".join(f"id={_quoted(name)}" for name in names) + ")"
        found: dict[str, Any] = {}
        for page in self.server.structures(condition, self.source.asked_for(), Tally()):
            wanted = {name: given for name, given in page.resources.items() if name in names}
            found |= wanted
            if not wanted or len(found) == len(names):  # a provider that does not filter would give all it has
                break
        return found

    def _whole(self, resources: dict[str, Any], known: Mapping[str, str | None]) -> dict[str, Any]:
        """Ask again for resources that came without what was asked for: not sent is not has none."""
        lacking = [name for name, attributes in resources.items() if self._lacks(name, attributes, known)]
        for start in range(0, len(lacking), _FETCHED):
            names = lacking[start : start + _FETCHED]
            given = self._by_id(names)
            if not given:
                continue
            resources |= given
            # What nobody of them has when asked by name is no property of this provider.
            sent = {field for attributes in given.values() if isinstance(attributes, Mapping) for field in attributes}
            self._never_sent |= set(self.source.asked_for()) - sent
        return resources

    def _lacks(self, name: str, attributes: object, known: Mapping[str, str | None]) -> bool:
        stamp = _stamp(attributes)
        if stamp and known.get(name) == stamp:
            return False
        if not isinstance(attributes, Mapping):
            return True
        asked = set(self.source.asked_for()) - self._never_sent
        null = any(attributes[field] is None for field in STRUCTURE & attributes.keys())
        return null or bool(asked - attributes.keys())


def _record(name: str, place: int, attributes: Any) -> RawRecord:
    stamp = _stamp(attributes)
    # Without its structure it does not count as seen: the next pass asks for it again.
    noted = None if isinstance(attributes, Mapping) and not_sent(attributes) else stamp
    return RawRecord(name, place, attributes, noted, release=stamp)


def _stamp(attributes: object) -> str | None:
    value = attributes.get("last_modified") if isinstance(attributes, Mapping) else None
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return _one_form(at if at.tzinfo else at.replace(tzinfo=UTC))


def _one_form(at: datetime) -> str:
    # One length and one time zone, so that they can be compared as texts.
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _whole_seconds(stamp: str) -> str:
    return stamp.partition(".")[0] + "Z"  # RFC 3339 as every filter understands it; earlier by less than a second


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
