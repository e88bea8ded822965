"""Which bulk crystals are layered, by strength of bonds or by the rules of 2DMatPedia, and the dimensionality of any.

It works on one structure at a time and knows nothing of monolayers yet (see `monolayer`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from ..symmetry.symmetry_analysis import primitive_cell
from .clusters import Cluster, NotAnalysable, Unit, clusters_by_tolerance
from .contacts import ELECTROPOSITIVE, Contacts, contacts, crossing
from .ionic_layers import HostLayers, charged_layers, host_layers, layer_formulas
from .scored_layers import (
    LEAST_BOND,
    MOST_ACROSS,
    MOST_BOUND,
    MOST_OF_METAL,
    MOST_OF_WITHIN,
    MOST_SHARE,
    LayerBinding,
    Verdict,
    judge,
)

TOLERANCES: Final = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4)
"""Added to the sum of covalent radii, Zhou et al. (2019)."""
SUPERCELL: Final = 3
"""Clusters are counted in the cell and in its 3 x 3 x 3 supercell, Zhou et al. (2019)."""


@dataclass(frozen=True, slots=True)
class ScoreRules:
    """Layered by Larsen's score and the strength of bonds within and between, see `scored_layers`.

    Attributes
    ----------
    max_atoms
        Of the primitive cell, beyond which a structure is not analysed: the largest of 2DMatPedia has 40, misfit
        compounds have some hundred.
    """

    max_atoms: int = 200


@dataclass(frozen=True, slots=True)
class LayerRules:
    """Layered by the number of clusters; the defaults are the text of the 2DMatPedia paper.

    J. Zhou et al., Sci. Data 6, 86 (2019).

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


Rules = ScoreRules | LayerRules

PAPER_RULES: Final = LayerRules()
"""Tolerances in Å. Crystals of large atoms can need more than 0.4 Å (Bi2Te3, PbI2), and loosely bound salts of large
cations pass at the small ones."""
DATABASE_RULES: Final = LayerRules(tolerance_unit="relative")
"""Tolerances as shares of the sum of radii. This is what the entries of 2DMatPedia agree with: of 1,265 crystals
of the Materials Project 23 pass, and the database has the formula of 21 as exfoliated; in Å 106 pass, and it has 31.
It finds Bi2Te3, PbI2 and BiTeI, which the database has, too."""
DEFAULT_RULES: Final = ScoreRules()
"""Taken where none are given. The counts of the other two call corundum, olivine, GeTe, zinc and iodine layered."""


_HELD_BY_IONS: Final = {"charged layers", "intercalated layers"}


@dataclass(frozen=True)
class LayerAnalysis:
    """What was found in one structure.

    Attributes
    ----------
    layered
        Whether the rules are met.
    dimensionality
        2 when layered, else 0 molecules, 1 chains, 3 network; by counts the one found at most tolerances (the higher
        in a tie). None when not analysed.
    components
        By score the clusters of the kind found. By counts those at the largest tolerance at which the structure is
        layered, else at the largest tolerance of the most frequent dimensionality: a layer's own longer bonds are then
        in (Ga-Ga of GaSe is 0.02 Å beyond the sum of the radii), while a tolerance that joined the layers would not
        count.
    reason
        Why it is layered, or is not, or could not be analysed; by counts None when layered.
    analysed
        False when limits or the structure itself forbade it.
    kind
        By score what the crystal is made of: molecules, chains, layers, network, ions; or what looks like layers but
        is not: bound layers, charged layers, intercalated layers, woven layers.
    scores
        By score, of 0D, 1D, 2D and 3D.
    binding
        By score, of the layers to each other.
    layered_at, tolerances, dimensionalities
        By counts: the tolerances at which the number of clusters triples, all tolerances, and the highest
        dimensionality of any cluster at each.
    """

    layered: bool
    dimensionality: int | None
    components: tuple[Cluster, ...] = field(repr=False)
    reason: str | None
    analysed: bool = True
    kind: str | None = None
    scores: tuple[float, float, float, float] | None = None
    binding: LayerBinding | None = None
    layered_at: tuple[float, ...] = ()
    tolerances: tuple[float, ...] = ()
    dimensionalities: tuple[int, ...] = ()

    @property
    def layers_per_cell(self) -> int:
        """Count the layers that pass through the cell (0 when it is not layered)."""
        return len(self.components) if self.layered else 0

    @property
    def score(self) -> float | None:
        """Larsen's score of two dimensions, 0 to 1, by score."""
        return None if self.scores is None else self.scores[2]


def analyse_layers(structure: Structure, rules: Rules | None = None) -> LayerAnalysis:
    """Tell whether a crystal consists of layers.

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
        return _by_score(structure) if isinstance(rules, ScoreRules) else _by_counts(structure, rules)
    except NotAnalysable as no:
        return _not_analysed(str(no))


def _by_score(structure: Structure) -> LayerAnalysis:
    """Judge by score and strength; what looks like layers is named for what holds it together."""
    found = contacts(structure)
    verdict = judge(structure, found)
    kind, reason = str(verdict.kind), ""
    if kind in {"layers", "bound layers"} and len(verdict.components) > 1:
        charged = charged_layers(layer_formulas(structure, verdict.components))
        if charged:
            kind, reason = "charged layers", f"layers of opposite charge alternate: {' and '.join(charged)}"
    if host := _host(structure, found, verdict):
        kind, reason = "intercalated layers", host.sentence()
    layered = kind == "layers"
    return LayerAnalysis(
        layered=layered,
        dimensionality=2 if layered else 3 if kind in _HELD_BY_IONS else verdict.dimensionality,
        components=verdict.components,
        reason=reason or _in_words(verdict),
        kind=kind,
        scores=verdict.scores,
        binding=verdict.layer_binding,
    )


def _host(structure: Structure, found: Contacts, verdict: Verdict) -> HostLayers | None:
    """Layers that ions hold together: by all ions, or, where there is a gap already, by those with bonds across it."""
    tried = verdict.kind in {"bound layers", "network"}
    if tried and (host := host_layers(structure, found)):
        return host
    if verdict.layer_binding is None:
        return None
    ends = np.concatenate((found.first, found.second))
    across = np.tile(crossing(found, verdict.components, len(structure)) & (found.strength > 0), 2)
    near = found.numbers[ends[across]]
    at_gap, everywhere = (np.unique(numbers[ELECTROPOSITIVE[numbers]]) for numbers in (near, found.numbers))
    if not len(at_gap) or (tried and len(at_gap) == len(everywhere)):
        return None
    return host_layers(structure, found, at_gap)


def _in_words(verdict: Verdict) -> str:
    """Why a crystal is of its kind."""
    scores = ", ".join(f"{d}D {score:.2f}" for d, score in enumerate(verdict.scores) if score >= 0.005)
    if verdict.kind == "woven layers":
        return "its layers are woven into each other, so none can be lifted off"
    if verdict.kind == "ions":
        return "its ions are too far apart to tell what holds them together"
    binding = verdict.layer_binding
    if binding is None:
        return f"{verdict.kind} by the score of dimensionality ({scores})"
    across = (
        f"the atom bound most has {binding.share:.0%} of its bonding across, the strongest contact there is "
        f"{binding.strongest:.2f} of a bond, all {binding.per_area:.3f} per Å^2; bonds within are {binding.within:.2f} "
        "or more"
    )
    if binding.holds:
        return f"layers by the score of dimensionality ({scores}); {across}"
    if binding.share > MOST_SHARE:
        why = f"the share being more than {MOST_SHARE:.0%}"
    elif binding.metal > MOST_OF_METAL:
        why = f"a metal without a lone pair having {binding.metal:.0%} of its own there, more than {MOST_OF_METAL:.0%}"
    elif binding.within < LEAST_BOND:
        why = "the bonds within being none"
    elif binding.covalent > MOST_ACROSS:
        why = f"the contact being more than {MOST_ACROSS:g} of a bond"
    elif binding.covalent > MOST_OF_WITHIN * binding.within:
        why = f"the contact being more than {MOST_OF_WITHIN:g} of the bonds within"
    else:
        why = f"share times strength being {binding.bound:.3f}, more than {MOST_BOUND:g}"
    return f"what looks like layers (score {verdict.scores[2]:.2f}) is bound: {across}; {why}"


def _by_counts(structure: Structure, rules: LayerRules) -> LayerAnalysis:
    """Count clusters as Zhou et al. (2019) do.

    The rule: in the 3 x 3 x 3 supercell there are three times as many clusters of bonded atoms as in the cell, at two
    tolerances at least. No supercell is built: a cluster whose periods have rank d becomes 3^(3 - d) clusters there
    (`Cluster.copies` has the exact count), so the number triples when all are two-dimensional, whatever cell is
    given, conventional or not. Two ways in which the bare count would mislead are not followed: three interpenetrating
    frameworks also triple, and are no layers; interpenetrating layers do not, and stay not layered, since none of
    them can be peeled off.
    """
    series = clusters_by_tolerance(structure, rules.tolerances, unit=rules.tolerance_unit)
    dimensionalities = tuple(max(cluster.dimensionality for cluster in clusters) for clusters in series)
    triples = [_triples(clusters) for clusters in series]
    layered_at = tuple(t for t, triple in zip(rules.tolerances, triples, strict=True) if triple)
    layered = len(layered_at) >= rules.min_tolerances
    usual = _most_frequent(dimensionalities)
    if layered:
        chosen = max(i for i, triple in enumerate(triples) if triple)
    else:
        chosen = max(i for i, dimensionality in enumerate(dimensionalities) if dimensionality == usual)
    return LayerAnalysis(
        layered=layered,
        dimensionality=2 if layered else usual,
        components=series[chosen],
        reason=None if layered else _why_not(series, dimensionalities, layered_at, rules),
        layered_at=layered_at,
        tolerances=rules.tolerances,
        dimensionalities=dimensionalities,
    )


def _triples(clusters: tuple[Cluster, ...]) -> bool:
    """Whether the supercell holds three times as many clusters, and they are layers."""
    if any(cluster.dimensionality != 2 for cluster in clusters):
        return False
    return sum(cluster.copies(SUPERCELL) for cluster in clusters) == SUPERCELL * len(clusters)


def _beyond(structure: Structure, rules: Rules) -> str | None:
    """Say which limit the structure is beyond."""
    if isinstance(rules, LayerRules) and (elements := len(structure.composition.elements)) > rules.max_elements:
        return f"{elements} elements are more than the limit of {rules.max_elements}"
    if len(structure) > rules.max_atoms:
        primitive = primitive_cell(structure)
        atoms = len(structure) if primitive is None else len(primitive)
        if atoms > rules.max_atoms:
            return f"{atoms} atoms in the primitive cell are more than the limit of {rules.max_atoms}"
    return None


def _not_analysed(reason: str) -> LayerAnalysis:
    return LayerAnalysis(layered=False, dimensionality=None, components=(), reason=reason, analysed=False)


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
