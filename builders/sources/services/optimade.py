"""Any OPTIMADE provider as a live source: filter, pages by ``links.next``, increments by ``last_modified``.

Knows passes; the protocol is in `optimade_provider`, what a resource means in `optimade_record`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from ....stores.clock import utc_now
from ....stores.settings import Settings
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError, checked_dimension, checked_name
from .http_client import QuestionRefused, WebClient
from .optimade_provider import Provider
from .optimade_record import ATTRIBUTES, Mapped, material_fields, read_map
from .service import Page, Pull

logger = logging.getLogger(__name__)

OVERLAP: Final = timedelta(hours=1)
"""What changed within this time before a pass is asked for again by the next one: clocks differ, and so do writes."""
_VERSIONED = re.compile(r"/v[0-9]+(\.[0-9]+)*$")
_FETCHED = 20  # records asked for by id at once; filters of more terms are refused by some providers


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
        self.provider = Provider(client, source.url, source.filter, source.page_limit)

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
            self.provider.check_fields(self.source.mapped, self.source.keep)
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
            self.provider.incomplete = ""
            yield from self._listing(at, known, met)
        listed = (at["list"] or not at["since"]) and not self.provider.incomplete
        self.complete = listed
        self.note = self.provider.incomplete
        self.memory = {
            "newest": None if at["unstamped"] else at["newest"],
            "listed_at": at["began"] if listed else at["listed_at"],
        }

    def _changed(self, at: dict[str, Any], known: Mapping[str, str | None], met: set[str]) -> Iterator[Page]:
        since = f'last_modified >= "{_whole_seconds(at["since"])}"' if at["since"] else ""
        latest = _one_form(datetime.fromisoformat(at["began"]) - OVERLAP)
        fields = self.source.asked_for()
        for page in self.provider.structures(since, fields, met, link=at["next"], met_before=at["met"]):
            self.total = self.total if page.total is None else page.total
            records: list[RawRecord] = []
            seen = []
            for name, attributes in page.resources.items():
                stamp = _stamp(attributes)
                if stamp is None:  # there is no telling what changed, so each pass will ask for everything
                    at["unstamped"] = True
                else:
                    at["newest"] = max(at["newest"] or "", min(stamp, latest))
                if stamp and known.get(name) == stamp:
                    seen.append(name)
                else:
                    records.append(RawRecord(name, len(records), attributes, stamp, release=stamp))
            at |= {"next": page.link, "met": len(met)}
            cursor = {**at, "phase": "changed"} if page.link else {**at, "phase": "listing", "next": None, "met": 0}
            yield Page(records=records, seen=seen, unnamed=page.unnamed, cursor=cursor)

    def _listing(self, at: dict[str, Any], known: Mapping[str, str | None], fetched: set[str]) -> Iterator[Page]:
        met: set[str] = set()
        for page in self.provider.structures("", ["last_modified"], met, link=at["next"], met_before=at["met"]):
            stamps = {name: _stamp(attributes) for name, attributes in page.resources.items()}
            same = [name for name, stamp in stamps.items() if name in known and known[name] == stamp]
            other = [name for name in stamps if name not in same and name not in fetched]
            for start in range(0, len(other), _FETCHED):
                yield self._fetch(other[start : start + _FETCHED], known)
            at |= {"next": page.link, "met": len(met)}
            yield Page(seen=same, unnamed=page.unnamed, cursor=dict(at) if page.link else None)

    def _fetch(self, names: Sequence[str], known: Mapping[str, str | None]) -> Page:
        """Get records that are new or changed, and that their stamp did not tell of."""
        records: list[RawRecord] = []
        by_id = "(" + " OR ".join(f"id={_quoted(name)}" for name in names) + ")"
        for page in self.provider.structures(by_id, self.source.asked_for(), set()):
            for name, attributes in page.resources.items():
                if name in names:
                    stamp = _stamp(attributes)
                    records.append(RawRecord(name, len(records), attributes, stamp, release=stamp))
        given = {record.place for record in records}
        return Page(records=records, seen=[name for name in names if name not in given and name in known])


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
