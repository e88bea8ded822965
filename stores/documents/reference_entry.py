"""`reference_entries`: computed entries that compete on the convex hull."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, ListField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, StructureFields, ev_per_atom


class ReferenceEntry(FormulaFields, StructureFields, RegistryDocument):
    """A computed entry with the settings and corrections its energy depends on."""

    KEY = "entry_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"record": ()}
    GROUP_FIELDS = ("formula_reduced", "chemsys")
    UNHASHED: ClassVar[frozenset[str]] = frozenset({"asked"})
    AS_TAKEN: ClassVar[tuple[str, str]] = ("static", "relaxed")
    """`scheme` of entries by an interatomic potential: whether the structure was taken as it stands. No correction
    scheme is so called, so that it tells them from entries by first principles, which they never meet on a hull."""

    meta = meta(
        "reference_entries",
        {"fields": ["entry_id"], "unique": True},
        "chemsys",
        "formula_reduced",
        "source",
        "origins.id",
        "facets.record.rev",
    )

    entry_id = StringField(required=True, help_text="Identity: <source>:<id in the source>")
    source = StringField(required=True, help_text="Name of the source")
    source_id = StringField(help_text="Identifier in the source")
    source_version = StringField(help_text="Release or date of the source (the snapshot)")
    source_file = StringField(help_text="File the record was read from")
    material_id = StringField(help_text="The material of this entry")
    composition = DictField(required=True, help_text="Atoms of each element in the cell")
    energy = FloatField(required=True, help_text="Total energy of the cell, uncorrected", unit="eV")
    correction = FloatField(help_text="Sum of the corrections for the cell", unit="eV")
    energy_per_atom = ev_per_atom("Energy with corrections")
    adjustments = ListField(DictField(), help_text="Each correction: name, value in eV")
    scheme = StringField(help_text="Name of the correction scheme, where one was applied")
    settings = StringField(help_text="Label of the settings it was relaxed by, where campaigns want others each")
    asked = DictField(
        help_text="How a potential was asked to relax it: hash of structure and settings (request), and the seconds it "
        "had (max_seconds); what was asked for alike is not computed again"
    )
    functional = StringField(help_text="Exchange-correlation functional or run type, e.g. GGA, GGA+U, R2SCAN")
    is_hubbard = BooleanField(help_text="Whether a Hubbard U was used")
    hubbards = DictField(help_text="Hubbard U by element", unit="eV")
    potcar_symbols = ListField(StringField(), help_text="Pseudopotentials")
    oxide_type = StringField(help_text="oxide, peroxide, superoxide, ozonide or none, as the correction schemes use it")
    reference = StringField(help_text="Publication to cite")
    extra = DictField(help_text="Further fields of the source, as they are")
