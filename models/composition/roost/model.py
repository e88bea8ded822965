"""Roost: formation energies with their uncertainty from stoichiometry alone.

Ensembles of networks, and their use on formulas in bulk. How they are trained is in `roost_training`; this knows no
database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray

from ...learning.weights import pack, unpack
from ..formula.elements import SYMBOLS
from ..formula.known_energies import chosen
from ..formula.parsing import Formulas, parse
from .graph import Graphs
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

#: Formulas predicted at a time; more does not pay, since the matrices are then large enough.
PREDICT_BATCH: Final = 512


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
        DamagedWeights, WrongModel
        """
        config, state = unpack(data, KIND)
        pairs = zip(config["members"], state["members"], strict=True)
        return cls(
            tuple(network_from(RoostConfig.from_dict(_NOT_KNOWN | each), weights).to(device) for each, weights in pairs)
        )


def predict(
    model: RoostEnsemble | Roost,
    formulas: Sequence[str] | Formulas,
    *,
    unseen: Literal["raise", "nan"] = "raise",
    batch_size: int = PREDICT_BATCH,
) -> Prediction:
    """Predict the target, for the formation energy in eV/atom, of many formulas.

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
    nelements = parsed.nelements
    known = np.logical_and.reduce([member.seen.cpu().numpy() for member in members])
    strange = ~known[parsed.numbers]
    good = nelements > 0
    good[parsed.rows[strange]] = False
    if strange.any() and unseen == "raise":
        symbols = [SYMBOLS[number] for number in np.unique(parsed.numbers[strange]).tolist()]
        raise UnseenElement(symbols, np.unique(parsed.rows[strange]))
    means = np.full((len(members), len(parsed)), np.nan)
    stds = np.full((len(members), len(parsed)), np.nan)
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(-nelements[rows], kind="stable")]
    graphs = Graphs.of(parsed)
    known_of = _contexts(members, parsed, np.sort(rows))
    device = members[0].target.device
    with torch.inference_mode():
        for start in range(0, len(rows), batch_size):
            part = rows[start : start + batch_size]
            batch = graphs.batch(part, device=device)
            places = torch.from_numpy(part[batch.order])
            for index, (member, known) in enumerate(zip(members, known_of, strict=True)):
                mean, log_std = member(batch, known[places].to(device) if known is not None else None)
                centre, scale = member.target.tolist()
                means[index, part[batch.order]] = mean.double().cpu().numpy() * scale + centre
                stds[index, part[batch.order]] = log_std.double().exp().cpu().numpy() * scale
    aleatoric = np.sqrt((stds**2).mean(axis=0))
    epistemic = means.std(axis=0)
    return Prediction(means.mean(axis=0), np.hypot(aleatoric, epistemic), aleatoric, epistemic)


def _contexts(members: Sequence[Roost], parsed: Formulas, good: NDArray[np.int64]) -> list[torch.Tensor | None]:
    """Give what each member is told of known energies, by formula; members that know the same share it."""
    found: list[torch.Tensor | None] = []
    for index, member in enumerate(members):
        if member.context is None:
            found.append(None)
            continue
        context = member.context
        for earlier, known in zip(members[:index], found, strict=True):
            if earlier.context is not None and context.same(earlier.context):
                found.append(known)
                break
        else:
            features = context.features(chosen(parsed, good))
            spread = features.new_zeros((len(parsed), features.shape[1]))
            spread[torch.from_numpy(good)] = features
            found.append(spread)
    return found
