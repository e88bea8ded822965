"""Roost's weighted soft attention with the work that is the same for many edges done once.

The published layer runs two small networks over every edge and head. Both begin with a linear layer on the two nodes
side by side, which is the sum of one product for each node; the message network ends with a linear layer, which may as
well follow the weighted sum. What is left for the edges is an addition, a kink and two sums, done here for all heads
and all graphs at once, one neighbour of each row after the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch import nn

from .graph import GraphBatch, Step

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
        Whether nodes attend to the other nodes of their graph, an edge being described by both its ends (message
        passing), or graphs to their nodes (pooling).

    Notes
    -----
    Goodall, Lee, Nat. Commun. 11, 6280 (2020), equations 3 to 7. A node without others attends to itself. The bias of
    the gate's last layer is left out: it is the same for all that compete, so that it cancels.
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

    def forward(self, nodes: torch.Tensor, log_fractions: torch.Tensor, batch: GraphBatch) -> torch.Tensor:
        """Take `nodes` (nodes, width) and the logarithms of their fractions (nodes, 1) to (nodes or graphs, width)."""
        own = None
        if self.pairs:
            first_own, first_other = torch.split_with_sizes(self.first, [len(self.bias)] * 2)
            own = nn.functional.linear(nodes, first_own, self.bias)
            other = nodes @ first_other.T
        else:
            other = nn.functional.linear(nodes, self.first, self.bias)
        steps = batch.messages if self.pairs else batch.pooling
        summed = _attend(own, other, log_fractions * self.power, self.gate, steps)
        return nn.functional.linear(summed, self.last / self.heads, self.last_bias)


def _uniform(shape: tuple[int, ...], inputs: int) -> nn.Parameter:
    bound = 1 / math.sqrt(inputs)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _attend(
    own: torch.Tensor | None,
    other: torch.Tensor,
    log_weights: torch.Tensor,
    gate: torch.Tensor,
    steps: Sequence[Step],
) -> torch.Tensor:
    result: torch.Tensor = _Attend.apply(own, other, log_weights, gate, steps)  # type: ignore[no-untyped-call]
    return result


class _Attend(torch.autograd.Function):
    """Weighted sum over the neighbours of ``leaky_relu(own + other)``, weights from the same by softmax.

    Takes what each row brings as the one that attends (if anything) and each node as a neighbour, both
    (…, features), where the features are those of all gates, then of all messages.
    """

    @staticmethod
    def forward(
        ctx: Any,
        own: torch.Tensor | None,
        other: torch.Tensor,
        log_weights: torch.Tensor,
        gate: torch.Tensor,
        steps: Sequence[Step],
    ) -> torch.Tensor:
        heads, width = gate.shape
        half = heads * width
        rows = steps[0].rows
        gates = gate.new_zeros((heads, width, heads))
        gates.diagonal(dim1=0, dim2=2).copy_(gate.T)
        gates = gates.view(half, heads)
        scores = other.new_full((len(steps), rows, heads), -math.inf)
        hidden = []
        for step, score in zip(steps, scores, strict=True):
            meeting = other.index_select(0, step.sources)
            if own is not None:
                meeting += own[: step.rows]
            nn.functional.leaky_relu_(meeting, SLOPE)
            torch.addmm(log_weights.index_select(0, step.sources), meeting[:, :half], gates, out=score[: step.rows])
            hidden.append(meeting)
        weights = scores.softmax(0)
        result = other.new_zeros((rows, heads, width))
        for step, meeting, weight in zip(steps, hidden, weights, strict=True):
            messages = meeting[:, half:].view(-1, heads, width)
            result[: step.rows].addcmul_(messages, weight[: step.rows, :, None])
        ctx.steps, ctx.nodes, ctx.pairs = steps, len(other), own is not None
        ctx.save_for_backward(weights, gate, *hidden)
        return result.view(rows, half)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        weights, gate, *hidden = ctx.saved_tensors
        heads, width = gate.shape
        half = heads * width
        upstream = gradients[0].view(-1, heads, width)
        per_score = torch.zeros_like(weights)
        for step, meeting, into in zip(ctx.steps, hidden, per_score, strict=True):
            product = upstream[: step.rows] * meeting[:, half:].view(-1, heads, width)
            torch.sum(product, 2, out=into[: step.rows])
        per_score *= weights
        per_score -= weights * per_score.sum(0)
        per_gate = gate.new_zeros((heads, half))
        per_own = torch.empty_like(hidden[0]) if ctx.pairs else None
        per_other = gate.new_zeros((ctx.nodes, 2 * half))
        per_log_weight = gate.new_zeros((ctx.nodes, heads))
        for step, meeting, scores, weight in zip(ctx.steps, hidden, per_score, weights, strict=True):
            score = scores[: step.rows]
            per_gate.addmm_(score.T, meeting[:, :half])
            # The first step, of all rows, begins the sum of what is due to them.
            first = per_own is not None and meeting is hidden[0]
            per_meeting = per_own if first and per_own is not None else torch.empty_like(meeting)
            torch.mul(score[:, :, None], gate, out=per_meeting[:, :half].view(-1, heads, width))
            torch.mul(
                upstream[: step.rows], weight[: step.rows, :, None], out=per_meeting[:, half:].view(-1, heads, width)
            )
            # The sign of what comes out of the kink is that of what went in.
            torch.ops.aten.leaky_relu_backward.grad_input(per_meeting, meeting, SLOPE, True, grad_input=per_meeting)  # noqa: FBT003
            per_other.index_add_(0, step.sources, per_meeting)
            per_log_weight.index_add_(0, step.sources, score)
            if per_own is not None and not first:
                per_own[: step.rows] += per_meeting
        return per_own, per_other, per_log_weight, per_gate.view(heads, heads, width).diagonal().T, None
