"""What comes of a list of structures, page by page, and whether the list is whole; knows no server."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ....stores.canonical import text_hash


@dataclass(frozen=True, slots=True)
class ResourcePage:
    """A page of structure resources.

    Attributes
    ----------
    resources
        Attributes by id; of those that were not met before.
    unnamed
        Place and complaint of those without an id.
    repeated
        Place and complaint of those with the id of an earlier one that say something else.
    link
        Where the next page is; None where this is the last.
    total
        How many the provider says that meet the question.
    """

    resources: dict[str, Any]
    unnamed: list[tuple[str, str]]
    repeated: list[tuple[str, str]]
    link: str | None
    total: int | None


@dataclass(slots=True)
class Tally:
    """What was met of a list, and whether it is whole.

    Attributes
    ----------
    met
        Ids, each with the page it was on and a hash of what it said; None where that was before a cut.
    before
        Records that were met before a cut and are not among these.
    unnamed
        Records without an id.
    again, other
        Records with the id of an earlier one, and those of them that say something else: these are records too, while
        the same one again is a sign that the list moved and another was skipped.
    broken_off
        That the list came in part, for a person.
    not_sent
        How many records it lacks, as far as the provider says how many there are.
    incomplete
        Why the list may lack structures though it came to its end, for a person.
    """

    met: dict[str, tuple[int, str] | None] = field(default_factory=dict)
    before: int = 0
    unnamed: int = 0
    again: int = 0
    other: int = 0
    broken_off: str = ""
    not_sent: int = 0
    incomplete: str = ""

    @property
    def came(self) -> int:
        """Records that came so far, each once."""
        return self.before + len(self.met) + self.unnamed + self.other

    def take(self, data: list[Any], page: int) -> ResourcePage:
        """Sort the resources of a page into new ones, repeated ones and such without an id."""
        resources: dict[str, Any] = {}
        unnamed, repeated = [], []
        for place, resource in enumerate(data):
            name = resource.get("id") if isinstance(resource, Mapping) else None
            if isinstance(name, int) and not isinstance(name, bool):  # some providers write them so
                name = str(name)
            if not isinstance(name, str) or not name.strip():
                unnamed.append((f"page {page}, {place}", f"it has no id but {name!r:.40}"))
                continue
            attributes = resource.get("attributes")
            digest = text_hash(json.dumps(attributes, sort_keys=True))
            if name not in self.met:
                self.met[name] = (page, digest)
                resources[name] = attributes
                continue
            self.again += 1
            if (first := self.met[name]) is not None and first[1] != digest:
                where = f"page {page}, {place}: {name}"
                repeated.append((where, f"{name} is an id of page {first[0]} too, where it says something else"))
        self.unnamed += len(unnamed)
        self.other += len(repeated)
        return ResourcePage(resources, unnamed, repeated, None, None)

    def end(self, more: object, totals: set[int]) -> None:
        """Judge whether a list without a further page is whole.

        Parameters
        ----------
        more
            What the provider says of whether it has more.
        totals
            How many it said, on each page, that meet the question.
        """
        if totals and self.came < min(totals):
            self.not_sent = max(totals) - self.came
            same = self.again - self.other
            why = f"and {same:,} came twice" if same else "then the list broke off"
            self.broken_off = f"{self.came:,} of {max(totals):,} structures came, {why}"
        elif more is True and self.came not in totals:
            self.broken_off = f"{self.came:,} structures came, and the provider has more but does not say where"
        elif more is True:
            self.incomplete = "nothing was retired, because the provider says that this is all, and that it has more"
        elif totals and totals != {self.came}:
            self.incomplete = "nothing was retired, because the list changed while it was read"
