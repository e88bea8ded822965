"""The network of CHGNet, applied to graphs of atoms and bonds: energies, forces and stresses of many in one pass.

CHGNet is imported, and its weights are loaded, when the first energy is asked for, once per process.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..results import GPA, Static
from .bond_graph import BondGraph, bond_graph, join

MODEL: Final = "0.3.0"
"""Version of CHGNet's weights: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), trained on PBE(+U) energies of the
Materials Project with the corrections of MP2020 (MPtrj); test errors 29 meV/atom and 68 meV/Å."""
REMEDY: Final = "pip install exfolio[mlip]"
BALLAST: Final = 32
"""Carbon atoms of the chain that rides along in every batch. Libraries of linear algebra multiply matrices of few rows
by other kernels, which differ in the last bits: without it 45 % of structures have forces up to 7e-5 eV/Å and 11 %
energies up to 8e-7 eV/atom apart, alone and in a batch of 80. From 16 atoms on all are equal to the bit, on a CPU; it
costs a few percent of a full batch, and a fifth of one small structure alone."""
_SPACING: Final = 2.5
"""Å between these atoms: within the reach of angles."""


class PotentialMissing(ImportError):
    """CHGNet is not installed."""


@lru_cache(maxsize=2)
def potential(device: str = "cpu") -> Any:
    """Load CHGNet, once per process and device.

    Raises
    ------
    PotentialMissing
        When it is not installed.
    """
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it announces itself
            from chgnet.model.model import CHGNet

            model = CHGNet.load(model_name=MODEL, use_device=device, verbose=False)
    except ModuleNotFoundError as error:
        message = f"the interatomic potential CHGNet can't be imported ({error}): {REMEDY}"
        raise PotentialMissing(message) from error
    model.eval()
    for parameter in model.parameters():
        parameter.requires_grad = False  # only positions and strains are derived for
    return model


def cutoffs(model: Any) -> tuple[float, float]:
    """Å: length up to which two atoms are bonded, and that of the bonds that angles are made of."""
    return float(model.graph_converter.atom_graph_cutoff), float(model.graph_converter.bond_graph_cutoff)


def evaluate_graphs(model: Any, graphs: Sequence[BondGraph], *, forces: bool) -> list[Static]:
    """Evaluate graphs as one batch, with `BALLAST`, so that results on a CPU do not depend on what is in the batch."""
    return _evaluated(model, [*graphs, _ballast(*cutoffs(model))], forces=forces)[:-1]


@lru_cache(maxsize=2)
def _ballast(cutoff: float, angle_cutoff: float) -> BondGraph:
    """Chain of carbon atoms whose ends meet, apart from its images."""
    fractional = np.zeros((BALLAST, 3))
    fractional[:, 0] = np.arange(BALLAST) / BALLAST
    cell = np.diag([BALLAST * _SPACING, 4 * cutoff, 4 * cutoff])
    return bond_graph(cell, fractional, np.full(BALLAST, 6), cutoff, angle_cutoff)


def _evaluated(model: Any, graphs: Sequence[BondGraph], *, forces: bool) -> list[Static]:
    """Evaluate graphs by one forward pass, and one backward pass for forces and stress together."""
    import torch
    from chgnet.model.model import BatchedGraph

    device = next(model.parameters()).device
    joined = join(graphs)
    with torch.set_grad_enabled(forces), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)

        def tensor(array: NDArray[Any], dtype: Any) -> Any:
            return torch.as_tensor(array, device=device).to(dtype)

        owners = tensor(joined.owners, torch.int64)
        strain = torch.zeros((len(graphs), 3, 3), device=device, requires_grad=forces)
        lattices = tensor(joined.lattices, torch.float32)
        deformation = torch.eye(3, device=device) + strain
        positions = tensor(joined.positions, torch.float32).requires_grad_(forces)
        deformed = torch.bmm(positions[:, None, :], deformation[owners])[:, 0]
        centers = tensor(joined.centers, torch.int64)
        neighbors = tensor(joined.neighbors, torch.int64)
        owner_of_edge = owners[centers]
        images = tensor(joined.images, torch.float32)
        shifts = torch.bmm(images[:, None, :], torch.bmm(lattices, deformation)[owner_of_edge])[:, 0]
        vectors = deformed[centers] - deformed[neighbors] - shifts
        lengths = torch.linalg.norm(vectors, dim=1)
        to_directed = tensor(joined.to_directed, torch.int64)
        angles = tensor(joined.angles, torch.int32)
        undirected = lengths[to_directed]
        expansion = model.bond_basis_expansion
        numbers = tensor(joined.numbers, torch.int32)
        bases = torch.tensor([])
        if len(angles):
            unit = vectors / lengths[:, None]
            bases = model.angle_basis_expansion(unit[angles[:, 2].long()], unit[angles[:, 4].long()])
        batch = BatchedGraph(
            atomic_numbers=numbers,
            bond_bases_ag=expansion.rbf_expansion_ag(undirected),
            bond_bases_bg=expansion.rbf_expansion_bg(undirected),
            angle_bases=bases,
            batched_atom_graph=torch.stack([centers, neighbors], 1).to(torch.int32),
            batched_bond_graph=angles[:, [0, 1, 3]] if len(angles) else torch.tensor([]),
            atom_owners=owners.to(torch.int32),
            directed2undirected=tensor(joined.to_undirected, torch.int32),
            atom_positions=[],
            strains=[],
            volumes=[],
        )
        atoms = torch.bincount(owners, minlength=len(graphs))
        learned = model._compute(batch)["e"] * atoms
        # The rest is linear in the composition, so it has no forces.
        of_elements = model.composition_model.fc.weight[0]
        total = learned.detach() + torch.zeros_like(learned).index_add_(0, owners, of_elements[numbers.long() - 1])
        slopes = torch.autograd.grad(learned.sum(), [positions, strain]) if forces else None

    energies = total.double().cpu().numpy()
    if slopes is None:
        return [Static.of(float(energy), len(graph.numbers)) for energy, graph in zip(energies, graphs, strict=True)]
    on_atoms = np.split(-slopes[0].double().cpu().numpy(), np.cumsum(joined.sizes)[:-1])
    volumes = np.abs(np.linalg.det(joined.lattices))[:, None, None]
    stresses = slopes[1].double().cpu().numpy() / volumes * GPA
    stresses = (stresses + stresses.transpose(0, 2, 1)) / 2
    return [
        Static.of(float(energy), len(graph.numbers), force, stress)
        for energy, graph, force, stress in zip(energies, graphs, on_atoms, stresses, strict=True)
    ]
