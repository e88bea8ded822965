"""Stage `bottom-up`: replaces elements of monolayers by others of their group, as 2DMatPedia does.

Works anonymous formula by anonymous formula, because many monolayers lead to the same one: it is made once, of the one
whose elements are most alike, and not where it is a parent already.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pymatgen.core.structure import Structure

from ...models.structure.cells.template_cells import TemplateCell
from ...models.structure.comparison.matching import Representatives
from ...models.structure.serialization import from_plain
from ...models.structure.sizes.roles import likely_oxidation_states
from ...models.structure.substitution.same_group_substitution import (
    Substitution,
    SubstitutionRules,
    same_group_substitutions,
)
from ...models.structure.substitution.substitution_odds import SubstitutionOdds, substitution_odds
from ...models.structure.vacuum import extent_of_layer
from ...stores.documents import ProposedStructure
from ...stores.documents.base import labelled
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from . import proposed_structure

_CHARGE: Final = "charge"


class BottomUpStage(GroupStage):
    """Makes structures by same-group substitution in the monolayers of the top-down route.

    Parameters
    ----------
    at_once
        ``one`` element at a time, or ``any`` combination of them.
    max_elements
        Monolayers of more elements are left alone.
    max_period_step
        How many periods a replacement may be away; without it any number.
    parents_by
        Name of the stage whose monolayers are taken; those of the top-down route whoever made them without.
    label
        Of these settings, beside others.
    """

    version = 8
    groups_per_batch = 8
    once_by_item = True
    criteria: ClassVar[Doc] = {"valid": True, "novel": {"$exists": True}, "duplicate_of": {"$exists": False}}
    writes: ClassVar = {ProposedStructure: "proposal"}

    def __init__(
        self,
        at_once: str = "any",
        max_elements: int = 2,
        max_period_step: int | None = 1,
        parents_by: str | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.name = labelled("bottom-up", label)
        self.at_once = at_once
        self.parents_by = parents_by
        self.label = label
        if parents_by is not None:
            self.criteria = {**self.criteria, "made_by": parents_by}  # type: ignore[misc]  # by campaign
        self.max_elements = max_elements
        self.max_period_step = max_period_step
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Rules of substitution."""
        names = ("at_once", "max_elements", "max_period_step", "parents_by", "label")
        return {name: getattr(self, name) for name in names}

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read the monolayers that repeat no other."""
        facets = ("proposal", "novelty")
        fixed = {"route": "top-down"}
        return (Members(ProposedStructure, "formula_anonymous", facets, ("structure",), self.criteria, fixed),)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make all substitutions of the monolayers of each anonymous formula."""
        rules = SubstitutionRules(
            at_once="one" if self.at_once == "one" else "any",
            max_elements=self.max_elements,
            max_period_step=self.max_period_step,
        )
        outcomes: list[Outcome] = []
        for item in items:
            parents = {doc["structure_id"]: from_plain(doc["structure"]) for doc in item.content["structures"]}
            documents = proposed_structure.documents("bottom-up", _proposals(parents, rules))
            for doc in documents:
                doc["made_of"] = [doc["parent_id"]]
            outcomes.append({"structures": documents})
        return outcomes


def _proposals(parents: Mapping[str, Structure], rules: SubstitutionRules) -> list[proposed_structure.Proposal]:
    """Make what no parent is already, each once, of several ways to it the likeliest, which come first."""
    seen: dict[str, Representatives] = {}
    for structure in parents.values():
        _alike(seen, structure).add(structure)
    made = [
        (_odds(parent, new), parent_id, _identity(new), new)
        for parent_id, parent in parents.items()
        for new in same_group_substitutions(parent, rules)
    ]
    proposals = []
    ranks: dict[str, int] = {}
    for odds, parent_id, identity, new in sorted(made, key=lambda entry: (entry[0].cost, *entry[1:3])):
        _, is_new = _alike(seen, new.structure).add(new.structure)
        if not is_new:
            continue
        ranks[parent_id] = ranks.get(parent_id, 0) + 1
        facts = {
            "dimension": 2,
            "substitution": dict(new.replaced),
            "substitution_cost": odds.cost,
            "substitution_chance": odds.chance,
            "radius_mismatch": odds.radius_mismatch,
            **extent_of_layer(new.structure)._asdict(),
        }
        checks = _checks(new.structure)
        remarks = {_CHARGE: checks.pop(_CHARGE)}
        proposals.append(
            proposed_structure.Proposal(new.structure, parent_id, identity, ranks[parent_id], facts, checks, remarks)
        )
    return proposals


def _alike(seen: dict[str, Representatives], structure: Structure) -> Representatives:
    """Structures of the same formula so far; templates of other sizes are the same."""
    return seen.setdefault(structure.composition.reduced_formula, Representatives(max_density_ratio=None))


def _odds(parent: Structure, new: Substitution) -> SubstitutionOdds:
    formula, elements = parent.composition.reduced_formula, parent.composition.get_el_amt_dict()
    mapping = {element: new.replaced.get(element, element) for element in elements}
    return substitution_odds(formula, new.structure.composition.reduced_formula, mapping)


def _identity(new: Substitution) -> str:
    return ",".join(f"{old}>{by}" for old, by in sorted(new.replaced.items()))


def _checks(structure: Structure) -> dict[str, Doc]:
    """Check a structure as those made of templates are checked."""
    elements = {site.specie.symbol for site in structure}
    states = likely_oxidation_states(structure.composition.reduced_formula)
    cell = TemplateCell(structure, 2).with_elements({symbol: symbol for symbol in elements}, states, rescale=False)
    return {check.name: proposed_structure.checked(check) for check in cell.checks if check.name != "coordination"}
