"""Stage `template-structures`: gives promising compositions the structures of known materials like them.

A new or changed template makes due the compositions of its anonymous formula, and those that may be a decoration of it,
only. Templates are chosen where the database is at hand; the few structures needed travel with the composition to
whoever makes the new ones of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any, Final

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument

from ...models.composition.formula.formulas import UnknownElement, UnparsableFormula
from ...models.structure.cells.decorations import simpler_formulas
from ...models.structure.cells.template_cells import TemplateCells
from ...models.structure.pettifor import ElementOffScaleError
from ...models.structure.serialization import Arrays, arrays_of
from ...models.structure.templates import NoTemplateError, Prediction, realise, shortlist
from ...models.structure.vacuum import extent_of_layer
from ...stores.documents import Composition, Material, ProposedStructure
from ...stores.documents.base import labelled
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.selection.group_members import Members
from ..engine.selection.group_stage import GroupStage
from ..engine.selection.labels import flattened, projected, translated
from . import proposed_structure
from .space_group_lookup import KIND_OF_DIMENSION, guesses, ranking_weights
from .template_loading import TemplateBuckets

NAMES: Final = {2: "template-structures", 3: "template-structures-bulk"}
_FACETS: Final = {2: "templates", 3: "bulk_templates"}
_FIELDS: Final = ("formula_reduced", "formula_anonymous", "p_2d", "predicted_formation_energy")
_COPIED: Final = ("p_2d", "predicted_formation_energy")
_CHARGE: Final = "charge"
_AT_ONCE: Final = 10_000
_RAW: Final = CodecOptions(document_class=RawBSONDocument)


class TemplateStructuresStage(GroupStage):
    """Makes structures of compositions from the library of templates, best first.

    Parameters
    ----------
    dimension
        2: monolayers from monolayers; 3: bulk crystals from bulk crystals. Each is a stage of its own.
    structures
        Structures per composition.
    min_p_2d
        Compositions with a smaller probability of forming a 2D material are left alone; None asks for none.
    max_predicted_formation_energy
        eV/atom; compositions of a higher one are left alone; None asks for none.
    match_structures
        Whether structures of one composition are told apart by StructureMatcher, or by their prototypes alone.
    new
        Whether structures known of their composition are left out; else they come first.
    judged
        Whether compositions also have to have passed a campaign's gates on compositions.
    labels
        By facet of compositions (screen, classify, energy, verdict), the label of the settings whose values are meant.
    label
        Of these settings, beside others.
    """

    version = 12
    groups_per_batch = 25

    def __init__(
        self,
        dimension: int = 2,
        structures: int = 10,
        min_p_2d: float | None = 0.95,
        max_predicted_formation_energy: float | None = 0.0,
        match_structures: bool = True,  # noqa: FBT001, FBT002  as plain data from campaigns
        new: bool = False,  # noqa: FBT001, FBT002
        judged: bool = False,  # noqa: FBT001, FBT002
        labels: dict[str, str] | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.dimension = dimension
        self.structures = structures
        self.min_p_2d = min_p_2d
        self.max_predicted_formation_energy = max_predicted_formation_energy
        self.match_structures = match_structures
        self.new = new
        self.judged = judged
        self.labels = labels or {}
        self.label = label
        self.name = labelled(NAMES[dimension], label)
        super().__init__(share=share)

    @property
    def writes(self) -> dict[Any, str]:  # type: ignore[override]  # by dimension
        """Structures, and on the composition how many, or why none."""
        return {ProposedStructure: "proposal", Composition: labelled(_FACETS[self.dimension], self.label)}

    def arguments(self) -> Doc:
        """Settings."""
        thresholds = ("min_p_2d", "max_predicted_formation_energy")
        names = ("structures", *thresholds, "match_structures", "new", "judged", "labels")
        return {"dimension": self.dimension, "label": self.label, **{name: getattr(self, name) for name in names}}

    @property
    def promising(self) -> Doc:
        """Query for the compositions that are worth a structure."""
        criteria: Doc = {"charge_neutral": True, "electronegativity_balanced": True}
        if self.min_p_2d is not None:
            criteria["p_2d"] = {"$gte": self.min_p_2d}
        if self.max_predicted_formation_energy is not None:
            criteria["predicted_formation_energy"] = {"$lte": self.max_predicted_formation_energy}
        if self.judged:
            criteria["status"] = "promoted"
        return criteria

    def sources_of_members(self) -> tuple[Members, ...]:
        """Read compositions and templates, among these such as once served as what is wanted here."""
        kind = {"$or": [{"template_dimension": self.dimension}, {"template.served_as": self.dimension}]}
        names = ("screen", "classify", "energy", *(("verdict",) if self.judged else ()))
        facets = tuple(labelled(name, self.labels.get(name, "")) for name in names)
        return (
            Members(Composition, "formula_reduced", facets, _FIELDS, self.promising),
            Members(Material, "formula_anonymous", ("template",), (), fixed=kind),
        )

    # A group is a composition; its name begins with its anonymous formula, so that those of one library come together.

    def affected(self, source: Members, names: set[str]) -> set[str]:
        """Compositions that changed, or that changed templates may fit."""
        if source.document is Composition:
            had_some = {f"facets.{self.writes[Composition]}": {"$exists": True}}
            return self._names(sorted(names), {"$or": [translated(self.promising, self._paths), had_some]})
        waiting: Doc = {"deprecated": False, **translated(self.promising, self._paths)}
        formulas = self._present.distinct("formula_anonymous", waiting)
        fitting = [name for name in formulas if name in names or not names.isdisjoint(simpler_formulas(name))]
        return self._names(None, {"formula_anonymous": {"$in": fitting}, **waiting})

    @property
    def _paths(self) -> dict[str, str]:
        return self.sources_of_members()[0].paths

    @property
    def _present(self) -> Any:
        return self.sources_of_members()[0].at_one_moment(self.db.database)

    def _names(self, formulas: list[str] | None, query: Doc) -> set[str]:
        names: set[str] = set()
        parts = (
            [formulas] if formulas is None else [formulas[i : i + _AT_ONCE] for i in range(0, len(formulas), _AT_ONCE)]
        )
        for part in parts:
            chosen = query if part is None else {"formula_reduced": {"$in": part}, **query}
            for doc in self._present.find(chosen, {"_id": 0, "formula_anonymous": 1, "formula_reduced": 1}):
                names.add(f"{doc.get('formula_anonymous', '')} {doc['formula_reduced']}")
        return names

    def looks_at(self) -> tuple[Channel, ...]:
        """Predictors of space groups."""
        return (
            *super().looks_at(),
            Channel("trained_models", "training", frozenset([KIND_OF_DIMENSION[self.dimension]])),
        )

    def batch_of(self, names: list[str]) -> Batch:
        """Make a batch of compositions, each with the templates chosen for it."""
        formulas = [name.rpartition(" ")[2] for name in names]  # what failed before comes by its formula alone
        promising = {doc["formula_reduced"]: doc for doc in self._compositions(formulas)}
        guesses = self.space_groups_of(list(promising))
        items = [self._chosen(doc, guesses.get(formula)) for formula, doc in promising.items()]
        self._add_templates(items)
        left = [formula for formula in formulas if formula not in promising]
        items += [Item(formula, {}, [{"collection": "compositions", "id": formula}]) for formula in left]
        return Batch(0, items, withdrawn=dict.fromkeys(left, "its composition is no longer promising"))

    def _compositions(self, formulas: list[str]) -> list[Doc]:
        promising = translated(self.promising, self._paths)
        query = {"formula_reduced": {"$in": formulas}, "deprecated": False, **promising}
        compositions = self.db.database["compositions"].find(query, {"_id": 0, **projected(_FIELDS, self._paths)})
        docs = [flattened(doc, self._paths) for doc in compositions]
        return sorted(docs, key=lambda doc: (str(doc.get("formula_anonymous", "")), str(doc["formula_reduced"])))

    def space_groups_of(self, formulas: list[str]) -> dict[str, Mapping[int, float]]:
        """Probability of each space group by number, of those formulas a predictor can tell something of.

        It is noted with each structure made from now on, and ranks those of bulk crystals. Nothing is due again because
        of a newer predictor: all would have to be made anew.
        """
        return guesses(self.db, formulas, dimension=self.dimension)

    def _chosen(self, composition: Doc, space_groups: Mapping[int, float] | None) -> Item:
        formula = composition["formula_reduced"]
        content: Doc = {"facts": {name: composition[name] for name in _COPIED if name in composition}}
        try:
            chosen = shortlist(
                formula,
                self._templates,
                self.structures,
                dimension=self.dimension,
                space_groups=ranking_weights(space_groups, self.dimension),
                match_structures=self.match_structures,
                new=self.new,
            )
            content["shortlist"] = chosen.with_space_groups(space_groups)
        except (NoTemplateError, ElementOffScaleError, UnparsableFormula, UnknownElement) as error:
            content["refused"] = str(error)
        return Item(formula, content, [{"collection": "compositions", "id": formula}])

    @cached_property
    def _templates(self) -> TemplateBuckets:
        return TemplateBuckets(self.db)

    def _add_templates(self, items: Iterable[Item]) -> None:
        """Add to each composition the structures its shortlist names, as they come from the server."""
        chosen = [item for item in items if "shortlist" in item.content]
        template_ids = sorted(set().union(*(item.content["shortlist"].template_ids for item in chosen)))
        materials = self.db.database["materials"].with_options(codec_options=_RAW)
        query = {"material_id": {"$in": template_ids}, "structure": {"$exists": True}}
        stored = {
            str(doc["material_id"]): (str(doc["content_hash"]), bytes(doc.raw))
            for doc in materials.find(query, {"_id": 0, "material_id": 1, "content_hash": 1, "structure": 1})
        }
        for item in chosen:
            item.content["shortlist"] = usable = item.content["shortlist"].among(stored)
            ids = sorted(usable.template_ids)
            item.content["templates"] = {template_id: stored[template_id][1] for template_id in ids}
            item.origins += [{"collection": "materials", "id": name, "hash": stored[name][0]} for name in ids]

    def process(self, items: list[Item]) -> list[Outcome]:
        """Make the structures of each composition."""
        shapes = _shapes(items, self.dimension)
        return [self._structures(item, shapes) for item in items]

    def _structures(self, item: Item, shapes: TemplateCells) -> Outcome:
        predictions: list[Prediction] = []
        outcome: Doc = {"formula_reduced": item.key}
        refused = item.content.get("refused")
        if "shortlist" in item.content:
            try:
                predictions = realise(item.content["shortlist"], shapes)
            except NoTemplateError as error:
                refused = str(error)
            outcome[self._field("structures")] = len(predictions)
        if refused is not None:
            outcome |= {self._field("structures"): 0, self._field("refused"): refused}
        facts = item.content.get("facts", {})
        documents = proposed_structure.documents(
            "template", [self._proposal(prediction, i, facts) for i, prediction in enumerate(predictions, 1)]
        )
        for doc in documents:
            doc["made_of"] = [item.key, doc["parent_id"]]
        return {"structures": documents, "compositions": [outcome]}

    def _proposal(self, prediction: Prediction, rank: int, facts: Doc) -> proposed_structure.Proposal:
        # What is copied from the composition is by these models: structures of others are others.
        told = ",".join(f"{name}@{self.labels[name]}" for name in ("classify", "energy") if self.labels.get(name))
        proposal = _proposal(prediction, rank, facts)
        proposal.identity += f" {told}" if told else ""
        return proposal

    def _field(self, name: str) -> str:
        return f"{_FACETS[self.dimension].removesuffix('s')}_{name}"


def _shapes(items: Iterable[Item], dimension: int) -> TemplateCells:
    """Shapes of the templates of a batch, each looked at once for all its compositions."""
    templates: dict[str, bytes] = {}
    for item in items:
        templates |= item.content.get("templates", {})

    def structure_of(template_id: str) -> Arrays:
        return arrays_of(bson.decode(templates[template_id])["structure"], min_distance=0)  # checked as a template

    return TemplateCells(structure_of, dimension)


def _proposal(prediction: Prediction, rank: int, facts: Doc) -> proposed_structure.Proposal:
    """A prediction in the fields of its document."""
    written = ",".join(f"{old}>{new}" for old, new in sorted(prediction.mapping.items()))
    details: Doc = {
        "dimension": prediction.dimension,
        "substitution": dict(prediction.mapping),
        "template_distance": prediction.distance,
        "mapping_distance": prediction.mapping_distance,
        "share": prediction.share,
        "probability": prediction.probability,
        "template_prototype": prediction.prototype,
        "oxidation_match": prediction.oxidation,
        "oxidation_states": dict(prediction.oxidation_states) if prediction.oxidation_states else None,
        "length_factor": prediction.length_factor,
        "predicted_space_group": prediction.space_group,
        "space_group_probability": prediction.space_group_probability,
        **facts,
    }
    if prediction.dimension == 2:
        details |= extent_of_layer(prediction.structure)._asdict()
    if prediction.decoration is not None:
        sites = {element: list(numbers) for element, numbers in prediction.decoration.sites.items()}
        details["decoration"] = {
            "element": prediction.decoration.element,
            "sites": sites,
            "orderings": prediction.decoration.orderings,
        }
        written += f":{sites}"
    checks = {check.name: proposed_structure.checked(check) for check in prediction.checks}
    remarks = {_CHARGE: checks.pop(_CHARGE)}  # by other oxidation states than `charge_neutral`, which the gates look at
    identity = f"{prediction.dimension}:{prediction.formula}:{written}"
    return proposed_structure.Proposal(
        prediction.structure, prediction.template_id, identity, rank, details, checks, remarks
    )
