"""Kind ``classifier``: whether a composition forms a two-dimensional material, learnt from known ones."""

from __future__ import annotations

import time
from typing import ClassVar, Final

import torch

from ...models.composition.classifier.cross_validation import BadDivision, FoldResult, cross_validate
from ...models.composition.classifier.model import ClassifierConfig, UnfitTrainingSet, fit, training_set
from ...models.composition.classifier.report import BadJudgement
from ...models.learning.weights import pack, unpack
from ...stores.connection import Connection
from .known_compositions import formulas
from .model_kind import Desk, Doc, Kind, Stopped, TooLittleData, Trained, TrainingError, TrainingSet, settled

_OWN: Final[Doc] = {"folds": 10}
_CHECKPOINT: Final = "classifier checkpoint"


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
        """Complete a config.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
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
        """Draw both classes; a composition of a two-dimensional material counts as that whatever else it forms.

        Raises
        ------
        TooLittleData
            The registry lacks compositions of one class.
        """
        positives = formulas(connection, self.queries["positives"])
        others = formulas(connection, self.queries["materials"])
        learnt, is_2d = training_set(positives, others)
        numbers = {"two_dimensional": int(is_2d.sum()), "others": int((~is_2d).sum())}
        if not all(numbers.values()):
            missing = "two-dimensional" if not numbers["two_dimensional"] else "other"
            raise TooLittleData(
                f"the registry holds no composition of {missing} materials by the filters {self.queries}",
                "Ingest both kinds, or give other filters: exfolio train classifier --settings",
            )
        return TrainingSet({"formulas": learnt, "is_2d": [bool(flag) for flag in is_2d]}, numbers)

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Cross-validate where wanted, fold by fold with a checkpoint after each, then fit to all.

        Raises
        ------
        Stopped
            Somebody asked to stop.
        TrainingError
            A class has too few members for the folds.
        """
        begun = time.perf_counter()
        config = ClassifierConfig.from_dict({name: value for name, value in self.config.items() if name not in _OWN})
        given = content["formulas"], content["is_2d"], config
        steps = self.config["folds"] + 1
        done = _resumed(desk.resume)

        def keep(fold: int, result: FoldResult) -> None:
            done[fold] = result
            if desk.checkpoint is not None:
                desk.checkpoint(_packed(done))

        def say(folds: int) -> None:
            if desk.progress is not None:
                desk.progress(folds, steps, {})
            if desk.stop is not None and desk.stop():
                raise Stopped

        try:
            metrics: Doc = {}
            if self.config["folds"]:
                judged = cross_validate(
                    *given,
                    folds=self.config["folds"],
                    seed=seed,
                    threads=desk.threads,
                    done=dict(done),
                    keep=keep,
                    progress=lambda folds, _of: say(folds),
                )
                metrics = {**judged["figures"], "cross_validation": judged}
            classifier = fit(*given, seed=seed, progress=lambda _trees, _of: say(steps - 1))
        except (UnfitTrainingSet, BadDivision, BadJudgement) as error:
            raise TrainingError(
                f"classifier: {error}", "Ingest more materials of both kinds, or set fewer folds."
            ) from None
        say(steps)
        return Trained(classifier.pack(), metrics, [], time.perf_counter() - begun)


def _packed(done: dict[int, FoldResult]) -> bytes:
    folds = {
        str(fold): {
            "probability": torch.from_numpy(result.probability),
            "importance": torch.from_numpy(result.importance),
        }
        for fold, result in done.items()
    }
    return pack(_CHECKPOINT, {}, {"folds": folds})


def _resumed(data: bytes | None) -> dict[int, FoldResult]:
    if data is None:
        return {}
    _, state = unpack(data, _CHECKPOINT)
    return {
        int(fold): FoldResult(result["probability"].numpy(), result["importance"].numpy())
        for fold, result in state["folds"].items()
    }
