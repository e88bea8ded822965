"""Kind ``roost``: formation energies from compositions, learnt from the most stable known polymorphs."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.composition.formula.formulas import parse
from ...models.composition.roost.learner import RoostLearner, UnfitTrainingSet, network_of
from ...models.composition.roost.learner import TrainingSet as Targets
from ...models.composition.roost.model import RoostConfig, RoostEnsemble, network_from, predict
from ...models.learning.device import choose
from ...models.learning.loop import generator, mixed_seed
from ...models.learning.weights import pack, unpack
from ...stores.connection import Connection
from .known_compositions import least_values, methods
from .model_kind import Desk, Doc, Kind, TooLittleData, Trained, TrainingError, TrainingSet, learn, settled

_OWN: Final[Doc] = {"members": 1, "others": [], "validation": 0.1, "test": 0.1}

#: What configs begin with, by their ``profile``. Members that err differently help each other more than more of one
#: kind: with one that is told nothing of known energies an ensemble is past the published accuracy.
_PROFILES: Final[dict[str, Doc]] = {
    "published": RoostConfig.published().to_dict(),
    "accurate": {
        **RoostConfig(epochs=48).to_dict(),
        "members": 3,
        "others": [RoostConfig.untold_large().to_dict()],
    },
}
_FEWEST: Final = 20
_SPLIT: Final = 1_000_003
_CHECKPOINT: Final = "roost members checkpoint"


class RoostKind(Kind):
    """Learns the least formation energy of each composition.

    Settings beside those of `RoostConfig`: ``members`` of the ensemble, all of them alike; ``others``, what further
    members have different; ``validation`` and ``test``, the shares of the compositions that choose the best epoch and
    that measure the finished ensemble.
    """

    name = "roost"
    takes_long = True
    version = 3  # what is known of relatives tells nothing of a composition's own energy, and weights say so
    default_queries: ClassVar[dict[str, str]] = {"materials": ""}
    draws = ("formula_reduced", "formation_energy", "methods")

    def settle(self, config: Doc) -> Doc:
        """Complete a config, which may begin with a profile.

        Raises
        ------
        ValueError
            A setting can't be meant; says what would be right.
        """
        config = dict(config)
        profile = config.pop("profile", None)
        if profile is not None and profile not in _PROFILES:
            raise ValueError(f"profile is one of {', '.join(_PROFILES)}, or not given, not {profile!r}")
        own, rest = settled({**_PROFILES.get(profile, {}), **config}, _OWN)
        if not isinstance(own["members"], int) or own["members"] < 1:
            raise ValueError(f"members is at least 1, not {own['members']!r}")
        if not (isinstance(own["others"], list) and all(isinstance(other, dict) for other in own["others"])):
            raise ValueError(f"others is a list, one {{name: value}} for each member, not {own['others']!r}")
        if not (own["validation"] > 0 and own["test"] > 0 and own["validation"] + own["test"] < 1):
            raise ValueError(f"validation ({own['validation']}) and test ({own['test']}) are shares that leave some")
        common = RoostConfig.from_dict(rest).to_dict()
        own["others"] = [RoostConfig.from_dict({**common, **other}).to_dict() for other in own["others"]]
        return {**common, **own}

    def describe_settings(self) -> str:
        """Name the settings."""
        settings = {"profile": "|".join(_PROFILES), **RoostConfig().to_dict(), **_OWN}
        return "Settings: " + ", ".join(f"{name}={value}" for name, value in settings.items())

    def draw(self, connection: Connection) -> TrainingSet:
        """Draw compositions with their least formation energy.

        Raises
        ------
        TooLittleData
            Too few compositions have a formation energy.
        """
        query = self.queries["materials"]
        energies = least_values(connection, query, "formation_energy")
        if len(energies) < _FEWEST:
            raise TooLittleData(
                f"{len(energies)} compositions with a formation energy match the filter {query!r}; "
                f"at least {_FEWEST} are needed",
                "Ingest a source with formation energies, or widen the filter.",
            )
        described = {"compositions": len(energies), "methods": methods(connection, query, "formation_energy")}
        return TrainingSet({"formation_energy": energies}, described)

    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Train the members one after the other, and measure them together.

        Raises
        ------
        TrainingError
            There are too few compositions for the split.
        """
        common = RoostConfig.from_dict({name: value for name, value in self.config.items() if name not in _OWN})
        configs = [common] * self.config["members"] + [RoostConfig.from_dict(other) for other in self.config["others"]]
        names = list(content["formation_energy"])
        energies = np.array([content["formation_energy"][name] for name in names])
        parts = self._split(names)
        try:
            learnt, validated = (
                Targets.of([names[i] for i in parts[part]], energies[parts[part]], name=part)
                for part in ("training", "validation")
            )
        except UnfitTrainingSet as error:
            raise TrainingError(f"roost: {error}", "Ingest more materials with formation energies.") from None
        finished, inner = _resumed(desk.resume)
        curve = [epoch for member in finished for epoch in member["curve"]]
        seconds = sum(member["seconds"] for member in finished)
        for member, config in list(enumerate(configs))[len(finished) :]:
            learner = RoostLearner(config, learnt, validated, seed=mixed_seed(seed, member), device=choose(desk.device))
            state, figures, took, _ = learn(
                learner,
                _at(desk, finished, inner),
                epochs=config.epochs,
                seed=mixed_seed(seed, member),
                watch="validation_mae",
            )
            inner = None
            curve += figures
            seconds += took
            weights = dict(network_of(config, state).state_dict())
            finished.append({"weights": weights, "curve": figures, "seconds": took})
        ensemble = RoostEnsemble(
            tuple(network_from(config, member["weights"]) for config, member in zip(configs, finished, strict=True))
        )
        metrics = self._figures(ensemble, names, energies, parts)
        return Trained(ensemble.to_bytes(), metrics, curve, seconds)

    def _split(self, names: list[str]) -> dict[str, NDArray[np.int64]]:
        """Split at random, but so that every element of the smaller parts is learnt."""
        draws = generator(0, _SPLIT).random(len(names))
        aside = draws < self.config["validation"] + self.config["test"]
        parsed = parse(names)
        learnt = np.unique(parsed.numbers[~aside[parsed.rows]])
        strange = parsed.rows[~np.isin(parsed.numbers, learnt)]
        aside[strange] = False
        validated = aside & (draws < self.config["validation"])
        parts = {"training": ~aside, "validation": validated, "test": aside & ~validated}
        for part, chosen in parts.items():
            if not chosen.any():
                raise TrainingError(
                    f"roost: of {len(names)} compositions none is left for the {part} set",
                    "Ingest more materials with formation energies, or set larger shares.",
                )
        return {part: np.flatnonzero(chosen) for part, chosen in parts.items()}

    def _figures(
        self,
        ensemble: RoostEnsemble,
        names: list[str],
        energies: NDArray[np.float64],
        parts: dict[str, NDArray[np.int64]],
    ) -> Doc:
        figures: Doc = {f"{part}_compositions": len(rows) for part, rows in parts.items()}
        for part in ("validation", "test"):
            predicted = predict(ensemble, [names[i] for i in parts[part]])
            errors = np.abs(predicted.mean - energies[parts[part]])
            figures[f"{part}_mae"] = float(errors.mean())
            figures[f"{part}_rmse"] = float(np.sqrt((errors**2).mean()))
            figures[f"{part}_within_one_std"] = float((errors <= predicted.std).mean())
        spread = energies[parts["test"]]
        figures["test_mean_absolute_deviation"] = float(np.abs(spread - spread.mean()).mean())
        return figures


def _resumed(data: bytes | None) -> tuple[list[Doc], bytes | None]:
    if data is None:
        return [], None
    _, state = unpack(data, _CHECKPOINT)
    return list(state["finished"]), state["member"].numpy().tobytes()


def _at(desk: Desk, finished: list[Doc], inner: bytes | None) -> Desk:
    # A checkpoint of the ensemble: the members that are done, and that of the one under way.
    def keep(data: bytes) -> None:
        if desk.checkpoint is not None:
            member = torch.frombuffer(bytearray(data), dtype=torch.uint8)
            desk.checkpoint(pack(_CHECKPOINT, {}, {"finished": finished, "member": member}))

    return Desk(desk.device, keep if desk.checkpoint else None, inner, desk.progress, desk.stop)
