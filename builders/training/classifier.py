"""Kind ``classifier``: whether a composition forms a two-dimensional material, learnt from known ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar, Final

import torch

from ...models.composition.classifier.config import ClassifierConfig
from ...models.composition.classifier.cross_validation import BadDivision, FoldResult, Protocol, cross_validate
from ...models.composition.classifier.fitting import fit
from ...models.composition.classifier.fitting import pack as packed_classifier
from ...models.composition.classifier.report import BadJudgement
from ...models.composition.classifier.training_compositions import UnfitTrainingSet, training_set
from ...models.learning.weights import pack, unpack
from ...stores.connection import Connection
from .known_compositions import formulas
from .model_kind import Desk, Doc, Kind, Stopped, TooLittleData, Trained, TrainingError, TrainingSet, settled

_OWN: Final[Doc] = {"folds": 10, "family_folds": 5}
_CHECKPOINT: Final = "classifier checkpoint 2"

#: What is cross-validated, by the setting that says in how many folds.
_PROTOCOLS: Final[dict[str, Protocol]] = {"folds": "compositions", "family_folds": "families"}


class ClassifierKind(Kind):
    """Learns from the compositions of two-dimensional (or layered) materials against those of all others.

    What is layered in bulk, without being called two-dimensional by anybody, is learnt as neither (query ``neither``).

    Settings beside those of `ClassifierConfig`: ``folds`` of the cross validation by reduced formula that is measured
    beside, and ``family_folds`` of that by family (not more, where not given); 0 for none.
    """

    name = "classifier"
    default_queries: ClassVar[dict[str, str]] = {
        "positives": "dimension_claimed = 2 OR layered_claimed = TRUE",
        "materials": "",
        "neither": "layered = TRUE",
    }
    draws = ("formula_reduced",)

    def settle(self, config: Doc) -> Doc:
        """Complete a config.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
        own, rest = settled(config, _OWN)
        if "family_folds" not in config and isinstance(own["folds"], int):
            own["family_folds"] = min(own["folds"], own["family_folds"])
        for name, folds in own.items():
            if not isinstance(folds, int) or isinstance(folds, bool) or folds < 0 or folds == 1:
                raise ValueError(f"{name} is 0 or at least 2, not {folds!r}")
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
        layered = set(formulas(connection, self.queries["neither"])) if self.queries["neither"] else set()
        learnt, is_2d = training_set(positives, [formula for formula in others if formula not in layered])
        numbers = {"two_dimensional": int(is_2d.sum()), "others": int((~is_2d).sum())}
        if not all(numbers.values()):
            missing = "two-dimensional" if not numbers["two_dimensional"] else "other"
            raise TooLittleData(
                f"the registry holds no composition of {missing} materials by the filters {self.queries}",
                "Ingest both kinds, or give other filters: exfolio train classifier --settings",
            )
        numbers["neither"] = len((layered & set(others)) - set(learnt))
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
        steps = sum(self.config[name] for name in _PROTOCOLS) + 1
        done = _resumed(desk.resume)

        def say(folds: int) -> None:
            if desk.progress is not None:
                desk.progress(folds, steps, {})
            if desk.stop is not None and desk.stop():
                raise Stopped

        metrics: Doc = {}
        try:
            before = 0
            for setting, protocol in _PROTOCOLS.items():
                if self.config[setting]:
                    judged = self._judged(given, protocol, self.config[setting], seed, desk, done, before, say)
                    metrics |= _figures(judged, protocol)
                before += self.config[setting]
            classifier = fit(*given, seed=seed, progress=lambda _trees, _of: say(steps - 1))
        except (UnfitTrainingSet, BadDivision, BadJudgement) as error:
            raise TrainingError(
                f"classifier: {error}", "Ingest more materials of both kinds, or set fewer folds."
            ) from None
        say(steps)
        return Trained(packed_classifier(classifier), metrics, [], time.perf_counter() - begun)

    def _judged(
        self,
        given: tuple[list[str], list[bool], ClassifierConfig],
        protocol: Protocol,
        folds: int,
        seed: int,
        desk: Desk,
        done: dict[str, dict[int, FoldResult]],
        before: int,
        say: Callable[[int], None],
    ) -> Doc:
        """Cross-validate by one protocol; where a registry has too few families for that one, the reason."""
        earlier = done.setdefault(protocol, {})

        def keep(fold: int, result: FoldResult) -> None:
            earlier[fold] = result
            if desk.checkpoint is not None:
                desk.checkpoint(_packed(done))

        try:
            return cross_validate(
                *given,
                protocol=protocol,
                folds=folds,
                seed=seed,
                threads=desk.threads,
                done=dict(earlier),
                keep=keep,
                progress=lambda number, _of: say(before + number),
            )
        except BadDivision as error:
            if protocol != "families":
                raise
            return {"protocol": protocol, "left_out": str(error)}


def _figures(judged: Doc, protocol: Protocol) -> Doc:
    """Figures of a protocol as they stand with the model: those by composition plainly, those by family named so."""
    if protocol == "compositions":
        return {**judged["figures"], "cross_validation": judged}
    figures = judged.get("figures", {})
    named = {f"{name}_by_family": figures[name] for name in ("auc", "average_precision") if name in figures}
    return {**named, "cross_validation_by_family": judged}


def _packed(done: dict[str, dict[int, FoldResult]]) -> bytes:
    folds = {
        protocol: {
            str(fold): {
                "probability": torch.from_numpy(result.probability),
                "importance": torch.from_numpy(result.importance),
            }
            for fold, result in results.items()
        }
        for protocol, results in done.items()
    }
    return pack(_CHECKPOINT, {}, {"folds": folds})


def _resumed(data: bytes | None) -> dict[str, dict[int, FoldResult]]:
    if data is None:
        return {}
    _, state = unpack(data, _CHECKPOINT)
    return {
        protocol: {
            int(fold): FoldResult(result["probability"].numpy(), result["importance"].numpy())
            for fold, result in results.items()
        }
        for protocol, results in state["folds"].items()
    }
