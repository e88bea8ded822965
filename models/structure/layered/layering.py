"""Which bulk crystals are layered: the rules of 2DMatPedia, and the dimensionality of any crystal.

J. Zhou et al., Sci. Data 6, 86 (2019). It works on one structure at a time and knows nothing of monolayers yet
(see `monolayer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pymatgen.core.structure import Structure

from ..symmetry.symmetry_analysis import primitive_cell
from .clusters import Cluster, NotAnalysable, Unit, clusters_by_tolerance

TOLERANCES: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
"""Added to the sum of covalent radii, Zhou et al. (2019)."""
SUPERCELL: Final = 3
"""Clusters are counted in the cell and in its 3 x 3 x 3 supercell, Zhou et al. (2019)."""


@dataclass(frozen=True, slots=True)
class LayerRules:
    """What counts as layered; the defaults are the text of the 2DMatPedia paper.

    Attributes
    ----------
    tolerances
        Ascending.
    tolerance_unit
        "angstrom": the tolerance is added to the sum of the radii; "relative": it is a share of that sum.
    min_tolerances
        At how many of them the number of clusters must triple.
    max_elements, max_atoms
        Limits beyond which a structure is not analysed; atoms are those of the primitive cell.
    """

    tolerances: tuple[float, ...] = TOLERANCES
    tolerance_unit: Unit = "angstrom"
    min_tolerances: int = 2
    max_elements: int = 4
    max_atoms: int = 40


PAPER_RULES: Final = LayerRules()
"""Tolerances in Å. Crystals of large atoms can need more than 0.4 Å (Bi2Te3, PbI2), and loosely bound salts of large
cations pass at the small ones."""
DATABASE_RULES: Final = LayerRules(tolerance_unit="relative")
"""Tolerances as shares of the sum of radii. This is what the entries of 2DMatPedia agree with: of 1,265 crystals
of the Materials Project 23 pass, and the database has the formula of 21 as exfoliated; in Å 106 pass, and it has 31.
It finds Bi2Te3, PbI2 and BiTeI, which the database has, too."""
DEFAULT_RULES: Final = PAPER_RULES
"""Taken where none are given."""


@dataclass(frozen=True)
class LayerAnalysis:
    """What was found in one structure.

    Attributes
    ----------
    layered
        Whether the rules are met.
    layered_at
        The tolerances at which the number of clusters triples.
    tolerances, dimensionalities
        Highest dimensionality of any cluster (0 to 3) at each tolerance.
    components
        Clusters at the largest tolerance at which the structure is layered, else at the largest tolerance of the
        most frequent dimensionality. The largest, because a layer's own longer bonds are then in (Ga-Ga of GaSe is
        0.02 Å beyond the sum of the radii), while a tolerance that joined the layers would not count.
    reason
        Why it is not layered, or could not be analysed; None when layered.
    analysed
        False when limits or the structure itself forbade it.
    """

    layered: bool
    layered_at: tuple[float, ...]
    tolerances: tuple[float, ...]
    dimensionalities: tuple[int, ...]
    components: tuple[Cluster, ...] = field(repr=False)
    reason: str | None
    analysed: bool = True

    @property
    def dimensionality(self) -> int | None:
        """2 when layered, else the one found at most tolerances (the higher in a tie); None when not analysed."""
        if not self.analysed:
            return None
        return 2 if self.layered else _most_frequent(self.dimensionalities)

    @property
    def layers_per_cell(self) -> int:
        """Count the layers that pass through the cell (0 when it is not layered)."""
        return len(self.components) if self.layered else 0


def analyse_layers(structure: Structure, rules: LayerRules | None = None) -> LayerAnalysis:
    """Tell whether a crystal consists of layers.

    The rule: in the 3 x 3 x 3 supercell there are three times as many clusters of bonded atoms as in the cell, at two
    tolerances at least. No supercell is built: a cluster whose periods have rank d becomes 3^(3 - d) clusters there
    (`Cluster.copies` has the exact count), so the number triples when all are two-dimensional, whatever cell is
    given, conventional or not. Two ways in which the bare count would mislead are not followed: three interpenetrating
    frameworks also triple, and are no layers; interpenetrating layers do not, and stay not layered, since none of
    them can be peeled off.

    Parameters
    ----------
    structure
        A bulk crystal (a monolayer in vacuum is found layered too, with one layer per cell).
    rules
        `DEFAULT_RULES` when None.

    Returns
    -------
    LayerAnalysis
        Also for what cannot be analysed, with the reason; nothing is raised for a structure.
    """
    rules = rules or DEFAULT_RULES
    if reason := _beyond(structure, rules):
        return _not_analysed(reason)
    try:
        series = clusters_by_tolerance(structure, rules.tolerances, unit=rules.tolerance_unit)
    except NotAnalysable as no:
        return _not_analysed(str(no))
    dimensionalities = tuple(max(cluster.dimensionality for cluster in clusters) for clusters in series)
    triples = [_triples(clusters) for clusters in series]
    layered_at = tuple(t for t, triple in zip(rules.tolerances, triples, strict=True) if triple)
    layered = len(layered_at) >= rules.min_tolerances
    if layered:
        chosen = max(i for i, triple in enumerate(triples) if triple)
    else:
        usual = _most_frequent(dimensionalities)
        chosen = max(i for i, dimensionality in enumerate(dimensionalities) if dimensionality == usual)
    return LayerAnalysis(
        layered=layered,
        layered_at=layered_at,
        tolerances=rules.tolerances,
        dimensionalities=dimensionalities,
        components=series[chosen],
        reason=None if layered else _why_not(series, dimensionalities, layered_at, rules),
    )


def _triples(clusters: tuple[Cluster, ...]) -> bool:
    """Whether the supercell holds three times as many clusters, and they are layers."""
    if any(cluster.dimensionality != 2 for cluster in clusters):
        return False
    return sum(cluster.copies(SUPERCELL) for cluster in clusters) == SUPERCELL * len(clusters)


def _beyond(structure: Structure, rules: LayerRules) -> str | None:
    """Say which limit the structure is beyond."""
    elements = len(structure.composition.element_composition)
    if elements > rules.max_elements:
        return f"{elements} elements are more than the limit of {rules.max_elements}"
    if len(structure) > rules.max_atoms:
        primitive = primitive_cell(structure)
        atoms = len(structure) if primitive is None else len(primitive)
        if atoms > rules.max_atoms:
            return f"{atoms} atoms in the primitive cell are more than the limit of {rules.max_atoms}"
    return None


def _not_analysed(reason: str) -> LayerAnalysis:
    return LayerAnalysis(
        layered=False,
        layered_at=(),
        tolerances=(),
        dimensionalities=(),
        components=(),
        reason=reason,
        analysed=False,
    )


def _most_frequent(dimensionalities: tuple[int, ...]) -> int:
    return max(set(dimensionalities), key=lambda d: (dimensionalities.count(d), d))


def _why_not(
    series: list[tuple[Cluster, ...]],
    dimensionalities: tuple[int, ...],
    layered_at: tuple[float, ...],
    rules: LayerRules,
) -> str:
    """Name the nearest thing to layers that was found."""
    if layered_at:
        at = ", ".join(f"{t:g}" for t in layered_at)
        return f"layers at {len(layered_at)} tolerance ({at}) only, {rules.min_tolerances} are needed"
    for tolerance, clusters, highest in zip(rules.tolerances, series, dimensionalities, strict=True):
        if highest == 2:
            kinds = sorted({cluster.dimensionality for cluster in clusters})
            if kinds == [2]:
                return f"layers at tolerance {tolerance:g} interpenetrate"
            names = " and ".join(f"{kind}D" for kind in kinds)
            return f"layers at tolerance {tolerance:g} come with other clusters between them ({names})"
    return "its clusters are " + ", ".join(f"{d}D" for d in sorted(set(dimensionalities))) + ", never 2D"
