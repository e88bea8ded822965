"""What a Roost network is told of known formation energies, beside the composition itself.

Carries the known compositions as buffers, so that they go with the weights. Knows what `known_energies` says, not what
the network makes of it.
"""

from __future__ import annotations

from functools import cached_property
from typing import Final, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...learning.weights import State, WrongModel
from ..formula.formula_arrays import Formulas
from .known_energies import KnownEnergies, feature_labels

#: Columns of the context.
WIDTH: Final = len(feature_labels())

#: Which way the features are worked out; kept with the weights, as a network that has learnt from others would take
#: them for what they are not. 2: nothing tells of a composition's own energy, not the hulls of its relatives either.
FEATURES: Final = 2

#: Standardised features are cut off at this many deviations.
_LARGEST: Final = 6.0


class KnownContext(nn.Module):
    """Known energies and the scale of their features.

    Parameters
    ----------
    known
        What is known.
    centre, scale
        Mean and deviation of its features, shape (WIDTH,).
    """

    def __init__(self, known: KnownEnergies, centre: torch.Tensor, scale: torch.Tensor) -> None:
        super().__init__()
        formulas = known.formulas
        for name, values in {
            "numbers": formulas.numbers,
            "amounts": formulas.amounts,
            "offsets": formulas.offsets,
            "energies": known.energies,
            "hull": known.hull.astype(np.float32),
            "distances": known.distances.astype(np.float32),
            "features_made": np.int64(FEATURES),
        }.items():
            self.register_buffer(name, torch.from_numpy(np.array(values)))
        self.centre: torch.Tensor
        self.register_buffer("centre", centre)
        self.scale: torch.Tensor
        self.register_buffer("scale", scale)

    @classmethod
    def of(cls, known: KnownEnergies, features: NDArray[np.float32]) -> Self:
        """Take what is known, and the features of the training set, for their scale."""
        spread = features.std(axis=0)
        centre, scale = features.mean(axis=0), np.where(spread > 0, spread, 1.0)
        return cls(known, torch.from_numpy(centre), torch.from_numpy(scale.astype(np.float32)))

    @classmethod
    def from_state(cls, weights: State, prefix: str) -> Self:
        """Make it again from the weights of the network that it is `prefix` in.

        Raises
        ------
        WrongModel
            The network has learnt from features of known energies that this version does not make.
        """
        part = {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}
        arrays = {name: value.cpu().numpy() for name, value in part.items()}
        if arrays.get("features_made") != FEATURES:
            raise WrongModel(
                "it has learnt from other features of known energies than this version makes (they told of a "
                "composition's own energy): train the model again"
            )
        known = KnownEnergies(
            Formulas(arrays["numbers"], arrays["amounts"], arrays["offsets"]),
            arrays["energies"],
            arrays["hull"].astype(np.float64),
            arrays["distances"].astype(np.float64),
        )
        return cls(known, part["centre"].clone(), part["scale"].clone())

    def same(self, other: KnownContext) -> bool:
        """Whether another one says the same."""
        mine, theirs = dict(self.named_buffers()), dict(other.named_buffers())
        return all(torch.equal(value.cpu(), theirs[name].cpu()) for name, value in mine.items())

    @cached_property
    def known(self) -> KnownEnergies:
        """What is known."""
        arrays = {name: value.cpu().numpy() for name, value in self.named_buffers()}
        return KnownEnergies(
            Formulas(arrays["numbers"], arrays["amounts"], arrays["offsets"]),
            arrays["energies"],
            arrays["hull"].astype(np.float64),
            arrays["distances"].astype(np.float64),
        )

    def features(self, formulas: Formulas) -> torch.Tensor:
        """Features of formulas, shape (n, WIDTH), on the CPU."""
        return torch.from_numpy(self.known.features(formulas))

    def standardised(self, features: torch.Tensor) -> torch.Tensor:
        """Features standardised and cut off, as the network takes them."""
        return ((features - self.centre) / self.scale).clamp(-_LARGEST, _LARGEST)
