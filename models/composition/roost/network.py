"""The network of Roost and its hyperparameters.

Knows graphs of elements, no formulas; how it is trained is in `learner`, how it is used in `model`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import numpy as np
import torch
from torch import nn

from ...learning.config import BadConfig, ModelConfig
from ...learning.weights import State
from ..formula.elements import MAX_Z
from .attention import WeightedAttention
from .context import WIDTH as CONTEXT_WIDTH
from .context import KnownContext
from .graph import GraphBatch

Embedding = Literal["learnt", "magpie", "matscholar", "described", "both"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoostConfig(ModelConfig):
    """Hyperparameters of network and training; `published` gives those of the paper.

    Attributes
    ----------
    embedding
        What a node knows of its element: a vector that is learnt; Magpie's table of properties, Matscholar's word
        vectors (as the paper has it) or, ``described``, these two; or, ``both``, a learnt vector and Magpie's table.
    known_energies
        Whether the network is told what the energies of the other compositions of the training set say of it: the
        hull that they make there and the energies of its relatives (see `known_energies`). Not part of the paper.
    untold
        Share of the compositions that such a network is told nothing of in each epoch, lest it rely on that alone.
    width, layers, heads, hidden
        Features of a node; message layers; heads of each and of the pooling; hidden width of gates and messages.
    trunk
        Widths of the residual output network.
    epochs, batch_size, learning_rate, weight_decay
        Of AdamW.
    schedule
        ``one-cycle`` rises over `warm_up` (a share of all steps) and falls along a cosine; ``constant`` stays.
    gradient_norm
        Longer gradients are shortened to this; None leaves them.
    average
        Decay per step of the moving average of the weights that predicts; None predicts with the weights themselves.
    dropout
        Share of the trunk's features left out while training.
    beta
        Power of the predicted deviation by which compositions count: 0 is the published loss, in which those that the
        network is unsure of count little; with 1 all errors count alike.
    duplicates
        What becomes of compositions that occur several times: ``lowest`` or ``mean`` target, or ``keep``.

    Notes
    -----
    Goodall, Lee, Nat. Commun. 11, 6280 (2020).
    """

    embedding: Embedding = "described"
    known_energies: bool = True
    untold: float = 0.3
    width: int = 64
    layers: int = 3
    heads: int = 3
    hidden: int = 64
    trunk: tuple[int, ...] = (512, 512, 256)
    epochs: int = 32
    batch_size: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.1
    schedule: Literal["one-cycle", "constant"] = "one-cycle"
    warm_up: float = 0.05
    gradient_norm: float | None = 1.0
    average: float | None = 0.998
    dropout: float = 0.0
    beta: float = 1.0
    duplicates: Literal["lowest", "mean", "keep"] = "lowest"

    def __post_init__(self) -> None:
        """Refuse settings that would fail, or mean nothing, later on."""
        object.__setattr__(self, "trunk", tuple(self.trunk))
        if self.embedding not in get_args(Embedding):
            raise BadConfig(f"{self.embedding=!r} is none of {', '.join(get_args(Embedding))}")
        self.require_whole(1, "layers", "heads", "hidden", "epochs", "batch_size")
        self.require_whole(2, "width")
        if self.learning_rate <= 0:
            raise BadConfig(f"learning_rate is {self.learning_rate}, not above 0")
        if any(width < 1 for width in self.trunk):
            raise BadConfig(f"each of {self.trunk=} is at least 1")
        for name in ("untold", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise BadConfig(f"{name} is a share, from 0 up to 1, not {getattr(self, name)}")
        for name in ("warm_up", "beta"):
            if not 0 <= getattr(self, name) <= 1:
                raise BadConfig(f"{name} is from 0 to 1, not {getattr(self, name)}")
        if self.average is not None and not 0 <= self.average < 1:
            raise BadConfig(f"{self.average=} is not from 0 up to 1")

    @classmethod
    def published(cls, **changes: Any) -> Self:
        """Recipe of the paper: batches of 128, AdamW 3e-4 and 1e-6 throughout, nothing averaged or clipped."""
        recipe: dict[str, Any] = {
            "embedding": "matscholar",
            "known_energies": False,
            "untold": 0.0,
            "hidden": 256,
            "trunk": (1024, 512, 256),
            "epochs": 250,
            "batch_size": 128,
            "learning_rate": 3e-4,
            "weight_decay": 1e-6,
            "schedule": "constant",
            "gradient_norm": None,
            "average": None,
            "beta": 0.0,
        }
        return cls(**(recipe | changes))

    @classmethod
    def untold_large(cls, **changes: Any) -> Self:
        """Larger network that is told no known energies: it errs elsewhere, which helps an ensemble."""
        recipe: dict[str, Any] = {
            "embedding": "both",
            "known_energies": False,
            "untold": 0.0,
            "hidden": 128,
            "trunk": (1024, 512, 256),
            "epochs": 50,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "average": 0.999,
        }
        return cls(**(recipe | changes))


class Roost(nn.Module):
    """The network: target (standardised) and the logarithm of its standard deviation for each graph.

    Parameters
    ----------
    config
        Its sizes.
    properties
        Table of the elements for the embeddings that use one, shape (119, properties), standardised; see
        `element_properties`.
    context
        Known energies, for a network that is told of them.

    Notes
    -----
    Besides the weights it carries what prediction needs: the table, the elements seen in training, and mean and scale
    of the target.
    """

    def __init__(
        self, config: RoostConfig, properties: torch.Tensor | None = None, context: KnownContext | None = None
    ) -> None:
        super().__init__()
        if (context is None) == config.known_energies:
            raise ValueError(f"{config.known_energies=} goes with {'a' if context is None else 'no'} context")
        if (properties is None) != (config.embedding == "learnt"):
            raise ValueError(f"{config.embedding=!r} goes with {'no' if properties is not None else 'a'} element table")
        self.config = config
        described = config.width - 1  # the last feature is the molar fraction
        self.learnt = nn.Embedding(MAX_Z + 1, described) if config.embedding in ("learnt", "both") else None
        self.described = nn.Linear(properties.shape[1], described) if properties is not None else None
        self.properties: torch.Tensor
        self.register_buffer("properties", properties if properties is not None else torch.empty(0))
        self.seen: torch.Tensor
        self.register_buffer("seen", torch.zeros(MAX_Z + 1, dtype=torch.bool))
        self.target: torch.Tensor
        self.register_buffer("target", torch.tensor([0.0, 1.0]))
        sizes = config.width, config.heads, config.hidden
        self.messages = nn.ModuleList(WeightedAttention(*sizes, pairs=True) for _ in range(config.layers))
        self.pooling = WeightedAttention(*sizes, pairs=False)
        self.context = context
        widths = (config.width + (CONTEXT_WIDTH if context is not None else 0), *config.trunk)
        self.trunk = nn.ModuleList(
            _Residual(inputs, outputs) for inputs, outputs in zip(widths, config.trunk, strict=False)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(widths[-1], 2)

    def forward(self, batch: GraphBatch, known: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Standardised mean and log standard deviation, each (graphs,), in the order of the batch.

        `known` is what `context` says of the graphs, in the order of the batch, shape (graphs, features).
        """
        elements = self.element_vectors()[batch.numbers]
        nodes = torch.cat([elements, batch.fractions], dim=1)
        log_fractions = batch.fractions.log()
        for layer in self.messages:
            nodes = nodes + layer(nodes, log_fractions, batch)
        features = self.pooling(nodes, log_fractions, batch)
        if self.context is not None and known is not None:
            told = self.context.standardised(known)
            if self.training and self.config.untold:
                told = told * (torch.rand((len(told), 1), device=told.device) >= self.config.untold)
            features = torch.cat([features, told], dim=1)
        for layer in self.trunk:
            features = self.dropout(layer(features))
        mean, log_std = self.output(features).unbind(1)
        return mean, log_std

    def element_vectors(self) -> torch.Tensor:
        """Vectors that nodes know their element by, shape (119, width - 1), by atomic number."""
        parts: list[torch.Tensor] = []
        if self.learnt is not None:
            parts.append(self.learnt.weight)
        if self.described is not None:
            parts.append(self.described(self.properties))
        return torch.stack(parts).sum(0)


class _Residual(nn.Module):
    """``relu(A x + b) + R x``, both products as one."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs
        bound = 1 / np.sqrt(inputs)
        # No shortcut matrix is needed where the width stays.
        rows = outputs if inputs == outputs else 2 * outputs
        self.weight = nn.Parameter(torch.empty(rows, inputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(outputs).uniform_(-bound, bound))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        product = x @ self.weight.T
        shortcut = product[:, self.outputs :] if len(self.weight) > self.outputs else x
        return nn.functional.relu(product[:, : self.outputs] + self.bias) + shortcut


def element_properties(embedding: Embedding) -> torch.Tensor | None:
    """Table of the elements that an embedding uses, each column standardised, or None where it needs none.

    Returns
    -------
    Tensor, shape (119, 22), (119, 200) or (119, 222)
        By atomic number; row 0 is zero.
    """
    if embedding == "learnt":
        return None
    # matminer takes seconds to import, and a trained model does not need it
    from ..magpie import element_table
    from .element_vectors import standardised, word_vectors

    parts = []
    if embedding != "matscholar":
        parts.append(standardised(element_table().values))
    if embedding in ("matscholar", "described"):
        parts.append(standardised(word_vectors()))
    return torch.from_numpy(np.concatenate(parts, axis=1).astype(np.float32))


def network_from(config: RoostConfig, weights: State) -> Roost:
    """Make the network again from its weights, ready to predict."""
    # Models that come along are kept in half precision.
    weights = {name: value.float() if value.dtype == torch.float16 else value for name, value in weights.items()}
    table = weights["properties"]
    context = KnownContext.from_state(weights, "context.") if config.known_energies else None
    network = Roost(config, table.clone() if table.numel() else None, context)
    network.load_state_dict(weights)
    return network.eval().requires_grad_(requires_grad=False)
