"""Band gap from eigenvalues by counting electrons: how many bands are full in each spin channel, at every k-point.

A gap needs the same number of full bands at every k-point; where the count is no whole number there is none. What
smearing does to occupations is of no consequence. Knows arrays; no files and no functionals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Channel = Literal["both", "up", "down"]

WHOLE: Final = 0.02
"""By how much a count of electrons may miss a whole number: sums of occupations printed to four digits; smearing of
0.2 eV in silicon misses by 0.0001."""
EMPTY_WINDOW: Final = 1.0
"""eV without any level around the last electron that no metal with so many k-points shows."""


@dataclass(frozen=True, slots=True)
class BandEdges:
    """What the eigenvalues say.

    Attributes
    ----------
    gap
        eV; 0 for a metal; None where it can't be told.
    vbm, cbm
        eV: highest full and lowest empty level; None for a metal.
    direct
        Whether both are at one k-point; None for a metal.
    by_channel
        Gap within each spin channel, eV, where spins were treated.
    notes
        What a user of the gap should know.
    doubt
        Why the gap is not to be used; None when it may be.
    """

    gap: float | None
    vbm: float | None = None
    cbm: float | None = None
    direct: bool | None = None
    by_channel: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubt: str | None = None


def band_edges(
    levels: Mapping[Channel, Array],
    occupations: Mapping[Channel, Array],
    weights: Array,
    electrons: float,
    *,
    spinors: bool = False,
) -> BandEdges:
    """Band edges and gap of a run.

    Parameters
    ----------
    levels
        eV, (k-points, bands), of "both" spins, or of "up" and "down".
    occupations
        Of each level, 0 to 1.
    weights
        Of each k-point; only those that have any are counted.
    electrons
        Number of electrons in the cell.
    spinors
        Whether a level of "both" holds one electron (noncollinear spins) rather than two.
    """
    if not all(np.isfinite(values).all() for values in (*levels.values(), *occupations.values())):
        return BandEdges(None, doubt="some levels or occupations are not finite")
    share = weights / weights.sum()
    if "both" in levels:
        counts: dict[Channel, float] = {"both": electrons if spinors else electrons / 2}
    else:
        counts = {channel: float(share @ occupations[channel].sum(axis=1)) for channel in levels}
    full = _full_bands(levels, counts)
    by_channel: dict[Channel, tuple[float, float] | None] = {}
    for channel, energies in levels.items():
        if counts[channel] > energies.shape[1] - WHOLE:
            return BandEdges(None, doubt="there is no empty band: NBANDS is too small")
        edges = _edges(energies, full[channel]) if channel in full else None
        by_channel[channel] = edges if edges is not None and edges[1] > edges[0] else None
    gaps = {channel: edges[1] - edges[0] if edges else 0.0 for channel, edges in by_channel.items()}
    finite = {str(channel): round(float(gap), 6) for channel, gap in gaps.items() if np.isfinite(gap)}
    within = {} if "both" in levels else finite
    notes = [] if len(weights) > 1 else ["the band gap is from a single k-point: more of them can only make it smaller"]
    vbm = max((edges[0] for edges in by_channel.values() if edges), default=-np.inf)
    cbm = min((edges[1] for edges in by_channel.values() if edges), default=np.inf)
    if None in by_channel.values() or not vbm < cbm:
        told = " and ".join(f"{count:.4g} full bands of {channel} spins" for channel, count in counts.items())
        notes.insert(0, f"a metal by counting electrons: {told}")
        return BandEdges(0.0, by_channel=within, notes=tuple(notes), doubt=_doubt(levels, occupations, weights))
    if not np.isfinite(cbm - vbm):
        return BandEdges(None, doubt="there is no full band")
    return BandEdges(
        round(float(cbm - vbm), 6), float(vbm), float(cbm), _is_direct(levels, full, vbm, cbm), within, tuple(notes)
    )


def _full_bands(levels: Mapping[Channel, Array], counts: Mapping[Channel, float]) -> dict[Channel, int]:
    """Number of full bands of the channels that have a whole one.

    Smearing moves electrons from one channel to the other where a gap is not much wider than it. Their sum stays, so
    that two broken counts are those of an insulator where filling bands from the lowest leaves a gap.
    """
    whole = {channel: round(count) for channel, count in counts.items() if abs(count - round(count)) <= WHOLE}
    total = sum(counts.values())
    if len(whole) == len(counts) or "both" in levels or abs(total - round(total)) > WHOLE:
        return whole
    up = int(counts["up"])
    for number in (up, up + 1):
        filled: dict[Channel, int] = {"up": number, "down": round(total) - number}
        if any(not 0 <= full < levels[channel].shape[1] for channel, full in filled.items()):
            continue
        edges = [_edges(levels[channel], full) for channel, full in filled.items()]
        if max(below for below, _ in edges) < min(above for _, above in edges):
            return filled
    return whole


def _edges(energies: Array, full: int) -> tuple[float, float]:
    ordered = np.sort(energies, axis=1)
    below = float(ordered[:, full - 1].max()) if full else -np.inf
    return below, float(ordered[:, full].min())


def _is_direct(levels: Mapping[Channel, Array], full: Mapping[Channel, int], vbm: float, cbm: float) -> bool:
    highest: set[int] = set()
    lowest: set[int] = set()
    for channel, energies in levels.items():
        ordered = np.sort(energies, axis=1)
        if full[channel]:
            highest |= set(np.flatnonzero(ordered[:, full[channel] - 1] >= vbm - 1e-6).tolist())
        lowest |= set(np.flatnonzero(ordered[:, full[channel]] <= cbm + 1e-6).tolist())
    return bool(highest & lowest)


def _doubt(levels: Mapping[Channel, Array], occupations: Mapping[Channel, Array], weights: Array) -> str | None:
    """Why a metal by counting can't be one: its bands would have to jump across a window without levels."""
    counted = weights > 0
    full = {channel: (occupations[channel] > 0.5).sum(axis=1)[counted] for channel in levels}
    numbers = sorted({int(number) for each in full.values() for number in each})
    if all(len(set(each.tolist())) == 1 for each in full.values()):
        return None
    below = max(float(levels[channel][occupations[channel] > 0.5].max()) for channel in levels)
    above = min(float(levels[channel][occupations[channel] <= 0.5].min()) for channel in levels)
    if above - below < EMPTY_WINDOW:
        return None
    told = " or ".join(map(str, numbers))
    return (
        f"the number of full bands changes from k-point to k-point ({told}) though no level lies between {below:.2f} "
        f"and {above:.2f} eV: bands are continuous, so this is no ground state of one potential"
    )
