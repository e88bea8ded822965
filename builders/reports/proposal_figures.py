"""What routes and models are worth, in the field's terms: valid, unique, novel, stable, and how far relaxing moves.

Counts what is in the registry about proposed structures, one row for each route, and for each model of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from ...models.potential.displacement import rms_displacement
from ...models.structure.serialization import from_plain
from ...stores.connection import Connection
from ..properties.potential.potential_stage import KIND as ENERGY

Doc = dict[str, Any]

STABLE: Final = 0.0
METASTABLE: Final = (0.08, 0.2)
"""eV/atom above the hull: what Kim et al., ACS Cent. Sci. 6, 1412 (2020) call synthesisable, and metastable."""
_BY_MODEL: Final = ("crystal-gan",)
"""Routes whose parents are models."""
_MOST_COMPARED: Final = 2000
"""Relaxed structures at most whose displacement is looked at."""


@dataclass(slots=True)
class ByEnergy:
    """Distances to the hull by one method, of valid structures that repeat no other.

    Attributes
    ----------
    known
        Of how many there is one.
    within
        Of them those at most so many eV/atom above the hull, by the limit.
    new_within
        The same of those that are no known material: S.U.N. at 0.
    """

    known: int = 0
    within: dict[float, int] = field(default_factory=dict)
    new_within: dict[float, int] = field(default_factory=dict)


@dataclass(slots=True)
class Figures:
    """What became of the structures a route, or one of its models, proposed.

    Attributes
    ----------
    route, model
        Whose they are; no model where the route has none.
    drawn
        Crystals drawn from the model until so many had passed, or to choose from; None for other routes.
    drawn_valid
        Valid ones of these.
    proposed, valid, unique, novel
        Structures; valid ones of these; those of the valid ones that repeat none; no known material among these.
    energies
        By method.
    rms_displacement
        Å that relaxation moved atoms, mean over `relaxed` structures.
    """

    route: str
    model: str | None
    drawn: int | None
    drawn_valid: int | None
    proposed: int
    valid: int
    unique: int
    novel: int
    energies: dict[str, ByEnergy] = field(default_factory=dict)
    rms_displacement: float | None = None
    relaxed: int = 0


def figures(connection: Connection, *, route: str | None = None, model: str | None = None) -> list[Figures]:
    """Count, for every route and model or for one; sorted by their names.

    Parameters
    ----------
    route, model
        Only of these.
    """
    of_whom: Doc = {"deprecated": False}
    if route is not None:
        of_whom["route"] = route
    if model is not None:
        of_whom["parent_id"] = model
    rows = {(counted.route, counted.model): counted for counted in _counted(connection, of_whom)}
    for energy in _energies(connection, of_whom):
        if (row := rows.get((energy["_id"]["route"], energy["_id"]["model"]))) is None:
            continue
        limits = {limit: f"within_{i}" for i, limit in enumerate((STABLE, *METASTABLE))}
        row.energies[energy["_id"]["method"]] = ByEnergy(
            energy["known"],
            {limit: energy[name] for limit, name in limits.items()},
            {limit: energy[f"new_{name}"] for limit, name in limits.items()},
        )
    _add_displacements(connection, of_whom, rows)
    return [rows[key] for key in sorted(rows, key=lambda key: (key[0], key[1] or ""))]


def table(rows: list[Figures]) -> str:
    """Write figures as tables in Markdown."""
    if not rows:
        return "No structures have been proposed yet.\n"
    lines = [
        "| made by | drawn | valid of drawn | proposed | valid | unique of valid | novel of unique | RMSD to relaxed |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        moved = "–" if row.rms_displacement is None else f"{row.rms_displacement:.2f} Å ({row.relaxed:,})"
        shares = (_share(row.valid, row.proposed), _share(row.unique, row.valid), _share(row.novel, row.unique))
        drawn = "– | –" if row.drawn is None else f"{row.drawn:,} | {_share(row.drawn_valid or 0, row.drawn)}"
        lines.append(f"| {row.model or row.route} | {drawn} | {row.proposed:,} | {' | '.join(shares)} | {moved} |")
    if any(row.energies for row in rows):
        limits = " | ".join(f"<= {limit:g}" for limit in METASTABLE)
        lines += [
            "",
            "Valid and unique structures by energy above the hull in eV/atom, in brackets the novel ones among them",
            "(stable and novel: S.U.N.):",
            "",
            f"| made by | method | known of | stable | {limits} |",
            "|---|---|---:|---:|" + "---:|" * len(METASTABLE),
        ]
        for row in rows:
            for method, near in sorted(row.energies.items()):
                thresholds = (STABLE, *METASTABLE)
                cells = (f"{_share(near.within[x], near.known)} ({near.new_within[x]:,})" for x in thresholds)
                lines.append(f"| {row.model or row.route} | {method} | {near.known:,} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "–"


def _who(prefix: str = "") -> Doc:
    """Name route and model of a structure, as an expression."""
    model = {"$cond": [{"$in": [f"${prefix}route", list(_BY_MODEL)]}, f"${prefix}parent_id", None]}
    return {"route": f"${prefix}route", "model": model}


def _sum_of(condition: Doc) -> Doc:
    return {"$sum": {"$cond": [condition, 1, 0]}}


def _counted(connection: Connection, of_whom: Doc) -> list[Figures]:
    valid: Doc = {"$eq": ["$valid", True]}
    single: Doc = {"$eq": [{"$ifNull": ["$duplicate_of", None]}, None]}
    unique: Doc = {"$and": [valid, single, {"$ne": [{"$type": "$novel"}, "missing"]}]}
    pipeline: list[Doc] = [
        {"$match": of_whom},
        {
            "$group": {
                "_id": {**_who(), "condition": "$condition"},
                "drawn": {"$max": "$drawn"},
                "drawn_valid": {"$max": "$drawn_valid"},
                "proposed": {"$sum": 1},
                "valid": _sum_of(valid),
                "unique": _sum_of(unique),
                "novel": _sum_of({"$and": [unique, {"$eq": ["$novel", True]}]}),
            }
        },
        {
            "$group": {
                "_id": {"route": "$_id.route", "model": "$_id.model"},
                **{
                    name: {"$sum": f"${name}"}
                    for name in ("drawn", "drawn_valid", "proposed", "valid", "unique", "novel")
                },
            }
        },
    ]
    return [
        Figures(
            route=counted["_id"]["route"],
            model=counted["_id"]["model"],
            drawn=counted["drawn"] if counted["_id"]["model"] else None,
            drawn_valid=counted["drawn_valid"] if counted["_id"]["model"] else None,
            proposed=counted["proposed"],
            valid=counted["valid"],
            unique=counted["unique"],
            novel=counted["novel"],
        )
        for counted in connection.database["structures"].aggregate(pipeline, allowDiskUse=True)
    ]


def _with_structure(match: Doc, of_whom: Doc, fields: tuple[str, ...]) -> list[Doc]:
    """Beginning of a pipeline over properties: those of structures that are valid and repeat none."""
    conditions = {f"made.{name}": value for name, value in of_whom.items()}
    conditions |= {"made.valid": True, "made.duplicate_of": None}
    return [
        {"$match": {**match, "value": {"$ne": None}, "deprecated": False}},
        {
            "$lookup": {
                "from": "structures",
                "localField": "structure_id",
                "foreignField": "structure_id",
                "pipeline": [{"$project": dict.fromkeys(fields, 1)}],
                "as": "made",
            }
        },
        {"$unwind": "$made"},
        {"$match": conditions},
    ]


_FIELDS: Final = ("route", "parent_id", "deprecated", "valid", "duplicate_of", "novel")


def _energies(connection: Connection, of_whom: Doc) -> list[Doc]:
    counts: Doc = {"known": {"$sum": 1}}
    for i, limit in enumerate((STABLE, *METASTABLE)):
        below: Doc = {"$lte": ["$value", limit]}
        counts[f"within_{i}"] = _sum_of(below)
        counts[f"new_within_{i}"] = _sum_of({"$and": [below, {"$eq": ["$made.novel", True]}]})
    pipeline = _with_structure({"kind": "energy_above_hull"}, of_whom, _FIELDS)
    pipeline.append({"$group": {"_id": {**_who("made."), "method": "$method"}, **counts}})
    return list(connection.database["properties"].aggregate(pipeline, allowDiskUse=True))


def _add_displacements(connection: Connection, of_whom: Doc, rows: dict[tuple[str, str | None], Figures]) -> None:
    match = {"kind": ENERGY, "details.structure": {"$exists": True}}
    pipeline = _with_structure(match, of_whom, (*_FIELDS, "structure"))
    pipeline += [
        {"$limit": _MOST_COMPARED},
        {"$project": {"who": _who("made."), "before": "$made.structure", "after": "$details.structure"}},
    ]
    moved: dict[tuple[str, str | None], list[float]] = {}
    for counted in connection.database["properties"].aggregate(pipeline, allowDiskUse=True):
        who = (counted["who"]["route"], counted["who"]["model"])
        moved.setdefault(who, []).append(rms_displacement(from_plain(counted["before"]), from_plain(counted["after"])))
    for who, distances in moved.items():
        if who in rows:
            rows[who].relaxed = len(distances)
            rows[who].rms_displacement = sum(distances) / len(distances)
