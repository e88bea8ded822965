"""What an OPTIMADE provider is asked: lists of structures from page to page, and what its properties are.

Knows the protocol (version 1, https://specs.optimade.org); what changed, and what a resource means, is for others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from ....stores.errors import ConfigurationError
from ..records.units import UnitError, conversion
from .http_client import QuestionRefused, SourceUnavailable, WebClient, origin
from .optimade_record import Mapped

logger = logging.getLogger(__name__)

_MAX_UNIT = 30


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """A page of structure resources.

    Attributes
    ----------
    resources
        Attributes by id.
    unnamed
        Place and complaint of those without an id.
    link
        Where the next page is; None where this is the last.
    total
        How many the provider says that meet the question.
    """

    resources: dict[str, Any]
    unnamed: list[tuple[str, str]]
    link: str | None
    total: int | None


class Provider:
    """An OPTIMADE provider.

    Parameters
    ----------
    client
        Asks it.
    url
        Its base address, with version.
    filter_
        What all its structures that are asked for must meet, in OPTIMADE's language; empty for nothing.
    page_limit
        Structures asked for at once.

    Attributes
    ----------
    incomplete
        Why the list that was followed last may lack structures, for a person; empty where it is whole.
    """

    def __init__(self, client: WebClient, url: str, filter_: str, page_limit: int) -> None:
        self.client = client
        self.url = url
        self.address = f"{url}/structures"
        self.filter = filter_
        self.page_limit = page_limit
        self.incomplete = ""

    def structures(
        self, condition: str, fields: Sequence[str], met: set[str], *, link: str | None = None, met_before: int = 0
    ) -> Iterator[ResourcePage]:
        """Follow the list of structures from page to page.

        Parameters
        ----------
        condition
            What they must meet beside the provider's filter; empty for nothing.
        fields
            Properties to ask for.
        met
            Takes the ids of all that were met.
        link
            Page to go on from, where a list was cut.
        met_before
            How many were met before that page.

        Raises
        ------
        SourceUnavailable
            The pages come to no end, lead elsewhere, or hold no structures.
        """
        visited = {link} if link else set()
        returned: set[int] = set()
        number = 0
        while True:
            number += 1
            answer = self.client.get(link) if link else self._first(condition, fields)
            resources, unnamed = _resources(answer, number)
            meta = answer.get("meta") if isinstance(answer.get("meta"), Mapping) else {}
            total = meta.get("data_returned") if isinstance(meta, Mapping) else None
            if isinstance(total, int):
                returned.add(total)
            if resources and met >= resources.keys():
                raise SourceUnavailable(
                    f"{self.address} gives the same page again and again ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next do not come to an end.",
                )
            met |= resources.keys()
            link = self._next(answer, number)
            if link in visited:
                raise SourceUnavailable(
                    f"the pages of {self.address} lead back to one that was read ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next form a circle.",
                )
            if link:
                visited.add(link)
            elif isinstance(meta, Mapping) and meta.get("more_data_available") is True:
                self.incomplete = "nothing was retired, because the provider has more but does not say where"
            elif returned and returned != {met_before + len(met)}:
                self.incomplete = "nothing was retired, because the list changed while it was read"
            yield ResourcePage(resources, unnamed, link, total if isinstance(total, int) else None)
            if link is None:
                return

    def check_fields(self, mapped: Sequence[Mapped], keep: Sequence[str]) -> None:
        """Check that properties exist, in the units that were stated, where the provider tells of them.

        Raises
        ------
        ConfigurationError
            One does not, or is in another unit.
        """
        if not mapped and not keep:
            return
        try:
            info = self.client.get("info/structures")
        except QuestionRefused as refused:
            logger.info("%s does not describe its properties: %s", self.url, refused.message)
            return
        data = info.get("data")
        properties = data.get("properties") if isinstance(data, Mapping) else None
        if not isinstance(properties, Mapping):
            return
        for name in (*(taken.path[0] for taken in mapped), *keep):
            if name not in properties:
                own = sorted(str(property_name) for property_name in properties if str(property_name).startswith("_"))
                raise ConfigurationError(
                    f"{self.url} has no property {name}", f"Of its own it has: {', '.join(own) or 'none'}."
                )
        for taken in mapped:
            described = properties[taken.path[0]]
            unit = described.get("unit") if isinstance(described, Mapping) and len(taken.path) == 1 else None
            if taken.conversion is not None and isinstance(unit, str):
                _check_unit(taken, unit)

    def _first(self, condition: str, fields: Sequence[str]) -> dict[str, Any]:
        parts = [part for part in (self.filter, condition) if part]
        question: dict[str, str | int] = {"response_fields": ",".join(fields)}
        if parts:
            question["filter"] = " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        try:
            return self.client.get("structures", question | {"page_limit": self.page_limit})
        except (QuestionRefused, ConfigurationError) as refused:
            if "page_limit" not in refused.message:
                raise
            logger.info("%s: %s; taking pages as they come", self.url, refused.message)
            return self.client.get("structures", question)

    def _next(self, answer: Mapping[str, Any], number: int) -> str | None:
        links = answer.get("links")
        link = links.get("next") if isinstance(links, Mapping) else None
        if isinstance(link, Mapping):
            link = link.get("href")
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise SourceUnavailable(f"links.next of page {number} of {self.address} is {link!r:.60}")
        link = urljoin(self.address, link)
        ours, theirs = urlsplit(self.url), urlsplit(link)
        if ours.scheme == "https" and theirs.scheme == "http" and ours.hostname == theirs.hostname:
            link = link.replace("http://", "https://", 1)  # servers behind a proxy often don't know better
        if origin(link) != origin(self.url):
            raise SourceUnavailable(
                f"links.next of page {number} of {self.address} points to another server, {origin(link)}",
                "It is not followed. If the provider has moved, give its new address.",
            )
        return link


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
