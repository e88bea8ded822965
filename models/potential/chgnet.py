"""Energies, forces and stresses of crystals by CHGNet, a universal interatomic potential, many structures at once.

It knows structures and the potential only: what the energies are compared with is decided elsewhere. CHGNet is an
optional extra; it is imported, and its weights are loaded, when the first energy is asked for, once per process.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

from ..learning.threads import threads_of_torch
from .bond_graph import BondGraph, bond_graph, join

MODEL: Final = "0.3.0"
"""Version of CHGNet's weights: B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), trained on PBE(+U) energies of the
Materials Project with the corrections of MP2020 (MPtrj); test errors 29 meV/atom and 68 meV/Å."""
NAME: Final = f"CHGNet {MODEL}"
HEAVIEST: Final = 94
"""Atomic number of the heaviest element CHGNet has an embedding for (Pu)."""
GPA: Final = 160.21766208
"""GPa in 1 eV/Å^3, as CHGNet itself converts."""
EDGES_AT_ONCE: Final = 12_000
"""Directed bonds in one batch on a CPU: more are no faster there, and take about 40 kB each with forces."""
EDGES_AT_ONCE_GPU: Final = 400_000
BALLAST: Final = 32
"""Carbon atoms of the chain that rides along in every batch. Libraries of linear algebra multiply matrices of few rows
by other kernels, which differ in the last bits: without it 45 % of structures have forces up to 7e-5 eV/Å and 11 %
energies up to 8e-7 eV/atom apart, alone and in a batch of 80. From 16 atoms on all are equal to the bit, on a CPU; it
costs a few percent of a full batch, and a fifth of one small structure alone."""
_SPACING: Final = 2.5
"""Å between these atoms: within the reach of angles."""
REMEDY: Final = "pip install exfolio[mlip]"

Array = NDArray[np.float64]


class PotentialMissing(ImportError):
    """CHGNet is not installed."""


@dataclass(frozen=True, slots=True)
class Static:
    """What the potential says of one structure as it stands; numbers are None where `failure` says why.

    Attributes
    ----------
    energy, energy_per_atom
        eV of the cell, and eV/atom.
    forces
        eV/Å, (n, 3); None when not asked for.
    stress_gpa
        GPa, (3, 3), positive under tension; None when not asked for.
    failure
        Why there is no energy.
    """

    energy: float | None = None
    energy_per_atom: float | None = None
    forces: Array | None = None
    stress_gpa: Array | None = None
    failure: str | None = None

    @property
    def max_force(self) -> float | None:
        """Largest force on an atom, eV/Å."""
        return None if self.forces is None else float(np.linalg.norm(self.forces, axis=1).max())


def is_installed() -> bool:
    """Whether CHGNet can be imported; does not import it."""
    return importlib.util.find_spec("chgnet") is not None


def unsupported_elements(structure: Structure) -> list[str]:
    """Symbols of the elements that CHGNet does not know."""
    return sorted({element.symbol for element in structure.composition.elements if element.Z > HEAVIEST})


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


def evaluate(
    structures: Sequence[Structure],
    *,
    forces: bool = True,
    device: str = "cpu",
    threads: int | None = 1,
    edges_at_once: int | None = None,
) -> list[Static]:
    """Evaluate structures as they stand, in batches of one graph each.

    Parameters
    ----------
    structures
        n ordered structures.
    forces
        Whether forces and stress are wanted; energies alone are about five times as fast.
    device
        "cpu", "cuda", as torch names it.
    threads
        Threads of torch for the duration of the call; None leaves torch's setting. One is the default, since the
        work is divided among processes.
    edges_at_once
        Directed bonds within 6 Å in one batch.

    Returns
    -------
    list of Static
        n results, in order, on a CPU the same to the last bit however the structures are split into calls and batches.
        What can't be evaluated (an unknown element, a partly occupied site, an atom without a
        neighbour within 6 Å, an energy that is not finite) has a `failure`.

    Raises
    ------
    PotentialMissing
        When CHGNet is not installed.
    """
    model = potential(device)
    results: list[Static] = [Static()] * len(structures)
    graphs: list[tuple[int, BondGraph]] = []
    for i, structure in enumerate(structures):
        reason = unfit(structure)
        if reason is None:
            cell, places = structure.lattice.matrix, structure.frac_coords
            graph = bond_graph(cell, places, atomic_numbers(structure), *cutoffs(model))
            reason = graph.lonely
            graphs.append((i, graph))
        if reason is not None:
            results[i] = Static(failure=reason)
    graphs = [(i, graph) for i, graph in graphs if results[i].failure is None]
    # Neighbours in size go together, so that a batch is neither one giant nor a thousand dwarfs.
    graphs.sort(key=lambda pair: (len(pair[1].centers), pair[0]))
    limit = edges_at_once or (EDGES_AT_ONCE if device == "cpu" else EDGES_AT_ONCE_GPU)
    with threads_of_torch(threads):
        for batch in _batches(graphs, limit):
            evaluated = evaluate_graphs(model, [graph for _, graph in batch], forces=forces)
            for (i, _), result in zip(batch, evaluated, strict=True):
                results[i] = result
    return results


def unfit(structure: Structure) -> str | None:
    """Say why the potential can't take a structure, or None."""
    if not structure.is_ordered:
        return "it is disordered: a site is partly or mixedly occupied"
    if unknown := unsupported_elements(structure):
        return f"CHGNet does not know {', '.join(unknown)}"
    return None


def atomic_numbers(structure: Structure) -> NDArray[np.int64]:
    """Atomic number of each site, (n,)."""
    return np.array([site.specie.Z for site in structure], dtype=np.int64)


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
        return [_result(float(energy), len(graph.numbers)) for energy, graph in zip(energies, graphs, strict=True)]
    on_atoms = np.split(-slopes[0].double().cpu().numpy(), np.cumsum(joined.sizes)[:-1])
    volumes = np.abs(np.linalg.det(joined.lattices))[:, None, None]
    stresses = slopes[1].double().cpu().numpy() / volumes * GPA
    stresses = (stresses + stresses.transpose(0, 2, 1)) / 2
    return [
        _result(float(energy), len(graph.numbers), force, stress)
        for energy, graph, force, stress in zip(energies, graphs, on_atoms, stresses, strict=True)
    ]


def _result(energy: float, atoms: int, forces: Array | None = None, stress: Array | None = None) -> Static:
    finite = np.isfinite(energy) and (forces is None or (np.isfinite(forces).all() and np.isfinite(stress).all()))  # type: ignore[arg-type]
    if not finite:
        return Static(failure=f"the energy or a force is not finite (energy {energy} eV)")
    return Static(energy, energy / atoms, forces, stress)


def _batches(graphs: Sequence[tuple[int, BondGraph]], limit: int) -> Iterator[list[tuple[int, BondGraph]]]:
    batch: list[tuple[int, BondGraph]] = []
    edges = 0
    for pair in graphs:
        size = len(pair[1].centers)
        if batch and edges + size > limit:
            yield batch
            batch, edges = [], 0
        batch.append(pair)
        edges += size
    if batch:
        yield batch
