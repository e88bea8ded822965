"""Kind ``matgan``: generators of compositions, learnt from the compositions of known materials."""

from __future__ import annotations

from typing import ClassVar, Final

from ...models.composition.formula.formulas import parse
from ...models.composition.matgan.learner import MatGANLearner, UnusableTrainingSet
from ...models.composition.matgan.model import MatGAN, MatGANConfig
from ...models.composition.matgan.report import assess
from ...models.composition.one_hot import representable
from ...models.composition.oxidation_states import oxidation_state_set
from ...models.composition.screening import screen
from ...models.learning.device import choose
from ...models.learning.loop import generator
from ...stores.connection import Connection
from .known_compositions import by_number_of_elements, formulas
from .model_kind import Desk, Doc, Kind, TooLittleData, Trained, TrainingError, TrainingSet, learn, settled

_OWN: Final[Doc] = {"learn_from": "all", "oxidation_states": "smact_default", "held_out": 0.0, "report_draws": 20_000}
_SPLIT: Final = 1_000_003
"""Number that sets the generator of the split apart from those of the epochs."""


class MatGANKind(Kind):
    """Learns from distinct compositions of two or more elements that fit the 85 x 8 array.

    Settings beside those of `MatGANConfig`: ``learn_from`` (``all``, or ``passing``: those alone that are neutral and
    balanced), ``oxidation_states`` (the set for that and for the report), ``held_out`` (share of the compositions that
    is not learnt, so that its re-discovery can be counted), ``report_draws`` (draws the figures are of).
    """

    name = "matgan"
    default_queries: ClassVar[dict[str, str]] = {"materials": ""}
    draws = ("formula_reduced",)

    def settle(self, config: Doc) -> Doc:
        """Complete a config; ``profile: published`` begins with the published one.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
        own, rest = settled(config, _OWN)
        base = MatGANConfig.published().to_dict() if rest.pop("profile", None) == "published" else {}
        if own["learn_from"] not in ("all", "passing"):
            raise ValueError(f"learn_from is 'all' or 'passing', not {own['learn_from']!r}")
        if not 0 <= own["held_out"] < 1:
            raise ValueError(f"held_out is a share from 0 up to 1, not {own['held_out']}")
        oxidation_state_set(own["oxidation_states"])
        config = MatGANConfig.from_dict({**base, **rest}).to_dict()
        if config["precision"] == MatGANConfig().precision:
            del config["precision"]  # models trained before there was a choice stay what is asked for
        return {**config, **own}

    def describe_settings(self) -> str:
        """Name the settings."""
        settings = {**MatGANConfig().to_dict(), **_OWN}
        return "Settings: profile=published, " + ", ".join(f"{name}={value}" for name, value in settings.items())

    def draw(self, connection: Connection) -> TrainingSet:
        """Draw the compositions and set some aside where that is wanted.

        Raises
        ------
        TooLittleData
            No material matches the filter.
        """
        known = formulas(connection, self.queries["materials"])
        if not known:
            raise TooLittleData(
                f"no material matches the filter {self.queries['materials']!r}",
                "Ingest some first: exfolio ingest --help",
            )
        parsed = parse(known)
        reasons = representable(parsed).reasons
        kept = [formula for i, formula in enumerate(known) if i not in reasons and parsed.nelements[i] > 1]
        neutral, balanced = screen(kept, oxidation_states=self.config["oxidation_states"])
        described: Doc = {
            "compositions": len(known),
            "not_representable": len(reasons),
            "single_elements": int((parsed.nelements == 1).sum()),
            "charge_neutral": int(neutral.sum()),
            "electronegativity_balanced": int(balanced.sum()),
        }
        if self.config["learn_from"] == "passing":
            kept = [formula for formula, passes in zip(kept, neutral & balanced, strict=True) if passes]
        aside = generator(0, _SPLIT).random(len(kept)) < self.config["held_out"]
        content = {
            "learnt": [formula for formula, out in zip(kept, aside, strict=True) if not out],
            "held_out": [formula for formula, out in zip(kept, aside, strict=True) if out],
        }
        described |= {"learnt": len(content["learnt"]), "held_out": len(content["held_out"])}
        return TrainingSet(content, {**described, "learnt_by_elements": by_number_of_elements(content["learnt"])})

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Train, and measure what is drawn.

        Raises
        ------
        TrainingError
            There are too few compositions, or what was trained draws none that can be.
        """
        config = MatGANConfig.from_dict({name: value for name, value in self.config.items() if name not in _OWN})
        device = choose(desk.device)
        try:
            learner = MatGANLearner(content["learnt"], config, seed=seed, device=device)
        except UnusableTrainingSet as error:
            raise TrainingError(f"matgan: {error}", "Widen the filter, or ingest more materials.") from None
        state, curve, seconds, _ = learn(learner, desk, epochs=config.epochs, seed=seed)
        model = MatGAN.from_state(config, state, device=device)
        try:
            figures = self._figures(model, content, seed)
        except ValueError as error:  # nothing but single elements was drawn
            raise TrainingError(f"matgan: {error}", "Train longer, or on more compositions.") from None
        return Trained(model.to_bytes(), figures, curve, seconds)

    def _figures(self, model: MatGAN, content: Doc, seed: int) -> Doc:
        allowed = self.config["oxidation_states"]
        assessment = assess(
            model,
            training=content["learnt"],
            left_out=content["held_out"],
            draws=self.config["report_draws"],
            seed=seed,
            device=model.device,
            oxidation_states=(allowed,),
        )
        return {
            "draws": assessment.draws,
            "distinct": assessment.distinct / assessment.draws,
            "novel": assessment.novel_distinct,
            "charge_neutral": assessment.drawn[allowed].charge_neutral,
            "electronegativity_balanced": assessment.drawn[allowed].electronegativity_balanced,
            "charge_neutral_of_training_set": assessment.training[allowed].charge_neutral,
            "electronegativity_balanced_of_training_set": assessment.training[allowed].electronegativity_balanced,
            "assessment": assessment.to_dict(),
        }
