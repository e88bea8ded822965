"""Trains Roost: training data made ready, the robust loss, schedules and averages of the weights.

A `RoostLearner` goes into the loop of `exfolio.models.learning`; `network_of` takes the network out of the best state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ...learning.loop import Figures
from ...learning.weights import State
from ..formula.elements import SYMBOLS
from ..formula.formulas import Formulas, parse, reduced_formulas
from .context import KnownContext
from .graph import Graphs
from .known_energies import KnownEnergies, chosen
from .network import Roost, RoostConfig, element_properties, network_from

#: One-cycle starts at this share of the highest learning rate and ends at the share below.
#: Smith, Topin, arXiv:1708.07120.
_START: Final = 1 / 25
_END: Final = 1e-3

#: The moving average follows the weights closely at first: decay at step t is at most (1 + t)/(10 + t).
_AVERAGE_LAG: Final = 10

#: Compositions of the validation set that pass the network together, and how many are asked after an epoch, evenly
#: spread over it: enough to tell epochs apart, as it is the same ones each time; all cost a twentieth of an epoch.
_VALIDATED_AT_ONCE: Final = 512
_VALIDATED_AT_MOST: Final = 2_500

#: Rows named in the message of an error; more are counted.
_SHOWN: Final = 5


class UnfitTrainingSet(ValueError):
    """Formulas and targets that nothing can be learnt from; the message names which and why."""


@dataclass(frozen=True, slots=True, eq=False)
class TrainingSet:
    """Compositions with the target, checked.

    Attributes
    ----------
    formulas
        Parsed.
    targets
        Shape (n,), for the formation energy in eV/atom.
    """

    formulas: Formulas
    targets: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.targets)

    @classmethod
    def of(
        cls, formulas: Sequence[str] | Formulas, targets: ArrayLike, *, duplicates: str = "keep", name: str = "training"
    ) -> TrainingSet:
        """Check and take formulas and targets.

        Parameters
        ----------
        duplicates
            What becomes of the same reduced formula occurring several times, see `RoostConfig`.
        name
            What messages call the set.

        Raises
        ------
        UnparsableFormula, UnknownElement
            For the first bad formula.
        UnfitTrainingSet
            Nothing is there, lengths differ, or targets are not finite.
        """
        parsed = parse(formulas)
        values = np.asarray(targets, dtype=np.float64)
        if values.shape != (len(parsed),):
            raise UnfitTrainingSet(f"the {name} set has {len(parsed)} formulas, but targets of shape {values.shape}")
        if not len(parsed):
            raise UnfitTrainingSet(f"the {name} set is empty")
        if len(empty := np.flatnonzero(parsed.nelements == 0)):
            raise UnfitTrainingSet(f"formula {int(empty[0])} of the {name} set holds no elements")
        if len(bad := np.flatnonzero(~np.isfinite(values))):
            shown = ", ".join(f"number {row} is {values[row]}" for row in bad[:_SHOWN].tolist())
            raise UnfitTrainingSet(
                f"{len(bad)} targets of the {name} set are not finite ({shown}): leave these materials out"
            )
        return cls(parsed, values) if duplicates == "keep" else cls(*_merged(parsed, values, duplicates))


def _merged(parsed: Formulas, targets: NDArray[np.float64], how: str) -> tuple[Formulas, NDArray[np.float64]]:
    _, first, places = np.unique(np.array(reduced_formulas(parsed)), return_index=True, return_inverse=True)
    if how == "lowest":
        values = np.full(len(first), np.inf)
        np.minimum.at(values, places, targets)
    else:
        values = np.bincount(places, weights=targets) / np.bincount(places)
    order = np.argsort(first)
    return chosen(parsed, first[order]), values[order]


class RoostLearner:
    """Trains one network of an ensemble; the seed tells it from its fellows.

    Parameters
    ----------
    config
        Hyperparameters; the schedule spans `config.epochs`.
    training
        What is learnt from.
    validation
        What the figure ``validation_mae`` is of, all of it or 2,500 evenly spread; nothing of it is learnt.
    seed
        Of the first weights.

    Notes
    -----
    The loss is `robust_loss`: that of a Laplace distribution whose standard deviation is predicted too.
    """

    def __init__(
        self,
        config: RoostConfig,
        training: TrainingSet,
        validation: TrainingSet | None = None,
        *,
        seed: int,
        device: torch.device | None = None,
    ) -> None:
        self.config = config
        self.device = device or torch.device("cpu")
        self._graphs = Graphs.of(training.formulas)
        self._known: torch.Tensor | None = None
        context: KnownContext | None = None
        if config.known_energies:
            self._known, context = self._context(training)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = Roost(config, element_properties(config.embedding), context)
        self.network.seen[torch.from_numpy(np.unique(self._graphs.numbers))] = True
        centre, scale = float(training.targets.mean()), float(training.targets.std())
        self.network.target[:] = torch.tensor([centre, scale if scale > 0 else 1.0])
        self.network.to(self.device)
        self._targets = self._standardised(training)
        self._validation = self._checked(validation) if validation is not None else None
        self._optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, fused=True
        )
        self._average = [weight.detach().clone() for weight in self.network.parameters()]
        self._step = 0
        self._steps = config.epochs * math.ceil(len(training) / config.batch_size)

    def _context(self, training: TrainingSet) -> tuple[torch.Tensor, KnownContext]:
        from .element_vectors import element_distances  # matminer takes seconds to import

        known = KnownEnergies.of(training.formulas, training.targets, element_distances())
        features = known.features(training.formulas)
        return torch.from_numpy(features).to(self.device), KnownContext.of(known, features)

    def _checked(self, validation: TrainingSet) -> tuple[Graphs, torch.Tensor | None, torch.Tensor]:
        graphs = Graphs.of(validation.formulas)
        seen = self.network.seen.cpu().numpy()
        if len(strange := np.unique(graphs.numbers[~seen[graphs.numbers]])):
            symbols = ", ".join(SYMBOLS[number] for number in strange.tolist())
            raise UnfitTrainingSet(f"the validation set holds elements that the training set does not: {symbols}")
        context = self.network.context
        known = context.features(validation.formulas).to(self.device) if context is not None else None
        return graphs, known, self._standardised(validation)

    def _standardised(self, data: TrainingSet) -> torch.Tensor:
        centre, scale = self.network.target.tolist()
        return torch.from_numpy(((data.targets - centre) / scale).astype(np.float32)).to(self.device)

    def epoch(self, number: int) -> Figures:  # noqa: ARG002 (the loop has seeded the generators with it)
        """Go once over the training set in random order, then validate."""
        self.network.train()
        rows = np.random.permutation(len(self._graphs))
        losses, errors = 0.0, 0.0
        for start in range(0, len(rows), self.config.batch_size):
            part = rows[start : start + self.config.batch_size]
            batch = self._graphs.batch(part, device=self.device)
            places = torch.from_numpy(part[batch.order]).to(self.device)
            targets = self._targets[places]
            mean, log_std = self.network(batch, self._known[places] if self._known is not None else None)
            loss = robust_loss(mean, log_std, targets, beta=self.config.beta)
            self._update(loss)
            losses += float(loss.detach()) * len(part)
            errors += float((mean.detach() - targets).abs().sum())
        scale = float(self.network.target[1])
        figures = {"loss": losses / len(rows), "training_mae": errors / len(rows) * scale}
        if self._validation is not None:
            figures["validation_mae"] = self._validate(*self._validation) * scale
        return figures

    def _update(self, loss: torch.Tensor) -> None:
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.config, self._step, self._steps)
        self._optimiser.zero_grad()
        torch.autograd.backward(loss)
        if self.config.gradient_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.config.gradient_norm)
        self._optimiser.step()
        self._step += 1
        if self.config.average is not None:
            decay = min(self.config.average, (1 + self._step) / (_AVERAGE_LAG + self._step))
            torch._foreach_lerp_(self._average, [w.detach() for w in self.network.parameters()], 1 - decay)

    def _validate(self, graphs: Graphs, known: torch.Tensor | None, targets: torch.Tensor) -> float:
        network = network_of(self.config, self.state()).to(self.device)
        rows = np.arange(0, len(graphs), math.ceil(len(graphs) / _VALIDATED_AT_MOST))
        rows = rows[np.argsort(-graphs.sizes[rows], kind="stable")]
        total = 0.0
        with torch.inference_mode():
            for start in range(0, len(rows), _VALIDATED_AT_ONCE):
                part = rows[start : start + _VALIDATED_AT_ONCE]
                batch = graphs.batch(part, device=self.device)
                places = torch.from_numpy(part[batch.order]).to(self.device)
                mean, _ = network(batch, known[places] if known is not None else None)
                total += float((mean - targets[places]).abs().sum())
        return total / len(rows)

    def state(self) -> State:
        """Weights, their average, and how the optimiser stands."""
        state = {
            "network": dict(self.network.state_dict()),
            "optimiser": self._optimiser.state_dict(),
            "step": self._step,
        }
        if self.config.average is not None:
            names = [name for name, _ in self.network.named_parameters()]
            state["average"] = dict(zip(names, self._average, strict=True))
        return state

    def load_state(self, state: State) -> None:
        """Put back what `state` gave."""
        self.network.load_state_dict(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])
        self._step = state["step"]
        if self.config.average is not None:
            self._average = [state["average"][n].clone().to(self.device) for n, _ in self.network.named_parameters()]


def network_of(config: RoostConfig, state: State) -> Roost:
    """Make the network that predicts from a learner's state: with averaged weights where there are some."""
    return network_from(config, state["network"] | state.get("average", {}))


def robust_loss(mean: torch.Tensor, log_std: torch.Tensor, targets: torch.Tensor, *, beta: float = 0.0) -> torch.Tensor:
    """Mean negative logarithm of a Laplace distribution's density, up to a constant.

    Parameters
    ----------
    mean, log_std, targets
        Predicted value, logarithm of its standard deviation, and the true value, each of shape (n,), standardised.
    beta
        Each term is weighted by the predicted standard deviation to this power, which is held fixed for the gradient.

    Notes
    -----
    Goodall, Lee, Nat. Commun. 11, 6280 (2020); the weights are those of Seitzer, Tavakoli, Antic, Martius, ICLR 2022
    (arXiv:2203.09168). The standard deviation of a Laplace distribution is the square root of two times its scale,
    hence that factor.
    """
    terms = math.sqrt(2) * (mean - targets).abs() * torch.exp(-log_std) + log_std
    return (terms * torch.exp(beta * log_std.detach())).mean() if beta else terms.mean()


def learning_rate(config: RoostConfig, step: int, steps: int) -> float:
    """Learning rate of a step, of `steps` in all."""
    if config.schedule == "constant":
        return config.learning_rate
    rising = max(1, round(config.warm_up * steps))
    if step < rising:
        share = _START + (1 - _START) * step / rising
    else:
        done = min(1.0, (step - rising) / max(1, steps - rising))
        share = _END + (1 - _END) * (1 + math.cos(math.pi * done)) / 2
    return config.learning_rate * share
