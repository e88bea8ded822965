"""Roost's weighted soft attention with the work that is the same for many edges done once.

The published layer runs two small networks over every edge and head. Both begin with a linear layer on the two nodes
side by side, which is the sum of one product for each node; the message network ends with a linear layer, which may as
well follow the weighted sum. What is left for the edges is an addition, a kink and two sums, done here for all heads
and all graphs of one size at once.
"""

from __future__ import annotations

import math
from typing import Any, Final

import torch
from torch import nn

from .roost_graph import GraphBatch

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
        log_weights = batch.split(log_fractions * self.power)
        if self.pairs:
            own, other = torch.split_with_sizes(self.first, [len(self.bias)] * 2)
            owns = batch.split(nn.functional.linear(nodes, own, self.bias))
            others = batch.split(nodes @ other.T)
            summed = [_attend(*group, self.gate) for group in zip(owns, others, log_weights, strict=True)]
        else:
            hidden = nn.functional.leaky_relu(nn.functional.linear(nodes, self.first, self.bias), SLOPE)
            summed = [self._pool(*group) for group in zip(batch.split(hidden), log_weights, strict=True)]
        return nn.functional.linear(torch.cat(summed), self.last / self.heads, self.last_bias)

    def _pool(self, hidden: torch.Tensor, log_weights: torch.Tensor) -> torch.Tensor:
        gates, messages = hidden.view(*hidden.shape[:2], 2, self.heads, self.hidden).unbind(2)
        weights = ((gates * self.gate).sum(3) + log_weights).softmax(1)
        return (messages * weights[..., None]).sum(1).flatten(1)


def _uniform(shape: tuple[int, ...], inputs: int) -> nn.Parameter:
    bound = 1 / math.sqrt(inputs)
    return nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


def _attend(own: torch.Tensor, other: torch.Tensor, log_weights: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    result: torch.Tensor = _Attend.apply(own, other, log_weights, gate)  # type: ignore[no-untyped-call]
    return result.flatten(0, 1)


class _Attend(torch.autograd.Function):
    """Weighted sum over the neighbours of ``leaky_relu(own + other)``, weights from the same by softmax.

    Takes what each node brings as the one that attends and as a neighbour, both (graphs, size, features), where the
    features are those of all gates, then of all messages. Neighbours are walked by their distance around the graph:
    at distance k node i meets node i + k, so that each meeting is one of two runs of rows, without any index.
    """

    @staticmethod
    def forward(
        ctx: Any, own: torch.Tensor, other: torch.Tensor, log_weights: torch.Tensor, gate: torch.Tensor
    ) -> torch.Tensor:
        graphs, size, features = own.shape
        heads, width = gate.shape
        half = heads * width
        distances = range(1, max(size, 2))  # at distance 1 a node that is alone meets itself
        hidden = own.new_empty((len(distances), graphs, size, features))
        scores = own.new_empty((len(distances), graphs, size, heads))
        for k, meeting, score in zip(distances, hidden, scores, strict=True):
            torch.add(own[:, : size - k], other[:, k:], out=meeting[:, : size - k])
            torch.add(own[:, size - k :], other[:, :k], out=meeting[:, size - k :])
            nn.functional.leaky_relu_(meeting, SLOPE)
            rows = meeting.view(-1, features)
            for head in range(heads):
                score[..., head] = torch.mv(rows[:, head * width : (head + 1) * width], gate[head]).view(graphs, size)
            score += log_weights.roll(-k, 1)
        weights = scores.softmax(0)
        result = own.new_zeros((graphs, size, heads, width))
        for meeting, weight in zip(hidden, weights, strict=True):
            result.addcmul_(meeting[..., half:].view(result.shape), weight[..., None])
        ctx.save_for_backward(hidden, weights, gate)
        return result.view(graphs, size, half)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        hidden, weights, gate = ctx.saved_tensors
        distances, graphs, size, features = hidden.shape
        heads, width = gate.shape
        half = heads * width
        wanted = gradients[0].view(graphs, size, heads, width)
        product = torch.empty_like(wanted)
        per_weight = torch.empty_like(weights)
        for meeting, into in zip(hidden, per_weight, strict=True):
            torch.mul(wanted, meeting[..., half:].view(wanted.shape), out=product)
            torch.sum(product, 3, out=into)
        per_score = per_weight.mul_(weights)
        per_score -= weights * per_score.sum(0)
        per_gate = per_score.view(-1, heads).T @ hidden.view(-1, features)[:, :half]
        per_own, per_other = hidden.new_zeros((2, graphs, size, features))
        per_log_weight = weights.new_zeros(weights.shape[1:])
        per_meeting = hidden.new_empty((graphs, size, features))
        for k, meeting, score, weight in zip(range(1, distances + 1), hidden, per_score, weights, strict=True):
            torch.mul(score[..., None], gate, out=per_meeting[..., :half].view(wanted.shape))
            torch.mul(wanted, weight[..., None], out=per_meeting[..., half:].view(wanted.shape))
            # The sign of what comes out of the kink is that of what went in.
            torch.ops.aten.leaky_relu_backward.grad_input(per_meeting, meeting, SLOPE, True, grad_input=per_meeting)  # noqa: FBT003
            per_own += per_meeting
            per_other[:, k:] += per_meeting[:, : size - k]
            per_other[:, :k] += per_meeting[:, size - k :]
            per_log_weight += score.roll(k, 1)
        return per_own, per_other, per_log_weight, per_gate.view(heads, heads, width).diagonal().T
