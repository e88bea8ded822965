"""How strongly layers hold together by a potential: each against its bulk, or, without one, against itself stacked.

Knows structures and a potential; which bulk is a layer's is decided elsewhere, and so is what the number is worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from pymatgen.core.structure import Structure

from ..structure.vacuum import thickest_gap
from .interface import Potential
from .relaxation import FORCE_TOLERANCE, MAX_STEPS
from .self_stacking import Stack, stacks_of

UNBOUND: Final = 0.0
"""eV/atom, up to which a layer is not held by its bulk."""
_OTHER_COMPOSITION: Final = "it is one of several kinds of layers of its bulk"


@dataclass(frozen=True, slots=True)
class LayerBinding:
    """What a potential says of one layer; `reason` says why it says nothing.

    Attributes
    ----------
    per_atom
        Energy of the layer over that of its bulk, eV/atom.
    per_area
        The same in meV/Å^2 of the layer.
    stack
        The layer stacked on itself, one a cell, where it was compared with that.
    shift, height
        Of that stack: of each layer beside the one below, in fractions of the in-plane vectors, and Å between them.
    """

    per_atom: float | None = None
    per_area: float | None = None
    stack: Structure | None = None
    shift: tuple[float, float] | None = None
    height: float | None = None
    reason: str | None = None


def layer_bindings(
    layers: Sequence[Structure],
    bulks: Sequence[Structure | None],
    potential: Potential,
    *,
    relax: bool = False,
    max_steps: int = MAX_STEPS,
    force_tolerance: float = FORCE_TOLERANCE,
) -> list[LayerBinding]:
    """Energies of layers over those of their bulks.

    Parameters
    ----------
    layers
        n monolayers in vacuum.
    bulks
        n crystals that they are layers of; None for a layer that is stacked on itself.
    potential
        A potential that describes dispersion.
    relax
        Relax layers in their plane and bulks wholly; else all are taken as they stand.
    max_steps, force_tolerance
        Limits of that: steps, eV/Å.

    Returns
    -------
    list of LayerBinding
        n results, in order.
    """
    found: list[LayerBinding | None] = [None] * len(layers)
    without_bulk = [number for number, bulk in enumerate(bulks) if bulk is None]
    stacks = stacks_of([layers[number] for number in without_bulk], potential)
    stacked = dict(zip(without_bulk, stacks, strict=True))
    whole: list[Structure] = []
    for number, (layer, bulk) in enumerate(zip(layers, bulks, strict=True)):
        if bulk is None:
            reason = stacked[number].reason
            found[number] = LayerBinding(reason=reason) if reason else None
        elif not layer.composition.fractional_composition.almost_equals(bulk.composition.fractional_composition):
            found[number] = LayerBinding(reason=_OTHER_COMPOSITION)
        stack = stacked[number].structure if number in stacked else None
        whole.append(bulk or stack or layer)
    asked = [number for number, binding in enumerate(found) if binding is None]
    by = _Energies(potential, relax=relax, max_steps=max_steps, force_tolerance=force_tolerance)
    alone = by.of([layers[number] for number in asked], monolayer=True)
    together = by.of([whole[number] for number in asked], monolayer=False)
    for number, layer_result, bulk_result in zip(asked, alone, together, strict=True):
        found[number] = _binding(layer_result, bulk_result, stacked.get(number))
    return [binding for binding in found if binding is not None]


@dataclass(frozen=True, slots=True)
class _Result:
    structure: Structure
    energy_per_atom: float | None
    reason: str | None


class _Energies:
    """Energies by a potential, of structures as they stand or relaxed."""

    def __init__(self, potential: Potential, *, relax: bool, max_steps: int, force_tolerance: float) -> None:
        self.potential, self.relax = potential, relax
        self.max_steps, self.force_tolerance = max_steps, force_tolerance

    def of(self, structures: list[Structure], *, monolayer: bool) -> list[_Result]:
        if not self.relax:
            static = self.potential.evaluate(structures, forces=False)
            return [
                _Result(structure, result.energy_per_atom, result.failure)
                for structure, result in zip(structures, static, strict=True)
            ]
        relaxed = self.potential.relax(
            structures, monolayer=monolayer, max_steps=self.max_steps, force_tolerance=self.force_tolerance
        )
        return [
            _Result(result.structure, result.energy_per_atom, result.failure or "; ".join(result.doubts) or None)
            for result in relaxed
        ]


def _binding(layer: _Result, bulk: _Result, stacked: Stack | None) -> LayerBinding:
    for result, what in ((layer, "layer"), (bulk, "bulk" if stacked is None else "stack")):
        if result.reason is not None or result.energy_per_atom is None:
            return LayerBinding(reason=f"its {what} has no energy: {result.reason}")
    assert layer.energy_per_atom is not None
    assert bulk.energy_per_atom is not None
    per_atom = layer.energy_per_atom - bulk.energy_per_atom
    if per_atom <= UNBOUND:
        return LayerBinding(reason=f"by this method it lies {-1000 * per_atom:.0f} meV/atom below its bulk")
    stack = None if stacked is None else bulk.structure
    shift, height = (None, None) if stacked is None else (stacked.shift, stacked.height)
    return LayerBinding(per_atom, 1000 * per_atom * len(layer.structure) / _area(layer.structure), stack, shift, height)


def _area(layer: Structure) -> float:
    axis = thickest_gap(layer).axis
    first, second = (layer.lattice.matrix[i] for i in range(3) if i != axis)
    return float(np.linalg.norm(np.cross(first, second)))
