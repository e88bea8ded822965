"""The energy a run ended with, the way its ions went there, and the forces that are left on those held in place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from pymatgen.io.vasp.outputs import Vasprun

from ....models.calculation.relaxation_end import (
    largest_force,
    step_energy,
)
from ...engine.batches import Doc
from ...sources.records.raw_record import BadRecord

GROWN: Final = 0.15
"""Relative growth of the volume in a relaxation that leaves a tenth less than the cut-off asked for."""


def final_energy(last: Doc) -> float:
    """Total energy of a cell, eV, by its last step.

    Raises
    ------
    BadRecord
        When the step has none, or one that is no number.
    """
    energy = step_energy(last)
    told: Doc = {}
    for step in (last, *last.get("electronic_steps", [])[-1:]):
        told |= {str(name): step[name] for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy") if name in step}
        for name, value in told.items():
            if not (isinstance(value, int | float) and math.isfinite(value)):
                raise BadRecord(f"the energy of the last step is no number ({name} is {value})")
    if energy is None:
        raise BadRecord("the last step has no total energy")
    return round(energy, 8)


def movable_coordinates(structure: Structure) -> NDArray[np.bool_] | None:
    """Which coordinates may move, (n, 3), by the structure that the run began with: later ones don't say."""
    flags = structure.site_properties.get("selective_dynamics")
    return None if flags is None else np.asarray(flags, dtype=bool)


def force_on_held(last: Doc, movable: NDArray[np.bool_]) -> float:
    """Largest force, eV/Å, on an atom none of whose coordinates may move."""
    held = np.broadcast_to(~movable.any(axis=1, keepdims=True), movable.shape)
    return largest_force(last, held) or 0.0


def trajectory(vasprun: Vasprun, notes: list[str]) -> Doc:
    """How energy, volume (relative), forces (eV/Å) and stress went; what is odd about it is added to `notes`."""
    steps = vasprun.ionic_steps
    facts: Doc = {"steps": len(steps)}
    energies = _finite(step_energy(step) for step in steps)
    if len(energies) < len(steps):
        notes.append(f"{len(steps) - len(energies)} of {len(steps)} ionic steps have no finite energy")
    if energies:
        facts |= {"first_energy": energies[0], "last_energy": energies[-1], "lowest_energy": min(energies)}
    force = largest_force(steps[-1])
    if force is not None:
        facts["largest_force"] = force
    elif len(steps[-1].get("forces", [])):
        notes.append("the last forces are not finite")
    stress = np.array(steps[-1].get("stress", []), dtype=np.float64)
    if stress.shape == (3, 3) and np.isfinite(stress).all():
        facts["stress"] = stress.round(6).tolist()
    first, last = vasprun.initial_structure.volume, vasprun.final_structure.volume
    facts["volume_change"] = float(last / first - 1.0)
    if facts["volume_change"] > GROWN:
        notes.append(
            f"the cell grew by {facts['volume_change']:.0%}, and its plane waves are those of the cell at the start: "
            "a static run of its end is needed for the energy"
        )
    return facts


def _finite(values: Iterable[Any]) -> list[float]:
    return [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
