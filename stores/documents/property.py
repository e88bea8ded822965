"""`properties`: one property of one structure by one method."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, ListField, StringField

from .base import RegistryDocument, meta

COMPOUNDS, DISPERSION = "compounds", "dispersion"
"""What a value may lack; see the field `lacks`."""


class Property(RegistryDocument):
    """A value with its unit, its method and what it was computed from."""

    KEY = "property_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"value": ()}
    GROUP_FIELDS = ("structure_id", "formula_reduced", "chemsys")
    BASES: ClassVar[tuple[str, ...]] = (
        "calculation",
        "same-structure",
        "parent",
        "known hull",
        "composition",
        "potential",
        "model",
    )
    """What a value may rest on, the most trusted first; see the field `basis`."""

    INTERVALS: ClassVar[dict[str, tuple[str, str]]] = {"value": ("low", "high")}

    meta = meta(
        "properties",
        {"fields": ["property_id"], "unique": True},
        {"fields": ["structure_id", "kind", "method"], "unique": True},
        "origins.id",
        "chemsys",
        "formula_reduced",
        "facets.value.rev",
    )

    property_id = StringField(required=True, help_text="Identity: <structure_id>/<kind>/<method>")
    structure_id = StringField(required=True, help_text="Structure the value belongs to")
    kind = StringField(
        required=True,
        help_text="formation_energy, exfoliation_energy, energy_above_hull, pourbaix_energy, band_gap, magnetization, "
        "dynamic_stability, elastic_stability, exchange_energy, energy, and the kinds of packages that are installed",
    )
    method = StringField(required=True, help_text="How it was got: functional, potential, experiment or source")
    basis = StringField(
        choices=BASES,
        help_text="What the value was got for: this structure, a known one like it, its parent, its composition; "
        "known hull: from a known formation energy and those of known materials; potential: by an interatomic "
        "potential; model: by a model learnt from values of others",
    )
    formula_reduced = StringField(help_text="Reduced formula, of energies of structures that are compared")
    chemsys = StringField(help_text="Chemical system, of energies that are compared within it")
    value = FloatField(help_text="The value, in the unit that `unit` names")
    unit = StringField(required=True, help_text="Unit of the value")
    low = FloatField(
        help_text="Least that the true value may be. Where only one end is stated the interval is open on the other "
        "side, and the value a bound; where neither is, nothing is known but the value, which stands for itself"
    )
    high = FloatField(help_text="Most that the true value may be; see `low`")
    coverage = FloatField(
        min_value=0,
        max_value=1,
        help_text="Share of true values that lie within intervals like this one, where it is statistical, e.g. 0.9",
    )
    lacks = ListField(
        StringField(choices=(COMPOUNDS, DISPERSION)),
        help_text="Of a bound what it lacks: compounds, known ones without an energy by the method; dispersion, which "
        "holds layers together and the method does not describe",
    )
    warnings = ListField(StringField(), help_text="What keeps the value from being trusted, a sentence each")
    refused = StringField(help_text="Why there is no value, where calculations that should give it can't be used")
    per_area = FloatField(help_text="The same per area, for exfoliation energies", unit="meV/Å^2")
    structure = DictField(
        help_text="Of an energy over a bulk, the bulk that was made: the layer stacked on itself; of a lowest "
        "frequency, what the structure becomes along that vibration, where it wins energy"
    )
    snapshot = StringField(help_text="Which reference entries it was computed against")
    competing = ListField(DictField(), help_text="Competing phases: id, formula, amount")
    stale = BooleanField(help_text="Computed against reference entries that have changed since")
    details = DictField(help_text="What else is worth knowing, e.g. the pH at which a minimum occurs")
