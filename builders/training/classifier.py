"""Kind ``classifier``: whether a composition forms a two-dimensional material, learnt from known ones."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from ...models.composition.classifier import ClassifierConfig, UnfitTrainingSet, fit, training_set
from ...models.composition.cross_validation import cross_validate
from ...stores.connection import Connection
from .kind import Desk, Doc, Kind, Stopped, Trained, TrainingError, TrainingSet, settled
from .known_compositions import formulas

_OWN: Final[Doc] = {"folds": 10}


class ClassifierKind(Kind):
    """Learns from the compositions of two-dimensional (or layered) materials against those of all others.

    Settings beside those of `ClassifierConfig`: ``folds`` of the cross validation by reduced formula that is measured
    beside; 0 for none.
    """

    name = "classifier"
    default_queries: ClassVar[dict[str, str]] = {
        "positives": "dimension_claimed = 2 OR layered_claimed = TRUE",
        "materials": "",
    }

    def settle(self, config: Doc) -> Doc:
        """Complete a config."""
        own, rest = settled(config, _OWN)
        folds = own["folds"]
        if not isinstance(folds, int) or isinstance(folds, bool) or folds < 0 or folds == 1:
            raise ValueError(f"folds is 0 or at least 2, not {folds!r}")
        return {**ClassifierConfig.from_dict(rest).to_dict(), **own}

    def describe_settings(self) -> str:
        """Name the settings."""
        settings = {**ClassifierConfig().to_dict(), **_OWN}
        return "Settings: " + ", ".join(f"{name}={value}" for name, value in settings.items())

    def draw(self, connection: Connection) -> TrainingSet:
        """Draw both classes; a composition of a two-dimensional material counts as that whatever else it forms."""
        positives = formulas(connection, self.queries["positives"])
        others = formulas(connection, self.queries["materials"])
        learnt, is_2d = training_set(positives, others)
        numbers = {"two_dimensional": int(is_2d.sum()), "others": int((~is_2d).sum())}
        if not all(numbers.values()):
            missing = "two-dimensional" if not numbers["two_dimensional"] else "other"
            raise TrainingError(
                f"the registry holds no composition of {missing} materials by the filters {self.queries}",
                "Ingest both kinds, or give other filters: exfolio train classifier --settings",
            )
        return TrainingSet({"formulas": learnt, "is_2d": [bool(one) for one in is_2d]}, numbers)

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Cross-validate where wanted, then fit to all."""
        import time

        begun = time.perf_counter()
        config = ClassifierConfig.from_dict({name: value for name, value in self.config.items() if name not in _OWN})
        folds = self.config["folds"]

        def progress(part: int) -> Any:
            def say(done: int, of: int) -> None:
                if desk.progress is not None:
                    desk.progress(part * of + done, (folds + 1) * of, {})
                if desk.stop is not None and desk.stop():
                    raise Stopped

            return say

        try:
            metrics: Doc = {}
            if folds:
                metrics = cross_validate(
                    content["formulas"], content["is_2d"], config, folds=folds, seed=seed, progress=desk.progress
                )
            classifier = fit(content["formulas"], content["is_2d"], config, seed=seed, progress=progress(folds))
        except UnfitTrainingSet as error:
            raise TrainingError(f"classifier: {error}", "Ingest more materials of both kinds.") from None
        return Trained(classifier.pack(), metrics, [], time.perf_counter() - begun)
