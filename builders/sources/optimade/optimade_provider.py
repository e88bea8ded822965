"""What an OPTIMADE provider is asked: lists of structures from page to page, and what its properties are.

Knows the protocol (version 1, https://specs.optimade.org); what changed, and what a resource means, is for others.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

from ....stores.errors import ConfigurationError
from ..records.units import UnitError, conversion
from ..services.http_client import QuestionRefused, SourceDenied, SourceUnavailable, WebClient, origin, said_in
from .optimade_pages import ResourcePage, Tally
from .optimade_record import Mapped

logger = logging.getLogger(__name__)

_MAX_UNIT = 30
_MOST_BARREN = 2  # pages in a row that bring nothing new: a list that moves while it is read may have one


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
    warnings
        What it warned of, each once.
    about
        What it says of itself.
    """

    def __init__(self, client: WebClient, url: str, filter_: str, page_limit: int) -> None:
        self.client = client
        self.url = url
        self.address = f"{url}/structures"
        self.filter = filter_
        self.page_limit = page_limit
        self.warnings: list[str] = []
        self.about: dict[str, Any] = {}

    def structures(
        self, condition: str, fields: Sequence[str], tally: Tally, *, link: str | None = None
    ) -> Iterator[ResourcePage]:
        """Follow the list of structures from page to page.

        Parameters
        ----------
        condition
            What they must meet beside the provider's filter; empty for nothing.
        fields
            Properties to ask for.
        tally
            Takes what was met; once the last page is given it knows whether the list is whole.
        link
            Page to go on from, where a list was cut.

        Raises
        ------
        SourceUnavailable
            The pages come to no end, lead elsewhere, or hold no structures.
        """
        question = self._question(condition, fields)
        visited = {link} if link else set()
        totals: set[int] = set()
        number = barren = 0
        last_ids: list[Any] = []
        while True:
            number += 1
            answer = self._follow(link, question) if link else self._first(question)
            data = answer.get("data")
            if not isinstance(data, list):
                raise SourceUnavailable(
                    f"page {number} holds no list of structures but {type(data).__name__}",
                    "Is this an OPTIMADE base address?",
                )
            meta = _mapping(answer.get("meta"))
            total = meta.get("data_returned")
            total = total if isinstance(total, int) and not isinstance(total, bool) else None
            totals |= {total} if total is not None else set()
            page = tally.take(data, number)
            barren = 0 if page.resources or page.unnamed else barren + 1
            ids = [resource.get("id") if isinstance(resource, Mapping) else None for resource in data]
            if barren > _MOST_BARREN or (ids and ids == last_ids):
                raise SourceUnavailable(
                    f"{self.address} gives the same page again and again ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next do not come to an end.",
                )
            last_ids = ids
            link = self._next(answer, number)
            if link in visited:
                raise SourceUnavailable(
                    f"the pages of {self.address} lead back to one that was read ({number} pages)",
                    "Nothing was retired. Tell the provider that its links.next form a circle.",
                )
            if link:
                visited.add(link)
            else:
                tally.end(meta.get("more_data_available"), totals)
            yield replace(page, link=link, total=total)
            if link is None:
                return

    def look_up_licence(self) -> None:
        """Ask the provider under which licence its data are, and add it to what it says of itself."""
        try:
            info = self._get("info")
        except (SourceUnavailable, SourceDenied) as trouble:
            logger.info("%s does not describe itself: %s", self.url, trouble.message)
            return
        data = _mapping(info.get("data"))
        attributes = _mapping(data.get("attributes"))
        names = attributes.get("available_licenses_for_entries") or attributes.get("available_licenses")
        link = attributes.get("license")
        link = link.get("href") if isinstance(link, Mapping) else link
        if isinstance(names, list) and names:
            self.about["licence"] = ", ".join(map(str, names))
        elif isinstance(link, str):
            self.about["licence"] = link

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
            info = self._get("info/structures")
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

    def _question(self, condition: str, fields: Sequence[str]) -> dict[str, str | int]:
        parts = [part for part in (self.filter, condition) if part]
        question: dict[str, str | int] = {"response_fields": ",".join(fields)}
        if parts:
            question["filter"] = " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else parts[0]
        return question

    def _first(self, question: Mapping[str, str | int]) -> dict[str, Any]:
        try:
            return self._get("structures", {**question, "page_limit": self.page_limit})
        except (QuestionRefused, ConfigurationError) as refused:
            if "page_limit" not in refused.message:
                raise
            logger.info("%s: %s; taking pages as they come", self.url, refused.message)
            return self._get("structures", question)

    def _follow(self, link: str, question: Mapping[str, str | int]) -> dict[str, Any]:
        """Ask for a further page, adding what its link has lost of the question."""
        parts = urlsplit(link)
        said = parse_qs(parts.query)
        lost = {name: value for name, value in question.items() if name not in said}
        if lost:
            whole = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(lost))))))
            try:
                return self._get(whole)
            except QuestionRefused as refused:  # a link that is a mere token
                logger.info("%s: %s; following the link as it is", self.url, refused.message)
        return self._get(link)

    def _get(self, url: str, params: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        answer = self.client.get(url, params)
        if errors := answer.get("errors"):
            raise QuestionRefused(f"{self.url} answers with an error: {said_in(errors)}", status=200)
        meta = _mapping(answer.get("meta"))
        if (warnings := meta.get("warnings")) and (text := said_in(warnings)) not in self.warnings:
            self.warnings.append(text)
        self._note_about(meta)
        return answer

    def _note_about(self, meta: Mapping[str, Any]) -> None:
        provider, implementation = _mapping(meta.get("provider")), _mapping(meta.get("implementation"))
        database = _mapping(meta.get("database"))
        said = {
            "name": provider.get("name"),
            "prefix": provider.get("prefix"),
            "homepage": provider.get("homepage"),
            "database": database.get("name") or database.get("id"),
            "version": database.get("version") or implementation.get("version"),
            "api_version": meta.get("api_version"),
        }
        self.about |= {key: text for key, text in said.items() if isinstance(text, str) and text}

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


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
