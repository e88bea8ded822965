"""Which templates a composition gets, chosen without a look at a structure.

What comes of it holds all that making the structures needs, so that the structures of a large library can stay where
they are but for the few that are named. Knows a library of templates; makes no structures.
"""

from __future__ import annotations

import heapq
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..cells.decorations import Split
from .ranking import Candidate, Choice, PrototypeRanking, Templates, find_all_templates, related, slots_of
from .target_size import Relatives

NEAR_FACTOR: Final = 0.3
"""By how much a structure is set back that StructureMatcher's default tolerances take for a better one, and those of
prototypes do not: a layer S-Ga-Ga-S and Ga-S-S-Ga. Of 1, 0.3, 0.1, 0.03 and 0 a compromise between the first five and
the first ten, chosen with all 980 monolayers of 2DMatPedia in view (docs/measured/templates.md)."""
CANDIDATES_PER_PLACE: Final = 6
"""Candidates looked at for each structure wanted; those that come to nothing are duplicates of better ones. For ten
structures of a monolayer of 2DMatPedia the place of the last one used is 10 in the median and 14 at most."""
FEWEST_CANDIDATES: Final = 30
"""Candidates looked at however few structures are wanted, because the first may all be known ones."""


@dataclass(frozen=True, slots=True)
class Shortlisted:
    """A prototype with an arrangement of the elements, and the templates that may lend it their geometry.

    Attributes
    ----------
    choices
        Templates with their mapping, the likeliest first. All or none are to be decorated.
    probability
        Share among all that the library gives.
    known_as
        Id of a template of the wanted composition that is of this very structure, by what is known of prototypes.
    relatives
        Templates that tell how large it is.
    elements
        Of the composition, in the order in which the relatives tell them.
    """

    choices: tuple[Choice, ...]
    probability: float
    known_as: str | None
    relatives: Relatives
    elements: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether the ways to share the sites of its templates are still to be found."""
        return self.choices[0].split is not None and self.choices[0].ordering is None


@dataclass(frozen=True, slots=True)
class Shortlist:
    """All that is needed to make the structures of a composition, but for the structures of the templates.

    Attributes
    ----------
    formula
        Reduced formula.
    amounts
        Atoms of each element.
    candidates
        Likeliest first.
    known
        The templates of this very composition, each with its share among all that the library gives; None where no
        other composition has its prototype. The likeliest first.
    evidence
        Weight of all that the library gives, as of `chances.chance`.
    k, dimension, match_structures, new, space_groups
        As given to `shortlist`; of the space groups only those of the candidates.
    """

    formula: str
    amounts: Mapping[str, int]
    candidates: tuple[Shortlisted, ...]
    known: tuple[tuple[Choice, float | None], ...]
    evidence: float
    k: int
    dimension: int
    match_structures: bool
    new: bool
    space_groups: Mapping[int, float] | None

    @property
    def template_ids(self) -> set[str]:
        """Ids of the templates whose structures `templates.realise` may ask for."""
        lent = {choice.template.template_id for candidate in self.candidates for choice in candidate.choices}
        return lent | {choice.template.template_id for choice, _ in self.known}

    def among(self, template_ids: Container[str]) -> Shortlist:
        """Leave out the templates that are not among these."""
        left = (
            replace(candidate, choices=tuple(c for c in candidate.choices if c.template.template_id in template_ids))
            for candidate in self.candidates
        )
        known = tuple(one for one in self.known if one[0].template.template_id in template_ids)
        return replace(self, candidates=tuple(candidate for candidate in left if candidate.choices), known=known)

    def with_space_groups(self, probabilities: Mapping[int, float] | None) -> Shortlist:
        """Attach probabilities of space groups, which are told with the structures and rank nothing."""
        if probabilities is None:
            return replace(self, space_groups=None)
        if any(candidate.is_open for candidate in self.candidates):  # whose space groups show when they are made
            return replace(self, space_groups=dict(probabilities))
        groups = {choice.template.space_group for candidate in self.candidates for choice in candidate.choices}
        return replace(
            self, space_groups={number: probabilities.get(number, 0.0) for number in sorted(filter(None, groups))}
        )


def shortlist(
    formula: str,
    library: Templates,
    k: int = 10,
    *,
    dimension: int = 2,
    space_groups: Mapping[int, float] | None = None,
    costs: NDArray[np.float64] | None = None,
    match_structures: bool = True,
    new: bool = False,
) -> Shortlist:
    """Choose the templates for a composition without looking at a structure.

    Parameters
    ----------
    formula, k, dimension, space_groups, costs, match_structures, new
        As of `templates.predict`.
    library
        What gives templates by anonymous formula.

    Raises
    ------
    UnparsableFormula, UnknownElement, ElementOffScaleError, NoTemplateError, ValueError
        As `templates.predict`.
    """
    if k < 1:
        raise ValueError(f"at least one structure must be asked for, got {k=}")
    composition = slots_of(formula)
    targets = find_all_templates(composition, library, dimension)
    rankings = {target.split: PrototypeRanking(target, space_groups, costs) for target in targets}
    total = sum(ranking.total for ranking in rankings.values())
    most = max(FEWEST_CANDIDATES, CANDIDATES_PER_PLACE * k)
    pool = [candidate for ranking in rankings.values() for candidate in islice(ranking.candidates(total), most)]
    pool.sort(key=_unlikeliness)
    decorations = sum(candidate.split is not None for candidate in pool)
    least = min(len(pool) - decorations, most // 2)  # of the very formula
    candidates = _at_most(pool, most - least)[:most]
    candidates.sort(key=_unlikeliness)
    if not match_structures:
        candidates = _at_most(_told_apart(candidates, rankings), most_decorations(k))[:k]
    return Shortlist(
        formula=composition.formula,
        amounts=dict(zip(composition.elements, composition.amounts, strict=True)),
        candidates=tuple(
            Shortlisted(
                tuple(rankings[likely.split].choices(likely)),
                likely.probability,
                likely.known_as,
                rankings[likely.split].relatives(likely),
                rankings[likely.split].target.elements,
            )
            for likely in candidates
        ),
        known=_known(rankings[None], pool) if None in rankings else (),
        evidence=total,
        k=k,
        dimension=dimension,
        match_structures=match_structures,
        new=new,
        space_groups=None,
    ).with_space_groups(space_groups)


def _known(ranking: PrototypeRanking, pool: Iterable[Candidate]) -> tuple[tuple[Choice, float | None], ...]:
    """Pick the templates of the very composition, with the share that others of their prototype give them."""
    bucket = ranking.target.bucket
    own = [candidate for candidate in pool if candidate.split is None]
    known = []
    for choice in ranking.known.values():
        shares = (
            candidate.probability
            for candidate in own
            if candidate.row == choice.row and related(bucket, candidate.row, candidate.order, choice.row, choice.order)
        )
        known.append((choice, next(shares, None)))
    return tuple(sorted(known, key=lambda one: -(one[1] or 0.0)))


def _unlikeliness(candidate: Candidate) -> float:
    return -candidate.probability


def most_decorations(k: int) -> int:
    """Of k structures, how many may be ordered decorations while there are templates of the very formula."""
    return -(-k // 2)


def _at_most(candidates: Iterable[Candidate], decorations: int) -> list[Candidate]:
    """Put those decorations that are too many behind all the others."""
    kept: list[Candidate] = []
    behind: list[Candidate] = []
    for candidate in candidates:
        decorations -= candidate.split is not None
        (behind if candidate.split is not None and decorations < 0 else kept).append(candidate)
    return kept + behind


Likely = TypeVar("Likely", Candidate, Shortlisted)


def queue(candidates: Iterable[Likely]) -> list[tuple[float, int, Likely]]:
    """Heap of candidates, likeliest first: minus the probability that counts, place among the candidates, candidate."""
    entries = [(-likely.probability, place, likely) for place, likely in enumerate(candidates)]
    heapq.heapify(entries)
    return entries


def _told_apart(
    candidates: Iterable[Candidate], rankings: Mapping[Split | None, PrototypeRanking]
) -> Iterator[Candidate]:
    """Pick candidates that are new and distinct as far as their prototypes tell."""
    listed: dict[tuple[Split | None, int], list[Candidate]] = {}
    near: set[int] = set()
    waiting = queue(candidates)
    while waiting:
        negative, place, candidate = heapq.heappop(waiting)
        if candidate.known_as is not None:
            continue
        bucket = rankings[candidate.split].target.bucket
        like = [
            earlier
            for row in bucket.relatives[candidate.row]
            for earlier in listed.get((candidate.split, row), ())
            if related(bucket, candidate.row, candidate.order, earlier.row, earlier.order)
        ]
        if any(earlier.row == candidate.row for earlier in like):
            continue
        if like and place not in near:
            near.add(place)
            heapq.heappush(waiting, (negative * NEAR_FACTOR, place, candidate))
            continue
        listed.setdefault((candidate.split, candidate.row), []).append(candidate)
        yield candidate
