"""Stability in water: what a solid decomposes into at a pH and a potential, and by how much energy.

Solves for Gibbs energies of formation as they are given; `aqueous_formation_energies` makes them. It knows entries and
ions, no files or databases. Potentials are in V; energies of entries in eV against the elements, and results in eV per
atom of the solid asked about.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .aqueous import aqueous_formation_energies
from .convex_hull.mixture import Mixtures, cheapest_mixtures
from .hull import decomposition_energies
from .pourbaix_entries import (
    CONCENTRATION,
    PourbaixEntry,
    PourbaixError,
    concentration_of,
    entries_with_ions,
    solid_entry,
)

__all__ = [
    "CONCENTRATION",
    "MU_H2O",
    "NERNST",
    "PourbaixEntry",
    "PourbaixError",
    "PourbaixMinimum",
    "PourbaixProblem",
    "PourbaixProduct",
    "aqueous_formation_energies",
    "decomposition_energy",
    "entries_with_ions",
    "minimum_decomposition_energies",
    "minimum_decomposition_energy",
    "potential_vs_she",
    "solid_entry",
]

NERNST = 0.0591
"""V per unit of pH, ln(10) RT/F at 298 K, to the digits of pymatgen (PREFAC)."""

MU_H2O = -2.4583
"""eV, free energy of formation of liquid water, as the Materials Project uses it (pymatgen's MU_H2O)."""

POTENTIAL_VS_RHE = 1.5
"""V, where photoanodes are judged: Kim et al., ACS Cent. Sci. 6, 1412 (2020)."""

PH_RANGE = (0.0, 14.0)
STABLE = 1e-9
"""eV/atom above the hull at which solids are still kept by the filter."""

FLAT = 1e-10
"""eV/atom: what is this close to the minimum belongs to it."""

SAME_PH = 1e-9
"""Conditions closer than this are one point."""

TRACE = 1e-8
"""Share below which a product is left out."""


class PourbaixProduct(NamedTuple):
    """Part of a decomposition: the entry, and how many of its formula units come of one of the target."""

    entry: PourbaixEntry
    amount: float


class PourbaixMinimum(NamedTuple):
    """The least decomposition energy along a line of constant potential against RHE.

    energy
        eV/atom; negative when the target is stable there by that much and not among the entries.
    ph, ph_high
        Where it is: from the one pH to the other, which are equal unless the minimum is flat.
    potential_vs_she
        V, at `ph`.
    products
        What the target decomposes into there.
    """

    energy: float
    ph: float
    ph_high: float
    potential_vs_she: float
    products: tuple[PourbaixProduct, ...]


def potential_vs_she(potential_vs_rhe: ArrayLike, ph: ArrayLike) -> NDArray[np.float64]:
    """Convert a potential against the reversible hydrogen electrode: ``V_SHE = V_RHE - 0.0591 pH``."""
    return np.asarray(potential_vs_rhe, dtype=np.float64) - NERNST * np.asarray(ph, dtype=np.float64)


def decomposition_energy(
    entries: Sequence[PourbaixEntry],
    target: PourbaixEntry,
    ph: ArrayLike,
    potential_vs_she: ArrayLike,
    *,
    concentration: float | Mapping[str, float] = CONCENTRATION,
    filter_solids: bool = False,
) -> NDArray[np.float64]:
    """Decomposition energy of a solid at given conditions.

    Parameters
    ----------
    entries
        What it can decompose into. With the target among them no value is negative.
    target
        The solid asked about.
    ph, potential_vs_she
        Conditions (V against the standard hydrogen electrode), broadcast against each other.
    concentration
        Of ions, mol/l, or by element. An ion of several metal atoms has its share of it.
    filter_solids
        True takes only solids on the hull of formation energies; oxidised or reduced phases that would not form are
        so kept out.

    Returns
    -------
    ndarray
        eV per atom of the target, in the shape of the conditions.

    Raises
    ------
    PourbaixError
        When entries cannot make up the target, or concentrations or conditions are no numbers.

    Notes
    -----
    Singh et al., Chem. Mater. 29, 10159 (2017); equal to pymatgen's ``PourbaixDiagram.get_decomposition_energy``.
    """
    points = np.broadcast_arrays(np.asarray(ph, dtype=np.float64), np.asarray(potential_vs_she, dtype=np.float64))
    if not all(np.isfinite(p).all() for p in points):
        message = "pH and potential must be finite numbers"
        raise PourbaixError(message)
    problem = PourbaixProblem(entries, [target], concentration=concentration, filter_solids=filter_solids)
    flat_ph, flat_v = (p.ravel() for p in points)
    mixtures = problem.solve(np.zeros(flat_ph.size, dtype=np.intp), flat_ph, flat_v)
    result = problem.energies(np.zeros(flat_ph.size, dtype=np.intp), flat_ph, flat_v, mixtures)
    return result.reshape(points[0].shape)


def minimum_decomposition_energy(
    entries: Sequence[PourbaixEntry],
    target: PourbaixEntry,
    ph: tuple[float, float] = PH_RANGE,
    potential_vs_rhe: float = POTENTIAL_VS_RHE,
    *,
    concentration: float | Mapping[str, float] = CONCENTRATION,
    filter_solids: bool = False,
) -> PourbaixMinimum:
    """Least decomposition energy of a solid over a range of pH at a potential against RHE, and where.

    Parameters
    ----------
    entries, target, concentration, filter_solids
        As `decomposition_energy`.
    ph
        Lowest and highest pH.
    potential_vs_rhe
        V.

    Raises
    ------
    PourbaixError
        When the range is none, or as `decomposition_energy`.
    """
    return minimum_decomposition_energies(
        entries, [target], ph, potential_vs_rhe, concentration=concentration, filter_solids=filter_solids
    )[0]


def minimum_decomposition_energies(
    entries: Sequence[PourbaixEntry],
    targets: Sequence[PourbaixEntry],
    ph: tuple[float, float] = PH_RANGE,
    potential_vs_rhe: float = POTENTIAL_VS_RHE,
    *,
    concentration: float | Mapping[str, float] = CONCENTRATION,
    filter_solids: bool = False,
) -> list[PourbaixMinimum]:
    """As `minimum_decomposition_energy`, for many targets over the same entries.

    Exact, on no grid: along the line every energy is linear in pH, so the decomposition energy is convex, a maximum of
    straight lines, one for each mixture of products. Lines are added where their lower bound is least, until it is met.

    Parameters
    ----------
    entries, concentration, filter_solids
        As `decomposition_energy`.
    targets
        The solids, of any elements that the entries hold.
    ph
        Lowest and highest pH.
    potential_vs_rhe
        V.

    Returns
    -------
    list
        One minimum for each target, in their order.

    Raises
    ------
    PourbaixError
        As `minimum_decomposition_energy`.
    """
    low, high = float(ph[0]), float(ph[1])
    if not (math.isfinite(low) and math.isfinite(high) and low <= high and math.isfinite(potential_vs_rhe)):
        message = f"{ph=}, {potential_vs_rhe=}: give the lowest and the highest pH, and a potential"
        raise PourbaixError(message)
    minima: list[PourbaixMinimum | None] = [None] * len(targets)
    groups: dict[frozenset[str], list[int]] = {}
    for i, target in enumerate(targets):
        groups.setdefault(target.elements, []).append(i)
    for members in groups.values():
        group = [targets[i] for i in members]
        problem = PourbaixProblem(entries, group, concentration=concentration, filter_solids=filter_solids)
        for i, minimum in zip(members, _minima(problem, low, high, potential_vs_rhe), strict=True):
            minima[i] = minimum
    return [minimum for minimum in minima if minimum is not None]


def _minima(problem: PourbaixProblem, low: float, high: float, potential_vs_rhe: float) -> Iterator[PourbaixMinimum]:
    """Cut towards the minimum of every target of a problem at once."""
    n = len(problem.targets)
    lines: list[list[tuple[float, float]]] = [[] for _ in range(n)]
    # Products where they have been worked out, by pH.
    known: list[dict[float, tuple[Mixtures, int]]] = [{} for _ in range(n)]
    pending = [(i, ph) for i in range(n) for ph in dict.fromkeys((low, high))]
    minima: list[tuple[float, float, float]] = [(math.nan, math.nan, math.nan)] * n
    while pending:
        which, at = np.array([i for i, _ in pending], dtype=np.intp), np.array([ph for _, ph in pending])
        potentials = potential_vs_she(potential_vs_rhe, at)
        mixtures = problem.solve(which, at, potentials)
        energies = problem.energies(which, at, potentials, mixtures).tolist()
        slopes = problem.slopes(which, mixtures).tolist()
        for row, (i, ph) in enumerate(pending):
            lines[i].append((energies[row] - slopes[row] * ph, slopes[row]))
            known[i][ph] = (mixtures, row)
        asked, pending = dict.fromkeys(i for i, _ in pending), []
        for i in asked:
            # Where the lowest point of the lines is known to be on the curve, it is the minimum.
            left, right, least = _lowest(lines[i], low, high)
            ends = [next((ph for ph in known[i] if abs(ph - end) < SAME_PH), None) for end in (left, right)]
            pending += [(i, ph) for ph, end in zip((left, right), ends, strict=True) if end is None]
            minima[i] = (least, left if ends[0] is None else ends[0], right if ends[1] is None else ends[1])
        pending = list(dict.fromkeys(pending))
    for i, (energy, left, right) in enumerate(minima):
        products = problem.products(i, *known[i][left])
        yield PourbaixMinimum(energy, left, right, float(potential_vs_she(potential_vs_rhe, left)), products)


def _lowest(lines: list[tuple[float, float]], low: float, high: float) -> tuple[float, float, float]:
    """Find both ends and the height of the lowest part of the maximum of lines (value at 0, slope) on [low, high]."""
    start, slope = np.array(lines).T
    with np.errstate(divide="ignore", invalid="ignore"):
        crossings = ((start[:, None] - start[None, :]) / (slope[None, :] - slope[:, None])).ravel()
    candidates = np.concatenate([[low, high], crossings[(crossings > low) & (crossings < high)]])
    heights = (start[:, None] + slope[:, None] * candidates).max(axis=0)
    least = heights.min()
    lowest = candidates[heights <= least + FLAT]
    return float(lowest.min()), float(lowest.max()), float(least)


class PourbaixProblem:
    """Columns and costs of targets that share their elements other than H and O."""

    def __init__(
        self,
        entries: Sequence[PourbaixEntry],
        targets: Sequence[PourbaixEntry],
        *,
        concentration: float | Mapping[str, float],
        filter_solids: bool,
    ) -> None:
        elements = sorted(targets[0].elements)
        if not elements:
            message = f"{targets[0].name} holds nothing but hydrogen and oxygen"
            raise PourbaixError(message)
        if any(target.phase != "solid" for target in targets):
            message = "a target is a dissolved species: ask about solids"
            raise PourbaixError(message)
        usable = [entry for entry in entries if entry.elements and entry.elements <= targets[0].elements]
        if filter_solids:
            usable = _filtered(usable)
        self.entries = usable
        self.targets = targets
        self.columns, self.sizes, constant, ph_factor, v_factor = _coefficients(usable, elements, concentration)
        self.constant, self.ph_factor, self.v_factor = constant, ph_factor, v_factor
        contents, sizes, constant, ph_factor, v_factor = _coefficients(targets, elements, concentration)
        self.contents = contents
        self.target_sizes = sizes
        self.target = np.stack([constant, ph_factor, v_factor])
        self.atoms = np.array([sum(target.composition.values()) for target in targets])

    def solve(self, which: NDArray[np.intp], ph: NDArray[np.float64], v: NDArray[np.float64]) -> Mixtures:
        """Cheapest products of targets `which` at conditions, all of shape (n,), per atom of metal.

        Raises
        ------
        PourbaixError
            The entries can't make up a target.
        """
        costs = self.constant + self.ph_factor * ph[:, None] + self.v_factor * v[:, None]
        k = self.contents.shape[1]
        mixtures = cheapest_mixtures(self.columns, costs, self.contents[which], end_member_costs=np.full(k, np.inf))
        impossible = np.flatnonzero(~np.isfinite(mixtures.costs))
        if impossible.size:
            name = self.targets[int(which[impossible[0]])].name
            message = f"the {len(self.entries)} entries cannot make up {name}: add solids or ions of its elements"
            raise PourbaixError(message)
        return mixtures

    def energies(
        self, which: NDArray[np.intp], ph: NDArray[np.float64], v: NDArray[np.float64], mixtures: Mixtures
    ) -> NDArray[np.float64]:
        """Decomposition energies, shape (n,), in eV per atom of the targets.

        Parameters
        ----------
        which
            Number of the target of each problem, shape (n,).
        ph, v
            Conditions of each, shape (n,): pH, and potential against the standard hydrogen electrode in V.
        mixtures
            Products, as `solve` found them.
        """
        own = self.target[0, which] + self.target[1, which] * ph + self.target[2, which] * v
        result: NDArray[np.float64] = (own - mixtures.costs) * self.target_sizes[which] / self.atoms[which]
        return result

    def slopes(self, which: NDArray[np.intp], mixtures: Mixtures) -> NDArray[np.float64]:
        """Change of the decomposition energy with pH at constant potential against RHE, the products staying."""
        along = self.ph_factor - NERNST * self.v_factor
        of_products = np.sum(along[mixtures.phases] * mixtures.amounts, axis=1)
        own = self.target[1, which] - NERNST * self.target[2, which]
        result: NDArray[np.float64] = (own - of_products) * self.target_sizes[which] / self.atoms[which]
        return result

    def products(self, target: int, mixtures: Mixtures, row: int) -> tuple[PourbaixProduct, ...]:
        """Products in formula units for one of the target, largest share of metal first."""
        shares = sorted(
            zip(mixtures.amounts[row].tolist(), mixtures.phases[row].tolist(), strict=True), key=lambda pair: -pair[0]
        )
        size = float(self.target_sizes[target])
        return tuple(
            PourbaixProduct(self.entries[phase], share * size / float(self.sizes[phase]))
            for share, phase in shares
            if share > TRACE and phase >= 0
        )


def _coefficients(
    entries: Sequence[PourbaixEntry], elements: list[str], concentration: float | Mapping[str, float]
) -> tuple[NDArray[np.float64], ...]:
    """Contents, metal atoms, and energy as ``constant + ph_factor pH + v_factor V``, all per metal atom."""
    amounts = np.array([[float(e.composition.get(s, 0.0)) for s in (*elements, "H", "O")] for e in entries])
    amounts = amounts.reshape(len(entries), len(elements) + 2)
    metals, hydrogen, oxygen = amounts[:, :-2], amounts[:, -2], amounts[:, -1]
    sizes = metals.sum(axis=1)
    energy = np.array([entry.energy for entry in entries], dtype=np.float64)
    charge = np.array([entry.charge for entry in entries], dtype=np.float64)
    dilution = NERNST * np.log10([concentration_of(entry, concentration) for entry in entries])
    # H+ and water are exchanged with the solution, electrons with the electrode.
    protons = hydrogen - 2.0 * oxygen
    constant = (energy + dilution - MU_H2O * oxygen) / sizes
    return metals / sizes[:, None], sizes, constant, NERNST * protons / sizes, (protons - charge) / sizes


def _filtered(entries: list[PourbaixEntry]) -> list[PourbaixEntry]:
    """Ions, and of the solids those on the hull of formation energies with hydrogen and oxygen."""
    solids = [entry for entry in entries if entry.phase == "solid"]
    if not solids:
        return entries
    per_atom = [entry.energy / sum(entry.composition.values()) for entry in solids]
    distance = decomposition_energies([entry.composition for entry in solids], per_atom)
    stable = {id(entry) for entry, above in zip(solids, distance, strict=True) if above <= STABLE}
    return [entry for entry in entries if entry.phase == "ion" or id(entry) in stable]
