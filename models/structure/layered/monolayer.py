"""Monolayers cut from layered bulk crystals: one cluster, its own periods, vacuum along c.

After J. Zhou et al., Sci. Data 6, 86 (2019). What is layered is decided in `layers`, what a vacuum is in `vacuum`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pymatgen.core.structure import Structure

from ..comparison.matching import Representatives
from ..dimensionality.clusters import Cluster
from ..dimensionality.layering import LayerAnalysis, Rules, analyse_layers
from ..vacuum import VACUUM, layer_in_vacuum
from .primitive_layer import primitive_layer


class NotLayered(ValueError):
    """A bulk crystal from which no monolayer can be cut, with the reason."""


@dataclass(frozen=True)
class Monolayer:
    """A layer on its own.

    Attributes
    ----------
    structure
        Primitive in-plane cell, a and b the two shortest periods at 90 to 120 degrees, c upright along z, the layer
        in the middle.
    clusters
        Which of the bulk's clusters (`LayerAnalysis.components`) are this layer; it was cut from the first.
    sites
        Index in the bulk of the atom each site of the monolayer was.
    thickness
        Å between the outermost nuclei.
    area
        Å^2 of the in-plane cell.
    same_composition
        Whether the layer has the bulk's reduced formula; False where layers of several kinds alternate.
    """

    structure: Structure
    clusters: tuple[int, ...]
    sites: tuple[int, ...] = field(repr=False)
    thickness: float
    area: float
    same_composition: bool


def monolayers(
    structure: Structure,
    *,
    vacuum: float = VACUUM,
    rules: Rules | None = None,
    analysis: LayerAnalysis | None = None,
) -> list[Monolayer]:
    """Cut all distinct monolayers of a layered bulk crystal.

    Parameters
    ----------
    structure
        The bulk, any cell, layers along any direction.
    vacuum
        Å between the outermost nuclei of the monolayer and of its image.
    rules
        What counts as layered; `layering.DEFAULT_RULES` when None.
    analysis
        Of this very structure, when there is one already.

    Returns
    -------
    list of Monolayer
        Mostly one; several where the bulk stacks layers of different kinds. Layers that StructureMatcher takes for
        the same are given once.

    Raises
    ------
    NotLayered
        With the reason.
    """
    analysis = analysis or analyse_layers(structure, rules)
    if not analysis.layered:
        raise NotLayered(analysis.reason or "it is not layered")
    known = Representatives()
    distinct: list[tuple[Monolayer, list[int]]] = []
    for index, cluster in enumerate(analysis.components):
        layer = cut(structure, cluster, vacuum=vacuum)
        # Most crystals have one layer in the cell, which needs no comparing.
        number, new = known.add(layer.structure) if len(analysis.components) > 1 else (0, True)
        if new:
            distinct.append((layer, [index]))
        else:
            distinct[number][1].append(index)
    return [
        Monolayer(layer.structure, tuple(clusters), layer.sites, layer.thickness, layer.area, layer.same_composition)
        for layer, clusters in distinct
    ]


def cut(structure: Structure, cluster: Cluster, *, vacuum: float = VACUUM) -> Monolayer:
    """Cut one two-dimensional cluster out of a crystal.

    Its in-plane lattice is that of its own periods, not that of the bulk's cell, and is made primitive: polytypes, and
    supercells of the bulk, give the same monolayer.

    Raises
    ------
    NotLayered
        When the cluster is not two-dimensional.
    """
    if cluster.dimensionality != 2:
        raise NotLayered(f"the cluster is {cluster.dimensionality}D, and only a 2D one is a layer")
    matrix = structure.lattice.matrix
    a, b = np.array(cluster.periods, dtype=float) @ matrix
    inside = structure.frac_coords[list(cluster.sites)]
    positions = (inside + np.array(cluster.images, dtype=float)) @ matrix
    species = [structure[site].species for site in cluster.sites]
    kept, a, b = primitive_layer(species, positions, a, b)
    sites = tuple(cluster.sites[index] for index in kept)
    layer = layer_in_vacuum(
        [species[index] for index in kept],
        positions[kept],
        a,
        b,
        vacuum=vacuum,
        properties=[structure[site].properties for site in sites],
    )
    return Monolayer(
        structure=layer,
        clusters=(),
        sites=sites,
        thickness=layer.lattice.c - vacuum,
        area=float(np.linalg.norm(np.cross(a, b))),
        same_composition=layer.composition.element_composition.reduced_formula
        == structure.composition.element_composition.reduced_formula,
    )
