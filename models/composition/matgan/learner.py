"""How a MatGAN learns: a warm-up that makes known compositions likely, then the Wasserstein game with gradient penalty.

Knows formulas, networks and how they are trained; where a training set comes from is its caller's business.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ...learning.device import out_of_memory
from ...learning.loop import Figures, State, mixed_seed
from ..formula.formulas import parse, reduced_formulas
from ..one_hot import encode, representable
from ..screening import screen
from .config import MatGANConfig
from .element_replacement import replace_some
from .model import MatGAN
from .networks import ConvolutionalCritic, ConvolutionalGenerator, DenseCritic
from .sampling import Tally
from .sequential import MAX_ELEMENTS, SequentialGenerator


class UnusableTrainingSet(ValueError):
    """There is nothing to learn from."""


class MatGANLearner:
    """Trains a MatGAN, for ``models.learning.loop.train`` (``epochs=config.epochs``).

    Each epoch's figures: ``charge_neutral``, ``electronegativity_balanced`` and ``distinct``, shares of the validation
    draws; in the warm-up ``negative_log_likelihood``, afterwards ``critic_loss`` and ``wasserstein`` (the critic's
    estimate of the distance).

    Parameters
    ----------
    formulas
        Known compositions; each distinct reduced formula counts once.
    config
        Hyperparameters.
    seed
        Of the first weights.
    device
        Where it is computed.

    Attributes
    ----------
    formulas_
        The reduced formulas it learns from.
    refused_
        Those it can't, each with the reason.

    Raises
    ------
    UnusableTrainingSet
        No formula can be used.
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """

    def __init__(
        self, formulas: Sequence[str], config: MatGANConfig, *, seed: int = 0, device: torch.device | str = "cpu"
    ) -> None:
        self.config = config
        self.device = torch.device(device)
        self.formulas_, self.refused_ = usable(formulas, config)
        if not self.formulas_:
            first = next(iter(self.refused_.items()), None)
            raise UnusableTrainingSet(
                f"none of {len(self.refused_)} formulas can be learnt from, e.g. {first[0]}: {first[1]}"
                if first
                else "there are no formulas to learn from: fill the registry with known materials first"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(seed, 0))
            self.generator = MatGAN(config, device=self.device).generator
            self.critic: DenseCritic | ConvolutionalCritic
            if config.networks == "sequential":
                self.critic = DenseCritic(config.critic_width, config.critic_layers)
            else:
                self.critic = ConvolutionalCritic(config.width)
        self.critic.to(self.device)
        self.average = copy.deepcopy(self.generator)
        self._steps = 0
        self._optimisers = self._new_optimisers()
        self._known = torch.from_numpy(encode(self.formulas_)).to(self.device)
        self._known_written = (
            self.generator.as_written(self._known) if isinstance(self.generator, SequentialGenerator) else None
        )

    def epoch(self, number: int) -> Figures:
        """Train one epoch and screen some draws."""
        with out_of_memory():
            if number < self.config.warm_up_epochs:
                figures = self._warm_up(number)
            else:
                figures = self._compete(number - self.config.warm_up_epochs)
            return figures | self._validity()

    def model(self) -> MatGAN:
        """Model as it stands, with the averaged weights."""
        model = MatGAN(self.config, device=self.device)
        model.generator.load_state_dict(self.average.state_dict())
        return model

    def state(self) -> State:
        """All that a resume needs: weights, their average, optimisers, random numbers."""
        return {
            "generator": self.generator.state_dict(),
            "average": self.average.state_dict(),
            "critic": self.critic.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
            "steps": self._steps,
        }

    def load_state(self, state: State) -> None:
        """Put a state that `state` gave back."""
        self.generator.load_state_dict(state["generator"])
        self.average.load_state_dict(state["average"])
        self.critic.load_state_dict(state["critic"])
        self._optimisers = self._new_optimisers()
        for name, optimiser in self._optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        self._steps = state["steps"]

    # --- the two kinds of epochs -------------------------------------------------------------------------------------

    def _warm_up(self, number: int) -> Figures:
        """Make the known compositions likely: a pass over them."""
        generator, optimiser = self.generator, self._optimisers["warm_up"]
        assert isinstance(generator, SequentialGenerator)
        assert self._known_written is not None
        generator.train()
        order = torch.randperm(len(self._known_written), device=self.device)
        batches = torch.split(order, self.config.warm_up_batch_size)
        total = 0.0
        for index, batch in enumerate(batches):
            progress = (number + index / len(batches)) / self.config.warm_up_epochs
            _set_rate(optimiser, self.config.warm_up_learning_rate * _rise_and_fall(progress))
            loss = generator.negative_log_likelihood(self._widened(self._known_written[batch])).mean()
            _step(optimiser, loss)
            self._follow()
            total += loss.item() * len(batch)
        return {"negative_log_likelihood": total / len(order)}

    def _compete(self, number: int) -> Figures:
        """Train critic and generator against each other."""
        config = self.config
        # Dropout is for the likelihood; batch normalisation of the convolutional generator learns here.
        self.generator.train(config.networks == "convolutional")
        falling = min(1.0, 2 * (1 - number / max(config.adversarial_epochs, 1)))
        _set_rate(self._optimisers["critic"], config.critic_learning_rate * falling)
        _set_rate(self._optimisers["generator"], config.generator_learning_rate * falling)
        losses, distances = [], []
        for _ in range(config.steps_per_epoch):
            for _ in range(config.critic_steps):
                with self._reduced():
                    loss, distance = self._critic_loss()
                _step(self._optimisers["critic"], loss)
                losses.append(loss.item())
                distances.append(distance)
            with self._reduced():
                loss = self._generator_loss()
            _step(self._optimisers["generator"], loss)
            self._follow()
        return {"critic_loss": float(np.mean(losses)), "wasserstein": float(np.mean(distances))}

    def _reduced(self) -> torch.autocast:
        """Context in which convolutions compute with the precision of the config."""
        reduced = self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _critic_loss(self) -> tuple[Tensor, float]:
        """L_D = E f(generated) - E f(known) + gradient penalty, and the estimate E f(known) - E f(generated)."""
        size = self.config.batch_size
        known = self._known[self._some_known()].float()
        with torch.no_grad():
            generated = self._generated(size)
        values = self.critic(torch.cat([known, generated.float()])).float()
        distance = values[:size].mean() - values[size:].mean()
        part = max(1, round(size * self.config.penalty_share))
        mixing = torch.rand(part, 1, 1, device=self.device)
        between = (mixing * known[:part] + (1 - mixing) * generated[:part].float()).requires_grad_()
        (slopes,) = torch.autograd.grad(self.critic(between).float().sum(), between, create_graph=True)
        penalty = ((slopes.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return self.config.gradient_penalty * penalty - distance, float(distance.detach())

    def _generator_loss(self) -> Tensor:
        """L_G = -E f(generated), or what has the same gradient for a generator whose output is a choice."""
        if isinstance(self.generator, ConvolutionalGenerator):
            loss: Tensor = -self.critic(self._generated(self.config.batch_size)).float().mean()
            return loss
        assert self._known_written is not None
        written = self.generator.write(self._latent(2 * self.config.batch_size)).cells
        with torch.no_grad():
            worth = self.critic(self.generator.as_array(written))
        loss = (self.generator.negative_log_likelihood(written) * (worth - worth.mean())).mean()
        if self.config.likelihood_weight:
            known = self._widened(self._known_written[self._some_known()])
            loss = loss + self.config.likelihood_weight * self.generator.negative_log_likelihood(known).mean()
        return loss

    def _widened(self, written: Tensor) -> Tensor:
        return replace_some(written, self.config.replaced_share) if self.config.replaced_share else written

    def _generated(self, n: int) -> Tensor:
        latent = self._latent(n)
        if isinstance(self.generator, SequentialGenerator):
            return self.generator.as_array(self.generator.write(latent).cells)
        cells: Tensor = self.generator(latent)
        return cells

    def _latent(self, n: int) -> Tensor:
        return torch.randn(n, self.generator.latent_size, device=self.device)

    def _some_known(self) -> Tensor:
        return torch.randint(len(self._known), (self.config.batch_size,), device=self.device)

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the averaged weights towards the generator's; at first faster, so that no early ones linger."""
        self._steps += 1
        decay = min(self.config.average_decay, self._steps / (self._steps + 10))
        for average, current in zip(self.average.parameters(), self.generator.parameters(), strict=True):
            average.lerp_(current, 1 - decay)
        for kept, latest in zip(self.average.buffers(), self.generator.buffers(), strict=True):
            kept.copy_(latest)

    def _validity(self) -> Figures:
        model = self.model()
        tally = Tally()
        draws = math.ceil(self.config.validation_draws / model.kept_share)
        tally.add(model.amounts(torch.randn(draws, model.latent_size, device=self.device)).cpu().numpy())
        compositions, times = tally.compositions()
        verdicts = screen(compositions)
        drawn = max(int(times.sum()), 1)
        return {
            "charge_neutral": float(times[verdicts.charge_neutral].sum() / drawn),
            "electronegativity_balanced": float(times[verdicts.electronegativity_balanced].sum() / drawn),
            "distinct": len(times) / max(tally.draws, 1),
        }

    def _new_optimisers(self) -> dict[str, torch.optim.Optimizer]:
        config = self.config
        betas = (config.beta1, config.beta2)
        optimisers: dict[str, torch.optim.Optimizer] = {
            "critic": torch.optim.Adam(
                self.critic.parameters(), lr=config.critic_learning_rate, betas=betas, fused=True
            ),
            "generator": torch.optim.Adam(
                self.generator.parameters(), lr=config.generator_learning_rate, betas=betas, fused=True
            ),
        }
        if config.warm_up_epochs:
            optimisers["warm_up"] = torch.optim.AdamW(
                self.generator.parameters(),
                lr=config.warm_up_learning_rate,
                weight_decay=config.weight_decay,
                fused=True,
            )
        return optimisers


def usable(formulas: Sequence[str], config: MatGANConfig) -> tuple[list[str], dict[str, str]]:
    """Sort formulas into those a MatGAN can learn from, reduced and each once, and the others with their reasons.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    distinct = sorted(set(reduced_formulas(formulas)))
    parsed = parse(distinct)
    reasons = representable(parsed).reasons
    if config.networks == "sequential":
        for index in np.flatnonzero(parsed.nelements > MAX_ELEMENTS).tolist():
            reasons.setdefault(index, f"{parsed.nelements[index]} elements, where at most {MAX_ELEMENTS} are written")
    kept = [formula for index, formula in enumerate(distinct) if index not in reasons]
    return kept, {distinct[index]: reason for index, reason in reasons.items()}


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate


def _rise_and_fall(progress: float) -> float:
    """Factor of the warm-up's learning rate: up over the first fifth, then down to nothing, as a cosine."""
    if progress < 0.2:
        return 0.05 + 0.95 * progress / 0.2
    return 0.5 * (1 + float(np.cos(np.pi * (progress - 0.2) / 0.8)))
