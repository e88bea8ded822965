"""Trains a Crystal GAN whose critic sees surroundings of atoms: critic and generator in turn, nothing to classify."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ...structure.point_cloud import counts
from ..crystals.distances import least_distances
from .config import CrystalGanConfig
from .learner import CrystalGanLearner, note, numpy_generator
from .losses import critic_loss, generator_loss, gradient_penalty
from .networks import SurroundingsCritic
from .surroundings import Surroundings, crowding, surroundings

_AT_ONCE: Final = 500


class SurroundingsLearner(CrystalGanLearner):
    """Learns from the surroundings of atoms in real cells, which are looked at once; see `CrystalGanLearner`."""

    def __init__(self, config: CrystalGanConfig, cells: ArrayLike, *, device: torch.device | None = None) -> None:
        super().__init__(config, cells, device=device)
        layout = config.layout
        real = torch.as_tensor(self.stream.cells, dtype=torch.float32).to(self.device)
        self.number = torch.from_numpy(counts(self.stream.cells, layout)).to(self.device)
        parts = [
            surroundings(real[i : i + _AT_ONCE], self.number[i : i + _AT_ONCE], layout, config.neighbours)
            for i in range(0, len(real), _AT_ONCE)
        ]
        self.real = Surroundings(*(torch.cat(part) for part in zip(*parts, strict=True)))
        self.least = torch.tensor(least_distances(layout), dtype=torch.float32).to(self.device)

    def _judges(self) -> dict[str, nn.Module]:
        self.surroundings_critic = SurroundingsCritic(self.config).to(self.device)
        return {"critic": self.surroundings_critic}

    def _rounds(self, sums: dict[str, list[Tensor]]) -> None:
        config = self.config
        random = numpy_generator()
        for step in range(config.batches_per_epoch or -(-len(self.number) // config.batch)):
            index = torch.from_numpy(self.stream.draw(random, config.batch)).to(self.device)
            number = self.number[index]
            real = Surroundings(*(part[index] for part in self.real))
            turn = step % config.critic_steps == config.critic_steps - 1
            with torch.set_grad_enabled(turn):
                with self._precision():
                    made = self.generator(self._noise(config.batch), number)
                around = surroundings(made.float(), number, config.layout, config.neighbours)
            self._judge(real, around, number, sums)
            if turn:
                self._improve(around, number, sums)

    def _judge(self, real: Surroundings, made: Surroundings, number: Tensor, sums: dict[str, list[Tensor]]) -> None:
        """Take one step of the critic."""
        made = made._replace(distances=made.distances.detach(), volume=made.volume.detach())

        def critic(seen: Sequence[Tensor]) -> Tensor:
            value: Tensor = self.surroundings_critic(real._replace(distances=seen[0], volume=seen[1]), number)
            return value

        with self._precision():
            loss = critic_loss(self.surroundings_critic(real, number), self.surroundings_critic(made, number))
        mask = real.filled[:, :, None, None]
        penalty = gradient_penalty(
            critic,
            [real.distances * mask, real.volume],
            [made.distances * mask, made.volume],
            torch.rand(len(number)).to(self.device),
        )
        self._step(loss + self.config.gradient_penalty * penalty, "critic")
        note(sums, critic_loss=loss, gradient_penalty=penalty)

    def _improve(self, around: Surroundings, number: Tensor, sums: dict[str, list[Tensor]]) -> None:
        """Take one step of the generator."""
        config = self.config
        with self._precision():
            loss = generator_loss(self.surroundings_critic(around, number))
        crowded = crowding(around, self.least, config.layout)
        self._step(config.adversarial_weight * loss + config.crowding_weight * crowded, "generator")
        note(sums, generator_loss=loss, crowding=crowded)
