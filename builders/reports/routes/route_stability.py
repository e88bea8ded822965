"""How many of a route's structures lie near the hull by a method, and how many of them are new: S.U.N. and M.S.U.N."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ....models.evaluation.shares import Share, at_most
from .route_records import Energies, Energy, Shape

STABLE: Final = 0.0
METASTABLE: Final = 0.1
"""eV/atom above the hull: what LeMat-GenBench (arXiv 2512.04562) counts as M.S.U.N., and MatterGen (C. Zeni et al.,
Nature 639, 624 (2025)) as S.U.N. already."""


@dataclass(slots=True)
class Distinct:
    """One of a route's valid structures, with what it repeats."""

    novel: bool | None
    novelty_class: str | None
    formula: str
    shape: Shape
    parent_id: str
    matches: list[str]


Relaxed = dict[str, dict[str, tuple[str, bool]]]
"""By label and structure: the structure it became the same as when relaxed, or itself; and whether that is novel."""


@dataclass(frozen=True, slots=True)
class Stability:
    """How many of a route's structures are near the hull, by one method; each share is of all structures made.

    Attributes
    ----------
    method, basis
        By what, and against which hull (`HULLS`).
    known
        Distinct valid structures with a distance by it.
    lacks
        Of them those whose distance lacks something and is a lower bound: known compounds on the hull, or dispersion.
    stable, metastable
        At most 0 and 0.1 eV/atom above the hull, repetitions counted once.
    sun, msun
        Of them those that are novel: S.U.N. and M.S.U.N.
    """

    method: str
    basis: str
    known: int
    lacks: dict[str, int]
    stable: Share
    metastable: Share
    sun: Share
    msun: Share


def stability(distinct: Mapping[str, Distinct], made: int, by: Energies, relaxed: Relaxed) -> Stability | None:
    """Count a route's distinct structures by one method; as it relaxed them, where it does, each once.

    Parameters
    ----------
    distinct
        Its distinct valid structures, by the id of the one they repeat, or their own.
    made
        All it made, valid or not.
    by
        Energies by the method.
    relaxed
        What structures became when they were relaxed.

    Returns
    -------
    Stability or None
        None where no energy is known by the method.
    """
    became = relaxed.get(by.relaxed_label, {}) if by.relaxed_label is not None else {}
    lowest: dict[str, tuple[Energy, bool | None]] = {}
    unknown: list[bool | None] = []
    for root, one in distinct.items():
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
            total=made,
        )

    return Stability(
        method=by.method,
        basis=by.basis,
        known=len(lowest),
        lacks=dict(Counter(missing for energy, _ in lowest.values() for missing in energy.lacks)),
        stable=share(STABLE, new=False),
        metastable=share(METASTABLE, new=False),
        sun=share(STABLE, new=True),
        msun=share(METASTABLE, new=True),
    )
