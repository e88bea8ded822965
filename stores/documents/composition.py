"""`compositions`: compositions that a generator proposed, each with the verdict of every screen."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, IntField, ListField, StringField

from .base import RegistryDocument, meta
from .fields import FormulaFields, ScreenFields, ev_per_atom


class Composition(FormulaFields, ScreenFields, RegistryDocument):
    """A generated composition; it stays, whatever gate it falls at."""

    KEY = "formula_reduced"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {
        "sample": (),
        "screen": ("charge_neutral", "electronegativity_balanced", "all_metals", "oxidation_states", "novel"),
        "classify": ("p_2d",),
        "energy": ("predicted_formation_energy", "predicted_formation_energy_std"),
    }

    meta = meta(
        "compositions",
        {"fields": ["formula_reduced"], "unique": True},
        "elements",
        "p_2d",
        "facets.sample.rev",
        "facets.screen.rev",
        "facets.classify.rev",
        "facets.energy.rev",
    )

    times_drawn = IntField(help_text="How often the generator drew it", min_value=0)
    generator = StringField(help_text="Model that drew it")
    novel = BooleanField(help_text="Not the composition of any known material")
    all_metals = BooleanField(help_text="Consists of metals alone")
    oxidation_states = DictField(help_text="A charge-neutral assignment, by element")
    p_2d = FloatField(help_text="Probability of forming a 2D material", min_value=0, max_value=1)
    predicted_formation_energy = ev_per_atom("Formation energy predicted from the composition")
    predicted_formation_energy_std = ev_per_atom("Standard deviation of that prediction", min_value=0)
    models = ListField(StringField(), help_text="Ids of the trained models the predictions come from")
