"""What a kind of model says of itself, so that one stage can train any of them.

A kind draws its training set from the registry and trains on it; how it is trained is in `models`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ...models.learning.loop import Figures, Learner, train
from ...models.learning.weights import State
from ...stores.connection import Connection
from ...stores.documents import Material
from ...stores.errors import ConfigurationError, ExfolioError
from ...stores.query.language.fields import fields_of
from ...stores.query.language.filter import compile_filter
from ..engine import criteria_in_memory

Doc = dict[str, Any]


class TrainingError(ExfolioError):
    """A model can't be trained: too little data, the wrong data, or a training that diverged."""


class TooLittleData(TrainingError):
    """The registry does not hold what the model learns from; a refresh leaves the training out until it does."""


@dataclass(slots=True)
class TrainingSet:
    """A training set, frozen.

    Attributes
    ----------
    content
        Plain data, in an order that depends on nothing but itself.
    described
        What it holds, in numbers.
    """

    content: Doc
    described: Doc


@dataclass(slots=True)
class Trained:
    """A trained model.

    Attributes
    ----------
    weights
        The packed weights.
    metrics
        Figures of merit, as plain data.
    curve
        The figures of every epoch.
    seconds
        Time of training.
    """

    weights: bytes
    metrics: Doc
    curve: list[Figures] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(slots=True)
class Desk:
    """What a training is given from outside: where to compute, what it may resume, whom it tells.

    Attributes
    ----------
    checkpoint
        Called with a checkpoint as bytes now and then.
    resume
        The newest checkpoint of the same training.
    progress
        Called with steps done, steps in all, and the figures of the step.
    stop
        Whether somebody asked to stop.
    threads
        Folds of a cross validation that are judged at once; what comes out does not depend on it.
    """

    device: str = "auto"
    checkpoint: Callable[[bytes], None] | None = None
    resume: bytes | None = None
    progress: Callable[[int, int, Figures], None] | None = None
    stop: Callable[[], bool] | None = None
    threads: int = 1


class Stopped(Exception):
    """Somebody asked a training to stop; its checkpoint is kept."""


class Kind(ABC):
    """A kind of model.

    Parameters
    ----------
    config
        Settings that differ from the defaults.
    queries
        Filters on `materials`, in OPTIMADE's language, by what they draw; the kind's own where not given.

    Raises
    ------
    ConfigurationError
        A setting or a query is none of this kind's.
    """

    name: ClassVar[str]
    takes_long: ClassVar[bool] = False
    """Whether a training takes minutes on one core, longer than all others that a campaign wants together."""
    default_queries: ClassVar[dict[str, str]] = {}
    draws: ClassVar[tuple[str, ...] | None] = None
    """The fields of materials that it draws, beside those that its queries name; None: it may be any."""
    version: ClassVar[int] = 1
    """Raised where the same config and data give another model than before: it is trained again."""

    def __init__(self, config: Doc | None = None, queries: dict[str, str] | None = None) -> None:
        unknown = sorted(set(queries or {}) - set(self.default_queries))
        if unknown:
            raise ConfigurationError(
                f"{self.name} draws no {unknown[0]!r}", f"It draws: {', '.join(self.default_queries)}."
            )
        self.queries = {**self.default_queries, **(queries or {})}
        try:
            self.config = self.settle(config or {})
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"config of {self.name}: {error}", self.describe_settings()) from None

    @abstractmethod
    def settle(self, config: Doc) -> Doc:
        """Complete a config by its defaults; TypeError or ValueError where it is wrong."""

    @abstractmethod
    def describe_settings(self) -> str:
        """Name the settings there are, with their defaults."""

    def facets(self) -> tuple[str, ...]:
        """Facets of materials that the training set depends on."""
        if self.draws is None:
            return tuple(Material.FACETS)
        fields = set(self.draws)
        try:
            for query in self.queries.values():
                fields |= criteria_in_memory.fields_of(compile_filter(query, fields_of("materials")))
        except ExfolioError:  # said where it is drawn
            return tuple(Material.FACETS)
        if any(name.startswith("$") for name in fields):  # a condition that does not say of which field
            return tuple(Material.FACETS)
        creating = Material.creating_facet()
        added = (facet for facet in Material.FACETS if facet != creating and fields & Material.fields_of(facet))
        return (creating, *added)

    @abstractmethod
    def draw(self, connection: Connection) -> TrainingSet:
        """Draw the training set from the registry."""

    @abstractmethod
    def train(self, content: Doc, seed: int, desk: Desk) -> Trained:
        """Train on a drawn training set."""


def learn(
    learner: Learner,
    desk: Desk,
    *,
    epochs: int,
    seed: int,
    watch: str | None = None,
    higher_is_better: bool = False,
    patience: int | None = None,
) -> tuple[State, list[Figures], float, int]:
    """Train a learner in epochs; returns its best state, the figures of all epochs, seconds, and the best epoch.

    Parameters
    ----------
    learner
        What is trained.
    desk
        Checkpoint, progress and whether to stop.
    epochs
        Epochs at most.
    seed
        Seed of all random numbers.
    watch
        Figure by which the best state is chosen; the last state without.
    higher_is_better
        Whether a higher figure is the better one.
    patience
        Epochs without a better figure after which it ends; None: all are done.

    Raises
    ------
    Stopped
        Somebody asked to stop.
    """
    training = train(
        learner,
        epochs=epochs,
        seed=seed,
        watch=watch,
        higher_is_better=higher_is_better,
        patience=patience,
        resume=desk.resume,
        checkpoint=desk.checkpoint,
        progress=desk.progress,
        stop=desk.stop,
    )
    if training.reason == "stopped":
        raise Stopped
    return training.best, training.history, training.seconds, training.best_epoch


def settled(config: Doc, own: Doc) -> tuple[Doc, Doc]:
    """Part a config into a kind's own settings, completed by their defaults, and those of its model."""
    return {name: config.get(name, default) for name, default in own.items()}, {
        name: value for name, value in config.items() if name not in own
    }
