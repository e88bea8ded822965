"""A generator of which only compositions are kept that are as somebody wishes them.

The sequential generator is steered while it writes, so that elements need no luck; for what else is wished, and for all
of it with other generators, draws are refused. Knows generators by what `sampling` asks of them.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch

from ...learning.loop import generator as random_numbers
from ..oxidation_states import OxidationStates
from .model import MatGAN
from .wish import Wish

#: Draws from which the share that is kept is estimated, and the seed they are drawn with.
_PILOT_DRAWS: Final = 1 << 12
_PILOT_SEED: Final = (0, 1)

#: The share that is kept is taken for this at least, which bounds what is drawn at once.
_LEAST_SHARE: Final = 0.02

#: Draws without a single one as wished after which the wish is given up.
_IN_VAIN: Final = 400_000


class UnmetWish(ValueError):
    """A wish that no draw has met."""


class WishingGenerator:
    """A generator of which only what is as wished is kept.

    Parameters
    ----------
    model
        What draws.
    wish
        What is wished.
    oxidation_states
        By which charges balance.

    Raises
    ------
    UnmetWish
        Of many draws none is as wished.
    """

    def __init__(self, model: MatGAN, wish: Wish, *, oxidation_states: OxidationStates = "smact_default") -> None:
        self.wish = wish
        self.oxidation_states = oxidation_states
        self._model = model.steered(wish.containing, wish.elements())
        self._in_vain = 0
        self.kept_share = self._share()

    @property
    def latent_size(self) -> int:
        """Normal random numbers for one draw."""
        return self._model.latent_size

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        """Atoms of each element of the draws that are as wished, uint8 of shape (up to n, 85).

        Raises
        ------
        UnmetWish
            Of many draws none is as wished.
        """
        drawn = self._model.amounts(latent)
        met = self.wish.met(drawn.cpu().numpy(), self.oxidation_states)
        self._in_vain = 0 if met.any() else self._in_vain + len(latent)
        if self._in_vain > _IN_VAIN:
            raise UnmetWish(f"of {self._in_vain:,} draws none is as wished: {self.wish}")
        return drawn[torch.from_numpy(met).to(drawn.device)]

    def _share(self) -> float:
        numbers = random_numbers(*_PILOT_SEED).standard_normal((_PILOT_DRAWS, self.latent_size), dtype=np.float32)
        with torch.inference_mode():
            kept = len(self.amounts(torch.from_numpy(numbers).to(self._model.device)))
        return min(max(kept / _PILOT_DRAWS, _LEAST_SHARE), 1.0)
