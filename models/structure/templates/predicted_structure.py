"""A predicted structure, and how it came about: from which template, with which elements where, and how sure.

Describes what `templates` has made; chooses and makes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pymatgen.core.structure import Structure

from ..cells.decorations import SYMMETRY_TOLERANCE, Split, replaced
from ..cells.sanity_checks import Check
from ..cells.template_cells import SubstitutedCell, TemplateCells
from ..element_movers import distances
from ..sizes.roles import likely_oxidation_states
from ..substitution.element_mapping import OxidationMatch, oxidation_match, scale_distance
from ..symmetry.symmetry_analysis import space_group
from .chances import chance
from .ranking import Choice, NoTemplateError


@dataclass(frozen=True, slots=True)
class Decoration:
    """An ordered decoration of a template, in its primitive cell.

    Attributes
    ----------
    element
        The template's element whose sites were shared out.
    sites
        Numbers of the sites, from 0, that each of the two new elements took.
    orderings
        How many inequivalent ways there are.
    """

    element: str
    sites: Mapping[str, tuple[int, ...]]
    orderings: int


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
        The template's elements to the new ones; of an ordered decoration one goes to two, as in ``{"S": "S/Se"}``.
    mapping_distance
        Scale steps per atom that the mapping moves the elements; `distance` or more.
    share
        Of its prototype with this arrangement among all that the library gives; None for ranking "elmd", and where
        nothing but what is known has that prototype.
    probability
        That it is known, or will be, as `chances` tells it from share and evidence; None where the share is.
    prototype
        Id of the prototype.
    space_group
        International number of the template, None where unknown; exchanging elements keeps it. Of a decoration its own.
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
        Id of the template of this very composition that it is, None when it is new.
    dimension
        2 or 3.
    decoration
        How the sites of one element of the template were shared out to two; None where none were.
    """

    structure: Structure = field(repr=False)
    template_id: str
    formula: str
    distance: float
    mapping: Mapping[str, str]
    mapping_distance: float
    share: float | None
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
    decoration: Decoration | None = None

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return all(check.passed is not False for check in self.checks)


@dataclass(frozen=True, slots=True)
class Realised:
    """A template with the elements of a composition in it; `share`, `duplicate_of` as of `Prediction`."""

    choice: Choice
    cell: SubstitutedCell
    share: float | None
    duplicate_of: str | None


def described(
    realised: list[Realised],
    formula: str,
    amounts: Mapping[str, int],
    dimension: int,
    space_groups: Mapping[int, float] | None,
    cells: TemplateCells,
    evidence: float | None = None,
) -> list[Prediction]:
    """Describe how each realised structure came about.

    Parameters
    ----------
    realised
        n structures.
    formula
        Reduced formula of all of them.
    amounts
        Atoms of each element in it.
    dimension
        2 or 3.
    space_groups
        Probability of each space group by number, where it is to be told.
    cells
        Those the structures were made of.
    evidence
        As of `chances.chance`, where there are shares.

    Returns
    -------
    list of n Prediction

    Raises
    ------
    NoTemplateError
        When there are none.
    """
    if not realised:
        raise NoTemplateError(f"the only templates for {formula} are {formula} itself")
    states = likely_oxidation_states(formula)
    apart = distances([formula] * len(realised), [entry.choice.template.formula for entry in realised])
    predictions = []
    for entry, distance in zip(realised, apart, strict=True):
        choice, template = entry.choice, entry.choice.template
        came_from = replaced(choice.mapping)
        structure = entry.cell.structure()
        number = template.space_group
        if choice.split is not None:
            number = space_group(structure, tolerance=SYMMETRY_TOLERANCE).number
        predictions.append(
            Prediction(
                structure=structure,
                template_id=template.template_id,
                formula=formula,
                distance=float(distance),
                mapping=choice.mapping,
                mapping_distance=scale_distance(came_from, amounts),
                share=entry.share,
                probability=_chance(entry.share, evidence, dimension),
                prototype=template.membership.prototype,
                space_group=number,
                space_group_probability=_probability(space_groups, number),
                oxidation=oxidation_match(states, came_from),
                oxidation_states=states,
                length_factor=entry.cell.factor,
                checks=entry.cell.checks,
                duplicate_of=entry.duplicate_of,
                dimension=dimension,
                decoration=_decoration(choice, entry.cell, cells),
            )
        )
    return predictions


def _chance(share: float | None, evidence: float | None, dimension: int) -> float | None:
    return None if share is None or evidence is None else chance(share, evidence, dimension)


def _decoration(choice: Choice, cell: SubstitutedCell, cells: TemplateCells) -> Decoration | None:
    if choice.split is None:
        return None
    element = shared_element(choice, choice.split)
    sites = {
        new: tuple(site for site, symbol in enumerate(cell.symbols) if symbol == new) for new in choice.split.elements
    }
    return Decoration(element, sites, len(cells.orderings(choice.template.template_id, element, choice.split)))


def shared_element(choice: Choice, split: Split) -> str:
    """Find the template's element whose sites two share."""
    return next(old for old, new in choice.mapping.items() if new == split.name)


def _probability(space_groups: Mapping[int, float] | None, number: int | None) -> float | None:
    return None if space_groups is None or number is None else space_groups.get(number, 0.0)
