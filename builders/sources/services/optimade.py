"""Any OPTIMADE provider as a live source: filter, pages by ``links.next``, increments by ``last_modified``.

Knows the protocol (version 1, https://specs.optimade.org); what a resource means is in `optimade_record`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urljoin, urlsplit

from ....stores.clock import utc_now
from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError, checked_dimension, checked_name
from ..records.units import UnitError, conversion
from .http_client import QuestionRefused, SourceUnavailable, WebClient, origin
from .optimade_record import ATTRIBUTES, Mapped, material_fields, read_map
from .service import Page, Pull

logger = logging.getLogger(__name__)

OVERLAP: Final = timedelta(hours=1)
"""What changed within this time before a pass is asked for again by the next one: clocks differ, and so do writes."""
_VERSIONED = re.compile(r"/v[0-9]+(\.[0-9]+)*$")
_FETCHED = 20  # records asked for by id at once; filters of more terms are refused by some providers
_MAX_UNIT = 30


@dataclass(frozen=True, kw_only=True)
class Optimade:
    """The structures of a provider, or those that meet a filter.

    Attributes
    ----------
    url
        Base address of the provider, with or without ``/v1``.
    filter
        In OPTIMADE's language, e.g. ``elements HAS ALL "Mn","O" AND nelements=2``.
    source
        Name of the source; by default the provider's host.
    fields
        Field by field, the provider's property and its unit: ``{"band_gap": "_oqmd_band_gap:eV"}``.
    keep
        Further properties to keep as they are.
    method
        How mapped values were got, e.g. ``PBE``.
    reference
        Publication to cite.
    dimension
        2 or 3, where it holds for all that is pulled.
    page_limit
        Structures asked for at once.
    list_days
        After so many days all ids are listed again, to see what is gone.

    Raises
    ------
    SourceOptionError
        An option can't be meant.
    """

    kind: ClassVar[str] = "optimade"
    version: ClassVar[int] = 1

    url: str = ""
    filter: str = ""
    source: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()
    method: str | None = None
    reference: str | None = None
    dimension: int | None = None
    page_limit: int = 100
    list_days: float = 7.0

    def __post_init__(self) -> None:
        if not self.url:
            raise SourceOptionError("an OPTIMADE provider needs its address (url)")
        object.__setattr__(self, "url", _base(self.url))
        object.__setattr__(self, "source", checked_name(self.source or str(urlsplit(self.url).hostname)))
        object.__setattr__(self, "filter", self.filter.strip())
        checked_dimension(self.dimension)
        if self.page_limit < 1:
            raise SourceOptionError(f"the page limit is {self.page_limit}; give 1 or more")
        self.mapped  # noqa: B018  complains about a map that can't be meant

    @property
    def mapped(self) -> tuple[Mapped, ...]:
        """The map of fields, read."""
        return read_map(self.fields)

    @property
    def scope(self) -> str:
        """The filter, in short."""
        return hashlib.sha256(self.filter.encode()).hexdigest()[:8] if self.filter else ""

    @property
    def address(self) -> str:
        """Where the structures are."""
        return f"{self.url}/structures"

    def describe(self) -> dict[str, Any]:
        """Describe what is pulled and how it is read."""
        return {
            "source": self.source,
            "filter": self.filter,
            "fields": dict(self.fields),
            "keep": sorted(self.keep),
            "method": self.method,
            "reference": self.reference,
            "dimension": self.dimension,
        }

    def open(self, settings: Settings) -> OptimadePull:
        """Begin a pass."""
        client = WebClient(
            self.url,
            headers={"Accept": "application/vnd.api+json, application/json"},
            timeout=settings.web_timeout_seconds,
            attempts=settings.web_attempts,
            first_wait=settings.web_first_wait_seconds,
            denied="Is this provider open to everybody?",
        )
        return OptimadePull(self, client)

    def parse(self, raw: RawRecord) -> Documents:
        """Make the material of one structure resource.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        if not isinstance(raw.payload, Mapping):
            raise BadRecord(f"its attributes are not an object but {type(raw.payload).__name__}")
        document = identity(self.source, raw.place, raw.release)
        document |= material_fields(raw.payload, self.mapped, self.keep)
        if self.dimension is not None:
            document["dimension_claimed"] = self.dimension
        if self.reference:
            document.setdefault("reference", self.reference)
        if self.method:
            computed = [
                mapped.field for mapped in self.mapped if mapped.conversion is not None and mapped.field in document
            ]
            document["methods"] = dict.fromkeys(computed, self.method)
        return {"materials": [document]}

    def asked_for(self) -> list[str]:
        """Properties to ask for, by name."""
        return sorted({*ATTRIBUTES, *(mapped.path[0] for mapped in self.mapped), *self.keep})


class OptimadePull(Pull):
    """One pass: everything the first time, later what changed, and now and then the list of what there is."""

    def __init__(self, source: Optimade, client: WebClient) -> None:
        super().__init__(client)
        self.source = source
        self._unlisted = ""

    def pages(
        self, memory: Mapping[str, Any], cursor: Mapping[str, Any] | None, known: Mapping[str, str | None]
    ) -> Iterator[Page]:
        """Pull what changed since the newest stamp of the last pass, then list what there is where it is time to."""
        if cursor is not None:
            try:
                yield from self._pass(dict(cursor), known)
            except QuestionRefused as refused:  # the page has lost its meaning for the server by now
                logger.info("%s: beginning anew, because %s", self.source.source, refused.message)
            else:
                return
        if not memory:
            self._check_fields()
        yield from self._pass(self._start(memory), known)

    def _start(self, memory: Mapping[str, Any]) -> dict[str, Any]:
        now = utc_now()
        since, listed_at = memory.get("newest"), memory.get("listed_at")
        due = listed_at is None or now - datetime.fromisoformat(listed_at) >= timedelta(days=self.source.list_days)
        return {
            "began": now.isoformat(),
            "since": since,
            "newest": since,
            "unstamped": False,
            "listed_at": listed_at,
            "list": bool(since) and due,
            "phase": "changed",
            "next": None,
            "met": 0,
        }

    def _pass(self, at: dict[str, Any], known: Mapping[str, str | None]) -> Iterator[Page]:
        met: set[str] = set()
        if at["phase"] == "changed":
            try:
                yield from self._changed(at, known, met)
            except QuestionRefused:
                if not at["since"] or at["met"]:
                    raise
                logger.info("%s can't be asked by last_modified; asking for everything", self.source.source)
                at |= {"since": None, "list": False}
                yield from self._changed(at, known, met)
            at |= {"phase": "listing", "next": None, "met": 0}
        if at["list"]:
            self._unlisted = ""
            yield from self._listing(at, known, met)
        listed = (at["list"] or not at["since"]) and not self._unlisted
        self.complete = listed
        self.note = self._unlisted
        self.memory = {
            "newest": None if at["unstamped"] else at["newest"],
            "listed_at": at["began"] if listed else at["listed_at"],
        }

    def _changed(self, at: dict[str, Any], known: Mapping[str, str | None], met: set[str]) -> Iterator[Page]:
        since = f'last_modified >= "{_whole_seconds(at["since"])}"' if at["since"] else ""
        latest = _one_form(datetime.fromisoformat(at["began"]) - OVERLAP)
        for resources, unnamed, link in self._walk(since, self.source.asked_for(), at, met, counts=True):
            records: list[RawRecord] = []
            seen = []
            for name, attributes in resources.items():
                stamp = _stamp(attributes)
                if stamp is None:  # there is no telling what changed, so each pass will ask for everything
                    at["unstamped"] = True
                else:
                    at["newest"] = max(at["newest"] or "", min(stamp, latest))
                if stamp and known.get(name) == stamp:
                    seen.append(name)
                else:
                    records.append(RawRecord(name, len(records), attributes, stamp, release=stamp))
            at |= {"next": link, "met": len(met)}
            cursor = {**at, "phase": "changed"} if link else {**at, "phase": "listing", "next": None, "met": 0}
            yield Page(records=records, seen=seen, unnamed=unnamed, cursor=cursor)

    def _listing(self, at: dict[str, Any], known: Mapping[str, str | None], fetched: set[str]) -> Iterator[Page]:
        met: set[str] = set()
        for resources, unnamed, link in self._walk("", ["last_modified"], at, met):
            stamps = {name: _stamp(attributes) for name, attributes in resources.items()}
            same = [name for name, stamp in stamps.items() if name in known and known[name] == stamp]
            other = [name for name in stamps if name not in same and name not in fetched]
            for start in range(0, len(other), _FETCHED):
                yield self._fetch(other[start : start + _FETCHED], known)
            at |= {"next": link, "met": len(met)}
            yield Page(seen=same, unnamed=unnamed, cursor=dict(at) if link else None)

    def _fetch(self, names: Sequence[str], known: Mapping[str, str | None]) -> Page:
        """Get records that are new or changed, and that their stamp did not tell of."""
        quoted = [_quoted(name) for name in names]
        at: dict[str, Any] = {"next": None, "met": 0}
        records: list[RawRecord] = []
        by_id = "(" + " OR ".join(f"id={name}" for name in quoted) + ")"
        for resources, _, _ in self._walk(by_id, self.source.asked_for(), at, set()):
            for name, attributes in resources.items():
                if name in names:
                    stamp = _stamp(attributes)
                    records.append(RawRecord(name, len(records), attributes, stamp, release=stamp))
        given = {record.place for record in records}
        return Page(records=records, seen=[name for name in names if name not in given and name in known])

    # What is asked

    def _walk(
        self, condition: str, fields: Sequence[str], at: Mapping[str, Any], met: set[str], *, counts: bool = False
    ) -> Iterator[tuple[dict[str, Any], list[tuple[str, str]], str | None]]:
        """Follow a list from page to page; gives resources by id, those without one, and where the next page is."""
        link: str | None = at["next"]
        before = int(at["met"])
        visited = {link} if link else set()
        returned: set[int] = set()
        number = 0
        while True:
            number += 1
            answer = self.client.get(link) if link else self._first(condition, fields)
            resources, unnamed = _resources(answer, number)
            meta = answer.get("meta") if isinstance(answer.get("meta"), Mapping) else {}
            count = meta.get("data_returned") if isinstance(meta, Mapping) else None
            if isinstance(count, int):
                returned.add(count)
                if counts:
                    self.total = count
            if resources and met >= resources.keys():
                raise SourceUnavailable(
                    f"{self.source.address} gives the same page again and again ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next do not come to an end.",
                )
            met |= resources.keys()
            link = self._next(answer, number)
            if link in visited:
                raise SourceUnavailable(
                    f"the pages of {self.source.address} lead back to one that was read ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next form a circle.",
                )
            if link:
                visited.add(link)
            elif isinstance(meta, Mapping) and meta.get("more_data_available") is True:
                self._unlisted = "nothing was retired, because the provider has more but does not say where"
            elif returned and returned != {before + len(met)}:
                self._unlisted = "nothing was retired, because the list changed while it was read"
            yield resources, unnamed, link
            if link is None:
                return

    def _first(self, condition: str, fields: Sequence[str]) -> dict[str, Any]:
        parts = [part for part in (self.source.filter, condition) if part]
        question: dict[str, str | int] = {"response_fields": ",".join(fields)}
        if parts:
            question["filter"] = " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        try:
            return self.client.get("structures", question | {"page_limit": self.source.page_limit})
        except (QuestionRefused, ConfigurationError) as refused:
            if "page_limit" not in refused.message:
                raise
            logger.info("%s: %s; taking pages as they come", self.source.source, refused.message)
            return self.client.get("structures", question)

    def _next(self, answer: Mapping[str, Any], number: int) -> str | None:
        links = answer.get("links")
        link = links.get("next") if isinstance(links, Mapping) else None
        if isinstance(link, Mapping):
            link = link.get("href")
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise SourceUnavailable(f"links.next of page {number} of {self.source.address} is {link!r:.60}")
        link = urljoin(f"{self.source.url}/structures", link)
        ours, theirs = urlsplit(self.source.url), urlsplit(link)
        if ours.scheme == "https" and theirs.scheme == "http" and ours.hostname == theirs.hostname:
            link = link.replace("http://", "https://", 1)  # servers behind a proxy often don't know better
        if origin(link) != origin(self.source.url):
            raise SourceUnavailable(
                f"links.next of page {number} of {self.source.address} points to another server, {origin(link)}",
                "It is not followed. If the provider has moved, give its new address.",
            )
        return link

    def _check_fields(self) -> None:
        """Check that the mapped properties exist, in the units that were stated, where the provider says so."""
        if not self.source.mapped and not self.source.keep:
            return
        try:
            info = self.client.get("info/structures")
        except QuestionRefused as refused:
            logger.info("%s does not describe its properties: %s", self.source.source, refused.message)
            return
        data = info.get("data")
        properties = data.get("properties") if isinstance(data, Mapping) else None
        if not isinstance(properties, Mapping):
            return
        for name in (*(mapped.path[0] for mapped in self.source.mapped), *self.source.keep):
            if name not in properties:
                own = sorted(str(property_name) for property_name in properties if str(property_name).startswith("_"))
                raise ConfigurationError(
                    f"{self.source.source} has no property {name}", f"Of its own it has: {', '.join(own) or 'none'}."
                )
        for mapped in self.source.mapped:
            described = properties[mapped.path[0]]
            unit = described.get("unit") if isinstance(described, Mapping) and len(mapped.path) == 1 else None
            if mapped.conversion is not None and isinstance(unit, str):
                _check_unit(mapped, unit)


def _check_unit(mapped: Mapped, declared: str) -> None:
    try:
        meant = conversion(mapped.field, declared)
    except UnitError:
        return  # written in a way that is not understood, e.g. without "per atom"
    if meant != mapped.conversion:
        raise ConfigurationError(
            f"{mapped.field}: the unit of {mapped.path[0]} is {declared!r:.{_MAX_UNIT}} by the provider, "
            f"and {mapped.unit!r} was given",
            "Find out which is right and give that one.",
        )


def _resources(answer: Mapping[str, Any], page: int) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    data = answer.get("data")
    if not isinstance(data, list):
        raise SourceUnavailable(
            f"page {page} holds no list of structures but {type(data).__name__}", "Is this an OPTIMADE base address?"
        )
    resources: dict[str, Any] = {}
    unnamed = []
    for place, resource in enumerate(data):
        name = resource.get("id") if isinstance(resource, Mapping) else None
        if isinstance(name, int) and not isinstance(name, bool):  # some providers write them so
            name = str(name)
        if not isinstance(name, str) or not name.strip():
            unnamed.append((f"page {page}, {place}", f"it has no id but {name!r:.40}"))
            continue
        resources[name] = resource.get("attributes")
    return resources, unnamed


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


def _base(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise SourceOptionError(f"{url!r:.80} is no base address; write e.g. https://optimade.materialsproject.org")
    path = parts.path.rstrip("/").removesuffix("/structures")
    return f"{parts.scheme}://{parts.netloc}{path}" + ("" if _VERSIONED.search(path) else "/v1")
