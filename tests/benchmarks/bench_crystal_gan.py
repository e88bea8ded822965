"""The Crystal GAN: the published networks as matrix products against convolutions, and cells a second in training.

Run as ``OMP_NUM_THREADS=1 python tests/benchmarks/bench_crystal_gan.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from exfolio.models.crystal_gan.diffusion.config import DiffusionConfig
from exfolio.models.crystal_gan.diffusion.learner import DiffusionLearner
from exfolio.models.crystal_gan.gan.config import CrystalGanConfig, profile
from exfolio.models.crystal_gan.gan.learner import CrystalGanLearner
from exfolio.models.crystal_gan.gan.losses import gradient_penalty
from exfolio.models.crystal_gan.gan.networks import Critic, Generator
from exfolio.models.crystal_gan.generation import sample
from exfolio.models.structure.point_cloud import decode_many, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from report import compare, seconds
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from convolutions import ConvolvedCritic, ConvolvedGenerator

BATCH = 32
CELLS = Path(__file__).resolve().parents[3] / "shared" / "data" / "mg_mn_o_cells.npz"


def generating(generator: nn.Module) -> Callable[[], object]:
    """A step of the generator: forward, and back to all weights."""
    number = torch.randint(1, 9, (BATCH, 3))
    noise = torch.randn(BATCH, 512)

    def step() -> None:
        generator.zero_grad()
        generator(noise, number).sum().backward()

    return step


def judging(critic: nn.Module) -> Callable[[], object]:
    """A step of the critic: real and generated cells, and the gradient penalty, back to all weights."""
    real, made, mix = torch.rand(BATCH, 30, 3), torch.rand(BATCH, 30, 3), torch.rand(BATCH)

    def slope(seen: list[Tensor]) -> Tensor:
        value: Tensor = critic(seen[0])
        return value

    def step() -> None:
        critic.zero_grad()
        loss = critic(made).mean() - critic(real).mean() + 10 * gradient_penalty(slope, [real], [made], mix)
        loss.backward()

    return step


def training(config: CrystalGanConfig, cells: np.ndarray, batches: int) -> None:
    """Print the cells a second of a few batches."""
    learner = CrystalGanLearner(CrystalGanConfig.from_dict({**config.to_dict(), "batches_per_epoch": batches}), cells)
    learner._rounds({})
    taken = seconds(lambda: learner._rounds({}))
    print(f"training, profile {config.profile}: {batches * config.batch / taken:,.0f} real cells/s", flush=True)


def diffusing(cells: np.ndarray, batches: int) -> None:
    """Print the cells a second of a few batches of denoising, and of drawing MgMn2O4 with 14 atoms."""
    config = DiffusionConfig(batches_per_epoch=batches)
    learner = DiffusionLearner(config, cells)
    learner.shares = dict  # type: ignore[assignment,method-assign] # they are generated, not trained
    learner.epoch(0)
    taken = seconds(lambda: learner.epoch(1)) / batches
    mean = float((learner._often * (config.atoms_per_batch // learner.sizes)).sum())
    print(f"training, profile diffusion: {mean / taken:,.0f} real cells/s", flush=True)
    model = learner.model
    print(f"drawing, profile diffusion: {64 / seconds(lambda: sample(model, [2, 4, 8], 64, 0)):,.1f} cells/s")


def main() -> None:
    """Print all comparisons."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    paper = profile("paper")
    generator, critic = Generator(paper), Critic(paper)
    compare("generator's step, paper", generating(generator), generating(ConvolvedGenerator(paper, generator)),
            ours_n=BATCH, repeats=5, peer_name="convolutions")  # fmt: skip
    compare("critic's step, paper", judging(critic), judging(ConvolvedCritic(paper, critic)),
            ours_n=BATCH, repeats=5, peer_name="convolutions")  # fmt: skip
    if not CELLS.is_file():
        print("the rest needs the folder of real data beside the project")
        return
    cells = np.load(CELLS)["cells"].astype(np.float64)
    training(paper, cells, batches=5)
    diffusing(cells[:1253], batches=10)
    structures = decode_many(cells[:500], MG_MN_O)
    print(f"decoding {500 / seconds(lambda: decode_many(cells[:500], MG_MN_O)):,.0f} structures/s, "
          f"encoding {500 / seconds(lambda: encode_many(structures, MG_MN_O)):,.0f}/s")  # fmt: skip


if __name__ == "__main__":
    main()
