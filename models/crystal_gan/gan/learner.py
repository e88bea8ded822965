"""Trains a Crystal GAN: critic, classifier and generator in turn, with figures of every epoch.

A `Learner` for the loop of `models.learning`, which brings seeds, checkpoints and the stop at NaN. No files here.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ...learning.device import out_of_memory
from ...learning.loop import Figures, State
from ...structure.point_cloud import counts
from ..crystals.cell_augmentation import NoTrainingData, Stream
from ..crystals.validity import faults, kind
from .config import CrystalGanConfig
from .losses import class_losses, critic_loss, generator_loss, gradient_penalty
from .model import CrystalGan, load
from .networks import Classifier, Critic, Generator

CHECKED: Final = 200
"""Generated cells that are looked at after each epoch."""
_NOISE: Final = (1e-3, 10**-2.5)
"""Mean and deviation of the noise on empty slots, of which the absolute value is taken: the published code."""


class CrystalGanLearner:
    """Learns from point clouds of a layout.

    Parameters
    ----------
    config
        Settings.
    cells
        Shape (n, rows, 3), supercells among them (`augmentation.with_supercells`).
    device
        Where; mixed precision on a GPU, and where the config asks for it.

    Raises
    ------
    NoTrainingData
        No cells, or not of the layout; says which.
    """

    def __init__(self, config: CrystalGanConfig, cells: ArrayLike, *, device: torch.device | None = None) -> None:
        self.config = config
        self.device = device or torch.device("cpu")
        self.stream = Stream(cells, config.layout, config.augmentation)
        self.generator = Generator(config).to(self.device)
        self.trained: dict[str, nn.Module] = {"generator": self.generator, **self._judges()}
        self._rates = {
            "generator": config.learning_rate,
            "critic": config.critic_learning_rate,
            "classifier": config.classifier_learning_rate,
        }
        self._adams = {
            name: torch.optim.Adam(network.parameters(), lr=self._rates[name], betas=config.betas)
            for name, network in self.trained.items()
        }

    def _judges(self) -> dict[str, nn.Module]:
        """Make the networks that the generator learns from."""
        self.critic = Critic(self.config).to(self.device)
        self.classifier = Classifier(self.config).to(self.device)
        return {"critic": self.critic, "classifier": self.classifier}

    @property
    def model(self) -> CrystalGan:
        """The generator as it is now, for use."""
        state = {name: value.detach().cpu() for name, value in self.generator.state_dict().items()}
        return CrystalGan(self.config, state)

    def epoch(self, number: int) -> Figures:
        """Train one epoch; see `models.learning.loop.Learner`."""
        config = self.config
        for name, adam in self._adams.items():
            adam.param_groups[0]["lr"] = self._rates[name] * config.decay ** (number // config.decay_epochs)
        for network in self.trained.values():
            network.train()
        sums: dict[str, list[Tensor]] = {}
        with out_of_memory():
            self._rounds(sums)
        figures = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
        return figures | self.shares()

    def _rounds(self, sums: dict[str, list[Tensor]]) -> None:
        """Train on all batches of an epoch, noting the figures."""
        config = self.config
        random = numpy_generator()
        done = 0
        for cells in self.stream.epoch(random, batch=config.batch):
            real = torch.as_tensor(cells, dtype=torch.float32).to(self.device)
            composition = torch.from_numpy(counts(cells, config.layout)).to(self.device)
            self._critic_step(real, composition, sums)
            done += 1
            if done % config.critic_steps == 0:
                self._generator_step(composition, sums)
            if done == config.batches_per_epoch:
                break
        if done < config.critic_steps:
            raise NoTrainingData(
                f"{len(self.stream)} cells an epoch are too few for {config.critic_steps} batches of {config.batch}: "
                "make the batch smaller or the augmentation larger"
            )

    def shares(self) -> Figures:
        """Generate for compositions of the training set; say how many are of them, and valid by distances and cell."""
        numbers = torch.from_numpy(self._drawn_numbers(CHECKED))
        cells = self.model.make(torch.randn(CHECKED, self.config.latent), numbers)
        said = faults(cells, self.config.layout, asked=numbers.numpy())
        wrong = sum(fault is not None and (kind(fault) == "composition" or "row of an atom" in fault) for fault in said)
        return {
            "share_as_asked": 1 - wrong / CHECKED,
            "share_valid": sum(fault is None for fault in said) / CHECKED,
        }

    def state(self) -> State:
        """State of networks and optimisers."""
        networks = {name: network.state_dict() for name, network in self.trained.items()}
        return {**networks, "adams": {name: adam.state_dict() for name, adam in self._adams.items()}}

    def load_state(self, state: State) -> None:
        """Put back what `state` gave.

        Raises
        ------
        WrongModel
            It is of another layout or other settings.
        """
        for name, network in self.trained.items():
            load(network, state.get(name), what=name)
        for name, adam in self._adams.items():
            adam.load_state_dict(state["adams"][name])

    def _asked(self, composition: Tensor) -> Tensor:
        if self.config.conditions == "data":
            return composition
        columns = [torch.randint(1, most + 1, (len(composition),)) for most in self.config.layout.slots]
        return torch.stack(columns, dim=1).to(self.device)

    def _drawn_numbers(self, n: int) -> NDArray[np.int64]:
        every = np.array(list(self.stream.groups), dtype=np.int64)
        return every[numpy_generator().integers(len(every), size=n)]

    def _noise(self, n: int) -> Tensor:
        return torch.randn(n, self.config.latent).to(self.device)

    def _precision(self) -> AbstractContextManager[None]:
        reduced = self.device.type == "cuda" or self.config.precision == "bfloat16"
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=reduced)

    def _critic_step(self, real: Tensor, composition: Tensor, sums: dict[str, list[Tensor]]) -> None:
        asked = self._asked(composition)
        with torch.no_grad(), self._precision():
            generated = self.generator(self._noise(len(real)), asked).float()
        with self._precision():
            loss = critic_loss(self.critic(real), self.critic(generated))
        penalty = gradient_penalty(
            lambda seen: self.critic(*seen), [real], [generated], torch.rand(len(real)).to(self.device)
        )
        self._step(loss + self.config.gradient_penalty * penalty, "critic")
        with self._precision():
            losses = class_losses(self.classifier(self._with_noise(real)), composition, self.config.layout)
        self._step(losses.counts + self.config.slots_weight * losses.slots, "classifier")
        note(sums, critic_loss=loss, gradient_penalty=penalty, counts_loss=losses.counts, slots_loss=losses.slots)

    def _generator_step(self, composition: Tensor, sums: dict[str, list[Tensor]]) -> None:
        config = self.config
        asked = self._asked(composition)
        with self._precision():
            generated = self.generator(self._noise(len(composition)), asked)
            loss = generator_loss(self.critic(generated))
            losses = class_losses(self.classifier(generated), asked, config.layout)
        slots = config.slots_weight * config.generated_slots_weight * losses.slots
        total = config.adversarial_weight * loss + config.generated_counts_weight * losses.counts + slots
        self._step(total, "generator", "classifier")
        note(sums, generator_loss=loss, generated_counts_loss=losses.counts, generated_slots_loss=losses.slots)

    def _with_noise(self, real: Tensor) -> Tensor:
        if not self.config.empty_noise:
            return real
        mean, deviation = _NOISE
        noise = (torch.randn(real.shape) * deviation + mean).abs().to(self.device)
        return torch.where(real.sum(dim=2, keepdim=True) == 0, noise, real)

    def _step(self, loss: Tensor, *names: str) -> None:
        for adam in self._adams.values():
            adam.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        for name in names:
            self._adams[name].step()


def note(sums: dict[str, list[Tensor]], **values: Tensor) -> None:
    """Add figures of a step to those of the epoch."""
    for name, value in values.items():
        sums.setdefault(name, []).append(value.detach())


def numpy_generator() -> np.random.Generator:
    """Make a generator that follows from torch's global one, which the loop seeds before every epoch."""
    return np.random.default_rng(int(torch.randint(2**62, (1,))))
