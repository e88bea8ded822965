"""What every route and model is worth by the measures of the field: valid, unique, novel, stable, alike, found again.

Shares are of all structures made. What repeats another is counted once in each route; a structure is looked at as it
was proposed, or by methods that relax as it was relaxed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ....models.composition.screening import all_metals
from ....models.evaluation.published_validity import cdvae_composition, cdvae_structure
from ....models.evaluation.shares import Share
from ....stores.connection import Connection
from ....stores.errors import ConfigurationError
from ...engine.batches import Doc
from .displacement import Displacement, displacement
from .held_out import ROUTE as TEMPLATE
from .held_out import Recovered, recovered
from .rediscovery import Found, found_again
from .route_coverage import Covered, Sample
from .route_likeness import Likeness, Supply, likeness, supply
from .route_records import CRYSTAL, LAYER, Energies, Reference, energies, proposals, reference, shape
from .route_stability import Distinct, Relaxed, Stability, stability

_BY_MODEL: Final = ("crystal-gan",)
"""Routes whose parents are models."""
_MAY_BE_KNOWN: Final = "may be known"


@dataclass(slots=True)
class RouteFigures:
    """What became of the structures that a route, or one of its models, proposed.

    Attributes
    ----------
    route, model
        Whose they are; no model where the route has none.
    drawn, drawn_valid
        Crystals drawn from the model until so many had passed, and those that passed; None for other routes.
    made, valid
        Structures that stand; those that pass the route's checks.
    cdvae_valid
        Those valid by the rule of CDVAE, which others report.
    faults
        Checks that failed, with how many structures; one may fail several.
    unique
        Distinct ones of the valid.
    novel
        Of these those that are no known material, of all made.
    classes
        Classes of novelty of the distinct valid ones.
    stability
        By method, the one that knows most structures first.
    supply, likeness, covered, found, moved
        Of the distinct valid ones; what they cover only where it was asked for.
    """

    route: str
    model: str | None
    drawn: int | None = None
    drawn_valid: int | None = None
    made: int = 0
    valid: int = 0
    cdvae_valid: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    unique: int = 0
    novel: Share = Share(0, 0, 0, 0)  # noqa: RUF009 - frozen
    classes: dict[str, int] = field(default_factory=dict)
    stability: list[Stability] = field(default_factory=list)
    supply: Supply | None = None
    likeness: list[Likeness] = field(default_factory=list)
    covered: list[Covered] = field(default_factory=list)
    found: Found | None = None
    moved: Displacement | None = None

    @property
    def name(self) -> str:
        """What it is asked for by: its model, else its route."""
        return name_of(self.route, self.model)


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Figures of routes and models, what known materials they were compared with, and what was found held out."""

    rows: list[RouteFigures]
    reference: Reference
    recovered: list[Recovered] = field(default_factory=list)


@dataclass(slots=True)
class _Row:
    figures: RouteFigures
    faults: Counter[str] = field(default_factory=Counter)
    draws: dict[str, tuple[int, int]] = field(default_factory=dict)
    distinct: dict[str, Distinct] = field(default_factory=dict)


def route_report(
    connection: Connection, names: Collection[str] = (), *, coverage: int = 0, held_out: int = 0
) -> RouteReport:
    """Figures of every route and model, sorted by route and model.

    Parameters
    ----------
    names
        Only those of these routes and models; all without.
    coverage
        Structures of each set that are compared by fingerprints, some tenths of a second each; none at 0.
    held_out
        Known structures of each dimension that the template route is to find without them; likewise.

    Raises
    ------
    ConfigurationError
        Nothing was made by one of the names.
    """
    rows: dict[tuple[str, str | None], _Row] = {}
    relaxed: Relaxed = {}
    for doc in proposals(connection):
        who = maker(doc)
        _count(rows.setdefault(who, _Row(RouteFigures(*who))), doc)
        _note_relaxed(relaxed, doc)
    asked = [rows[who] for who in sorted(rows, key=lambda who: (who[0], who[1] or ""))]
    if names:
        there = {name for row in asked for name in (row.figures.route, row.figures.model) if name}
        if missing := sorted(set(names) - there):
            raise ConfigurationError(
                f"no structure was made by {', '.join(missing)}",
                f"Routes and models that made some: {', '.join(sorted(there)) or 'none yet'}",
            )
        asked = [row for row in asked if {row.figures.route, row.figures.model} & set(names)]
    known, by_method = reference(connection), energies(connection)
    sample = Sample(connection, coverage)
    for row in asked:
        _finish(connection, row, known, by_method, relaxed)
        if coverage:
            row.figures.covered = _covered(row, known, sample)
    by_templates = held_out and any(row.figures.route == TEMPLATE for row in asked)
    return RouteReport([row.figures for row in asked], known, recovered(connection, held_out) if by_templates else [])


def maker(doc: Doc) -> tuple[str, str | None]:
    """Route of a structure, and the model it was drawn from, where one was."""
    return doc["route"], doc.get("parent_id") if doc["route"] in _BY_MODEL else None


def name_of(route: str, model: str | None) -> str:
    """What figures of a route or of a model are asked for by."""
    return model or route


def _count(row: _Row, doc: Doc) -> None:
    figures = row.figures
    figures.made += 1
    if doc.get("drawn"):
        row.draws[str(sorted((doc.get("condition") or {}).items()))] = (doc["drawn"], doc.get("drawn_valid") or 0)
    metals = bool(all_metals([doc["formula_reduced"]])[0])
    balanced = bool(doc.get("electronegativity_balanced"))
    figures.cdvae_valid += cdvae_structure(doc.get("shortest_distance"), doc.get("volume")) and cdvae_composition(
        doc.get("nelements", 0), balanced=balanced, metals_alone=metals
    )
    if not doc.get("valid"):
        row.faults.update(faults(doc.get("checks") or {}))
        return
    figures.valid += 1
    root = doc.get("duplicate_of") or doc["structure_id"]
    if root in row.distinct:
        return
    may_be = doc.get("novelty_class") == _MAY_BE_KNOWN
    row.distinct[root] = Distinct(
        None if may_be else doc.get("novel"),
        doc.get("novelty_class"),
        doc["formula_reduced"],
        shape(doc, LAYER if doc.get("dimension") == LAYER else CRYSTAL),
        doc.get("parent_id", ""),
        _same_as(doc),
    )


def _same_as(doc: Doc) -> list[str]:
    """Known materials that a structure is, as it was proposed or as some potential relaxed it."""
    matches = list(doc.get("known_match") or ())
    for words in (doc, *(doc.get("relaxed_by") or {}).values()):
        matches += words.get("relaxed_known_match") or ()
    return sorted({match["material_id"] for match in matches if match.get("same")})


def faults(checks: Doc) -> list[str]:
    """Names of the checks that failed; that of distances tells in words what is too close."""
    names = []
    for name, result in checks.items():
        verdict = result.get("verdict") if isinstance(result, dict) else result
        if verdict == "failed" or (name == "distances" and verdict != "passed"):
            names.append(name)
    return names or ["unknown"]


def _note_relaxed(relaxed: Relaxed, doc: Doc) -> None:
    said = {"": doc, **(doc.get("relaxed_by") or {})}
    for label, words in said.items():
        if words.get("relaxed_novel") is not None:
            became = words.get("relaxed_duplicate_of") or doc["structure_id"]
            relaxed.setdefault(label, {})[doc["structure_id"]] = (became, words["relaxed_novel"])


def _finish(
    connection: Connection, row: _Row, known: Reference, by_method: Sequence[Energies], relaxed: Relaxed
) -> None:
    figures, distinct = row.figures, list(row.distinct.values())
    if row.draws and figures.model:
        figures.drawn, figures.drawn_valid = (sum(counts) for counts in zip(*row.draws.values(), strict=True))
    figures.faults = dict(row.faults.most_common())
    figures.unique = len(distinct)
    new, may_be = (sum(one.novel is verdict for one in distinct) for verdict in (True, None))
    figures.novel = Share(new, new, new + may_be, figures.made)
    figures.classes = dict(Counter(one.novelty_class or "not compared yet" for one in distinct).most_common())
    for by in by_method:
        if (counted := stability(row.distinct, figures.made, by, relaxed)) is not None:
            figures.stability.append(counted)
    figures.supply = supply([one.formula for one in distinct])
    for dimension, some, alike in _beside_known(row, known):
        shapes = [row.distinct[root].shape for root in some]
        figures.likeness.append(likeness(dimension, shapes, [known.materials[name].shape for name in alike]))
    found = [(one.formula, one.shape.dimension, one.parent_id, one.matches) for one in distinct]
    figures.found = found_again(connection, found, known, figures.model)
    figures.moved = displacement(connection, row.distinct)


def _covered(row: _Row, known: Reference, sample: Sample) -> list[Covered]:
    return [sample.covered(dimension, some, alike) for dimension, some, alike in _beside_known(row, known)]


def _beside_known(row: _Row, known: Reference) -> Iterator[tuple[int, list[str], list[str]]]:
    """Distinct structures of each dimension, and known materials of it that have no other elements, by their ids."""
    elements = {symbol for one in row.distinct.values() for symbol in one.shape.elements}
    for dimension in (LAYER, CRYSTAL):
        some = [root for root, one in row.distinct.items() if one.shape.dimension == dimension]
        alike = (
            name
            for name, one in known.materials.items()
            if one.shape.dimension == dimension and elements.issuperset(one.shape.elements)
        )
        if some:
            yield dimension, some, list(alike)
