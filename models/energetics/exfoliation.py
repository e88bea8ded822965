"""Exfoliation energy of a layer from a calculation of the monolayer and one of its bulk, made alike.

It knows energies, cells and settings; which runs belong together is decided elsewhere. Pairs that cannot be compared
are refused with every reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from pymatgen.core.structure import Structure

from ..composition.formula.parsing import parse
from ..structure.vacuum import MIN_GAP, thickest_gap
from .convex_hull.composition_table import composition_table
from .pair_settings import differing_settings

CHARGE: Final = 1e-3
"""Electrons per cell up to which it is neutral."""
K_STEPS: Final = 0.2
"""By how much, relative to the wider one, the in-plane distances of k-points of layer and bulk may differ: four or six
divisions and five are within it."""

VAN_DER_WAALS = re.compile(r"vdw|rvv10|vv10|[-+ ]d[234]|[-+ ]ts\b|mbd|optb8[68]|optpbe|beef", re.IGNORECASE)
"""Names of functionals, or of terms added to them, that describe van der Waals attraction."""


class ExfoliationRefused(ValueError):
    """The two calculations do not give an exfoliation energy; `reasons` says why, each in a sentence."""

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("no exfoliation energy from this pair: " + "; ".join(reasons))


@dataclass(frozen=True, slots=True)
class LayeredCalculation:
    """One calculation, of a monolayer or of a layered bulk.

    Parameters
    ----------
    energy
        Total energy of the cell, eV.
    composition
        Formula of the cell, or amount of each element in it, not reduced: it gives the number of atoms.
    functional
        As named by whoever ran it ("optB88-vdW", "r2SCAN+rVV10"); compared without regard to case.
    settings
        What else must agree, exactly or within the tolerances of `pair_settings`: cut-off (ENCUT), POTCARs, U values …
    area
        In-plane area of a monolayer's cell, Å^2; not needed of the bulk.
    layers
        Layers in the cell that the area is shared by; 1 for a monolayer.
    name
        For messages.
    charge
        Of the cell, elementary charges.
    k_steps
        1/Å, distances of the k-points along the layers' plane, the shorter first; None where not known.
    """

    energy: float
    composition: str | Mapping[str, float]
    functional: str
    settings: Mapping[str, object] = field(default_factory=dict)
    area: float | None = None
    layers: int = 1
    name: str = ""
    charge: float = 0.0
    k_steps: tuple[float, float] | None = None


class Exfoliation(NamedTuple):
    """The exfoliation energy.

    per_atom
        eV/atom.
    per_area
        meV/Å^2 of one layer; None when the monolayer's area is not known.
    van_der_waals
        Whether the functional is known to describe van der Waals attraction; without it layers hardly bind.
    """

    per_atom: float
    per_area: float | None
    van_der_waals: bool


def exfoliation_energy(monolayer: LayeredCalculation, bulk: LayeredCalculation) -> Exfoliation:
    """Energy that it takes to lift a layer off its bulk.

    ``E(monolayer) / n - E(bulk) / m`` per atom, n and m the atoms of the two cells; the layer may be relaxed. Per area
    it is that times the atoms of one layer over the area of its cell.

    Parameters
    ----------
    monolayer, bulk
        The two calculations: same composition, functional and settings.

    Raises
    ------
    ExfoliationRefused
        When they do not fit together.

    Notes
    -----
    Jung, Park, Ihm, Nano Lett. 18, 2759 (2018): exact for a layer taken off the surface of its bulk.

    Examples
    --------
    >>> graphene = LayeredCalculation(-18.361, "C2", "optB88-vdW", {"ENCUT": 520}, area=5.24)
    >>> graphite = LayeredCalculation(-37.0, "C4", "optB88-vdW", {"ENCUT": 520})
    >>> energy = exfoliation_energy(graphene, graphite)
    >>> round(energy.per_atom, 4), round(energy.per_area, 1)
    (0.0695, 26.5)
    """
    reasons = _mismatches(monolayer, bulk)
    if reasons:
        raise ExfoliationRefused(reasons)
    n, m = _atoms(monolayer), _atoms(bulk)
    per_atom = monolayer.energy / n - bulk.energy / m
    per_area = None
    if monolayer.area is not None:
        per_area = 1000.0 * per_atom * n / monolayer.layers / monolayer.area
    return Exfoliation(per_atom, per_area, describes_van_der_waals(monolayer.functional))


def describes_van_der_waals(functional: str) -> bool:
    """Whether the name of a functional says that it describes van der Waals attraction.

    Examples
    --------
    >>> [describes_van_der_waals(name) for name in ("optB88-vdW", "r2SCAN+rVV10", "PBE-D3(BJ)", "PBE", "r2SCAN")]
    [True, True, True, False, False]
    """
    return VAN_DER_WAALS.search(functional) is not None


def in_plane_area(structure: Structure) -> float | None:
    """Area of the two cell vectors along a layer, Å^2; None without a vacuum."""
    gap = thickest_gap(structure)
    if gap.thickness < MIN_GAP:
        return None
    first, second = (structure.lattice.matrix[i] for i in range(3) if i != gap.axis)
    return float(np.linalg.norm(np.cross(first, second)))


def _atoms(calculation: LayeredCalculation) -> float:
    """Atoms in the cell."""
    if isinstance(calculation.composition, str):
        return float(parse([calculation.composition]).amounts.sum())
    return float(sum(calculation.composition.values()))


def _mismatches(monolayer: LayeredCalculation, bulk: LayeredCalculation) -> list[str]:
    """Reasons, all of them, why two calculations cannot be compared."""
    reasons = []
    for what, calculation in (("monolayer", monolayer), ("bulk", bulk)):
        if not math.isfinite(calculation.energy):
            reasons.append(f"the energy of the {what} is {calculation.energy}")
        if calculation.layers < 1:
            reasons.append(f"the {what} has {calculation.layers} layers")
        if not calculation.functional.strip():
            reasons.append(f"the functional of the {what} is not given")
    if monolayer.area is not None and not monolayer.area > 0:
        reasons.append(f"the area of the monolayer is {monolayer.area} Å^2")

    table = composition_table([monolayer.composition, bulk.composition])
    if table.identity[0] != table.identity[1]:
        reasons.append(f"compositions differ: monolayer {monolayer.composition}, bulk {bulk.composition}")
    if monolayer.functional.strip().casefold() != bulk.functional.strip().casefold():
        reasons.append(f"functionals differ: monolayer {monolayer.functional}, bulk {bulk.functional}")
    reasons += _charges(monolayer, bulk)
    reasons += differing_settings(monolayer.settings, bulk.settings, (_atoms(monolayer), _atoms(bulk)))
    return [*reasons, *_k_points(monolayer, bulk)]


def _charges(monolayer: LayeredCalculation, bulk: LayeredCalculation) -> list[str]:
    """Charges, which give an energy of their own to each cell, even where both have the same."""
    named = (("monolayer", monolayer), ("bulk", bulk))
    told = [f"{what} {calculation.charge:+g}" for what, calculation in named if abs(calculation.charge) > CHARGE]
    return [f"charge: {', '.join(told)}"] if told else []


def _k_points(monolayer: LayeredCalculation, bulk: LayeredCalculation) -> list[str]:
    """Difference of the in-plane k-points, where those of both are known."""
    if monolayer.k_steps is None or bulk.k_steps is None:
        return []
    pairs = zip(monolayer.k_steps, bulk.k_steps, strict=True)
    if all(abs(ours - theirs) <= (K_STEPS + 1e-9) * max(ours, theirs) for ours, theirs in pairs):
        return []
    told = (" x ".join(f"{step:.3f}" for step in calculation.k_steps or ()) for calculation in (monolayer, bulk))
    return ["in-plane k-points differ: monolayer {}/Å apart, bulk {}/Å".format(*told)]
