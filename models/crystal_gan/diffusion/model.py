"""A trained denoiser with the cells it begins from: the crystals of the training set lend theirs, stretched to fit.

Knows networks and point clouds; files and databases that keep the bytes are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...learning.weights import State, WrongModel, pack
from ...structure.point_cloud import HALF_TURN, OFFSET, SCALE
from ...structure.point_cloud_layouts import CELL_ROWS, Layout
from ..gan.model import KIND, load
from .config import DiffusionConfig
from .denoiser import Denoiser
from .noise import denoised

Floats = NDArray[np.float64]


class CrystalDiffusion:
    """Makes point clouds of a composition, ready for use.

    Parameters
    ----------
    config
        What it was made and trained with.
    vectors
        Cell vectors of the training set as rows in Å, shape (cells, 3, 3).
    numbers
        Atoms of each element in these, shape (cells, elements).
    state
        Trained weights.
    """

    at_once: ClassVar[int] = 32
    """Crystals made in one go."""

    def __init__(self, config: DiffusionConfig, vectors: Tensor, numbers: Tensor, state: State | None = None) -> None:
        self.config = config
        self.vectors, self.numbers = vectors.to(torch.float32), numbers
        self.network = Denoiser(config)
        if state is not None:
            load(self.network, state, what="denoiser")
        self.network.eval()
        # Volumes add up from the elements' to a few percent.
        volumes = torch.linalg.det(vectors.double()).abs()
        self._volumes = torch.linalg.lstsq(numbers.double(), volumes[:, None], driver="gelsd").solution[:, 0]

    @property
    def layout(self) -> Layout:
        """Elements and slots."""
        return self.config.layout

    def cells(self, number: Sequence[int], n: int, random: torch.Generator) -> Tensor:
        """Draw n cells for a composition from those of like compositions, stretched to its volume: Å, (n, 3, 3)."""
        target = torch.tensor([float(amount) for amount in number], dtype=torch.float64)
        unlike = (self.numbers - target).abs().sum(dim=1)
        weights = (-(unlike - unlike.min()) / max(self.config.cell_reach, 1e-9)).exp()
        drawn = torch.multinomial(weights, n, replacement=True, generator=random)
        expected = (self.numbers[drawn].double() @ self._volumes).clamp_min(1.0)
        stretch = ((target @ self._volumes).clamp_min(1.0) / expected) ** (1 / 3)
        stretched: Tensor = self.vectors[drawn] * stretch[:, None, None].float()
        return stretched

    def drawn(self, number: Sequence[int], n: int, seed: int) -> Floats:
        """Make n point clouds of a composition, shape (n, rows, 3); `at_once` at most."""
        random = torch.Generator().manual_seed(seed)
        cells = self.cells(number, self.at_once, random)
        kinds = torch.repeat_interleave(torch.arange(len(number)), torch.tensor(list(number)))
        following = int(torch.randint(2**62, (1,), generator=random))
        whole = kinds.expand(self.at_once, -1)[:n]
        device = next(self.network.parameters()).device
        fractional, vectors = denoised(
            self.network, cells[:n].to(device), whole.to(device), self.config, following, at_once=self.at_once
        )
        return self._point_clouds(fractional.cpu().double().numpy(), vectors.cpu().double().numpy(), number)

    def to_bytes(self) -> bytes:
        """Pack settings, weights and cells; `generators.read_generator` reads them."""
        state = {"network": self.network.state_dict(), "vectors": self.vectors, "numbers": self.numbers}
        return pack(KIND, self.config.to_dict(), state)

    @classmethod
    def from_state(cls, config: DiffusionConfig, state: State) -> CrystalDiffusion:
        """Make it again of what `to_bytes` packed.

        Raises
        ------
        WrongModel
            The weights are of one with other settings, or lack the cells.
        """
        if not {"network", "vectors", "numbers"} <= set(state):
            raise WrongModel("these weights of a Crystal GAN lack network, vectors or numbers: train it again")
        return cls(config, state["vectors"], state["numbers"], state["network"])

    def _point_clouds(self, fractional: Floats, vectors: Floats, number: Sequence[int]) -> Floats:
        layout = self.layout
        arrays = np.zeros((len(vectors), *layout.shape))
        lengths = np.linalg.norm(vectors, axis=2)
        unit = vectors / lengths[:, :, None]
        cosines = np.stack([(unit[:, i] * unit[:, j]).sum(axis=1) for i, j in ((1, 2), (0, 2), (0, 1))], axis=1)
        arrays[:, 0] = lengths / layout.longest
        arrays[:, 1] = np.degrees(np.arccos(np.clip(cosines, -1, 1))) / HALF_TURN
        filled = [start + i for start, n in zip(layout.starts, number, strict=False) for i in range(n)]
        arrays[:, CELL_ROWS + np.array(filled)] = SCALE * fractional + OFFSET
        return arrays


def parameters_of(network: nn.Module) -> State:
    """Weights of a network on the CPU, detached."""
    return {name: value.detach().cpu().clone() for name, value in network.state_dict().items()}
