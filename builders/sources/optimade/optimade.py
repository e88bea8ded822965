"""Any OPTIMADE provider as a live source: what is asked of it, and what its records become.

Passes over it are in `optimade_pull`, the protocol in `optimade_provider`, what a resource means in `optimade_record`.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit

from ....stores.settings import Settings
from ..records.material_fields import identity
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.source_options import SourceOptionError, checked_dimension, checked_name
from ..services.http_client import WebClient
from .optimade_pull import OptimadePull
from .optimade_record import ATTRIBUTES, Mapped, material_fields, read_map

logger = logging.getLogger(__name__)

_VERSIONED = re.compile(r"/v[0-9]+(\.[0-9]+)*$")


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
    methods_from
        Property in which the provider says how each value was got: an object, by the names of exfolio's fields.
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
    version: ClassVar[int] = 3

    url: str = ""
    filter: str = ""
    source: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    keep: Sequence[str] = ()
    method: str | None = None
    methods_from: str = ""
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
            **({"methods_from": self.methods_from} if self.methods_from else {}),
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
        computed = [mapped.field for mapped in self.mapped if mapped.conversion and mapped.field in document]
        told = raw.payload.get(self.methods_from)
        methods = told if isinstance(told, Mapping) else {}
        if named := {field: how for field in computed if (how := methods.get(field) or self.method)}:
            document["methods"] = named
        return {"materials": [document]}

    def asked_for(self) -> list[str]:
        """Properties to ask for, by name."""
        return sorted({*ATTRIBUTES, *(mapped.path[0] for mapped in self.mapped), *self.keep, self.methods_from} - {""})


def _base(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise SourceOptionError(f"{url!r:.80} is no base address; write e.g. https://optimade.materialsproject.org")
    path = parts.path.rstrip("/").removesuffix("/structures")
    return f"{parts.scheme}://{parts.netloc}{path}" + ("" if _VERSIONED.search(path) else "/v1")
