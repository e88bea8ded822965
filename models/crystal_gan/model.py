"""A trained Crystal GAN: its settings and its generator, made from or written as packed weights.

Knows networks; files and databases that keep the bytes are the caller's.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..learning.weights import State, WrongModel, pack, unpack
from ..structure.layouts import Layout
from .config import CrystalGanConfig
from .dense_networks import DenseGenerator
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

    def __init__(self, config: CrystalGanConfig, state: State | None = None) -> None:
        self.config = config
        self.generator = make_generator(config)
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

    def to_bytes(self) -> bytes:
        """Pack settings and weights; `from_bytes` reads them."""
        return pack(KIND, self.config.to_dict(), self.generator.state_dict())

    @classmethod
    def from_bytes(cls, data: bytes, layout: Layout | None = None) -> CrystalGan:
        """Read packed weights.

        Parameters
        ----------
        data
            Of `to_bytes`.
        layout
            The layout that is needed, where it must be a certain one.

        Raises
        ------
        DamagedWeights
            These are no weights.
        WrongModel
            They are of another kind of model, or of another layout.
        """
        plain, state = unpack(data, KIND)
        config = CrystalGanConfig.from_dict(plain)
        if layout is not None and (layout.elements, layout.slots, layout.longest) != (
            config.layout.elements,
            config.layout.slots,
            config.layout.longest,
        ):
            raise WrongModel(
                f"these weights are of layout {config.layout.to_dict()}, not of {layout.to_dict()}; train that one"
            )
        return cls(config, state)


def make_generator(config: CrystalGanConfig) -> nn.Module:
    """Make the generator of these settings, with weights not yet trained."""
    return Generator(config) if config.networks == "published" else DenseGenerator(config)


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
