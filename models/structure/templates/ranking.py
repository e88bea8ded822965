"""Which templates, with which element in which place, are likely for a composition.

Weighs prototypes by the templates that have them; builds no structures and knows no database.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ...composition.formula.formulas import UnparsableFormula, anonymous_formulas, parse, reduced_formulas
from ..cells.decorations import JOINT, Split, splits
from ..comparison.prototype_index import NoPrototypeError, Order, canonical_slots, slot_orders
from ..element_movers import distances
from ..pettifor import position
from ..substitution.element_mapping import cost_row, costs_in_bulk, least_distance_mapping, substitution_costs
from ..substitution.unlike_bonding import unlike
from .library import Bucket, Template
from .target_size import Relatives

SPACE_GROUP_FLOOR: Final = 0.05
"""Least probability a space group is given, so that a predictor that is sure of itself cannot rule one out."""
BULK: Final = 3
"""Dimension of bulk crystals."""
MEMBERS_TRIED: Final = 4
"""Templates of one prototype given, likeliest first, for when the structure of the first is listed already."""
MOST_RELATIVES: Final = 12
"""Templates of one prototype, likeliest first, that tell how large the structure is."""


class NoTemplateError(ValueError):
    """There is no template for a composition, with the reason."""


class Slots(NamedTuple):
    """A composition: reduced formula, and its elements and amounts in the order of slots."""

    formula: str
    elements: tuple[str, ...]
    amounts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A composition, its elements in the order of slots, and the templates of its anonymous formula.

    With `split`, two elements count as one, named ``split.name``, and the templates are those of the simpler formula.
    """

    formula: str
    elements: tuple[str, ...]
    amounts: tuple[int, ...]
    bucket: Bucket
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A template with an arrangement of the wanted elements.

    Attributes
    ----------
    mapping
        The template's elements to the wanted ones.
    row, order
        Its prototype's row in the bucket; slot k takes ``elements[order[k]]``.
    split
        The two elements that share the sites of one, the one mapped to ``split.name``; None for a template of the same
        anonymous formula.
    ordering
        Which of the ways to share them, by number; None where that is still to be found out.
    """

    template: Template
    mapping: Mapping[str, str]
    row: int
    order: Order
    split: Split | None = None
    ordering: int | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A prototype with an arrangement of the wanted elements; arrangements that give the same structure are one.

    Attributes
    ----------
    probability
        Its share of the weight of all candidates.
    known_as
        Id of a template of the wanted composition that is of this very structure, by what is known of prototypes.
    split
        As of `Choice`.
    """

    row: int
    order: Order
    probability: float
    known_as: str | None
    split: Split | None = None


class Templates(Protocol):
    """What gives the templates of one anonymous formula and dimensionality, as a library does."""

    def bucket(self, amounts: tuple[int, ...], dimension: int) -> Bucket | None:
        """Look them up; None when there are none."""


def find_templates(formula: str, library: Templates, dimension: int) -> Target:
    """Find the templates that share a composition's anonymous formula.

    Raises
    ------
    UnparsableFormula, UnknownElement, ElementOffScaleError
        For a formula that cannot be read or placed on the scale.
    NoTemplateError
        When there are none.
    """
    reduced, elements, amounts = slots_of(formula)
    bucket = library.bucket(amounts, dimension)
    if bucket is None:
        raise NoTemplateError(no_template(formula, dimension))
    return Target(reduced, elements, amounts, bucket)


def find_all_templates(composition: Slots, library: Templates, dimension: int) -> list[Target]:
    """Find those templates, and those of simpler formulas of which the composition may be an ordered decoration.

    Raises
    ------
    NoTemplateError
        When there are none.
    """
    reduced, elements, amounts = composition
    asked = [(elements, amounts, None), *((names, merged, split) for split, names, merged in splits(elements, amounts))]
    targets = [
        Target(reduced, names, own, bucket, split)
        for names, own, split in asked
        if (bucket := library.bucket(own, dimension)) is not None
    ]
    if not targets:
        raise NoTemplateError(no_template(reduced, dimension))
    return targets


def slots_of(formula: str) -> Slots:
    """Read a formula.

    Raises
    ------
    UnparsableFormula, UnknownElement, ElementOffScaleError
        When it cannot be read or placed on the scale.
    NoTemplateError
        When its amounts are not whole, or too many are equal.
    """
    parsed = parse([formula])
    if parsed.nelements[0] == 0:
        raise UnparsableFormula(formula, "names no atoms")
    if not parsed.whole().all():
        raise NoTemplateError(f"{formula!r} has amounts that are not whole; templates are ordered structures")
    elements, amounts = canonical_slots(parsed.composition(0))
    try:
        slot_orders(amounts)
    except NoPrototypeError as error:
        raise NoTemplateError(f"{formula!r}: {error}") from error
    return Slots(reduced_formulas([formula])[0], elements, amounts)


def no_template(formula: str, dimension: int) -> str:
    """Say that there is none."""
    kind = {2: "two-dimensional", 3: "bulk"}.get(dimension, f"{dimension}-dimensional")
    return f"no {kind} template has the anonymous formula {anonymous_formulas([formula])[0]} of {formula}"


class PrototypeRanking:
    """Weights of all templates and arrangements for one composition, summed by the structures they give.

    Parameters
    ----------
    wanted
        The composition and its templates.
    space_groups
        Probability of each space group by number, None to leave them out.
    costs
        (103, 103) cost of each substitution by place on the scale; when None `substitution_costs`, for bulk crystals
        `costs_in_bulk`.
    """

    def __init__(
        self,
        target: Target,
        space_groups: Mapping[int, float] | None = None,
        costs: NDArray[np.float64] | None = None,
    ) -> None:
        bucket = target.bucket
        self.target = target
        self._orders = slot_orders(target.amounts)
        if costs is None:
            costs = costs_in_bulk() if bucket.templates[0].dimension == BULK else substitution_costs()
        rows = np.stack([cost_row(name, costs, target.split) for name in target.elements])
        places = np.array([-1 if JOINT in name else position(name) for name in target.elements], dtype=np.intp)
        chosen = np.array(self._orders, dtype=np.intp)  # (orders, slots)
        cost = np.zeros((len(chosen), len(bucket.templates)))
        exact = np.ones(cost.shape, dtype=bool)
        for slot in range(chosen.shape[1]):
            cost += rows[chosen[:, slot, None], bucket.places[None, :, slot]]
            exact &= places[chosen[:, slot, None]] == bucket.places[None, :, slot]
        self._weights: NDArray[np.float64] = np.exp(-cost)
        if space_groups is not None:
            self._weights *= _likely_groups(bucket, space_groups, decorated=target.split is not None)
        if bucket.bondings.any():
            self._weights[:, unlike(target.formula, bucket.bondings)] = 0.0
        self._weights[exact] = 0.0  # the composition's own templates lend themselves to nothing new
        sums = np.add.reduceat(self._weights, bucket.starts[:-1], axis=1).T
        self._shares = np.zeros(sums.shape)
        np.add.at(self._shares, (np.arange(len(sums))[:, None], bucket.classes), sums)
        self.total = max(float(self._shares.sum()), np.finfo(float).tiny)
        self._known = [self._choice(int(template), int(order)) for order, template in np.argwhere(exact)]

    @property
    def known(self) -> dict[str, Choice]:
        """The templates of the wanted composition itself, by id."""
        return {choice.template.template_id: choice for choice in self._known}

    def candidates(self, total: float | None = None) -> Iterator[Candidate]:
        """List the candidates, likeliest first, ties in the order of prototypes.

        `total` is the weight of all candidates, where there are others beside these.
        """
        bucket = self.target.bucket
        flat = self._shares.ravel() / (total or self.total)
        for index in np.argsort(-flat, kind="stable"):
            if flat[index] <= 0:
                return
            row, number = divmod(int(index), len(self._orders))
            order = self._orders[number]
            known = (
                choice.template.template_id
                for choice in self._known
                if related(bucket, row, order, choice.row, choice.order)
            )
            yield Candidate(row, order, float(flat[index]), next(known, None), self.target.split)

    def choices(self, candidate: Candidate) -> Iterator[Choice]:
        """List the templates of a candidate, the one with the largest weight first."""
        for template, order in islice(self._likeliest(candidate), MEMBERS_TRIED):
            yield self._choice(template, order)

    def relatives(self, candidate: Candidate) -> Relatives:
        """Collect the templates of a candidate that tell how large its structure is, the likeliest first."""
        bucket = self.target.bucket
        chosen: dict[int, int] = {}  # by template: a prototype's own symmetry may offer one in several ways
        for template, order in self._likeliest(candidate):
            if bucket.templates[template].size is not None:
                chosen.setdefault(template, order)
            if len(chosen) == MOST_RELATIVES:
                break
        sizes = tuple(size for template in chosen if (size := bucket.templates[template].size) is not None)
        slots = np.array([np.argsort(self._orders[order]) for order in chosen.values()], dtype=np.intp)
        places = bucket.places[np.array(list(chosen), dtype=np.intp)]
        if chosen:
            places = np.take_along_axis(places, slots, axis=1)
        return Relatives(tuple(bucket.templates[template].formula for template in chosen), places.T, sizes)

    def _likeliest(self, candidate: Candidate) -> Iterator[tuple[int, int]]:
        """Templates and arrangements of a candidate by number, the one with the largest weight first."""
        bucket = self.target.bucket
        start, stop = bucket.starts[candidate.row], bucket.starts[candidate.row + 1]
        same = np.flatnonzero(bucket.classes[candidate.row] == self._orders.index(candidate.order))
        weights = self._weights[same, start:stop]
        for flat in np.argsort(-weights, axis=None, kind="stable"):
            order, member = divmod(int(flat), weights.shape[1])
            if weights[order, member] <= 0:
                return
            yield int(start) + member, int(same[order])

    def _choice(self, template: int, number: int) -> Choice:
        bucket, order = self.target.bucket, self._orders[number]
        chosen = bucket.templates[template]
        mapping = {old: self.target.elements[k] for old, k in zip(chosen.membership.slots, order, strict=True)}
        row = int(np.searchsorted(bucket.starts, template, side="right")) - 1
        return Choice(chosen, mapping, row, order, self.target.split)


def _likely_groups(bucket: Bucket, space_groups: Mapping[int, float], *, decorated: bool) -> NDArray[np.float64]:
    """Weights (templates,) by the probability of each template's space group."""
    if decorated:  # of a space group that is not known before it is made: the mean, weighed by itself
        values = np.array(list(space_groups.values()))
        mean = float((values**2).sum() / max(values.sum(), np.finfo(float).tiny))
        return np.full(len(bucket.templates), max(mean, SPACE_GROUP_FLOOR))
    return np.array([max(space_groups.get(int(n), 0.0), SPACE_GROUP_FLOOR) for n in bucket.space_groups])


def choices_by_distance(target: Target) -> Iterator[Choice]:
    """List the templates by element mover's distance, each with the mapping of least distance on the scale.

    The published route: no prototypes, no weights.
    """
    bucket = target.bucket
    counts = dict(zip(target.elements, target.amounts, strict=True))
    apart = distances([target.formula] * len(bucket.templates), [template.formula for template in bucket.templates])
    for index in np.argsort(apart, kind="stable"):
        template = bucket.templates[index]
        old = dict(zip(template.membership.slots, target.amounts, strict=True))
        mapping, _ = least_distance_mapping(old, counts)
        if all(old == new for old, new in mapping.items()):
            continue  # the composition itself
        row = int(np.searchsorted(bucket.starts, index, side="right")) - 1
        order = tuple(target.elements.index(mapping[element]) for element in template.membership.slots)
        yield Choice(template, mapping, row, order)


def related(bucket: Bucket, row: int, order: Order, other_row: int, other_order: Order) -> bool:
    """Whether two prototypes with their arrangements are the same structure, by what is known of prototypes.

    Parameters
    ----------
    bucket
        Whose prototypes they are.
    row, other_row
        Rows of the two prototypes.
    order, other_order
        Which element is in which slot of each: slot k holds element order[k].
    """
    first, second = bucket.prototypes[row], bucket.prototypes[other_row]
    if row == other_row:
        return any(all(order[k] == other_order[s] for k, s in enumerate(same)) for same in first.symmetries)
    # A prototype knows its relations to those found before it.
    for same in first.related.get(second.prototype_id, ()):
        if all(order[k] == other_order[s] for k, s in enumerate(same)):
            return True
    return any(
        all(other_order[k] == order[s] for k, s in enumerate(same))
        for same in second.related.get(first.prototype_id, ())
    )
