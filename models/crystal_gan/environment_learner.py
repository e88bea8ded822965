"""Trains the networks of the profile `improved`: a critic of atoms' surroundings, and an encoder beside the generator.

The classifier is not needed, since the composition is made as asked. No files here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from ..structure.point_cloud import counts
from .canonical import canonical
from .config import CrystalGanConfig
from .dense_networks import Encoder, EnvironmentCritic
from .environments import Environments, crowding, cut, environments, spread
from .learner import CrystalGanLearner, note, numpy_generator
from .losses import critic_loss, generator_loss, gradient_penalty, unlikeness
from .networks import filled_slots

_AT_ONCE: Final = 256
_SHARE_BESIDE: Final = 4  # of the packs of a batch, one in so many


class EnvironmentLearner(CrystalGanLearner):
    """Learns from point clouds in their canonical settings; see `CrystalGanLearner`.

    A batch is one step of the critic, every `critic_steps` one of generator and encoder.
    """

    def __init__(self, config: CrystalGanConfig, cells: ArrayLike, *, device: torch.device | None = None) -> None:
        super().__init__(config, cells, device=device)
        self.stream.cells = canonical(self.stream.cells, config.layout)
        self.cells = torch.as_tensor(self.stream.cells, dtype=torch.float32).to(self.device)
        self.number = torch.from_numpy(counts(self.stream.cells, config.layout)).to(self.device)
        # Real surroundings never change, so they are looked at once.
        parts = [self._whole(self.cells[i : i + _AT_ONCE]) for i in range(0, len(self.cells), _AT_ONCE)]
        self.distances = torch.cat([part.distances for part in parts])
        self.volumes = torch.cat([part.volume for part in parts])

    def _others(self) -> dict[str, nn.Module]:
        self.surroundings_critic = EnvironmentCritic(self.config).to(self.device)
        self.encoder = Encoder(self.config).to(self.device)
        return {"critic": self.surroundings_critic, "encoder": self.encoder}

    def _whole(self, cells: Tensor) -> Environments:
        """Look around every slot of the layout, the empty ones as well."""
        number = torch.from_numpy(counts(cells.cpu().numpy(), self.config.layout)).to(self.device)
        return environments(cells, number, self.config.layout, self.config.neighbours, slots=self.config.layout.slots)

    def _rounds(self, sums: dict[str, list[Tensor]]) -> None:
        config = self.config
        random = numpy_generator()
        batches = config.batches_per_epoch or -(-len(self.cells) // config.batch)
        for step in range(batches):
            index = torch.from_numpy(self.stream.draw(random, config.batch, pack=config.pack)).to(self.device)
            number = self.number[index]
            real = cut(self.distances[index], self.volumes[index], number, config.layout)
            turn = step % config.critic_steps == config.critic_steps - 1
            with torch.set_grad_enabled(turn):
                made = self.generator(self._noise(config.batch), number)
                around = environments(made, number, config.layout, config.neighbours)
            self._judge(real, around, number, sums)
            if turn:
                self._improve(around, real, self.cells[index], number, sums)

    def _judge(self, real: Environments, made: Environments, number: Tensor, sums: dict[str, list[Tensor]]) -> None:
        """One step of the critic."""
        made = made._replace(distances=made.distances.detach(), volume=made.volume.detach())

        def critic(seen: Sequence[Tensor]) -> Tensor:
            around = real._replace(distances=seen[0], volume=seen[1])
            value: Tensor = self.surroundings_critic(around, number)
            return value

        loss = critic_loss(self.surroundings_critic(real, number), self.surroundings_critic(made, number))
        mix = torch.rand(len(number) // self.config.pack).repeat_interleave(self.config.pack).to(self.device)
        mask = real.filled[:, :, None, None]
        penalty = gradient_penalty(
            critic, [real.distances * mask, real.volume], [made.distances * mask, made.volume], mix
        )
        self._step(loss + self.config.gradient_penalty * penalty, "critic")
        note(sums, critic_loss=loss, gradient_penalty=penalty)

    def _improve(
        self,
        around: Environments,
        model: Environments,
        real: Tensor,
        number: Tensor,
        sums: dict[str, list[Tensor]],
    ) -> None:
        """One step of generator and encoder, with real cells and their surroundings as the model."""
        config = self.config
        loss = generator_loss(self.surroundings_critic(around, number))
        crowded = crowding(around, config.layout)
        total = config.adversarial_weight * loss + config.distance_weight * crowded
        note(sums, generator_loss=loss, distance_penalty=crowded)
        if config.beside_weight:
            other = self._beside(number)
            made = environments(self.generator(self._noise(len(other)), other), other, config.layout, config.neighbours)
            lacking = (spread(model, number, config.pack) - spread(made, other, config.pack)).clamp_min(0)
            beside = crowding(made, config.layout) + lacking
            total = total + config.beside_weight * beside
            note(sums, beside_penalty=beside, lacking_spread=lacking)
        if config.likeness_weight:
            code = self.encoder(real, number)
            back = self.generator(code.draw(), number)
            unlike = unlikeness(back, real, filled_slots(number, config.layout), config.layout)
            divergence = code.divergence()
            total = total + config.likeness_weight * unlike + config.code_weight * divergence
            note(sums, unlikeness=unlike, code_divergence=divergence)
        self._step(total, "generator", *(["encoder"] if config.likeness_weight else []))
        self._follow()

    def _beside(self, number: Tensor) -> Tensor:
        """Give compositions, in packs, with an atom more or less than a quarter of these."""
        pack = self.config.pack
        packs = number[::pack]
        packs = packs[torch.randperm(len(packs))[: -(-len(packs) // _SHARE_BESIDE)].to(self.device)]
        most = torch.tensor(self.config.layout.slots, device=self.device)
        moved = (packs + torch.randint(-1, 2, packs.shape).to(self.device)).clamp_min(1).minimum(most)
        return moved.repeat_interleave(pack, dim=0)


def make_learner(
    config: CrystalGanConfig, cells: ArrayLike, *, device: torch.device | None = None
) -> CrystalGanLearner:
    """Make the learner of these settings; see `CrystalGanLearner`."""
    kind = CrystalGanLearner if config.networks == "published" else EnvironmentLearner
    return kind(config, cells, device=device)
