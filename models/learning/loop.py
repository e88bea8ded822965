"""The loop of a training: epochs with figures, early stopping, checkpoints, and a resume that changes nothing.

It knows nothing of what is learnt; a `Learner` does. Where checkpoints are kept is the caller's business.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import torch

from .weights import State, pack, unpack

Figures = dict[str, float]
"""What an epoch came to: losses, errors, shares."""
Reason = Literal["all epochs", "no progress", "stopped"]
_KIND = "checkpoint"
_LARGEST_SEED = 2**32 - 1


class Learner(Protocol):
    """What the loop trains.

    Random numbers come from torch's, numpy's or Python's global generators, which the loop seeds before every epoch,
    or from `generator`; a learner keeps no other state between epochs than what `state` gives.
    """

    def epoch(self, number: int) -> Figures:
        """Train one epoch, numbered from 0, and give its figures."""
        ...

    def state(self) -> State:
        """All that a resume needs: parameters, optimisers, schedules, averages; not the data."""
        ...

    def load_state(self, state: State) -> None:
        """Put a state that `state` gave back."""
        ...


class Diverged(ArithmeticError):
    """A figure became NaN or infinite.

    Attributes
    ----------
    training
        The training as it was after the last good epoch.
    """

    def __init__(self, message: str, training: Training) -> None:
        super().__init__(message)
        self.training = training


@dataclass(slots=True)
class Training:
    """What a training came to.

    Attributes
    ----------
    history
        The figures of each epoch.
    best
        State of the learner after the best epoch; after the last one where no figure is watched.
    best_epoch
        Its number, from 0; -1 before the first.
    reason
        Why it ended.
    seconds
        Time of training, over all its parts.
    """

    history: list[Figures] = field(default_factory=list)
    best: State = field(default_factory=dict)
    best_epoch: int = -1
    reason: Reason = "stopped"
    seconds: float = 0.0

    @property
    def epochs_done(self) -> int:
        """How many epochs were trained."""
        return len(self.history)


def train(
    learner: Learner,
    *,
    epochs: int,
    seed: int,
    watch: str | None = None,
    higher_is_better: bool = False,
    patience: int | None = None,
    resume: bytes | None = None,
    checkpoint: Callable[[bytes], None] | None = None,
    checkpoint_seconds: float = 60.0,
    progress: Callable[[int, int, Figures], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Training:
    """Train until all epochs are done, the watched figure no longer improves, or somebody asks to stop.

    Parameters
    ----------
    epochs
        Epochs in all, those before a resume counted.
    seed
        Seed of all random numbers; each epoch begins with its own, made of this one and its number.
    watch, higher_is_better
        Figure by which the best epoch is chosen; the last epoch is the best without.
    patience
        Stop after so many epochs without a better figure.
    resume
        A checkpoint of the same training.
    checkpoint, checkpoint_seconds
        Called with a checkpoint after an epoch when so much time has passed since the last one, and at the end.
    progress
        Called after every epoch with the epochs done, those in all, and the figures.
    stop
        Asked after every epoch.

    Raises
    ------
    Diverged
        A figure became NaN or infinite; a checkpoint of the last good epoch was given.
    DamagedWeights, WrongModel
        `resume` is no checkpoint.
    ValueError
        The watched figure is none of the learner's.
    """
    training = Training()
    if resume is not None:
        training = _restored(resume, learner)
    good = pack_checkpoint(learner, training) if checkpoint is not None else b""
    saved_at = begun = time.perf_counter()
    earlier = training.seconds
    while True:
        training.reason = _reason_to_end(training, epochs, patience) or "stopped"
        if training.reason != "stopped" or (stop is not None and stop()):
            break
        number = training.epochs_done
        seed_everything(seed, number)
        figures = {name: float(value) for name, value in learner.epoch(number).items()}
        bad = [name for name, value in figures.items() if not math.isfinite(value)]
        if bad:
            if checkpoint is not None and number:
                checkpoint(good)
            raise Diverged(
                f"epoch {number + 1}: {bad[0]} is {figures[bad[0]]}; a smaller learning rate may help", training
            )
        training.history.append(figures)
        training.seconds = earlier + time.perf_counter() - begun
        if _is_best(training, watch, higher_is_better=higher_is_better):
            training.best_epoch = number
            training.best = deepcopy(learner.state())
        if progress is not None:
            progress(number + 1, epochs, figures)
        if checkpoint is not None:
            good = pack_checkpoint(learner, training)
            if time.perf_counter() - saved_at >= checkpoint_seconds:
                checkpoint(good)
                saved_at = time.perf_counter()
    if checkpoint is not None and training.history:
        checkpoint(good)
    return training


def pack_checkpoint(learner: Learner, training: Training) -> bytes:
    """Checkpoint as bytes: the learner's state and how the training stands."""
    done = {"history": training.history, "best": training.best, "best_epoch": training.best_epoch}
    return pack(_KIND, {}, {**done, "seconds": training.seconds, "learner": learner.state()})


def _restored(data: bytes, learner: Learner) -> Training:
    _, state = unpack(data, _KIND)
    learner.load_state(state["learner"])
    return Training(state["history"], state["best"], state["best_epoch"], seconds=state["seconds"])


def _reason_to_end(training: Training, epochs: int, patience: int | None) -> Reason | None:
    if training.epochs_done >= epochs:
        return "all epochs"
    if patience is not None and training.epochs_done - 1 - training.best_epoch >= patience:
        return "no progress"
    return None


def _is_best(training: Training, watch: str | None, *, higher_is_better: bool) -> bool:
    if watch is None:
        return True
    latest = training.history[-1]
    if watch not in latest:
        raise ValueError(f"there is no figure {watch!r} to watch; there are: {', '.join(sorted(latest))}")
    if training.best_epoch < 0:
        return True
    best = training.history[training.best_epoch][watch]
    return latest[watch] > best if higher_is_better else latest[watch] < best


def seed_everything(seed: int, number: int) -> None:
    """Seed the global generators of Python, numpy and torch for one epoch."""
    mixed = mixed_seed(seed, number)
    random.seed(mixed)
    np.random.seed(mixed % _LARGEST_SEED)
    torch.manual_seed(mixed)


def mixed_seed(seed: int, number: int) -> int:
    """Mix a seed and a number into one seed, so that neighbours have nothing in common."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0] >> 1)


def generator(seed: int, number: int) -> np.random.Generator:
    """Random numbers of an epoch or a chunk, which no other draws from."""
    return np.random.default_rng([seed, number])


__all__: list[Any] = [
    "Diverged",
    "Figures",
    "Learner",
    "State",
    "Training",
    "generator",
    "mixed_seed",
    "pack_checkpoint",
    "seed_everything",
    "train",
]
