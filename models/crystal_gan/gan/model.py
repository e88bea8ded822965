"""A trained Crystal GAN: its settings and its generator, made from or written as packed weights.

Knows networks; files and databases that keep the bytes are the caller's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...learning.weights import State, WrongModel, pack
from ...structure.point_cloud_layouts import Layout
from .config import CrystalGanConfig
from .networks import Generator

KIND: Final = "crystal-gan"


class CrystalGan:
    """A generator of point clouds, ready for use.

    Attributes
    ----------
    config
        What it was made and trained with.
    generator
        The network.
    """

    at_once: ClassVar[int] = 256
    """Point clouds made in one go."""

    def __init__(self, config: CrystalGanConfig, state: State | None = None) -> None:
        self.config = config
        self.generator = Generator(config)
        if state is not None:
            load(self.generator, state, what="generator")
        self.generator.eval()

    @property
    def layout(self) -> Layout:
        """Elements and slots."""
        return self.config.layout

    def make(self, noise: Tensor, number: Tensor) -> NDArray[np.float64]:
        """Make point clouds, shape (n, rows, 3), of compositions, shape (n, elements)."""
        device = next(self.generator.parameters()).device
        self.generator.eval()
        with torch.inference_mode():
            cells = self.generator(noise.to(device), number.to(device))
        array: NDArray[np.float64] = cells.cpu().numpy().astype(np.float64)
        return array

    def drawn(self, number: Sequence[int], n: int, seed: int) -> NDArray[np.float64]:
        """Make n point clouds of a composition, shape (n, rows, 3); `at_once` at most."""
        random = torch.Generator().manual_seed(seed)
        noise = torch.randn(self.at_once, self.config.latent, generator=random)[:n]
        return self.make(noise, torch.tensor([list(number)]).expand(n, -1))

    def to_bytes(self) -> bytes:
        """Pack settings and weights; `generators.read_generator` reads them."""
        return pack(KIND, self.config.to_dict(), self.generator.state_dict())


def load(network: nn.Module, state: State | None, *, what: str) -> None:
    """Put weights into a network.

    Raises
    ------
    WrongModel
        They are of one with other settings or of another layout.
    """
    try:
        network.load_state_dict(state or {})
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise WrongModel(f"these weights are not of a {what} with these settings and layout: {reason}") from None
