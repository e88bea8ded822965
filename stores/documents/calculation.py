"""`calculations`: one ingested first-principles calculation."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, ListField, StringField

from .base import RegistryDocument, meta
from .fields import FormulaFields, StructureFields


class Calculation(FormulaFields, StructureFields, RegistryDocument):
    """What was run, whether it converged, and what came out."""

    KEY = "calculation_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"record": ()}

    meta = meta(
        "calculations",
        {"fields": ["calculation_id"], "unique": True},
        "structure_id",
        "formula_reduced",
        "chemsys",
        "facets.record.rev",
    )

    calculation_id = StringField(required=True, help_text="Identity: hash of the directory's content")
    directory = StringField(help_text="Directory the calculation was read from")
    code = StringField(help_text="Program and version")
    functional = StringField(help_text="Exchange-correlation functional")
    task_type = StringField(help_text="relax, static, band structure …")
    structure_id = StringField(help_text="The proposed structure it belongs to")
    energy = FloatField(help_text="Total energy of the cell, uncorrected", unit="eV")
    band_gap = FloatField(help_text="Band gap", unit="eV", min_value=0)
    converged = BooleanField(help_text="Electronic and, where relaxed, ionic convergence reached")
    settings = DictField(help_text="Input settings that matter for comparability")
    warnings = ListField(StringField(), help_text="What a user of the result should know")
