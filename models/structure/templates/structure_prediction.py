"""Crystal structures for a composition, from known structures of its anonymous formula, or a simpler one to decorate.

Takes the likely templates one after the other, puts the elements in, rescales, compares and checks: at once (`predict`)
or in two steps, of which the first needs no structures (`shortlist`) and the second only those it names (`realise`).
Knows a library of templates and nothing of where it is stored.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import count
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..cells.decorations import Split, decorated_symbols
from ..cells.fragments import NETWORK, Size
from ..cells.template_cells import SubstitutedCell, TemplateCells
from ..comparison.matching import Representatives, prepare
from ..comparison.prototype_index import PROTOTYPE_TOLERANCES
from ..serialization import Arrays
from ..sizes.roles import likely_oxidation_states
from .library import StructureOf, TemplateLibrary
from .predicted_structure import Prediction, Realised, described, shared_element
from .ranking import Choice, NoTemplateError, Target, choices_by_distance, find_templates, no_template
from .shortlisting import NEAR_FACTOR, Shortlist, Shortlisted, most_decorations, queue, shortlist
from .target_size import target_size

Ranking = Literal["prototypes", "elmd"]

FAILED_FACTOR: Final = {NETWORK: 1e-30, 2: 0.1}
"""By how much a structure that fails a check is set back, by dimension. A bulk crystal comes behind all that pass: of
594 right ones of the handbook 584 do. Of 2DMatPedia's layers, few of which were ever made, more fail: behind all that
pass, 0.92 of those with a prototype in the library would be found among the first five, not 0.96."""
BEHIND_FACTOR: Final = 1e-9
"""By how much ordered decorations are set back once they have half of the places: behind all templates of the
composition's own anonymous formula, which they would otherwise crowd out where none of these is likely."""

_Maker = Callable[[Shortlisted, Choice], SubstitutedCell | None]


def predict(
    formula: str,
    library: TemplateLibrary,
    k: int = 10,
    *,
    dimension: int = 2,
    ranking: Ranking = "prototypes",
    space_groups: Mapping[int, float] | None = None,
    costs: NDArray[np.float64] | None = None,
    rescale: bool = True,
    match_structures: bool = True,
    new: bool = False,
) -> list[Prediction]:
    """Predict the structures that a composition most likely takes, best first.

    A prototype with an arrangement of the elements is the likelier, the more templates have it and the more alike their
    elements are to those wanted: its weight is the sum over its templates of ``exp(-sum of substitution costs)``. The
    template with the largest share lends the geometry, if what comes of it passes the checks, else the next that does.

    Parameters
    ----------
    formula
        The composition, e.g. ``"MoSSe"``.
    library
        Known structures. Those of this very composition come first, as they are, and say that they are known.
    k
        Structures wanted; fewer come back where fewer distinct ones can be made.
    dimension
        2 for monolayers from monolayers, 3 for bulk from bulk.
    ranking
        "prototypes" as above; "elmd" is the published route: templates by element mover's distance, elements by least
        distance on the scale.
    space_groups
        Probability of each space group by number, from a predictor; weights the templates.
    costs
        (103, 103) cost of each substitution by place on the modified Pettifor scale, in place of `substitution_costs`.
    rescale
        Whether lengths are scaled to the new elements; see `target_size`.
    match_structures
        Whether the structures made are compared with each other and the known ones by StructureMatcher (about 15 ms
        each). Otherwise what it found of their prototypes when the library was made decides, which is quicker.
    new
        Whether the known ones are left out.

    Returns
    -------
    list of Prediction

    Raises
    ------
    UnparsableFormula, UnknownElement, ElementOffScaleError
        For a formula that cannot be read or placed on the scale.
    NoTemplateError
        When the library holds nothing of the same anonymous formula, or nothing but the composition itself.
    ValueError
        When k is below 1.
    """
    if ranking == "elmd":
        if k < 1:
            raise ValueError(f"at least one structure must be asked for, got {k=}")
        target = find_templates(formula, library, dimension)
        cells = TemplateCells(library.structure_of, dimension)
        realised = list(_nearest(target, k, cells, rescale=rescale))
        amounts = dict(zip(target.elements, target.amounts, strict=True))
        return described(realised, target.formula, amounts, dimension, space_groups, cells)
    chosen = shortlist(
        formula,
        library,
        k,
        dimension=dimension,
        space_groups=space_groups,
        costs=costs,
        match_structures=match_structures,
        new=new,
    )
    return realise(chosen, library.structure_of, rescale=rescale)


def realise(chosen: Shortlist, structure_of: StructureOf | TemplateCells, *, rescale: bool = True) -> list[Prediction]:
    """Make the structures of a shortlist.

    Parameters
    ----------
    chosen
        The templates to try.
    structure_of
        Reads the structures of `Shortlist.template_ids`; or their cells, which serve other shortlists as well.
    rescale
        As for `predict`.

    Raises
    ------
    NoTemplateError
        When nothing is on the list, or nothing new where only that is wanted.
    """
    cells = structure_of if isinstance(structure_of, TemplateCells) else TemplateCells(structure_of, chosen.dimension)
    make = _maker(chosen, cells, rescale=rescale)
    told_apart = _by_matching if chosen.match_structures else _by_prototype
    realised = list(told_apart(chosen, cells, make))
    if not realised and not chosen.known:
        raise NoTemplateError(no_template(chosen.formula, chosen.dimension) + ", nor a simpler one to decorate")
    return described(
        realised, chosen.formula, chosen.amounts, chosen.dimension, chosen.space_groups, cells, chosen.evidence
    )


def _maker(chosen: Shortlist, cells: TemplateCells, *, rescale: bool) -> _Maker:
    states = likely_oxidation_states(chosen.formula)
    sizes: dict[tuple[int, int], Size | None] = {}

    def size_for(candidate: Shortlisted, dimension: int, split: Split | None) -> Size | None:
        key = id(candidate.relatives), dimension
        if key not in sizes:
            sizes[key] = target_size(chosen.formula, candidate.elements, split, candidate.relatives, dimension)
        return sizes[key]

    def make(candidate: Shortlisted, choice: Choice) -> SubstitutedCell | None:
        template_id, split, number = choice.template.template_id, choice.split, choice.ordering
        size = size_for(candidate, cells[template_id].size.dimension, split)
        if split is None or number is None:
            return cells[template_id].with_elements(choice.mapping, states, size=size, rescale=rescale)
        ways = cells.orderings(template_id, shared_element(choice, split), split)
        if number >= len(ways):
            return None
        lent = cells.primitive(template_id)
        symbols = decorated_symbols(lent.symbols, choice.mapping, split, ways[number])
        if lent.size.dimension != cells[template_id].size.dimension:
            size = None
        return lent.with_symbols(symbols, states, size=size, rescale=rescale)

    return make


def _as_known(chosen: Shortlist, cells: TemplateCells) -> Iterator[tuple[Realised, Arrays]]:
    """Take the known structures of the composition as they are; one that fails a check comes after those that pass.

    Sources err: AFLOW's prototype of brookite has an axis of 3.4 in place of 5.4 Å.
    """
    states = likely_oxidation_states(chosen.formula)
    known = []
    for choice, share in chosen.known:
        template_id = choice.template.template_id
        cell = cells[template_id].with_elements(choice.mapping, states, rescale=False)
        known.append((Realised(choice, cell, share, template_id), cells[template_id].template))
    yield from sorted(known, key=lambda pair: not pair[0].cell.sane)


def _by_prototype(chosen: Shortlist, cells: TemplateCells, make: _Maker) -> Iterator[Realised]:
    """Make structures that are distinct as far as their prototypes tell, the known ones first."""
    prototypes: set[str] = set()
    for known, _ in _as_known(chosen, cells) if not chosen.new else ():
        prototype = known.choice.template.membership.prototype
        if prototype not in prototypes and len(prototypes) < chosen.k:
            prototypes.add(prototype)
            yield known
    made = [
        Realised(*next(_sane_first(each, make)), each.probability, None)
        for candidate in chosen.candidates[: chosen.k - len(prototypes)]
        for each in (_told(candidate, cells)[:1] if candidate.is_open else [candidate])
    ]
    yield from sorted(made, key=lambda realised: chosen.dimension == NETWORK and not realised.cell.sane)


def _told(candidate: Shortlisted, cells: TemplateCells) -> list[Shortlisted]:
    """Split a candidate that is to be decorated into one for each ordering, the more symmetric with the larger share.

    A template that lends its cell in the place of another lends it to the ordering of the same number.
    """
    for first, choice in enumerate(candidate.choices):
        split = choice.split
        assert split is not None
        ways = cells.orderings(choice.template.template_id, shared_element(choice, split), split)
        if ways:
            whole = sum(1 / way.alike for way in ways)
            return [
                replace(
                    candidate,
                    choices=tuple(replace(way, ordering=number) for way in candidate.choices[first:]),
                    probability=candidate.probability / way.alike / whole,
                )
                for number, way in enumerate(ways)
            ]
    return []


def _sane_first(candidate: Shortlisted, make: _Maker) -> Iterator[tuple[Choice, SubstitutedCell]]:
    """Put elements into the cells chosen; those that fail a check come after those that pass all."""
    failed = []
    for choice in candidate.choices:
        cell = make(candidate, choice)
        if cell is None:
            continue
        if cell.sane:
            yield choice, cell
        else:
            failed.append((choice, cell))
    yield from failed


def _by_matching(chosen: Shortlist, cells: TemplateCells, make: _Maker) -> Iterator[Realised]:
    """Make distinct structures, compared with each other and with the known ones by StructureMatcher.

    The known ones come first. All are told apart as finely as prototypes are; those alike by its default tolerances
    only are set back.
    """
    alike = Representatives(max_density_ratio=None)
    listed = Representatives(max_density_ratio=None, tolerances=PROTOTYPE_TOLERANCES)
    n_listed = 0
    for realised, arrays in _as_known(chosen, cells):
        prepared = prepare(arrays)
        nearest = alike.match(prepared)
        if nearest is not None and listed.match(prepared, start=nearest) is not None:
            continue  # the same from another source
        alike.keep(prepared)
        listed.keep(prepared)
        if not chosen.new and n_listed < chosen.k:
            n_listed += 1
            yield realised
    failed: set[int] = set()
    near: set[int] = set()
    behind: set[int] = set()
    decorations, most = 0, most_decorations(chosen.k)
    waiting = queue(chosen.candidates)
    places = count(len(waiting))
    while waiting and n_listed < chosen.k:
        negative, place, candidate = heapq.heappop(waiting)
        decorated = candidate.choices[0].split is not None
        if decorated and decorations >= most and place not in behind:
            behind.add(place)
            heapq.heappush(waiting, (negative * BEHIND_FACTOR, place, candidate))
            continue
        if candidate.is_open:
            for decorated_candidate in _told(candidate, cells):
                own = next(places)
                if place in behind:
                    behind.add(own)
                share = decorated_candidate.probability / candidate.probability
                heapq.heappush(waiting, (negative * share, own, decorated_candidate))
            continue
        for choice, cell in _sane_first(candidate, make):
            if not cell.sane and place not in failed:
                failed.add(place)
                heapq.heappush(waiting, (negative * FAILED_FACTOR[chosen.dimension], place, candidate))
                break
            prepared = prepare(cell.arrays)
            nearest = alike.match(prepared)
            if nearest is not None and listed.match(prepared, start=nearest) is not None:
                continue  # listed already; another template of the prototype may differ
            if nearest is not None and place not in near:
                near.add(place)
                heapq.heappush(waiting, (negative * NEAR_FACTOR, place, candidate))
                break
            alike.keep(prepared)
            listed.keep(prepared)
            decorations += decorated
            n_listed += 1
            yield Realised(choice, cell, candidate.probability, None)
            break


def _nearest(target: Target, k: int, cells: TemplateCells, *, rescale: bool) -> Iterator[Realised]:
    """Make distinct structures from the nearest templates, in the manner of the published route."""
    listed = Representatives(max_density_ratio=None)
    states = likely_oxidation_states(target.formula)
    for choice in choices_by_distance(target):
        cell = cells[choice.template.template_id].with_elements(choice.mapping, states, rescale=rescale)
        if listed.add(cell.arrays)[1]:
            yield Realised(choice, cell, None, None)
        if len(listed) == k:
            return
