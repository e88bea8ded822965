"""A few real oxides of Mg and Mn, built from their published structures, and settings small enough for a test."""

import numpy as np
import pytest
from exfolio.models.crystal_gan.crystals.cell_augmentation import with_supercells
from exfolio.models.crystal_gan.diffusion.config import DiffusionConfig
from exfolio.models.crystal_gan.gan.config import CrystalGanConfig
from exfolio.models.structure.point_cloud import Floats, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from pymatgen.core import Lattice, Structure


def rock_salt(a: float, c: float) -> Structure:
    """MgMnO2, cations in alternating layers of rock salt."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.tetragonal(a, c), ["Mg", "Mn", "O", "O"], sites)


def ilmenite(b: float = 5.48) -> Structure:
    """MgMnO3 in its primitive rhombohedral cell of ten atoms; coordinates about those of MgTiO3."""
    x, u, v, w = 0.36, 0.556, -0.06, 0.25
    cations = [[x, x, x], [-x, -x, -x], [0.153, 0.153, 0.153], [-0.153, -0.153, -0.153]]
    oxygen = [[u, v, w], [w, u, v], [v, w, u]]
    sites = [*cations, *oxygen, *(-np.array(oxygen)).tolist()]
    return Structure(Lattice.rhombohedral(b, 55.0), ["Mg", "Mg", "Mn", "Mn", *["O"] * 6], sites)


def spinel() -> Structure:
    """MgMn2O4 as a cubic spinel in its primitive cell of 14 atoms: a = 8.4 Å, u = 0.2625 (origin at the inversion)."""
    u = 0.2625
    third = 0.5 - 3 * u + 1  # of the four sites related by the threefold axes, in the primitive cell
    mg = [[1 / 8] * 3, [7 / 8] * 3]
    mn = [[0.5] * 3, [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    oxygen = [[u] * 3, [u, u, third], [u, third, u], [third, u, u]]
    sites = [*mg, *mn, *oxygen, *(-np.array(oxygen)).tolist()]
    half = 8.4 / 2
    lattice = Lattice([[0, half, half], [half, 0, half], [half, half, 0]])
    return Structure(lattice, ["Mg"] * 2 + ["Mn"] * 4 + ["O"] * 8, sites)


@pytest.fixture(scope="session")
def oxides() -> list[Structure]:
    return [rock_salt(3.0, 4.3), rock_salt(3.1, 4.2), ilmenite(), spinel()]


@pytest.fixture(scope="session")
def cells(oxides: list[Structure]) -> Floats:
    """Point clouds of the oxides and their supercells."""
    return with_supercells(encode_many(oxides, MG_MN_O), MG_MN_O)


@pytest.fixture
def tiny_published() -> CrystalGanConfig:
    return CrystalGanConfig.from_dict(
        {
            "latent": 8, "seed_channels": 4, "generator_channels": [8, 8], "cell_hidden": 6, "critic_channels": [8, 8],
            "critic_dense": [12, 6], "classifier_channels": [8], "classifier_dense": [8], "batch": 8,
            "augmentation": {"per_composition": 6}, "critic_steps": 2,
        }
    )  # fmt: skip


@pytest.fixture
def tiny_compact() -> CrystalGanConfig:
    return CrystalGanConfig.from_dict(
        {
            "profile": "compact", "latent": 8, "generator_dense": [12], "seed_channels": 4, "generator_channels": [8],
            "cell_hidden": 6, "critic_channels": [8], "critic_dense": [12], "batch": 8, "neighbours": 3,
            "batches_per_epoch": 4, "critic_steps": 2,
        }
    )  # fmt: skip


@pytest.fixture
def tiny_diffusion() -> DiffusionConfig:
    return DiffusionConfig(
        width=8,
        message_width=4,
        layers=2,
        neighbours=6,
        radial=5,
        atoms_per_batch=40,
        batches_per_epoch=3,
        epochs=3,
        steps=4,
    )
