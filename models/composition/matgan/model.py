"""MatGAN: what compositions are drawn from, once it has learnt what known ones look like.

A generator with the config it was made by. Knows networks and how draws are flattened; how it learns is in
`learner`, the drawing of millions in `sampling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor

from ...learning.loop import State
from ...learning.loop import generator as random_numbers
from ...learning.weights import pack, unpack
from .config import MatGANConfig
from .networks import ConvolutionalGenerator
from .sequential import SequentialGenerator, Written

#: Kind of the packed weights.
KIND: Final = "matgan"

#: Draws from which the ceiling is worked out, and the seed they are drawn with.
_PILOT_DRAWS: Final = 1 << 12
_PILOT_SEED: Final = (0, 0)

#: Draws of a steered generator that are likelier to be as wished than this share of them are kept as these are: else of
#: many wishes next to nothing would be kept.
_USUAL: Final = 0.95

#: Name of the ceiling among the packed weights.
_LOG_CEILING: Final = "log_ceiling"


class MatGAN:
    """A generator with the config it was made by: what compositions are drawn from.

    Draws are flattened by rejection. A composition that comes with likelihood p is kept with the chance min(1, c / p),
    so that none is drawn more often than one of likelihood c, and what is refused of the likeliest ones goes to all
    others alike. The ceiling c is where a share of `MatGANConfig.kept_share` is kept.

    Examples
    --------
    >>> model = MatGAN.from_bytes(weights)  # doctest: +SKIP
    >>> sample(model, 2_000_000, seed=1).formulas[:2]  # doctest: +SKIP
    """

    def __init__(self, config: MatGANConfig, *, device: torch.device | str = "cpu") -> None:
        self.config = config
        self.device = torch.device(device)
        self.generator: SequentialGenerator | ConvolutionalGenerator
        if config.networks == "sequential":
            self.generator = SequentialGenerator(config.width, config.dropout)
        else:
            self.generator = ConvolutionalGenerator(config.latent_size, config.width)
        self.generator.to(self.device).eval()
        self._log_ceiling: float | None = None
        self._log_usual: float | None = None

    @property
    def latent_size(self) -> int:
        """Normal random numbers for one draw: those of the generator, and one that decides whether it is kept."""
        return self.generator.latent_size + (self.kept_share < 1 or self._log_usual is not None)

    @property
    def kept_share(self) -> float:
        """Share of draws that are kept, about."""
        return self.config.kept_share

    @property
    def log_ceiling(self) -> float:
        """Logarithm of the likelihood above which compositions are drawn no more often."""
        if self._log_ceiling is None:
            self._log_ceiling = self._work_out_ceiling()
        return self._log_ceiling

    def steered(self, containing: Sequence[str], allowed: Sequence[str]) -> MatGAN:
        """The model that draws what holds some elements, and of others those alone that are allowed.

        Draws come as often, one beside the other, as they do among all draws. Convolutional networks can't be steered.

        Parameters
        ----------
        containing, allowed
            Symbols, as of `SequentialGenerator.steered`.
        """
        if not isinstance(self.generator, SequentialGenerator):
            return self
        model = copy(self)
        model._log_ceiling = self.log_ceiling if self.kept_share < 1 else 0.0
        model.generator = self.generator.steered(containing, allowed)
        model._log_usual = float(model._pilot().log_allowed.quantile(_USUAL))
        return model

    @torch.no_grad()
    def amounts(self, latent: Tensor) -> Tensor:
        """Atoms of each element of the draws that are kept, uint8 of shape (up to n, 85).

        Parameters
        ----------
        latent
            Normal numbers, shape (n, latent_size).
        """
        generator = self.generator
        if isinstance(generator, ConvolutionalGenerator):
            return generator.amounts(latent)
        if self.latent_size == generator.latent_size:
            return generator.as_amounts(generator.write(latent, temperature=self.config.temperature).cells)
        written = generator.write(latent[:, :-1], temperature=self.config.temperature)
        log_chance = torch.special.ndtr(latent[:, -1].double()).log()
        limit = torch.zeros_like(log_chance)
        if self.kept_share < 1:
            limit = (self.log_ceiling - written.log_likelihood).clamp(max=0)
        if self._log_usual is not None:
            limit = limit + written.log_allowed - self._log_usual
        return generator.as_amounts(written.cells[log_chance < limit])

    def to_bytes(self) -> bytes:
        """Pack config, weights and ceiling."""
        state: State = {**self.generator.state_dict()}
        if self.kept_share < 1:
            state[_LOG_CEILING] = self.log_ceiling
        return pack(KIND, self.config.to_dict(), state)

    @classmethod
    def from_bytes(cls, data: bytes, *, device: torch.device | str = "cpu") -> MatGAN:
        """Read what `to_bytes` packed.

        Raises
        ------
        DamagedWeights, WrongModel
            The bytes are no weights of a MatGAN.
        """
        config, state = unpack(data, KIND)
        model = cls(MatGANConfig.from_dict(config), device=device)
        model._log_ceiling = state.pop(_LOG_CEILING, None)
        model.generator.load_state_dict(state)
        return model

    @classmethod
    def from_state(cls, config: MatGANConfig, state: State, *, device: torch.device | str = "cpu") -> MatGAN:
        """Make the model of a learner's state, such as ``train(...).best``."""
        model = cls(config, device=device)
        model.generator.load_state_dict(state["average"])
        return model

    def _work_out_ceiling(self) -> float:
        return ceiling(self._pilot().log_likelihood.cpu().numpy(), self.kept_share)

    def _pilot(self) -> Written:
        assert isinstance(self.generator, SequentialGenerator)
        numbers = random_numbers(*_PILOT_SEED).standard_normal((_PILOT_DRAWS, self.generator.latent_size))
        latent = torch.from_numpy(numbers.astype(np.float32)).to(self.device)
        return self.generator.write(latent, temperature=self.config.temperature)


def ceiling(log_likelihood: NDArray[np.float64], kept_share: float) -> float:
    """Find log c such that of draws with these log p a share is kept, each with the chance min(1, c / p).

    Parameters
    ----------
    log_likelihood
        Of draws, each as often as it came, shape (n,).
    kept_share
        Above 0, below 1.
    """

    def surplus(log_ceiling: float) -> float:
        return float(np.exp(np.minimum(0, log_ceiling - log_likelihood)).mean() - kept_share)

    # At the lower end each chance is at most the share, at the upper end all are one.
    return float(brentq(surplus, log_likelihood.min() + np.log(kept_share), log_likelihood.max(), xtol=1e-9))


__all__ = ["KIND", "MatGAN", "MatGANConfig", "ceiling"]
