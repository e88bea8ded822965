"""What every route and model is worth by the measures of the field: valid, unique, novel, stable, alike, found again.

Shares are of all structures made. What repeats another is counted once in each route; a structure is looked at as it
was proposed, or by methods that relax as it was relaxed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from pymatgen.core.periodic_table import Element

from ...models.composition.screening import all_metals
from ...models.evaluation import distances
from ...models.evaluation.distances import Distance
from ...models.evaluation.published_validity import cdvae_composition, cdvae_structure
from ...models.evaluation.shares import Share, at_most
from ...models.evaluation.supply import UNCONCENTRATED, concentration
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from ..engine.batches import Doc
from .rediscovery import Found, found_again
from .route_records import CRYSTAL, LAYER, Energies, Energy, Reference, Shape, energies, proposals, reference, shape

STABLE: Final = 0.0
METASTABLE: Final = 0.1
"""eV/atom above the hull: what LeMat-GenBench (arXiv 2512.04562) counts as M.S.U.N., and MatterGen (C. Zeni et al.,
Nature 639, 624 (2025)) as S.U.N. already."""
_BY_MODEL: Final = ("crystal-gan",)
"""Routes whose parents are models."""
_MAY_BE_KNOWN: Final = "may be known"


@dataclass(frozen=True, slots=True)
class Stability:
    """How many of a route's structures are near the hull, by one method; each share is of all structures made.

    Attributes
    ----------
    method, basis
        By what, and against which hull (`HULLS`).
    known
        Distinct valid structures with a distance by it.
    incomplete
        Of them those whose hull lacks compounds that are known, so that the distance is a lower bound.
    stable, metastable
        At most 0 and 0.1 eV/atom above the hull, repetitions counted once.
    sun, msun
        Of them those that are novel: S.U.N. and M.S.U.N.
    """

    method: str
    basis: str
    known: int
    incomplete: int
    stable: Share
    metastable: Share
    sun: Share
    msun: Share


@dataclass(frozen=True, slots=True)
class Supply:
    """Herfindahl-Hirschman indices, 0 to 10,000: means over distinct valid structures.

    Attributes
    ----------
    known
        Structures all of whose elements have one.
    production, reserves
        Means.
    unconcentrated
        Share with a production below 1,500.
    """

    known: int
    production: float
    reserves: float
    unconcentrated: float


@dataclass(frozen=True, slots=True)
class Likeness:
    """How far distinct valid structures of one dimension are from known ones as distributions.

    Attributes
    ----------
    dimension
        2 for layers, else 3.
    made, known
        Structures that are compared.
    density
        g/cm^3; of layers mg/m^2. Wasserstein distance.
    number_of_elements
        Wasserstein distance.
    space_groups, elements
        Jensen-Shannon distances.
    """

    dimension: int
    made: int
    known: int
    density: Distance | None
    number_of_elements: Distance | None
    space_groups: Distance | None
    elements: Distance | None


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
    supply, likeness, found
        Of the distinct valid ones.
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
    found: Found | None = None

    @property
    def name(self) -> str:
        """What it is asked for by: its model, else its route."""
        return self.model or self.route


@dataclass(frozen=True, slots=True)
class RouteReport:
    """Figures of routes and models, and what known materials they were compared with."""

    rows: list[RouteFigures]
    reference: Reference


@dataclass(slots=True)
class _Distinct:
    """One of a route's valid structures, with what it repeats."""

    novel: bool | None
    novelty_class: str | None
    formula: str
    shape: Shape
    parent_id: str
    matches: list[str]


@dataclass(slots=True)
class _Row:
    figures: RouteFigures
    faults: Counter[str] = field(default_factory=Counter)
    draws: dict[str, tuple[int, int]] = field(default_factory=dict)
    distinct: dict[str, _Distinct] = field(default_factory=dict)


_Relaxed = dict[str, dict[str, tuple[str, bool]]]
"""By label and structure: the structure it became the same as when relaxed, or itself; and whether that is novel."""


def route_report(connection: Connection, names: Collection[str] = ()) -> RouteReport:
    """Figures of every route and model, sorted by route and model.

    Parameters
    ----------
    names
        Only those of these routes and models; all without.

    Raises
    ------
    ConfigurationError
        Nothing was made by one of the names.
    """
    rows: dict[tuple[str, str | None], _Row] = {}
    relaxed: _Relaxed = {}
    for doc in proposals(connection):
        who = (doc["route"], doc.get("parent_id") if doc["route"] in _BY_MODEL else None)
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
    for row in asked:
        _finish(connection, row, known, by_method, relaxed)
    return RouteReport([row.figures for row in asked], known)


def _count(row: _Row, doc: Doc) -> None:
    figures = row.figures
    figures.made += 1
    if doc.get("drawn"):
        row.draws[str(sorted((doc.get("condition") or {}).items()))] = (doc["drawn"], doc.get("drawn_valid") or 0)
    metals = bool(all_metals([doc["formula_reduced"]])[0])
    balanced = bool(doc.get("electronegativity_balanced"))
    figures.cdvae_valid += cdvae_structure(doc.get("shortest_distance"), doc["volume"]) and cdvae_composition(
        doc["nelements"], balanced=balanced, metals_alone=metals
    )
    if not doc.get("valid"):
        row.faults.update(_faults(doc.get("checks") or {}))
        return
    figures.valid += 1
    root = doc.get("duplicate_of") or doc["structure_id"]
    if root in row.distinct:
        return
    may_be = doc.get("novelty_class") == _MAY_BE_KNOWN
    row.distinct[root] = _Distinct(
        None if may_be else doc.get("novel"),
        doc.get("novelty_class"),
        doc["formula_reduced"],
        shape(doc, LAYER if doc.get("dimension") == LAYER else CRYSTAL),
        doc.get("parent_id", ""),
        _same_as(doc),
    )


def _same_as(doc: Doc) -> list[str]:
    """Known materials that a structure is, as it was proposed or as some potential relaxed it."""
    relaxed = [doc, *(doc.get("relaxed_by") or {}).values()]
    matches = [*(doc.get("known_match") or ()), *(m for words in relaxed for m in words.get("relaxed_known_match") or ())]
    return sorted({match["material_id"] for match in matches if match.get("same")})


def _faults(checks: Doc) -> list[str]:
    """Names of the checks that failed; that of distances tells in words what is too close."""
    names = []
    for name, result in checks.items():
        verdict = result.get("verdict") if isinstance(result, dict) else result
        if verdict == "failed" or (name == "distances" and verdict != "passed"):
            names.append(name)
    return names or ["unknown"]


def _note_relaxed(relaxed: _Relaxed, doc: Doc) -> None:
    said = {"": doc, **(doc.get("relaxed_by") or {})}
    for label, words in said.items():
        if words.get("relaxed_novel") is not None:
            became = words.get("relaxed_duplicate_of") or doc["structure_id"]
            relaxed.setdefault(label, {})[doc["structure_id"]] = (became, words["relaxed_novel"])


def _finish(
    connection: Connection, row: _Row, known: Reference, by_method: Sequence[Energies], relaxed: _Relaxed
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
        if (counted := _stability(row, by, relaxed)) is not None:
            figures.stability.append(counted)
    figures.supply = _supply([one.formula for one in distinct])
    shapes = [one.shape for one in distinct]
    of_known = [material.shape for material in known.materials.values()]
    for dimension in (LAYER, CRYSTAL):
        some = [one for one in shapes if one.dimension == dimension]
        if some:
            figures.likeness.append(_likeness(dimension, some, [one for one in of_known if one.dimension == dimension]))
    found = [(one.formula, one.shape.dimension, one.parent_id, one.matches) for one in distinct]
    figures.found = found_again(connection, found, known, figures.model)


def _stability(row: _Row, by: Energies, relaxed: _Relaxed) -> Stability | None:
    """Count a route's distinct structures by one method; as it relaxed them, where it does, each once."""
    became = relaxed.get(by.relaxed_label, {}) if by.relaxed_label is not None else {}
    lowest: dict[str, tuple[Energy, bool | None]] = {}
    unknown: list[bool | None] = []
    for root, one in row.distinct.items():
        energy = by.of.get(root)
        if energy is None:
            unknown.append(one.novel)
            continue
        key, is_new = became.get(root, (root, one.novel))
        # What may be known as it was proposed may be known as well when relaxed.
        novel = None if is_new and one.novel is None else is_new
        if key not in lowest or energy.value < lowest[key][0].value:
            lowest[key] = energy, novel
    if not lowest:
        return None

    def share(limit: float, *, new: bool) -> Share:
        told = [(at_most(limit, *energy[:3]), energy.value <= limit, novel) for energy, novel in lowest.values()]
        told += [(None, False, novel) for novel in unknown]
        if new:
            told = [(near, valued and bool(novel), novel) for near, valued, novel in told]
        else:
            told = [(near, valued, True) for near, valued, _ in told]
        return Share(
            certain=sum(near is True and novel is True for near, _, novel in told),
            by_value=sum(valued for _, valued, _ in told),
            possible=sum(near is not False and novel is not False for near, _, novel in told),
            total=row.figures.made,
        )

    return Stability(
        method=by.method,
        basis=by.basis,
        known=len(lowest),
        incomplete=sum(energy.misses_compounds for energy, _ in lowest.values()),
        stable=share(STABLE, new=False),
        metastable=share(METASTABLE, new=False),
        sun=share(STABLE, new=True),
        msun=share(METASTABLE, new=True),
    )


def _supply(formulas: Sequence[str]) -> Supply | None:
    known = [index for formula in formulas if (index := concentration(formula)) is not None]
    if not known:
        return None
    n = len(known)
    return Supply(
        n,
        sum(index.production for index in known) / n,
        sum(index.reserves for index in known) / n,
        sum(index.production < UNCONCENTRATED for index in known) / n,
    )


def _likeness(dimension: int, made: Sequence[Shape], known: Sequence[Shape]) -> Likeness:
    def numbers(shapes: Sequence[Shape]) -> tuple[list[float], list[float], list[int], list[int]]:
        return (
            [one.density for one in shapes if one.density is not None],
            [float(len(one.elements)) for one in shapes],
            [one.space_group for one in shapes if one.space_group is not None],
            [int(Element(symbol).Z) for one in shapes for symbol in one.elements],
        )

    densities, amounts, groups, elements = zip(numbers(made), numbers(known), strict=True)
    return Likeness(
        dimension,
        len(made),
        len(known),
        distances.of_numbers(*densities),
        distances.of_numbers(*amounts),
        distances.of_kinds(*groups),
        distances.of_kinds(*elements),
    )
