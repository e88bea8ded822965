"""Which calculations a campaign's candidates wait for, by structure. Reads the registry, writes nothing.

A candidate waits for a value; the value needs calculations of its structure and, where it is an exfoliation energy, of
the bulk its layer belongs to. Bulks that several layers share are calculated once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

from .....models.calculation.plan import CALCULATED_FIELDS, EXFOLIATION
from .....stores.connection import Connection
from .....stores.errors import ConfigurationError
from .....stores.query.search import Search
from ....engine.batches import Doc
from .bulks import bulks_of
from .subject_structures import BATCH, batches
from .subjects import Subject
from .worth import Worth, rank_by_worth, wanted_fields

_LEAST: Final = 20
FIRST: Final = ("next", "chance", "gates", "hull", "size")
"""Orders in which a limited number of candidates is taken: as `worth` ranks them; by chance to pass, whatever the cost;
fewest open gates, then lowest known hull distance; lowest hull distance, then fewest open gates; fewest atoms, then
both. Equal ones by their id."""


@dataclass(slots=True)
class Due:
    """What is due.

    Attributes
    ----------
    subjects
        Structures to be calculated, by (collection, id).
    blocked
        By name of a gate whose value no calculation gives: candidates that wait for it first.
    without_bulk
        Candidates whose exfoliation energy can't be calculated, with the reason.
    served
        Candidates for which something is calculated, in the order in which they were taken.
    """

    subjects: dict[tuple[str, str], Subject] = field(default_factory=dict)
    blocked: dict[str, int] = field(default_factory=dict)
    without_bulk: dict[str, str] = field(default_factory=dict)
    served: list[str] = field(default_factory=list)

    def want(self, subject: Subject, candidate_id: str, fields: Iterable[str]) -> None:
        """Add a candidate's need."""
        kept = self.subjects.setdefault((subject.collection, subject.id), subject)
        kept.candidates.add(candidate_id)
        kept.fields.update(fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which of the candidates are served.

    Parameters
    ----------
    filter
        OPTIMADE filter on candidates, as in ``exfolio query``.
    limit
        Candidates at most, of those for which something can be calculated; None for all.
    first
        Which of `FIRST` decides whom the limit takes.
    """

    filter: str = ""
    limit: int | None = None
    first: str = FIRST[0]

    def __post_init__(self) -> None:
        if self.first not in FIRST:
            raise ConfigurationError(f"there is no order {self.first!r}", f"It is one of: {', '.join(FIRST)}.")

    @property
    def is_whole(self) -> bool:
        """Whether it leaves out nobody."""
        return not self.filter.strip() and self.limit is None


def find_due(
    connection: Connection,
    campaign: str,
    *,
    everything: bool = False,
    verify: bool = False,
    part: Part | None = None,
    ranked: list[str] | None = None,
) -> Due:
    """Find what the candidates of a campaign wait for.

    Parameters
    ----------
    campaign
        Its name.
    everything
        Also what comes after a gate whose value no calculation gives, and band gaps (hybrid runs, the dearest of all)
        while other values are still open.
    verify
        Also values that are known, but not from a calculation of the structure itself; of promoted candidates too.
    part
        Which candidates; all when None.
    ranked
        Ids of those that are served, in order, where that is known already; `part` then limits only.

    Raises
    ------
    QueryError
        The filter is wrong.
    """
    part = part or Part()
    due = Due()
    query = _waiting(campaign, part.filter, verify=verify)
    if ranked is None and part.limit is not None:
        ranked = _ranked(connection, campaign, query, part.first, everything=everything)
    for batch in batches(_candidates(connection, query, ranked), _few(part.limit)):
        calculated = _calculated(connection, batch) if verify else {}
        needs = {}
        for candidate in batch:
            fields, blocked_by = wanted_fields(candidate["gates"], everything=everything)
            if verify:
                own = calculated.get(candidate["structure_id"], set())
                judged = {gate["field"] for gate in candidate["gates"] if gate["verdict"] == "passed"}
                fields |= (judged & set(CALCULATED_FIELDS)) - own
            needs[candidate["candidate_id"]] = fields, blocked_by
        layers = [one for one in batch if _is_layer(one) and EXFOLIATION in needs[one["candidate_id"]][0]]
        bulks = {layer["candidate_id"]: bulk for layer, bulk in bulks_of(connection, layers)}
        for candidate in batch:
            if len(due.served) == part.limit:
                return due
            name = candidate["candidate_id"]
            fields, blocked_by = needs[name]
            if _want(due, candidate, fields, blocked_by, bulks.get(name, "it is not a layer")):
                due.served.append(name)
    return due


def _want(due: Due, candidate: Doc, fields: set[str], blocked_by: str | None, bulk: Subject | str) -> bool:
    """Add what one candidate needs; whether anything of it can be calculated."""
    name = candidate["candidate_id"]
    if blocked_by and not fields:
        due.blocked[blocked_by] = due.blocked.get(blocked_by, 0) + 1
    if EXFOLIATION in fields and isinstance(bulk, str):
        due.without_bulk[name] = bulk
        fields = fields - {EXFOLIATION}
    if not fields:
        return False
    own = _own(candidate)
    due.want(own, name, fields)
    if EXFOLIATION in fields and isinstance(bulk, Subject):
        due.want(bulk, name, [EXFOLIATION])
        bulk = due.subjects[bulk.collection, bulk.id]
        bulk.layers.add(candidate["structure_id"])
        due.subjects[own.collection, own.id].bulk = bulk
    return True


def _is_layer(candidate: Doc) -> bool:
    return bool(candidate.get("dimension") == 2)


def _waiting(campaign: str, filter_: str, *, verify: bool = False) -> Doc:
    """Query for candidates that may be served."""
    query: Doc = {
        "campaign": campaign,
        "deprecated": False,
        "structure_id": {"$exists": True},
        "status": {"$in": ["waiting", "promoted"] if verify else ["waiting"]},
    }
    return {"$and": [query, Search("candidates", filter_).query]} if filter_.strip() else query


def _candidates(connection: Connection, query: Doc, ranked: list[str] | None) -> Iterator[Doc]:
    """Candidates of a query, in order."""
    names = ("candidate_id", "structure_id", "dimension", "route", "parent_id", "formula_reduced", "gates")
    found = connection.database["candidates"]
    fields = {"_id": 0, **dict.fromkeys(names, 1)}
    if ranked is None:
        yield from found.find(query, fields).sort("candidate_id", 1)
        return
    for batch in batches(ranked):
        by_id = {doc["candidate_id"]: doc for doc in found.find({"candidate_id": {"$in": batch}}, fields)}
        yield from (by_id[name] for name in batch if name in by_id)


def _ranked(connection: Connection, campaign: str, query: Doc, first: str, *, everything: bool) -> list[str]:
    told = ("candidate_id", "gates.verdict", "energy_above_hull", "nsites")
    found = connection.database["candidates"].find(query, dict.fromkeys(told, 1))
    if first in FIRST[:2]:
        worths = rank_by_worth(connection, campaign, query, everything=everything)
        if first == FIRST[1]:
            worths.sort(key=lambda one: (one.turn, -one.chance))
        ranked = dict.fromkeys(one.candidate_id for one in worths)
        return [*ranked, *sorted(doc["candidate_id"] for doc in found if doc["candidate_id"] not in ranked)]
    return [name for _, name in sorted((_rank(doc, first), doc["candidate_id"]) for doc in found)]


def _rank(candidate: Doc, first: str) -> tuple[float, ...]:
    missing = sum(gate["verdict"] == "unknown" for gate in candidate.get("gates", []))
    distance, size = (candidate.get(name) for name in ("energy_above_hull", "nsites"))
    distance, size = (inf if value is None else value for value in (distance, size))
    return {"gates": (missing, distance), "hull": (distance, missing), "size": (size, missing, distance)}[first]


def next_due(
    connection: Connection, campaign: str, filter_: str = "", limit: int | None = None
) -> tuple[list[Worth], Due]:
    """Candidates that are worth calculating, the best first, and what is due for them.

    Parameters
    ----------
    campaign
        Its name.
    filter_
        OPTIMADE filter on candidates, as in ``exfolio query``.
    limit
        Candidates at most; None for all.

    Raises
    ------
    QueryError
        The filter is wrong.
    """
    ranked = {one.candidate_id: one for one in rank_by_worth(connection, campaign, _waiting(campaign, filter_))}
    due = find_due(connection, campaign, part=Part(limit=limit), ranked=list(ranked))
    return [ranked[name] for name in due.served], due


def _few(limit: int | None) -> int:
    """Size of batches where no more than `limit` are served, and a stack is tried for each layer without a bulk."""
    return BATCH if limit is None else min(BATCH, max(_LEAST, limit))


def _own(candidate: Doc) -> Subject:
    return Subject(
        "structures",
        candidate["structure_id"],
        "layer" if candidate.get("dimension") == 2 else "crystal",
        candidate["formula_reduced"],
    )


def _calculated(connection: Connection, candidates: Iterable[Doc]) -> dict[str, set[str]]:
    """By structure, the values that come from a calculation of itself."""
    ids = sorted({candidate["structure_id"] for candidate in candidates})
    query = {"structure_id": {"$in": ids}, "basis": "calculation", "value": {"$ne": None}, "deprecated": False}
    known: dict[str, set[str]] = {}
    for doc in connection.database["properties"].find(query, {"_id": 0, "structure_id": 1, "kind": 1, "stale": 1}):
        if not doc.get("stale"):
            known.setdefault(doc["structure_id"], set()).add(doc["kind"])
    return known
