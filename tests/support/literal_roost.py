"""Roost as its paper writes it: small networks run over a list of edges, once for every head, sums by scattering.

What the fast one of the project is compared with, in value and in time. It takes the weights of the fast one apart.
"""

from __future__ import annotations

import torch
from exfolio.models.composition.formula.parsing import parse
from exfolio.models.composition.roost.attention import WeightedAttention
from exfolio.models.composition.roost.model import Roost
from torch import nn

EPSILON = 1e-10


class SimpleNetwork(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(inputs, hidden), nn.Linear(hidden, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(nn.functional.leaky_relu(self.first(x)))


class Head(nn.Module):
    """Weighted soft attention over the members of each group."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.gate = SimpleNetwork(inputs, hidden, 1)
        self.message = SimpleNetwork(inputs, hidden, outputs)
        self.power = nn.Parameter(torch.ones(1))

    def forward(self, x: torch.Tensor, groups: torch.Tensor, n: int, weights: torch.Tensor) -> torch.Tensor:
        score = self.gate(x)
        highest = torch.full((n, 1), -torch.inf).scatter_reduce(0, groups[:, None], score, "amax")
        score = weights**self.power * torch.exp(score - highest[groups])
        score = score / (torch.zeros(n, 1).index_add(0, groups, score)[groups] + EPSILON)
        return torch.zeros(n, self.message.last.out_features).index_add(0, groups, score * self.message(x))


def edges(formulas: list[str]) -> tuple[torch.Tensor, ...]:
    """Numbers, fractions, graph of each node, and both ends of each edge, node by node."""
    numbers, fractions, graph_of, own, other = [], [], [], [], []
    parsed = parse(formulas)
    for graph in range(len(parsed)):
        part = slice(parsed.offsets[graph], parsed.offsets[graph + 1])
        first, count = len(numbers), len(parsed.numbers[part])
        for i in range(count):
            neighbours = [j for j in range(count) if j != i] or [i]
            own += [first + i] * len(neighbours)
            other += [first + j for j in neighbours]
        numbers += parsed.numbers[part].tolist()
        fractions += (parsed.amounts[part] / parsed.amounts[part].sum()).tolist()
        graph_of += [graph] * count
    index = [torch.tensor(values) for values in (numbers, graph_of, own, other)]
    return index[0], torch.tensor(fractions)[:, None], *index[1:]


class LiteralRoost(nn.Module):
    """The same function as `network`, whose weights it is made of."""

    def __init__(self, network: Roost) -> None:
        super().__init__()
        config = network.config
        self.elements = nn.Parameter(network.element_vectors().detach().clone())
        self.messages = nn.ModuleList(
            nn.ModuleList(_head(layer, head) for head in range(config.heads)) for layer in network.messages
        )
        self.pooling = nn.ModuleList(_head(network.pooling, head) for head in range(config.heads))
        self.layers, self.shortcuts = nn.ModuleList(), nn.ModuleList()
        for layer in network.trunk:
            self.layers.append(_linear(layer.weight[: layer.outputs], layer.bias))
            square = layer.weight.shape[0] == layer.outputs
            self.shortcuts.append(nn.Identity() if square else _linear(layer.weight[layer.outputs :], None))
        self.output = _linear(network.output.weight, network.output.bias)

    def forward(
        self,
        numbers: torch.Tensor,
        fractions: torch.Tensor,
        graph_of: torch.Tensor,
        own: torch.Tensor,
        other: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        nodes = torch.cat([self.elements[numbers], fractions], dim=1)
        for heads in self.messages:
            pairs = torch.cat([nodes[own], nodes[other]], dim=1)
            outputs = [head(pairs, own, len(nodes), fractions[other]) for head in heads]
            nodes = nodes + torch.stack(outputs).mean(0)
        graphs = int(graph_of.max()) + 1
        x = torch.stack([head(nodes, graph_of, graphs, fractions) for head in self.pooling]).mean(0)
        for layer, shortcut in zip(self.layers, self.shortcuts, strict=True):
            x = nn.functional.relu(layer(x)) + shortcut(x)
        mean, log_std = self.output(x).unbind(1)
        return mean, log_std


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def _head(layer: WeightedAttention, head: int) -> Head:
    """Take the weights of one head out of those of all."""
    heads, hidden = layer.heads, layer.hidden
    width = layer.last.shape[0]
    both_ends = torch.cat(layer.first.split(2 * heads * hidden), dim=1)  # (features, width or 2 width)
    gates, messages = (
        slice(head * hidden, (head + 1) * hidden),
        slice((heads + head) * hidden, (heads + head + 1) * hidden),
    )
    result = Head(both_ends.shape[1], hidden, width)
    result.gate.first = _linear(both_ends[gates], layer.bias[gates])
    result.gate.last = _linear(layer.gate[head : head + 1], torch.tensor([0.3]))  # this bias has to cancel
    result.message.first = _linear(both_ends[messages], layer.bias[messages])
    result.message.last = _linear(layer.last[:, gates], layer.last_bias)
    with torch.no_grad():
        result.power.copy_(layer.power[head])
    return result
