"""A small network that sees a crystal with noise on atoms and cell, and says what of it is noise.

Atoms send messages to the nearest ones; directions come in as vectors and tensors, and what it says turns with the
crystal and does not depend on origin, cell or order of atoms (after Schütt et al., PaiNN, ICML 38, 9377 (2021), and the
strains of MatterGen, Zeni et al., Nature 639, 624 (2025)).
"""

from __future__ import annotations

from math import log
from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from .config import DiffusionConfig
from .neighbourhoods import Neighbourhoods, neighbourhoods, symmetric

_NEAREST: Final = 0.3  # Å, the first Gaussian
_SHARPNESS: Final = 0.7
_LEAST_EXPONENT: Final = -12.0
"""Smaller powers of e become denormal numbers, with which processors are a hundred times slower."""
_FREQUENCIES: Final = 8
_HIGHEST_FREQUENCY: Final = 3.0
_TYPICAL_LOG_SIZE: Final = 2.5
_SHARES_SCALE: Final = 3.0
_MESSAGE_SCALE: Final = 4.0  # about the root of the number of neighbours
_STRAIN_SCALE: Final = 3.0
_LEAST_SQUARE: Final = 1e-4  # the root of 0 has no slope


class Round(nn.Module):
    """One round of messages."""

    def __init__(self, width: int, message: int, radial: int) -> None:
        super().__init__()
        self.message = message
        self.norm = nn.LayerNorm(width)
        self.send = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 3 * message))
        self.filter = nn.Linear(radial, 3 * message)
        self.update = nn.Sequential(
            nn.Linear(2 * width + 3 * message, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )

    def forward(
        self, atoms: Tensor, around: Neighbourhoods, basis: Tensor, noise: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Update the features of the atoms, (n, width), from their neighbours'.

        Parameters
        ----------
        atoms
            Features, (n, width).
        around
            Neighbours of each atom, with directions and distances.
        basis
            Distances to the neighbours as radial functions, (n, neighbours, radial).
        noise
            What is known of the noise on each atom's crystal, (n, width).

        Returns
        -------
        atoms, vectors, tensors
            The new features, and the sums of the vectors and tensors that came in.
        """
        messages = self.send(self.norm(atoms))[around.atoms] * self.filter(basis)
        plain, along, across = messages.split(self.message, dim=2)
        total = plain.sum(dim=1) / _MESSAGE_SCALE
        vectors = torch.bmm(around.directions, along) / _MESSAGE_SCALE
        tensors = torch.bmm(around.tensors, across) / _MESSAGE_SCALE
        length = ((vectors**2).sum(dim=1) + _LEAST_SQUARE).sqrt()
        trace = tensors[:, :3].sum(dim=1)
        deviator = ((tensors**2).sum(dim=1) - trace**2 / 3).clamp_min(_LEAST_SQUARE).sqrt()
        seen = torch.cat([atoms, total, length, deviator, noise], dim=1)
        return atoms + self.update(seen), vectors, tensors


class Denoiser(nn.Module):
    """Crystals of one size with noise to what is noise on their atoms and their cell."""

    centres: Tensor
    frequencies: Tensor

    def __init__(self, config: DiffusionConfig) -> None:
        super().__init__()
        width, message, elements = config.width, config.message_width, len(config.layout.elements)
        self.elements, self.neighbours = elements, config.neighbours
        self.sharpness = _SHARPNESS * (config.radial / config.reach) ** 2
        self.register_buffer("centres", torch.linspace(_NEAREST, config.reach, config.radial), persistent=False)
        self.register_buffer(
            "frequencies", torch.linspace(_NEAREST, _HIGHEST_FREQUENCY, _FREQUENCIES), persistent=False
        )
        self.element = nn.Embedding(elements, width)
        self.composition = nn.Linear(elements + 1, width)
        self.noise = nn.Sequential(nn.Linear(1 + 2 * _FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width))
        self.rounds = nn.ModuleList([Round(width, message, config.radial) for _ in range(config.layers)])
        every = message * config.layers
        self.on_atoms = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, every))
        self.on_cell = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, every + 1))

    def forward(self, fractional: Tensor, vectors: Tensor, kinds: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Tell the noise.

        Parameters
        ----------
        fractional
            Shape (n, atoms, 3).
        vectors
            Cell vectors as rows in Å, shape (n, 3, 3).
        kinds
            Number of each atom's element, shape (n, atoms).
        noise
            Å: its deviation on the atoms, shape (n,).

        Returns
        -------
        Tensor, Tensor
            Noise on the atoms in units of that deviation, shape (n, atoms, 3), without a common shift; and strain of
            the cell in units of its own, symmetric, shape (n, 3, 3).
        """
        crystals, size = kinds.shape
        around = neighbourhoods(fractional, vectors, self.neighbours)
        power = -self.sharpness * (around.distances[..., None] - self.centres) ** 2
        basis = power.clamp_min(_LEAST_EXPONENT).exp()
        shares = functional.one_hot(kinds, self.elements).to(vectors.dtype).mean(dim=1)
        large = torch.full_like(shares[:, :1], log(size) - _TYPICAL_LOG_SIZE)
        level = noise.log()[:, None]
        angles = level * self.frequencies
        told = self.noise(torch.cat([level, angles.sin(), angles.cos()], dim=1))
        told = told.repeat_interleave(size, dim=0)
        composition = self.composition(torch.cat([_SHARES_SCALE * shares, large], dim=1))
        atoms = self.element(kinds.flatten()) + composition.repeat_interleave(size, dim=0) + told
        sums = []
        for round_ in self.rounds:
            atoms, *directed = round_(atoms, around, basis, told)
            sums.append(directed)
        along, across = (torch.cat(parts, dim=2) for parts in zip(*sums, strict=True))
        moved = (along * self.on_atoms(atoms)[:, None]).sum(dim=2).view(crystals, size, 3)
        gates = self.on_cell(atoms)
        strained = (across * gates[:, None, :-1]).sum(dim=2).view(crystals, size, 6).mean(dim=1) / _STRAIN_SCALE
        swollen = gates[:, -1].view(crystals, size).mean(dim=1)
        unity = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
        strain = symmetric(strained) + swollen[:, None, None] * unity
        return moved - moved.mean(dim=1, keepdim=True), strain
