"""Denoising: what the network sees and says must not depend on how a crystal is written down."""

import pytest
import torch
from exfolio.models.crystal_gan.diffusion.config import DiffusionConfig
from exfolio.models.crystal_gan.diffusion.denoiser import Denoiser
from exfolio.models.crystal_gan.diffusion.learner import DiffusionLearner
from exfolio.models.crystal_gan.diffusion.neighbourhoods import neighbourhoods
from exfolio.models.crystal_gan.diffusion.noise import noised
from exfolio.models.structure.point_cloud import Floats, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from pymatgen.core import Structure
from torch import Tensor

SPECIES = {"Mg": 0, "Mn": 1, "O": 2}


def tensors(structure: Structure) -> tuple[Tensor, Tensor, Tensor]:
    """Fractional coordinates, cell vectors and kinds, as the network takes them."""
    kinds = torch.tensor([[SPECIES[site.specie.symbol] for site in structure]])
    return torch.tensor(structure.frac_coords[None]), torch.tensor(structure.lattice.matrix[None]), kinds


def test_neighbours_are_pymatgens(oxides: list[Structure]) -> None:
    for structure in oxides:
        fractional, vectors, _ = tensors(structure)

        around = neighbourhoods(fractional, vectors, 12)

        for i, distances in enumerate(around.distances):
            nearest = sorted(one.nn_distance for one in structure.get_neighbors(structure[i], 6.0))[:12]
            assert distances.tolist() == pytest.approx(nearest, abs=1e-6)


def test_what_is_said_turns_with_the_crystal_and_knows_no_origin(
    oxides: list[Structure], tiny_diffusion: DiffusionConfig
) -> None:
    """Turned and mirrored, moved, its atoms renumbered: the noise it tells is the same noise."""
    torch.manual_seed(1)
    network = Denoiser(tiny_diffusion).double()
    fractional, vectors, kinds = tensors(oxides[2])
    fractional = fractional + 0.01 * torch.randn(fractional.shape, dtype=torch.float64)
    turn = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64)).Q
    order = torch.randperm(kinds.shape[1])
    level = torch.tensor([0.3], dtype=torch.float64)

    on_atoms, on_cell = network(fractional, vectors, kinds, level)
    turned_atoms, turned_cell = network(fractional[:, order] + 0.37, vectors @ turn, kinds[:, order], level)

    torch.testing.assert_close(turned_atoms, on_atoms[:, order] @ turn)
    torch.testing.assert_close(turned_cell, turn.T @ on_cell @ turn)
    torch.testing.assert_close(on_cell, on_cell.transpose(1, 2))


def test_what_is_said_does_not_depend_on_the_choice_of_cell(
    oxides: list[Structure], tiny_diffusion: DiffusionConfig
) -> None:
    network = Denoiser(tiny_diffusion).double()
    fractional, vectors, kinds = tensors(oxides[0])
    other = torch.tensor([[[1.0, 0, 0], [1, 1, 0], [0, 0, 1]]], dtype=torch.float64)
    level = torch.tensor([0.3], dtype=torch.float64)

    said = network(fractional, vectors, kinds, level)
    again = network(fractional @ torch.linalg.inv(other), other @ vectors, kinds, level)

    torch.testing.assert_close(again, said)


def test_the_noise_can_be_taken_off_again(oxides: list[Structure], tiny_diffusion: DiffusionConfig) -> None:
    """With the right answer a step as long as the noise leads back, but for a shift of the origin."""
    fractional, vectors, _ = (one.float() if one.is_floating_point() else one for one in tensors(oxides[3]))
    level = torch.tensor([0.5])

    seen = noised(fractional, vectors, level, tiny_diffusion)

    deviation = tiny_diffusion.strain * 0.5
    back = seen.vectors @ torch.linalg.inv(torch.eye(3) + deviation * seen.on_cell)
    torch.testing.assert_close(back, vectors)
    placed = seen.fractional - 0.5 * seen.on_atoms @ torch.linalg.inv(seen.vectors)
    shift = placed - fractional
    torch.testing.assert_close(shift, shift[:, :1].expand_as(shift), atol=1e-5, rtol=0)


def test_cells_come_from_like_compositions_and_are_stretched(
    oxides: list[Structure], tiny_diffusion: DiffusionConfig
) -> None:
    """MgMnO2 has two cells: its own are drawn; three of its four atoms make about three quarters of the volume."""
    model = DiffusionLearner(tiny_diffusion, encode_many(oxides, MG_MN_O)).model

    own = model.cells([1, 1, 2], 200, torch.Generator().manual_seed(0))
    smaller = model.cells([1, 1, 1], 200, torch.Generator().manual_seed(0))

    volumes = torch.linalg.det(own).abs()
    assert float(volumes.median()) == pytest.approx(oxides[0].volume, rel=0.15)
    assert 0.5 < float(torch.linalg.det(smaller).abs().median() / volumes.median()) < 0.95


def test_it_learns_to_tell_noise(oxides: list[Structure]) -> None:
    """Untrained it tells nothing: the squared error is about that of the noise itself, 1 less what a shift takes."""
    torch.manual_seed(0)
    config = DiffusionConfig(
        width=24, message_width=12, layers=2, neighbours=12, radial=12, atoms_per_batch=96, batches_per_epoch=60,
        epochs=1, steps=5, average=0.98, learning_rate=5e-3,
    )  # fmt: skip

    figures = DiffusionLearner(config, encode_many(oxides[:1], MG_MN_O)).epoch(0)

    assert figures["noise_loss"] < 0.65
    assert figures["share_as_asked"] == 1


def test_large_cells_are_seen_as_often(cells: Floats, tiny_diffusion: DiffusionConfig) -> None:
    learner = DiffusionLearner(tiny_diffusion, cells)

    assert learner._often.sum() == pytest.approx(1)
    assert learner.sizes.tolist() == [4, 8, 10, 14, 16, 20]
