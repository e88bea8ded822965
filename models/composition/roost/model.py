"""Roost: formation energies with their uncertainty from stoichiometry alone.

Ensembles of networks, and their use on formulas in bulk. How they are trained is in `learner`; this knows no
database.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ...learning.weights import pack, unpack
from ..formula.elements import SYMBOLS
from ..formula.formula_arrays import Formulas
from ..formula.parsing import parse
from .graph import Graphs
from .known_energies import chosen
from .network import Roost, RoostConfig, element_properties, network_from

__all__ = [
    "KIND",
    "Prediction",
    "Roost",
    "RoostConfig",
    "RoostEnsemble",
    "UnseenElement",
    "element_properties",
    "network_from",
    "predict",
]

#: Kind under which weights are packed.
KIND: Final = "roost"

#: Formulas that pass the networks together, always as many and all of equally many elements. The last bits of a row of
#: a product of matrices depend on how many rows there are (other kernels), by up to 3e-7 eV/atom here; with shapes that
#: never change they depend on nothing else, neither on the other rows nor on threads. Found so with MKL from 32 on.
BLOCK: Final = 64

#: What goes for weights packed before networks could be told of known energies.
_NOT_KNOWN: Final = {"known_energies": False, "untold": 0.0}


class UnseenElement(ValueError):
    """Formulas with elements that the training set did not hold; ``symbols`` are these, ``indices`` the formulas."""

    def __init__(self, symbols: Sequence[str], indices: NDArray[np.int64]) -> None:
        self.symbols = tuple(symbols)
        self.indices = indices
        super().__init__(
            f"{len(indices)} formulas (first: number {int(indices[0])}) hold elements the model was not trained on: "
            f'{", ".join(symbols)}; leave them out, or ask for NaN there with unseen="nan"'
        )


class Prediction(NamedTuple):
    """Predictions, arrays of shape (n,) in the unit of the target (eV/atom).

    Attributes
    ----------
    mean
        The ensemble's mean.
    std
        Of both kinds: the root of the sum of their squares.
    aleatoric
        What the networks say of themselves (root of the mean of their variances).
    epistemic
        Spread of the members (0 for a single one).
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    aleatoric: NDArray[np.float64]
    epistemic: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RoostEnsemble:
    """Networks that predict together, one or several."""

    members: tuple[Roost, ...]

    def __post_init__(self) -> None:
        if not self.members:
            raise ValueError("an ensemble has at least one member")

    def to_bytes(self) -> bytes:
        """Pack weights and configs."""
        configs = [member.config.to_dict() for member in self.members]
        states = [dict(member.state_dict()) for member in self.members]
        return pack(KIND, {"members": configs}, {"members": states})

    @classmethod
    def from_bytes(cls, data: bytes, *, device: torch.device | None = None) -> Self:
        """Read what `to_bytes` packed.

        Raises
        ------
        exfolio.models.learning.weights.DamagedWeights, WrongModel
            The bytes are no weights, not all of them, or those of another model, or of a network that was told of known
            energies in another way.
        """
        config, state = unpack(data, KIND)
        pairs = zip(config["members"], state["members"], strict=True)
        return cls(
            tuple(network_from(RoostConfig.from_dict(_NOT_KNOWN | each), weights).to(device) for each, weights in pairs)
        )


def predict(
    model: RoostEnsemble | Roost, formulas: Sequence[str] | Formulas, *, unseen: Literal["raise", "nan"] = "raise"
) -> Prediction:
    """Target with its uncertainty, for the formation energy in eV/atom, of many formulas.

    A formula's prediction is the same bit by bit whatever is predicted with it: see `BLOCK`.

    Parameters
    ----------
    formulas
        Texts, or what `parse` made of them; formulas without elements (those `parse_or_report` found bad) give NaN.
    unseen
        What to do about elements that were not in the training set.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    UnseenElement
        Formulas hold elements that were not in the training set, and `unseen` is ``raise``.
    """
    members = model.members if isinstance(model, RoostEnsemble) else (model,)
    parsed = parse(formulas)
    rows = _predictable(members, parsed, unseen)
    told = _told(members, parsed, rows)
    graphs = Graphs.of(parsed)
    predicted = Prediction(*(np.full(len(parsed), np.nan) for _ in Prediction._fields))
    with torch.inference_mode():
        for block in _blocks(rows, graphs.sizes[rows]):
            for values, of_block in zip(predicted, _predict_block(members, graphs, told, block), strict=True):
                values[block] = of_block
    return predicted


def _predictable(members: Sequence[Roost], parsed: Formulas, unseen: Literal["raise", "nan"]) -> NDArray[np.int64]:
    """Places of formulas with elements, all of which every member knows."""
    known = np.logical_and.reduce([member.seen.cpu().numpy() for member in members])
    strange = ~known[parsed.numbers]
    if strange.any() and unseen == "raise":
        symbols = [SYMBOLS[number] for number in np.unique(parsed.numbers[strange]).tolist()]
        raise UnseenElement(symbols, np.unique(parsed.rows[strange]))
    good = parsed.nelements > 0
    good[parsed.rows[strange]] = False
    return np.flatnonzero(good)


def _blocks(rows: NDArray[np.int64], sizes: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Blocks of `BLOCK` formulas of equally many elements; the last of each number is filled up with its first."""
    for size in np.unique(sizes).tolist():
        alike = rows[sizes == size]
        for start in range(0, len(alike), BLOCK):
            block = alike[start : start + BLOCK]
            yield np.pad(block, (0, BLOCK - len(block)), constant_values=block[0])


def _predict_block(
    members: Sequence[Roost], graphs: Graphs, told: Sequence[torch.Tensor | None], block: NDArray[np.int64]
) -> Prediction:
    device = members[0].target.device
    batch = graphs.batch(block, device=device)
    places = torch.from_numpy(block)
    means, stds = np.empty((2, len(members), len(block)))
    for index, (member, known) in enumerate(zip(members, told, strict=True)):
        mean, log_std = member(batch, known[places].to(device) if known is not None else None)
        centre, scale = member.target.tolist()
        means[index] = mean.double().cpu().numpy() * scale + centre
        stds[index] = log_std.double().exp().cpu().numpy() * scale
    aleatoric, epistemic = np.sqrt((stds**2).mean(axis=0)), means.std(axis=0)
    return Prediction(means.mean(axis=0), np.hypot(aleatoric, epistemic), aleatoric, epistemic)


def _told(members: Sequence[Roost], parsed: Formulas, rows: NDArray[np.int64]) -> list[torch.Tensor | None]:
    """Features of known energies that each member is told, by formula; members that know the same share it."""
    told: list[torch.Tensor | None] = []
    for index, member in enumerate(members):
        if member.context is None:
            told.append(None)
            continue
        context = member.context
        for earlier, known in zip(members[:index], told, strict=True):
            if earlier.context is not None and context.same(earlier.context):
                told.append(known)
                break
        else:
            features = context.features(chosen(parsed, rows))
            spread = features.new_zeros((len(parsed), features.shape[1]))
            spread[torch.from_numpy(rows)] = features
            told.append(spread)
    return told
