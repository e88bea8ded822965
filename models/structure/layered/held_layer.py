"""Whether a bulk crystal holds a given layer: is made of layers of which one is the same by StructureMatcher.

A formula has many polymorphs, and the energy of a layer above another one than its own is no exfoliation energy. Knows
structures only; which calculation is said to be of which is up to the caller.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pymatgen.core.structure import Structure

from ..comparison.matching import ANGLE_TOLERANCE, LENGTH_TOLERANCE, SITE_TOLERANCE, Comparison, prepare
from ..dimensionality.clusters import Cluster, NotAnalysable, clusters_by_tolerance
from ..dimensionality.layering import TOLERANCES, LayerAnalysis, analyse_layers
from .monolayer import cut

_LAYER: Final = 2
_HOLDS_NONE: Final = frozenset({"network", "molecules", "chains"})
"""Kinds of crystals in which there is no layer at all; of others that are not layered by the rules it is a matter of
how strong their layers hold together."""
TOLERANCE: Final = f"{LENGTH_TOLERANCE:g} of lengths, {SITE_TOLERANCE:g} of sites, {ANGLE_TOLERANCE:g}°"


class Held(NamedTuple):
    """Whether a bulk holds a layer, None where that can't be told, and why it does not or can't be told."""

    holds: bool | None
    reason: str = ""


def held_layer(bulk: Structure, layers: Iterable[Structure]) -> Held:
    """Tell whether a bulk crystal is made of one of these layers.

    It is cut into its layers as bulk crystals are that monolayers come from, and where it is not layered by those
    rules, into those that any tolerance of bonds shows. They are compared with the tolerances of `matching`, which a
    relaxation of atoms and cell stays within, with the heights of atoms and the area per atom.

    Parameters
    ----------
    bulk
        Any cell, layers along any direction.
    layers
        The layer in vacuum, along any axis: as it was proposed, as it was calculated.
    """
    comparison = Comparison()
    wanted = [prepare(layer) for layer in layers]
    analysis = analyse_layers(bulk)
    formulas = set()
    for cluster in _two_dimensional(bulk, analysis):
        own = prepare(cut(bulk, cluster).structure)
        if any(comparison.same(layer, own) for layer in wanted):
            return Held(holds=True)
        formulas.add(own.key[0])
    if analysis.layered:
        others = formulas - {layer.key[0] for layer in wanted}
        told = f"of {' and '.join(sorted(others))}" if others else f"built otherwise (by more than {TOLERANCE})"
        return Held(holds=False, reason=f"the bulk does not hold this layer: its layers are {told}")
    if analysis.kind in _HOLDS_NONE:
        return Held(holds=False, reason=f"the bulk does not hold this layer: it is {_article(analysis.kind)}")
    why = f"it is made of {analysis.kind}" if analysis.kind else analysis.reason
    return Held(holds=None, reason=f"whether the bulk holds this layer can't be told: {why}")


def _two_dimensional(bulk: Structure, analysis: LayerAnalysis) -> Iterator[Cluster]:
    flat = [cluster for cluster in analysis.components if cluster.dimensionality == _LAYER]
    if flat or not analysis.analysed:
        yield from flat
        return
    try:
        for clusters in reversed(clusters_by_tolerance(bulk, TOLERANCES)):
            yield from (cluster for cluster in clusters if cluster.dimensionality == _LAYER)
    except NotAnalysable:
        return


def _article(kind: str) -> str:
    return f"a {kind}" if kind == "network" else f"made of {kind}"
