"""`materials`: one known material of one source, normalised."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, IntField, ListField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, StructureFields, ev_per_atom


class Material(FormulaFields, StructureFields, RegistryDocument):
    """A known material as one source gives it, with the structure where the source has one.

    Several sources may hold the same material: the documents stay apart and name each other in `same_as`.
    """

    KEY = "material_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {
        "record": (),
        "layers": ("dimensionality", "layered", "layering"),
        "links": ("same_as", "alike", "link"),
        "preferred": ("preferred", "preferred_from", "other_values"),
        "template": ("template", "template_prototype", "template_dimension", "template_refused"),
    }
    PARTS: ClassVar[dict[str, tuple[str, ...]]] = {
        "structure": (
            *("structure", "disordered", "dimension_claimed", "nsites", "volume", "density", "space_group"),
            "synthesised",
            *("formula", "formula_reduced", "formula_anonymous", "chemsys", "elements", "nelements"),
        ),
    }
    REMEMBERED: ClassVar[tuple[str, ...]] = (
        "formula_reduced",
        "nsites",
        "volume",
        "space_group",
        "energy_per_atom",
        "formation_energy",
        "energy_above_hull",
        "decomposition_energy",
        "exfoliation_energy",
        "band_gap",
        "magnetization",
    )
    GROUP_FIELDS = ("formula_reduced", "formula_anonymous", "chemsys")

    meta = meta(
        "materials",
        {"fields": ["material_id"], "unique": True},
        "same_as",
        "facets.record.rev",
        "facets.structure.rev",
        "facets.layers.rev",
        "facets.links.rev",
        "facets.preferred.rev",
        {"fields": ["formula_anonymous", "template_dimension"]},
        "template_prototype",
        "facets.template.rev",
    )

    material_id = StringField(required=True, help_text="Identity: <source>:<id in the source>")
    source = StringField(required=True, help_text="Name of the source")
    source_id = StringField(required=True, help_text="Identifier in the source")
    source_version = StringField(help_text="Release or date of the source the values are from")
    source_file = StringField(help_text="File the record was read from")
    disordered = BooleanField(help_text="Has sites that are partly occupied or shared by several elements")
    dimension_claimed = IntField(help_text="Dimensionality claimed: 3 bulk, 2 monolayer", min_value=0, max_value=3)
    layered_claimed = BooleanField(help_text="Whether the source calls the material layered")
    energy_per_atom = ev_per_atom("Total energy")
    formation_energy = ev_per_atom("Formation energy from the elements")
    energy_above_hull = ev_per_atom("Energy above the convex hull, by the source")
    decomposition_energy = ev_per_atom("Decomposition energy, by the source")
    exfoliation_energy = ev_per_atom("Exfoliation energy: monolayer minus bulk")
    band_gap = FloatField(help_text="Band gap", unit="eV", min_value=0)
    magnetization = FloatField(help_text="Total magnetisation of the cell", unit="µB")
    methods = DictField(help_text="How each value was got, by field: functional or 'experiment'")
    parent_id = StringField(help_text="The material this one was derived from, as the source names it")
    discovery = StringField(help_text="How the source found it: top-down or bottom-up")
    synthesised = BooleanField(help_text="Has been made, as the source says: it lists only such, or names a report")
    synthesis_method = StringField(help_text="How it was made, in words, where the source tells")
    prototype = StringField(help_text="Name of the structure type")
    reference = StringField(help_text="Publication to cite")
    extra = DictField(help_text="Further fields of the source, as they are")

    history = ListField(
        DictField(),
        help_text="Values that the source has corrected, newest last: values by field (null where there was none), "
        "source_version they were from, replaced_at, replaced_by (source version)",
    )

    dimensionality = IntField(help_text="By the layer analysis: 0 molecules … 3 network", min_value=0, max_value=3)
    layered = BooleanField(
        help_text="Consists of layers, by the score of dimensionality and the strength of the bonds within and between "
        "(docs/two-dimensional.md)"
    )
    layering = DictField(
        help_text="Layer analysis: kind (layers, network, chains, molecules, bound, charged, intercalated or woven "
        "layers, ions), score (0 to 1, of 2D) and scores of 0D to 3D, binding of the layers (share of the bonding of "
        "the atom bound most; strongest contact, strongest covalent one and weakest bond within, in bonds; sum per "
        "Å^2), layers per cell, reason"
    )

    same_as = ListField(StringField(), help_text="Documents of the same material, with which it shares its values")
    alike = ListField(
        StringField(),
        help_text="Documents of the same family that are not the same material: polymorphs that little tells apart, "
        "other magnetic states, other energies",
    )
    link = DictField(
        help_text="How it was compared, where its formula has other structures: family and representative (the first "
        "document, by id, that is alike, and that is the same structure), compared_with and the relation to that one, "
        "because, rms, furthest (Å), strain, space_groups, energy_difference (eV/atom), moments (µB per atom), "
        "fingerprint (of the structure that was compared)"
    )

    preferred = DictField(
        help_text="Preferred value of each property among all sources of this material (docs/duplicates.md)"
    )
    preferred_from = DictField(help_text="By property: source, method and material_id of the preferred value")
    other_values = ListField(
        DictField(), help_text="All other values of this material: property, value, source, method, material_id"
    )

    template_prototype = StringField(
        help_text="Prototype of its structure: the template that was the first to have it; elements and volume aside"
    )
    template_dimension = IntField(
        help_text="What it is a template for: 2 monolayers, 3 bulk crystals; 0, 1 molecules, chains: for neither"
    )
    template = DictField(
        help_text="As a template: elements in the slots of the prototype, space group; of the first of a prototype, "
        "which slots may be exchanged and which prototypes are alike"
    )
    template_refused = StringField(help_text="Why its structure is no template")
