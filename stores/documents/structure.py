"""`structures`: crystal structures that a route of exfolio proposed."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, IntField, ListField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, ScreenFields, StructureFields, ev_per_atom

NOVELTY_CLASSES = (
    "known",
    "alike",
    "may be known",
    "layer of a known crystal",
    "ordered version",
    "known composition",
    "same-group swap",
    "new composition",
)
"""How new a structure is, beside the sources of the registry: the least new first."""


class ProposedStructure(FormulaFields, ScreenFields, StructureFields, RegistryDocument):
    """A proposed structure: where it comes from, whether it is sound, what it repeats."""

    KEY = "structure_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {
        "proposal": (),
        "novelty": (
            *("novel", "novelty_class", "novelty_beside", "known_as", "known_match", "duplicate_of", "proposed_by"),
        ),
        "relaxed": ("relaxed_novel", "relaxed_known_as", "relaxed_known_match", "relaxed_duplicate_of"),
    }
    GROUP_FIELDS = ("formula_reduced", "formula_anonymous", "chemsys", "parent_id")
    SHARED = True
    LABELLED: ClassVar[dict[str, str]] = {"relaxed": "relaxed_by"}

    meta = meta(
        "structures",
        {"fields": ["structure_id"], "unique": True},
        "parent_id",
        "origins.id",
        "known_as",
        "proposed_by",
        "facets.proposal.rev",
        "facets.novelty.rev",
        "facets.relaxed.rev",
    )

    structure_id = StringField(required=True, help_text="Identity: st- and a hash of route, parent and rank")
    route = StringField(required=True, help_text="How: top-down, bottom-up, template, crystal-gan, distorted")
    parent_id = StringField(help_text="Material, structure or template it was made from")
    dimension = IntField(help_text="2 for a monolayer, 3 for a bulk crystal", min_value=0, max_value=3)
    rank = IntField(help_text="Place among those made from the same parent, by template for one composition; 1 first")
    substitution = DictField(help_text="Element of the parent: element that takes its place")
    decoration = DictField(
        help_text="Ordered decoration: element of the template, sites from 0 that each of two took, ways there are"
    )
    parent_synthesised = BooleanField(help_text="The crystal that it was cut from has been made, as its source says")
    thickness = FloatField(help_text="Thickness of the layer, nucleus to nucleus", unit="Å", min_value=0)
    layer_group = DictField(
        help_text="Layer group of a monolayer: number (1 to 80), symbol, crystal_system, tolerance and exact, as of "
        "space_group"
    )
    area = FloatField(help_text="In-plane area of the cell", unit="Å^2", min_value=0)
    shortest_distance = FloatField(help_text="Shortest distance between two atoms", unit="Å", min_value=0)
    substitution_cost = FloatField(
        help_text="What speaks against replacing elements so: unlike elements, radii, data-mined weights; logarithmic"
    )
    substitution_chance = FloatField(
        help_text="Probability that the structure stays when elements of a group are so replaced, as in known crystals",
        min_value=0,
        max_value=1,
    )
    radius_mismatch = FloatField(
        help_text="Difference of the logarithms by which the radii of the elements grow, most less least", min_value=0
    )
    template_distance = FloatField(help_text="Element mover's distance to the template's composition", min_value=0)
    mapping_distance = FloatField(
        help_text="Steps per atom on the modified Pettifor scale by which the substitution moves elements", min_value=0
    )
    share = FloatField(
        help_text="Share of its prototype, elements so arranged, among all that the templates suggest",
        min_value=0,
        max_value=1,
    )
    probability = FloatField(
        help_text="Probability that such a crystal is known, by how often such suggestions were",
        min_value=0,
        max_value=1,
    )
    template_prototype = StringField(help_text="Prototype of the template, named after the first template that has it")
    oxidation_match = StringField(
        choices=("matched", "unmatched", "unknown"),
        help_text="Whether the replaced elements are known in the oxidation states of those put in their places",
    )
    oxidation_states = DictField(help_text="Likeliest charge-neutral oxidation state of each element")
    length_factor = FloatField(help_text="By which the lengths of the template were scaled", min_value=0)
    predicted_space_group = IntField(
        help_text="Number of the template's space group, which exchanging elements keeps", min_value=1, max_value=230
    )
    space_group_probability = FloatField(
        help_text="Probability of that space group by a predictor, where there is one", min_value=0, max_value=1
    )
    p_2d = FloatField(help_text="Probability of forming a 2D material, of its composition", min_value=0, max_value=1)
    predicted_formation_energy = ev_per_atom("Formation energy predicted from the composition")
    condition = DictField(help_text="Atoms per cell that a generative model was asked for, by element")
    distortion = DictField(
        help_text="Soft vibration it was made along: potential, frequency (THz), q_point, won (eV/atom over its parent)"
    )
    seed = IntField(help_text="Seed of the draws of a generative model")
    drawn = IntField(help_text="Crystals drawn for the composition until enough had passed", min_value=0)
    drawn_valid = IntField(help_text="Those of the drawn that passed the checks", min_value=0)
    valid = BooleanField(help_text="Passes the checks on distances and stoichiometry")
    checks = DictField(help_text="Each check with its value and verdict")

    novel = BooleanField(help_text="No known material of the same dimensionality has this structure")
    novelty_class = StringField(
        choices=NOVELTY_CLASSES,
        help_text="How new it is to the sources of this registry: known; alike (a polymorph that little tells apart); "
        "may be known (a source knows the composition, none gives a structure of it; or one knows a 2D material of it, "
        "without structure); layer of a known crystal; "
        "ordered version of a known solid solution; known composition, new prototype; same-group swap of its parent; "
        "new composition",
    )
    novelty_beside = ListField(StringField(), help_text="Materials, up to five, that put it into that class")
    known_as = ListField(StringField(), help_text="Known materials with the same structure, or one that is alike")
    known_match = ListField(
        DictField(),
        help_text="How it compares with each of them, the same ones first: material_id, same (only these give values), "
        "because, rms and furthest (Å), strain, space_groups",
    )
    proposed_by = ListField(StringField(), help_text="Stages that made it, or structures that repeat it")
    duplicate_of = StringField(help_text="The proposed structure this one repeats; the earliest identity stays")

    relaxed_novel = BooleanField(help_text="No known material has the structure it relaxed to")
    relaxed_known_as = ListField(StringField(), help_text="Known materials with the structure it relaxed to")
    relaxed_known_match = ListField(DictField(), help_text="How it compares with each of them; see known_match")
    relaxed_duplicate_of = StringField(help_text="The structure of lower energy that relaxed to the same")
    relaxed_by = DictField(
        help_text="The three of them by potentials other than the default, by the potential's name; by further "
        "settings of a potential under its name and their label"
    )
