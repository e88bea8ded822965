"""Times Roost against the same network written as in its paper: edge by edge in lists, head by head, with scattering.

Run as ``python tests/benchmarks/bench_roost.py``. Both train on the same batches with the same optimiser, on one
thread; batches are made beforehand for the literal one and within the time for ours.
"""

import random
import sys
from pathlib import Path

import numpy as np
import torch
from exfolio.models.composition.formula.parsing import parse
from exfolio.models.composition.one_hot import ELEMENTS
from exfolio.models.composition.roost.graph import Graphs
from exfolio.models.composition.roost.learner import robust_loss
from exfolio.models.composition.roost.model import Roost, RoostConfig, predict
from report import compare
from torch import nn

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from literal_roost import LiteralRoost, edges

N = 512
BULK = 4_000
#: Elements per formula, as among the compounds of the Materials Project.
SIZES = [2, 3, 4, 5, 6]
SHARES = [13, 47, 28, 10, 2]


def generated(n: int) -> list[str]:
    rng = random.Random(1)
    sizes = rng.choices(SIZES, SHARES, k=n)
    return ["".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(ELEMENTS, size)) for size in sizes]


def update(network: nn.Module, optimiser: torch.optim.Optimizer, batch: tuple[object, ...]) -> None:
    loss = robust_loss(*network(*batch), targets=torch.zeros(()))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def training(name: str, config: RoostConfig, formulas: list[str], *, batch_size: int) -> None:
    network = Roost(config)
    literal = LiteralRoost(network)
    graphs = Graphs.of(parse(formulas))
    rows = [np.arange(start, start + batch_size) for start in range(0, len(formulas), batch_size)]
    prepared = [edges([formulas[row] for row in part]) for part in rows]
    ours, theirs = (torch.optim.AdamW(each.parameters(), lr=1e-4, fused=True) for each in (network, literal))
    compare(
        f"training, {name}, batches of {batch_size}",
        lambda: [update(network, ours, (graphs.batch(part),)) for part in rows],
        lambda: [update(literal, theirs, batch) for batch in prepared],
        ours_n=len(formulas),
        peer_name="literal",
    )


def inference(name: str, config: RoostConfig, formulas: list[str], *, peer: int, batch_size: int = 512) -> None:
    network = Roost(config).eval()
    network.seen[1:] = True
    literal = LiteralRoost(network)
    prepared = [edges(formulas[start : start + batch_size]) for start in range(0, peer, batch_size)]

    def theirs() -> None:
        with torch.inference_mode():
            for batch in prepared:
                literal(*batch)

    compare(
        f"prediction, {name}",
        lambda: predict(network, formulas),
        theirs,
        ours_n=len(formulas),
        peer_n=peer,
        peer_name="literal (formulas read beforehand)",
    )


def main() -> None:
    torch.set_num_threads(1)
    formulas = generated(BULK)
    published = RoostConfig.published(embedding="learnt")
    small = RoostConfig(embedding="learnt", known_energies=False, hidden=64, trunk=(512, 256, 128))
    for name, config in (("published sizes", published), ("hidden 64, trunk 512-256-128", small)):
        training(name, config, formulas[:N], batch_size=published.batch_size)
        inference(name, config, formulas, peer=N)


if __name__ == "__main__":
    main()
