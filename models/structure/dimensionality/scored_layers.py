"""What a crystal is made of - molecules, chains, layers or a network - and how strongly its layers are bound.

The score of each dimensionality is that of P. M. Larsen et al., Phys. Rev. Materials 3, 034003 (2019): over how wide a
range of bond tolerances the clusters have it. It tells that the contacts between layers are longer than the bonds
within; that they are weak as well is told by their strength.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Final, Literal

import numpy as np
from pymatgen.core.structure import Structure

from ..vacuum import is_monolayer_cell
from .clusters import Cluster, cluster_series
from .contacts import D_BLOCK, ELECTROPOSITIVE, NONMETAL, WIDEST_RATIO, Binding, Contacts, Mask, binding, crossing
from .woven import woven

Kind = Literal["molecules", "chains", "layers", "bound layers", "woven layers", "network", "ions"]
"""What holds together; "bound layers" are too strongly bound to each other to be layers, and a network."""

_STEP: Final = 0.01
RATIOS: Final = tuple(np.round(np.arange(1.0, WIDEST_RATIO + 1e-9, _STEP), 2).tolist())
"""Bond tolerances: of the distance to the sum of the covalent radii. Below 1 Larsen's score does not rise."""
_HALFWAY: Final = 0.15
"""Larsen et al. (2019), eq. 2: the score of a bond of 1.15 times the sum of the radii is a half."""
ATOM_AREA: Final = 8.7
"""Å^2, what an atom takes in a dense layer of anions: S in MoS2."""
MOST_SHARE: Final = 0.25
"""Of the bonding of an atom that may lead out of its layer. Gray Sb and Bi have 0.23, GeTe has 0.30, Zn 0.34, the
basal plane of single bonds in wurtzite-type BeO 0.26."""
MOST_BOUND: Final = 0.067
"""Of `LayerBinding.bound`, about a quarter of a quarter: gray Sb 0.063, Bi 0.056, BaFI 0.048; CuSbS2 0.071, AuTe2
0.074, beta-In2S3 0.080, GeTe 0.11."""
MOST_OF_METAL: Final = 0.09
"""Of the bonding of an atom of groups 4 to 12 that may lead out of its layer: it has no lone pair to point there, so
what it has there are neighbours. CrF2, a rutile with four short and two long bonds, 0.11 to 0.13, CuF2 0.15 to 0.18;
of 251 layered crystals PdSe2 0.071, PdS2 0.043, the others 0.035 at most."""
MOST_OF_WITHIN: Final = 0.6
"""Strength of a covalent contact across beside the weakest of the bonds that make a layer one: V2O5 0.20, gray Sb and
Bi 0.29; In2S3 0.65, SrCd2P2 0.68. What an ion of groups 1 to 3 has across counts for nothing here: its anions repel
those of the next layer as much. Matlockites, where that contact has 0.5 to 0.7, come apart as easily as MoS2: 16
meV/Å^2 (CaHCl) to 29 (PbFCl) by CHGNet (DOI 10.1038/s42256-023-00716-3) with D3."""
MOST_ACROSS: Final = 0.35
"""Strength of a covalent contact across that is a bond whatever is within: of 251 layered crystals V2O5 has 0.20, the
others 0.17 at most; MnAlGe, a metal that looks like slabs, has 0.55 between Al and Ge, its bonds within 1.0."""
LEAST_BOND: Final = 1 / 6
"""Strength that a bond must have: Pauling's for an ion of charge 1 with six neighbours (J. Am. Chem. Soc. 51, 1010
(1929)). The last that makes PbFCl a layer has 0.19 to 0.25, the one across 0.12 to 0.14; in TlF, a crystal of loose
ions, the last within has 0.14 and 0.15."""
MOST_LOOSE: Final = 0.6
"""Of the bonding of an atom that may lead out of its molecule or chain, for it to be called one: ribbons of Sb2S3 0.34,
rows of TlF 0.49, the pairs of GeS (which is layered) 0.69."""


_DIMENSION: Final[dict[Kind, int]] = {
    "molecules": 0,
    "chains": 1,
    "layers": 2,
    "bound layers": 2,
    "woven layers": 2,
    "network": 3,
    "ions": -1,
}
"""Of the clusters that make it; of lone ions none."""


@dataclass(frozen=True, slots=True)
class LayerBinding:
    """How strongly layers are bound to each other.

    Attributes
    ----------
    share
        Of all its bonding what the atom that is bound most across the gap has there, 0 to 1.
    strongest
        Strength of the strongest contact across; 1 is a full bond.
    covalent
        Strength of the strongest one in which no ion of groups 1 to 3 takes part.
    per_area
        Strength of all contacts across, 1/Å^2.
    within
        Strength of the weakest bond that it takes to make each layer one.
    metal
        As `share`, of the atom of groups 4 to 12 that is bound most.
    """

    share: float
    strongest: float
    covalent: float
    per_area: float
    within: float
    metal: float

    @property
    def holds(self) -> bool:
        """Whether the contacts across are no bonds; those within are, or there would be no layers."""
        covalent = self.covalent > min(max(MOST_OF_WITHIN * self.within, LEAST_BOND), MOST_ACROSS)
        return not covalent and self.share <= MOST_SHARE and self.metal <= MOST_OF_METAL and self.bound <= MOST_BOUND

    @property
    def bound(self) -> float:
        """`share`, times the larger of the strongest contact and of the contacts on the area of an atom."""
        return self.share * max(self.strongest, self.per_area * ATOM_AREA)


@dataclass(frozen=True)
class Verdict:
    """What a crystal is made of.

    Attributes
    ----------
    kind
        See `Kind`.
    scores
        Of 0D, 1D, 2D and 3D, each 0 to 1; what is missing to 1 is the score of states with lone atoms.
    components
        Clusters of that kind, at the widest tolerance at which there are such.
    up_to
        Ratio at which these are no longer such.
    layer_binding
        Where there are layers, bound or not.
    """

    kind: Kind
    scores: tuple[float, float, float, float]
    components: tuple[Cluster, ...]
    up_to: float
    layer_binding: LayerBinding | None

    @property
    def dimensionality(self) -> int:
        """0 molecules or ions, 1 chains, 2 layers, 3 network."""
        return {"molecules": 0, "ions": 0, "chains": 1, "layers": 2}.get(self.kind, 3)


@dataclass(frozen=True, slots=True)
class _State:
    """Clusters that stay the same over a range of tolerances."""

    clusters: tuple[Cluster, ...]
    start: float
    end: float

    @property
    def score(self) -> float:
        return larsen_score(self.start, self.end)

    @property
    def dimension(self) -> int | None:
        """Of clusters that are all alike, or chains with molecules between; None where there are lone atoms or ions."""
        found = {cluster.dimensionality for cluster in self.clusters}
        if found == {0, 1} or len(found) == 1:
            lone = any(cluster.dimensionality == 0 and len(cluster.sites) == 1 for cluster in self.clusters)
            return None if lone else max(found)
        return None


def larsen_score(start: float, end: float) -> float:
    """Score of a state between two tolerances, Larsen et al. (2019), eq. 2; the widest stands for infinity."""

    def covered(ratio: float) -> float:
        if ratio > WIDEST_RATIO:
            return 1.0
        x = (max(ratio - 1, 0.0) / _HALFWAY) ** 2
        return x / (1 + x)

    return covered(end) - covered(start)


def states(found: Contacts, sites: int) -> list[_State]:
    """The clusters of ever wider tolerances, each state with where it begins and ends."""
    series = cluster_series(sites, found.first, found.second, found.image, found.ratio, RATIOS)
    result: list[_State] = []
    for ratio, clusters in zip(RATIOS, series, strict=True):
        if result and _alike(result[-1].clusters, clusters):
            continue
        if result:
            result[-1] = _State(result[-1].clusters, result[-1].start, ratio)
        result.append(_State(clusters, ratio, np.inf))
    return result


def _alike(earlier: tuple[Cluster, ...], later: tuple[Cluster, ...]) -> bool:
    """Whether clusters have not grown; their periods may be written with another basis."""
    return earlier is later or (
        [cluster.sites for cluster in earlier] == [cluster.sites for cluster in later]
        and [_size(cluster) for cluster in earlier] == [_size(cluster) for cluster in later]
    )


def _size(cluster: Cluster) -> tuple[int, int]:
    """Number of directions and volume of the periods, which are in row echelon form."""
    return len(cluster.periods), abs(prod(next(x for x in period if x) for period in cluster.periods))


def judge(structure: Structure, found: Contacts) -> Verdict:
    """Tell what a crystal is made of.

    Parameters
    ----------
    structure
        An ordered crystal, any cell.
    found
        Its contacts.
    """
    sites = len(structure)
    every = states(found, sites)
    kind: Kind
    scores, last, planar = [0.0] * 4, dict[int, _State](), list[_State]()
    for state in every:
        dimension = state.dimension
        if dimension is None:
            continue
        if dimension < 2 and _binding(found, state, sites).share > MOST_LOOSE:
            continue
        scores[dimension] += state.score
        last[dimension] = state
        if dimension == 2:
            planar.append(state)
    metallic = not NONMETAL[found.numbers].any()
    if metallic and 3 in last:  # however far apart its planes, no metal comes apart in layers
        kind, layer_binding = "network", None
    else:
        if planar and not metallic:
            last[2] = _layers(structure, found, planar)
        kind, layer_binding = _kind(structure, found, every, scores, last)
    state = last.get(_DIMENSION[kind], every[-1])
    return Verdict(kind, (scores[0], scores[1], scores[2], scores[3]), state.clusters, state.end, layer_binding)


def _layers(structure: Structure, found: Contacts, planar: list[_State]) -> _State:
    """Of the states that consist of layers the one with the most of them that come apart, else the last.

    Of equally many the last: the longest bonds within are in. Of a stack of two kinds it is the one in which they are
    apart, not that in which the shorter of two gaps counts as bonded.
    """
    best = planar[-1]
    for state in planar[-2::-1]:
        if len(state.clusters) > len(best.clusters):
            binding_across = _layer_binding(structure, found, state)
            if binding_across.within >= LEAST_BOND and binding_across.holds:
                best = state
    return best


def _kind(
    structure: Structure, found: Contacts, every: list[_State], scores: list[float], last: dict[int, _State]
) -> tuple[Kind, LayerBinding | None]:
    looser = max(scores[:2])
    if 2 in last and scores[2] >= looser:
        layers = last[2]
        layer_binding = _layer_binding(structure, found, layers)
        if layer_binding.within >= LEAST_BOND and layer_binding.holds:
            within = found[(found.ratio < layers.start) & ~_crossing(found, layers, len(structure))]
            return ("woven layers", None) if woven(structure, layers.clusters, within) else ("layers", layer_binding)
        if layer_binding.within >= LEAST_BOND or not is_monolayer_cell(structure):
            return "bound layers", layer_binding
    if 3 in last and scores[3] >= looser:
        return "network", None
    if looser == 0:
        return ("network" if 3 in {cluster.dimensionality for cluster in every[-1].clusters} else "ions"), None
    return ("molecules" if scores[0] == looser else "chains"), None


def _crossing(found: Contacts, state: _State, sites: int) -> Mask:
    return crossing(found, state.clusters, sites)


def _binding(found: Contacts, state: _State, sites: int) -> Binding:
    return binding(found, _crossing(found, state, sites), sites)


def _layer_binding(structure: Structure, found: Contacts, layers: _State) -> LayerBinding:
    crosses = _crossing(found, layers, len(structure))
    across = binding(found, crosses, len(structure))
    periods = np.array([cluster.periods for cluster in layers.clusters], dtype=float) @ structure.lattice.matrix
    area = float(np.linalg.norm(np.cross(periods[:, 0], periods[:, 1]), axis=1).sum())
    last_step = ~crosses & (found.ratio < layers.start) & (found.ratio >= layers.start - _STEP)
    within = float(found.strength[last_step].max(initial=0.0)) if layers.start > RATIOS[0] else 1.0
    ionic = ELECTROPOSITIVE[found.numbers[found.first]] | ELECTROPOSITIVE[found.numbers[found.second]]
    covalent = float(found.strength[crosses & ~ionic].max(initial=0.0))
    metal = float(across.shares[D_BLOCK[found.numbers]].max(initial=0.0))
    return LayerBinding(across.share, across.strongest, covalent, across.total / area, within, metal)
