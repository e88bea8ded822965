"""Intervals of hull distances whose corrections were not decided: lowest and highest of all ways to decide them.

Phases of one formula that leave the same open are decided alike, so that a calculation of a known compound lies at the
same distance from it whatever was decided; other compounds are decided each for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ....models.energetics.entry import Entry
from ....models.energetics.hull import hull_positions
from .phase import Phase

_ALIKE: Final = 1e-9
"""eV/atom: spreads of one formula in cells of different size differ by rounding."""
_Key = tuple[str, float, float]


def hull_intervals(
    targets: Sequence[Phase], references: Sequence[Phase], others: Sequence[Phase]
) -> dict[str, list[tuple[float, float]]]:
    """Lowest and highest distance of each target, by what it is compared with; empty where nothing is in doubt.

    Parameters
    ----------
    targets
        Phases asked about, of one method.
    references
        Known phases of the same method.
    others
        Further calculations of ours.

    Returns
    -------
    dict
        For "known" and "known and ours", eV/atom of each target.
    """
    if all(phase.spread == (0.0, 0.0) for phase in (*targets, *references, *others)):
        return {}
    competitors = {"known": list(references), "known and ours": [*references, *targets, *others]}
    intervals: dict[str, list[tuple[float, float]]] = {}
    for against, phases in competitors.items():
        found: dict[tuple[_Key, int], dict[int, float]] = {}
        for key in {_key(phase) for phase in targets}:
            members = [number for number, phase in enumerate(targets) if _key(phase) == key]
            for side in (0, 1):
                hull = [_shifted(phase, side if _key(phase) == key else 1 - side) for phase in phases]
                asked = [_shifted(targets[number], side) for number in members]
                energies = [position.energy for position in hull_positions(asked, hull)]
                found[key, side] = dict(zip(members, energies, strict=True))
        intervals[against] = [
            (found[_key(phase), 0][number], found[_key(phase), 1][number]) for number, phase in enumerate(targets)
        ]
    return intervals


def _key(phase: Phase) -> _Key:
    low, high = phase.spread
    return phase.doc["formula_reduced"], round(low / _ALIKE) * _ALIKE, round(high / _ALIKE) * _ALIKE


def _shifted(phase: Phase, side: int) -> Entry:
    """Entry at the lowest (0) or highest (1) energy it may have."""
    if phase.entry is None:
        raise ValueError(f"{phase.refusal}: a phase without an energy is on no hull")
    return replace(phase.entry, energy_per_atom=phase.entry.energy_per_atom + phase.spread[side])
