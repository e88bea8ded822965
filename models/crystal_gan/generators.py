"""What every generator of crystals can do, whichever profile it is of, and reading one from packed weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..learning.loop import Learner
from ..learning.weights import WrongModel, unpack
from ..structure.point_cloud_layouts import Layout
from .crystals.cell_augmentation import with_supercells
from .diffusion.config import DiffusionConfig, Settings, settings_from
from .diffusion.learner import DiffusionLearner
from .diffusion.model import CrystalDiffusion
from .gan.config import CrystalGanConfig
from .gan.learner import CrystalGanLearner
from .gan.model import KIND, CrystalGan
from .gan.surroundings_learner import SurroundingsLearner


class CrystalGenerator(Protocol):
    """Makes point clouds of a composition."""

    @property
    def at_once(self) -> int:
        """How many are made in one go."""
        ...

    @property
    def layout(self) -> Layout:
        """Elements and slots."""
        ...

    def drawn(self, number: Sequence[int], n: int, seed: int) -> NDArray[np.float64]:
        """Make n point clouds, `at_once` at most; the same seed gives the same ones."""
        ...

    def to_bytes(self) -> bytes:
        """Pack settings and weights; `read_generator` reads them."""
        ...


class GeneratorLearner(Learner, Protocol):
    """A learner that gives a generator."""

    @property
    def model(self) -> CrystalGenerator:
        """The generator as it is now."""
        ...


def make_learner(config: Settings, cells: ArrayLike, *, device: torch.device | None = None) -> GeneratorLearner:
    """Make the learner of these settings; cells are given once each, of shape (n, rows, 3).

    Raises
    ------
    NoTrainingData
        No cells, or not of the layout; says which.
    """
    if isinstance(config, DiffusionConfig):
        return DiffusionLearner(config, cells, device=device)
    kind = SurroundingsLearner if config.neighbours else CrystalGanLearner
    return kind(config, with_supercells(cells, config.layout), device=device)


def read_generator(data: bytes, layout: Layout | None = None) -> CrystalGenerator:
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
    config = settings_from(plain)
    own = config.layout
    if layout is not None and (layout.elements, layout.slots, layout.longest) != (own.elements, own.slots, own.longest):
        raise WrongModel(f"these weights are of layout {own.to_dict()}, not of {layout.to_dict()}; train that one")
    if isinstance(config, CrystalGanConfig):
        return CrystalGan(config, state)
    return CrystalDiffusion.from_state(config, state)
