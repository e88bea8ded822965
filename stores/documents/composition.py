"""`compositions`: compositions that a generator proposed, each with the verdict of every screen."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import BooleanField, DictField, FloatField, IntField, StringField

from .base import RegistryDocument, meta
from .shared_fields import FormulaFields, ScreenFields, ev_per_atom


class Composition(FormulaFields, ScreenFields, RegistryDocument):
    """A generated composition; it stays, whatever gate it falls at."""

    KEY = "formula_reduced"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {
        "sample": (),
        "screen": ("charge_neutral", "electronegativity_balanced", "all_metals", "screened_with"),
        "novelty": ("novel", "learnt_by_models"),
        "classify": ("p_2d", "p_2d_model", "p_2d_relatives"),
        "familiarity": ("ion_familiarity",),
        "energy": (*("predicted_formation_energy", "predicted_formation_energy_std", "energy_model", "energy_learnt"),),
        "verdict": ("status", "rejected_by", "waiting_for"),
        "templates": ("template_structures", "template_refused"),
        "bulk_templates": ("bulk_template_structures", "bulk_template_refused"),
    }
    GROUP_FIELDS = ("formula_anonymous",)
    SHARED = True
    ORIGIN_FIELD = ("generator", "trained_models")
    LABELLED: ClassVar[dict[str, str]] = {
        "screen": "screens",
        "classify": "classifications",
        "familiarity": "familiarities",
        "energy": "energies",
        "verdict": "verdicts",
        "templates": "template_counts",
        "bulk_templates": "bulk_template_counts",
    }

    meta = meta(
        "compositions",
        {"fields": ["formula_reduced"], "unique": True},
        "facets.sample.rev",
        "facets.screen.rev",
        "facets.novelty.rev",
        "facets.classify.rev",
        "facets.energy.rev",
        "facets.verdict.rev",
        {"fields": ["formula_anonymous", "p_2d"]},
    )

    times_drawn = IntField(help_text="How often the generator drew it", min_value=0)
    generator = StringField(help_text="Trained model that drew it")
    all_metals = BooleanField(help_text="Consists of metals alone, so that charges say little about it")
    screened_with = StringField(help_text="Set of oxidation states it was screened with")
    novel = BooleanField(
        help_text="Not the composition of any known material; of what a model that came along drew, nor of any that "
        "such models have learnt from"
    )
    learnt_by_models = BooleanField(
        help_text="A model that came along drew it, and such models have learnt from it: the Materials Project or a "
        "list of two-dimensional materials has it, whether or not this registry does"
    )
    p_2d = FloatField(help_text="Probability of forming a 2D material", min_value=0, max_value=1)
    p_2d_model = StringField(help_text="Trained model that gave the probability")
    p_2d_relatives = IntField(
        help_text="Compositions of its family (same amounts, elements of the same groups) that the model has learnt "
        "from; at 0 the probability is worth what the model's folds by family say, not those by composition",
        min_value=0,
    )
    ion_familiarity = FloatField(
        help_text="How familiar its ions are with each other: 0 where no two meet more rarely than by chance, -2 where "
        "100 times more rarely (docs/compositions.md)",
        max_value=0,
    )
    predicted_formation_energy = ev_per_atom("Formation energy predicted from the composition")
    predicted_formation_energy_std = ev_per_atom("Standard deviation of that prediction", min_value=0)
    energy_model = StringField(help_text="Trained model that predicted the energy")
    energy_learnt = BooleanField(
        help_text="That model, which came along, has learnt this very composition's energy: no prediction"
    )
    status = StringField(
        choices=("promoted", "waiting", "rejected"),
        help_text="promoted: passed every gate on compositions; rejected: a gate failed; waiting: a value is missing",
    )
    rejected_by = StringField(help_text="Name of the first gate that failed")
    waiting_for = StringField(help_text="Name of the first gate whose value is not known yet")
    template_structures = IntField(help_text="How many monolayers the template route made of it", min_value=0)
    template_refused = StringField(help_text="Why the template route made no monolayer of it")
    bulk_template_structures = IntField(help_text="How many bulk crystals the template route made of it", min_value=0)
    bulk_template_refused = StringField(help_text="Why the template route made no bulk crystal of it")
    screens = DictField(help_text="The screens' verdicts for other sets of oxidation states, by label of the settings")
    classifications = DictField(help_text="Probabilities by classifiers of other settings, by label")
    familiarities = DictField(help_text="Familiarity of the ions where other settings ask for it, by label")
    energies = DictField(help_text="Predicted formation energies by models of other settings, by label")
    verdicts = DictField(help_text="Verdicts of further campaigns, by label: status, rejected_by, waiting_for")
    template_counts = DictField(help_text="What came of the template route of other settings, by label")
    bulk_template_counts = DictField(help_text="The same for bulk crystals")
