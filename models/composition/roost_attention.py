"""Roost's weighted soft attention with the work that is the same for many edges done once.

The published layer runs two small networks over every edge and head. Both begin with a linear layer on the two nodes
side by side, which is the sum of one product for each node; the message network ends with a linear layer, which may as
well follow the weighted sum. What is left for the edges is an addition, a kink and two sums, done here for all heads
at once and in portions that fit into the cache, whose features are made again for the gradient rather than kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import nn

from .roost_graph import Chunk

#: Slope of the networks' kink below zero (torch's default for LeakyReLU, as published).
SLOPE: Final = 0.01


class WeightedAttention(nn.Module):
    """Heads of soft attention, weighted by molar fraction, averaged.

    Parameters
    ----------
    width
        Features of a node, in and out.
    heads
        Heads of attention.
    hidden
        Width of the hidden layer of the gate and of the message network, each.
    pairs
        Whether an edge is described by both its ends (message passing) or by its source alone (pooling).

    Notes
    -----
    Goodall, Lee, Nat. Commun. 11, 6280 (2020), equations 3 to 7. The bias of the gate's last layer is left out: it is
    the same for all that compete, so that it cancels.
    """

    def __init__(self, width: int, heads: int, hidden: int, *, pairs: bool) -> None:
        super().__init__()
        self.heads, self.hidden, self.pairs = heads, hidden, pairs
        features = 2 * heads * hidden  # of the gates, then of the messages
        ends = 2 if pairs else 1
        # Each matrix starts as torch starts the linear layers it stands for.
        self.first = _uniform((ends * features, width), ends * width)
        self.bias = _uniform((features,), ends * width)
        self.gate = _uniform((heads, hidden), hidden)
        self.last = _uniform((width, heads * hidden), hidden)
        self.last_bias = _uniform((width,), hidden)
        self.power = nn.Parameter(torch.ones(heads))

    def forward(self, nodes: torch.Tensor, log_fractions: torch.Tensor, chunks: Sequence[Chunk]) -> torch.Tensor:
        """Attend: `nodes` (nodes, width) and the logarithms of their fractions (nodes, 1) to (rows, width)."""
        products = nodes @ self.first.T
        summed = _attend(products, self.bias, self.gate, log_fractions * self.power, chunks)
        return summed @ self.last.T / self.heads + self.last_bias


def _uniform(shape: tuple[int, ...], inputs: int) -> nn.Parameter:
    bound = 1 / math.sqrt(inputs)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _hidden(products: torch.Tensor, bias: torch.Tensor, chunk: Chunk) -> torch.Tensor:
    """Make the hidden features of a portion of edges, shape (edges, features)."""
    features = len(bias)
    hidden = products[:, -features:].index_select(0, chunk.sources)
    if products.shape[1] == features:
        hidden += bias
    else:
        own = products[chunk.start : chunk.stop, :features] + bias
        for part in torch.split_with_sizes(hidden, chunk.counts):
            part += own[: len(part)]
    return nn.functional.leaky_relu_(hidden, SLOPE)


def _summed(parts: torch.Tensor, chunk: Chunk, out: torch.Tensor) -> None:
    """Add the parts of all steps up for each row."""
    first, *others = torch.split_with_sizes(parts, chunk.counts)
    out.copy_(first)
    for part in others:
        out[: len(part)] += part


class _Attend(torch.autograd.Function):
    """Weighted sum over the neighbours of ``leaky_relu(own + other + bias)``, weights from the same by softmax.

    `products` holds what each node brings as the one that attends (if it does), then what it brings as a neighbour:
    shape (nodes, 2 · features) or (nodes, features), where features are those of all gates, then of all messages.
    """

    @staticmethod
    def forward(
        ctx: Any,
        products: torch.Tensor,
        bias: torch.Tensor,
        gate: torch.Tensor,
        log_weights: torch.Tensor,
        chunks: Sequence[Chunk],
    ) -> torch.Tensor:
        heads, width = gate.shape
        half = heads * width
        result = products.new_empty((chunks[-1].stop, half))
        gates = gate.new_zeros((heads, width, heads))
        gates.diagonal(dim1=0, dim2=2).copy_(gate.T)
        weights = []
        for chunk in chunks:
            hidden = _hidden(products, bias, chunk)
            scores = hidden[:, :half] @ gates.view(half, heads)
            scores += log_weights.index_select(0, chunk.sources)
            weight = _softmax(scores, chunk)
            weights.append(weight)
            messages = hidden[:, half:].view(-1, heads, width) * weight[:, :, None]
            _summed(messages.flatten(1), chunk, result[chunk.start : chunk.stop])
        ctx.chunks = chunks
        ctx.save_for_backward(products, bias, gate, *weights)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = gradients
        products, bias, gate, *weights = ctx.saved_tensors
        heads, width = gate.shape
        half, features = heads * width, len(bias)
        # Rows are added into an array of their own: into columns of a wider one, that is ten times slower.
        per_other = products.new_zeros((len(products), features))
        per_own = products.new_empty((len(products), products.shape[1] - features))
        per_gate = torch.zeros_like(gate)
        per_log_weight = products.new_zeros((len(products), heads))
        for chunk, weight in zip(ctx.chunks, weights, strict=True):
            hidden = _hidden(products, bias, chunk)
            wanted = gradient[chunk.start : chunk.stop]
            wanted = torch.cat([wanted[:count] for count in chunk.counts]).view(-1, heads, width)
            per_weight = torch.mul(wanted, hidden[:, half:].view(-1, heads, width)).sum(2)
            per_score = _softmax_gradient(per_weight, weight, chunk)
            per_gate += _diagonal(per_score.T @ hidden[:, :half], heads)
            per_log_weight.index_add_(0, chunk.sources, per_score)
            per_hidden = torch.empty_like(hidden)
            torch.mul(per_score[:, :, None], gate, out=per_hidden[:, :half].view(-1, heads, width))
            torch.mul(wanted, weight[:, :, None], out=per_hidden[:, half:].view(-1, heads, width))
            # The sign of what comes out of the kink is that of what went in.
            torch.ops.aten.leaky_relu_backward.grad_input(per_hidden, hidden, SLOPE, True, grad_input=per_hidden)  # noqa: FBT003
            per_other.index_add_(0, chunk.sources, per_hidden)
            if per_own.shape[1]:
                _summed(per_hidden, chunk, per_own[chunk.start : chunk.stop])
        # The bias enters every edge once, on either side.
        per_bias = per_other.sum(0)
        return torch.cat([per_own, per_other], dim=1), per_bias, per_gate, per_log_weight, None


def _attend(
    products: torch.Tensor,
    bias: torch.Tensor,
    gate: torch.Tensor,
    log_weights: torch.Tensor,
    chunks: Sequence[Chunk],
) -> torch.Tensor:
    result: torch.Tensor = _Attend.apply(products, bias, gate, log_weights, chunks)  # type: ignore[no-untyped-call]
    return result


def _diagonal(products: torch.Tensor, heads: int) -> torch.Tensor:
    """Take what each head has with itself from (heads, heads · width)."""
    return products.view(heads, heads, -1).diagonal(dim1=0, dim2=1).T


def _softmax(scores: torch.Tensor, chunk: Chunk) -> torch.Tensor:
    """Turn scores (edges, heads) into weights that sum to one for each row and head."""
    padded = scores.new_full((len(chunk.counts), chunk.stop - chunk.start, scores.shape[1]), -math.inf)
    for step, part in zip(padded, torch.split_with_sizes(scores, chunk.counts), strict=True):
        step[: len(part)] = part
    weights = padded.softmax(0)
    return torch.cat([step[:count] for step, count in zip(weights, chunk.counts, strict=True)])


def _softmax_gradient(gradient: torch.Tensor, weights: torch.Tensor, chunk: Chunk) -> torch.Tensor:
    weighted = gradient * weights
    parts = torch.split_with_sizes(weighted, chunk.counts)
    totals = parts[0].clone()
    for part in parts[1:]:
        totals[: len(part)] += part
    return weighted - weights * torch.cat([totals[:count] for count in chunk.counts])
