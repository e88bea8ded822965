"""Energies of the steps of a VASP run, and whether its electrons and its atoms came to rest.

Knows steps as pymatgen reads them; that a run ended before its last allowed step does not show that it converged, for
a STOPCAR ends it too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .run_kind import MOLECULAR_DYNAMICS, RELAXATION
from .vasp_tags import VaspTags

Step = Mapping[str, Any]

MAX_STRESS: Final = 20.0
"""kB left in a cell that relaxed: 1 to 3 meV/atom for metals and oxides (half the squared stress by the bulk modulus),
less than what the hull tells apart."""
LOOSE_ENERGY: Final = 10.0
"""How many EDIFFG (of energies) the last step may change the energy by: VASP compares along its line searches, and
finished runs show up to five."""
LOOSE_FORCE: Final = 0.1
"""eV/Å up to which that holds: with more left the run was ended by hand."""
ENOUGH_FORCE: Final = 0.03
"""eV/Å: force at which a run with EDIFFG = 0, which VASP never ends itself, counts as relaxed."""
UNSAID_ENERGY: Final = 1e-4
"""eV by which the energy of an ionic step may differ from that of its last electronic step."""
_CELL_MOVES: Final = {3: "all", 4: "shape", 5: "shape", 6: "all", 7: "volume", 8: "volume"}
"""By ISIF, what of the cell relaxes: https://www.vasp.at/wiki/index.php/ISIF."""


def step_energy(step: Step) -> float | None:
    """Energy of an ionic step extrapolated to zero smearing, eV; None where there is none.

    VASP 5 writes something else into ``e_0_energy`` of an ionic step (often 0); its free energy is right, and the last
    electronic step has the difference of the two.
    """
    free, electronic = step.get("e_fr_energy"), _last_electronic(step)
    if _finite(free) and _finite(electronic.get("e_fr_energy")) and _finite(electronic.get("e_0_energy")):
        return float(free) + float(electronic["e_0_energy"]) - float(electronic["e_fr_energy"])  # type: ignore[arg-type]
    extrapolated = step.get("e_0_energy")
    return float(extrapolated) if _finite(extrapolated) else None  # type: ignore[arg-type]


def unsaid_energy(step: Step) -> float:
    """Energy of an ionic step that its last electronic step lacks, eV: dispersion (below zero), or pressure."""
    free, electronic = step.get("e_fr_energy"), _last_electronic(step).get("e_fr_energy")
    return float(free) - float(electronic) if _finite(free) and _finite(electronic) else 0.0  # type: ignore[arg-type]


def electronic_entropy(step: Step) -> float:
    """Temperature times entropy that the smearing brings into an ionic step, eV, without sign."""
    last = _last_electronic(step)
    free, inner = last.get("e_fr_energy"), last.get("e_wo_entrp")
    return abs(float(free) - float(inner)) if _finite(free) and _finite(inner) else 0.0  # type: ignore[arg-type]


def why_electrons_moved(tags: VaspTags, steps: Sequence[Step]) -> str | None:
    """Why the electrons of the last ionic step are not converged; None when they are.

    They are when there were fewer steps than NELM and the last changed the energy by no more than EDIFF. The last steps
    of a dielectric response are not those of an energy.
    """
    electronic = steps[-1].get("electronic_steps") or []
    if not electronic:
        return "the last step has no electronic steps"
    if tags.word("ALGO").startswith("E") and tags.number("NELM", 60) == 1:
        return None  # one exact diagonalisation in a given potential
    if len(electronic) >= tags.number("NELM", 60):
        return f"it took all NELM = {tags.number('NELM', 60):g} electronic steps"
    energies = [step.get("e_fr_energy") for step in electronic[-2:]]
    allowed = tags.number("EDIFF", 1e-4)
    if len(energies) == 2 and not tags.on("LEPSILON") and all(_finite(energy) for energy in energies):
        change = abs(energies[1] - energies[0])
        if change > allowed * 1.001 + 1e-8:
            return f"the last electronic step changed the energy by {change:.2g} eV, EDIFF is {allowed:g} eV"
    return None


def why_atoms_moved(
    kind: str, tags: VaspTags, steps: Sequence[Step], movable: NDArray[np.bool_] | None = None
) -> str | None:
    """Why a relaxation, or molecular dynamics, did not come to its end; None when it did, or nothing moved.

    Parameters
    ----------
    kind
        Kind of run.
    tags
        Of the run.
    steps
        Its ionic steps.
    movable
        (n, 3), which coordinates were free to move; all of them when None.
    """
    limit = int(tags.number("NSW", 0))
    if kind == MOLECULAR_DYNAMICS:
        return None if len(steps) >= limit else f"it made {len(steps)} of {limit} steps of molecular dynamics"
    if kind != RELAXATION:
        return None
    if not np.isfinite(np.asarray(steps[-1].get("forces", []), dtype=np.float64)).all():
        return "the last forces are not finite"  # VASP writes stars where a number is too large for its place
    allowed = tags.number("EDIFFG", 10 * tags.number("EDIFF", 1e-4))
    if allowed > 0 and len(steps) > 1:
        return _energy_still_changes(steps, limit, allowed, largest_force(steps[-1], movable) or 0.0)
    force, stress = largest_force(steps[-1], movable), _open_stress(tags, steps[-1])
    allowed_force = -allowed if allowed < 0 else ENOUGH_FORCE
    if force is not None and force > allowed_force * 1.001:
        told = f"EDIFFG is {allowed:g} eV/Å" if allowed <= 0 else "and one step shows no change of the energy"
        return f"the largest force is {force:.3g} eV/Å, {told}"
    if stress > MAX_STRESS:
        return f"a stress of {stress:.3g} kB is left in the cell"
    if force is None and len(steps) >= limit:
        return f"it took all NSW = {limit} steps"
    return None


def largest_force(step: Step, movable: NDArray[np.bool_] | None = None) -> float | None:
    """Largest force on an atom, eV/Å, of the coordinates that may move; None where there are no forces."""
    forces = np.asarray(step.get("forces", []), dtype=np.float64)
    if forces.ndim != 2 or not forces.size:
        return None
    if movable is not None and movable.shape == forces.shape:
        # What is held by flags is held along cell vectors; an atom with any free one counts whole.
        forces = forces[movable.any(axis=1)]
    largest = float(np.linalg.norm(forces, axis=1).max()) if len(forces) else 0.0
    return largest if math.isfinite(largest) else None


def _energy_still_changes(steps: Sequence[Step], limit: int, allowed: float, force: float) -> str | None:
    energies = [step_energy(step) for step in steps[-2:]]
    change = abs(energies[1] - energies[0]) if len(energies) == 2 and None not in energies else None  # type: ignore[operator]
    told = "" if change is None else f"; the last changed the energy by {change:.2g} eV, EDIFFG is {allowed:g} eV"
    if len(steps) >= limit and (change is None or change > allowed):
        return f"it took all NSW = {limit} steps{told}"
    beyond = LOOSE_ENERGY if force <= LOOSE_FORCE else 1.0
    if change is not None and change > beyond * allowed:
        return f"it stopped after {len(steps)} of {limit} steps{told}"
    return None


def _open_stress(tags: VaspTags, step: Step) -> float:
    """Largest stress, kB, of what the cell was free to do."""
    moves = _CELL_MOVES.get(int(tags.number("ISIF", 2)))
    stress = np.asarray(step.get("stress", []), dtype=np.float64)
    if moves is None or stress.shape != (3, 3):
        return 0.0
    if (free := tags.get("LATTICE_CONSTRAINTS")) is not None:
        held = [not bool(one) for one in free] if isinstance(free, list) else [not free] * 3
        stress[held] = stress[:, held] = 0.0
    pressure = np.eye(3) * np.trace(stress) / 3
    open_part = {"all": stress, "shape": stress - pressure, "volume": pressure}[moves]
    return float(np.abs(open_part).max())


def _last_electronic(step: Step) -> Step:
    electronic = step.get("electronic_steps") or [{}]
    last: Step = electronic[-1]
    return last


def _finite(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)
