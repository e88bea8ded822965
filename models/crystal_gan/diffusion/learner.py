"""Trains a denoiser of crystals: noise is put on those of the training set, and the network learns to tell it.

A `Learner` for the loop of `models.learning`, which brings seeds, checkpoints and the stop at NaN. No files here.
"""

from __future__ import annotations

import copy
from math import cos, pi
from typing import Final

import numpy as np
import spglib
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ...learning.device import out_of_memory
from ...learning.loop import Figures, State
from ...structure.point_cloud import HALF_TURN, OFFSET, SCALE, cell_matrices, counts, occupied
from ...structure.point_cloud_layouts import CELL_ROWS
from ..crystals.cell_augmentation import checked_cells
from ..crystals.validity import faults, kind
from ..gan.learner import note, numpy_generator
from ..gan.model import load
from .config import DiffusionConfig
from .denoiser import Denoiser
from .model import CrystalDiffusion, parameters_of
from .noise import levels, noised

CHECKED: Final = 32
"""Generated cells that are looked at after each epoch, of so many compositions as divide it by 8."""
_CHECKED_OF_EACH: Final = 8
_WARM_UP: Final = 100
"""Steps over which the learning rate rises, and the average begins."""
_LEAST_RATE: Final = 0.02
_BETAS: Final = (0.9, 0.99)
_STEEPEST: Final = 1.0


class DiffusionLearner:
    """Learns from point clouds of a layout.

    Parameters
    ----------
    config
        Settings.
    cells
        Shape (n, rows, 3), each crystal once: no supercells.
    device
        Where.

    Raises
    ------
    NoTrainingData
        No cells, or not of the layout; says which.
    """

    def __init__(self, config: DiffusionConfig, cells: ArrayLike, *, device: torch.device | None = None) -> None:
        self.config = config
        self.device = device or torch.device("cpu")
        arrays = checked_cells(cells, config.layout)
        self.numbers = counts(arrays, config.layout)
        self.vectors, fractional = _reduced(arrays, config.layout.longest)
        sizes = self.numbers.sum(axis=1)
        filled = occupied(arrays)
        kind_of_slot = np.repeat(np.arange(len(config.layout.elements)), config.layout.slots)
        found, inverse, many = np.unique(self.numbers, axis=0, return_inverse=True, return_counts=True)
        self.compositions = found
        weights = (1.0 / many[inverse.reshape(-1)]) ** config.evenness
        self.sizes = np.unique(sizes)
        self._members = [np.flatnonzero(sizes == size) for size in self.sizes]
        self._shares = [weights[members] / weights[members].sum() for members in self._members]
        self._fractional = [
            torch.from_numpy(np.stack([fractional[i][filled[i]] for i in members])).float() for members in self._members
        ]
        self._kinds = [
            torch.from_numpy(np.stack([kind_of_slot[filled[i]] for i in members])) for members in self._members
        ]
        # Batches of large cells hold few of them, so that they come oftener.
        often = np.array(
            [weights[members].sum() * size for members, size in zip(self._members, self.sizes, strict=True)]
        )
        self._often = often / often.sum()
        self.network = Denoiser(config).to(self.device)
        self.averaged = copy.deepcopy(self.network)
        self.steps = 0
        self.adam = torch.optim.Adam(self.network.parameters(), lr=config.learning_rate, betas=_BETAS)

    @property
    def model(self) -> CrystalDiffusion:
        """The running average of the network as it is now, for use."""
        vectors = torch.from_numpy(self.vectors).float()
        return CrystalDiffusion(self.config, vectors, torch.from_numpy(self.numbers), parameters_of(self.averaged))

    def epoch(self, number: int) -> Figures:
        """Train one epoch; see `models.learning.loop.Learner`."""
        config = self.config
        random = numpy_generator()
        self.network.train()
        sums: dict[str, list[Tensor]] = {}
        with out_of_memory():
            for batch in range(config.batches_per_epoch):
                gone = (number + batch / config.batches_per_epoch) / config.epochs
                self._step(self._rate(gone), random, sums)
        figures = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
        return figures | self.shares()

    def _rate(self, gone: float) -> float:
        cosine = 0.5 * (1 + cos(pi * min(gone, 1.0)))
        warm = min(1.0, (self.steps + 1) / _WARM_UP)
        return self.config.learning_rate * warm * (_LEAST_RATE + (1 - _LEAST_RATE) * cosine)

    def _step(self, rate: float, random: np.random.Generator, sums: dict[str, list[Tensor]]) -> None:
        config = self.config
        size = int(random.choice(len(self.sizes), p=self._often))
        many = max(1, config.atoms_per_batch // int(self.sizes[size]))
        drawn = random.choice(len(self._members[size]), size=many, p=self._shares[size])
        vectors = torch.from_numpy(self.vectors[self._members[size][drawn]]).float().to(self.device)
        noise = levels(many, config).to(self.device)
        kinds = self._kinds[size][drawn].to(self.device)
        seen = noised(self._fractional[size][drawn].to(self.device), vectors, noise, config)
        on_atoms, on_cell = self.network(seen.fractional, seen.vectors, kinds, noise)
        noise_loss = ((on_atoms - seen.on_atoms) ** 2).mean()
        strain_loss = ((on_cell - seen.on_cell) ** 2).mean()
        self.adam.param_groups[0]["lr"] = rate
        self.adam.zero_grad(set_to_none=True)
        (noise_loss + config.strain_weight * strain_loss).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), _STEEPEST)
        self.adam.step()
        self._follow()
        self.steps += 1
        note(sums, noise_loss=noise_loss, strain_loss=strain_loss)

    @torch.no_grad()
    def _follow(self) -> None:
        kept = min(self.config.average, (1 + self.steps) / (10 + self.steps))
        for mean, now in zip(self.averaged.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - kept)

    def shares(self) -> Figures:
        """Generate for some compositions of the training set; say how many are of them, and valid."""
        random = numpy_generator()
        model = self.model
        kinds = self.compositions[random.integers(len(self.compositions), size=CHECKED // _CHECKED_OF_EACH)]
        said = []
        for number in kinds:
            arrays = model.drawn(number.tolist(), _CHECKED_OF_EACH, int(random.integers(2**31)))
            said += faults(arrays, self.config.layout, asked=number)
        wrong = sum(fault is not None and kind(fault) == "composition" for fault in said)
        return {
            "share_as_asked": 1 - wrong / len(said),
            "share_valid": sum(fault is None for fault in said) / len(said),
        }

    def state(self) -> State:
        """State of network, running average, optimiser and steps."""
        kept = {"network": self.network.state_dict(), "averaged": self.averaged.state_dict()}
        return {**kept, "adam": self.adam.state_dict(), "steps": self.steps}

    def load_state(self, state: State) -> None:
        """Put back what `state` gave.

        Raises
        ------
        WrongModel
            It is of another layout or other settings.
        """
        load(self.network, state.get("network"), what="denoiser")
        load(self.averaged, state.get("averaged"), what="denoiser")
        self.adam.load_state_dict(state["adam"])
        self.steps = int(state["steps"])


def _reduced(arrays: NDArray[np.float64], longest: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Niggli-reduced cell vectors, Å, (n, 3, 3), and the fractional coordinates of all slots in them, (n, slots, 3)."""
    vectors = cell_matrices(arrays[:, 0] * longest, arrays[:, 1] * HALF_TURN)
    fractional = (arrays[:, CELL_ROWS:] - OFFSET) / SCALE
    reduced = vectors.copy()
    for i, matrix in enumerate(vectors):
        try:
            niggli = spglib.niggli_reduce(matrix)
        except spglib.SpglibError:
            niggli = None
        if niggli is not None:  # else it stays as it is, which is allowed
            reduced[i] = niggli
    return reduced, fractional @ vectors @ np.linalg.inv(reduced)
