"""Crystal structures for a composition, from known structures of the same anonymous formula.

Takes the likely templates one after the other, puts the elements in, rescales, compares and checks: at once (`predict`)
or in two steps, of which the first needs no structures (`shortlist`) and the second only those it names (`realise`).
Knows a library of templates and nothing of where it is stored.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from .element_mapping import OxidationMatch, likely_oxidation_states, oxidation_match, scale_distance
from .element_movers import distances
from .lent_shapes import LentShapes, Shape
from .matching import Representatives, prepare
from .prototypes import PROTOTYPE_TOLERANCES
from .structure_checks import Check
from .template_library import StructureOf, TemplateLibrary
from .template_ranking import Choice, NoTemplateError, Wanted, choices_by_distance, find_templates
from .template_shortlist import KNOWN_FACTOR, NEAR_FACTOR, Shortlist, queue, shortlist

__all__ = ["NoTemplateError", "Prediction", "Ranking", "Shortlist", "predict", "realise", "shortlist"]

Ranking = Literal["prototypes", "elmd"]

FAILED_FACTOR: Final = 0.1
"""By how much a structure that fails a check is set back: real crystals pass them. Of 300 monolayers of 2DMatPedia,
drawn at random, all of their composition left out, seven were found one or two places earlier with it, none later."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """A predicted structure and how it came about.

    Attributes
    ----------
    structure
        Elements put in and rescaled.
    template_id
        The template it was made from.
    formula
        Reduced formula of the structure.
    distance
        Element mover's distance between this formula and the template's.
    mapping
        The template's elements to the new ones.
    mapping_distance
        Scale steps per atom that the mapping moves the elements; `distance` or more.
    probability
        Share of its prototype with this arrangement among all that the library gives; None for ranking "elmd".
    prototype
        Id of the prototype.
    space_group
        International number of the template, None where unknown; exchanging elements keeps it.
    space_group_probability
        As given to `predict`; None where not given.
    oxidation
        Whether the replaced elements are known in the oxidation states of those put in their places.
    oxidation_states
        Charge-neutral states of the elements, likeliest choice; None when there is none.
    length_factor
        By which the lengths of the template were scaled.
    checks
        Shortest distance, coordination, charge.
    duplicate_of
        Id of the template of this very composition that it matches, None when it is new.
    dimension
        2 or 3.
    """

    structure: Structure = field(repr=False)
    template_id: str
    formula: str
    distance: float
    mapping: Mapping[str, str]
    mapping_distance: float
    probability: float | None
    prototype: str
    space_group: int | None
    space_group_probability: float | None
    oxidation: OxidationMatch
    oxidation_states: Mapping[str, float] | None
    length_factor: float
    checks: tuple[Check, ...]
    duplicate_of: str | None
    dimension: int

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)


_Maker = Callable[[Choice], Shape]


@dataclass(frozen=True, slots=True)
class _Made:
    choice: Choice
    shape: Shape
    probability: float | None
    duplicate_of: str | None


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
        Known structures. Those of this very composition are not given again as they are.
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
        Whether lengths are scaled to the new elements; see `rescaling`.
    match_structures
        Whether the structures made are compared with each other and the known ones by StructureMatcher (about 15 ms
        each). Otherwise what it found of their prototypes when the library was made decides, which is quicker.

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
        wanted = find_templates(formula, library, dimension)
        shapes = LentShapes(library.structure_of, dimension)
        made = list(_nearest(wanted, k, _maker(wanted.formula, shapes, rescale=rescale)))
        amounts = dict(zip(wanted.elements, wanted.amounts, strict=True))
        return _described(made, wanted.formula, amounts, dimension, space_groups)
    chosen = shortlist(
        formula,
        library,
        k,
        dimension=dimension,
        space_groups=space_groups,
        costs=costs,
        match_structures=match_structures,
    )
    return realise(chosen, library.structure_of, rescale=rescale)


def realise(chosen: Shortlist, structure_of: StructureOf | LentShapes, *, rescale: bool = True) -> list[Prediction]:
    """Make the structures of a shortlist.

    Parameters
    ----------
    chosen
        The templates to try.
    structure_of
        Gives the structures of `Shortlist.template_ids`; or their shapes, which serve other shortlists as well.
    rescale
        As for `predict`.

    Raises
    ------
    NoTemplateError
        When nothing is on the list.
    """
    shapes = structure_of if isinstance(structure_of, LentShapes) else LentShapes(structure_of, chosen.dimension)
    make = _maker(chosen.formula, shapes, rescale=rescale)
    if chosen.match_structures:
        made = list(_by_matching(chosen, shapes, make))
    else:
        made = [
            _Made(*next(_sane_first(one.choices, make)), one.probability, one.known_as) for one in chosen.candidates
        ]
    return _described(made, chosen.formula, chosen.amounts, chosen.dimension, chosen.space_groups)


def _described(
    made: list[_Made],
    formula: str,
    amounts: Mapping[str, int],
    dimension: int,
    space_groups: Mapping[int, float] | None,
) -> list[Prediction]:
    """Say of each structure made how it came about."""
    if not made:
        raise NoTemplateError(f"the only templates for {formula} are {formula} itself")
    states = likely_oxidation_states(formula)
    apart = distances([formula] * len(made), [one.choice.template.formula for one in made])
    return [
        Prediction(
            structure=one.shape.structure(),
            template_id=one.choice.template.template_id,
            formula=formula,
            distance=float(distance),
            mapping=one.choice.mapping,
            mapping_distance=scale_distance(
                one.choice.mapping, {old: amounts[new] for old, new in one.choice.mapping.items()}
            ),
            probability=one.probability,
            prototype=one.choice.template.membership.prototype,
            space_group=one.choice.template.space_group,
            space_group_probability=_probability(space_groups, one.choice.template.space_group),
            oxidation=oxidation_match(states, {new: old for old, new in one.choice.mapping.items()}),
            oxidation_states=states,
            length_factor=one.shape.factor,
            checks=one.shape.checks,
            duplicate_of=one.duplicate_of,
            dimension=dimension,
        )
        for one, distance in zip(made, apart, strict=True)
    ]


def _maker(formula: str, shapes: LentShapes, *, rescale: bool) -> _Maker:
    states = likely_oxidation_states(formula)

    def make(choice: Choice) -> Shape:
        return shapes[choice.template.template_id].with_elements(choice.mapping, states, rescale=rescale)

    return make


def _sane_first(choices: Iterable[Choice], make: _Maker) -> Iterator[tuple[Choice, Shape]]:
    """Give choices with what becomes of them, those that fail a check after those that pass all."""
    failed = []
    for choice in choices:
        shape = make(choice)
        if shape.sane:
            yield choice, shape
        else:
            failed.append((choice, shape))
    yield from failed


def _by_matching(chosen: Shortlist, shapes: LentShapes, make: _Maker) -> Iterator[_Made]:
    """Give distinct structures, compared with each other and with the known ones by StructureMatcher.

    They are told apart as finely as prototypes are; those alike by its default tolerances only are set back.
    """
    known = Representatives((shapes[one].template for one in chosen.known), max_density_ratio=None)
    alike = Representatives(max_density_ratio=None)
    listed = Representatives(max_density_ratio=None, tolerances=PROTOTYPE_TOLERANCES)
    failed: set[int] = set()
    near: set[int] = set()
    waiting = queue(chosen.candidates)
    while waiting and len(listed) < chosen.k:
        negative, place, candidate, set_back = heapq.heappop(waiting)
        for choice, shape in _sane_first(candidate.choices, make):
            if not shape.sane and place not in failed:
                failed.add(place)
                heapq.heappush(waiting, (negative * FAILED_FACTOR, place, candidate, set_back))
                break
            prepared = prepare(shape.arrays)
            is_near = alike.match(prepared) is not None
            if is_near and listed.match(prepared) is not None:
                continue  # listed already; another template of the prototype may differ
            if is_near and place not in near:
                near.add(place)
                heapq.heappush(waiting, (negative * NEAR_FACTOR, place, candidate, set_back))
                break
            number = known.match(prepared)
            if number is not None and not set_back:
                heapq.heappush(waiting, (negative * KNOWN_FACTOR, place, candidate, True))
                break
            alike.keep(prepared)
            listed.keep(prepared)
            yield _Made(choice, shape, candidate.probability, None if number is None else chosen.known[number])
            break


def _nearest(wanted: Wanted, k: int, make: _Maker) -> Iterator[_Made]:
    """Give distinct structures from the nearest templates, in the manner of the published route."""
    listed = Representatives(max_density_ratio=None)
    for choice in choices_by_distance(wanted):
        shape = make(choice)
        if listed.add(shape.arrays)[1]:
            yield _Made(choice, shape, None, None)
        if len(listed) == k:
            return


def _probability(space_groups: Mapping[int, float] | None, number: int | None) -> float | None:
    return None if space_groups is None or number is None else space_groups.get(number, 0.0)
