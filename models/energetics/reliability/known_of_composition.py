"""Whether an energy predicted from a composition contradicts what is known of that composition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

FAR: Final = 0.3
"""eV/atom. Of 2,511 drawn compositions with a formation energy in the Materials Project 95 % are predicted within 0.28
of the lowest one (median 0.04), measured on a registry with all of `matbench_mp_e_form`."""


class KnownEnergy(NamedTuple):
    """A known formation energy in eV/atom, and who states it by which method."""

    value: float
    source: str


def contradiction(predicted: float, known: Sequence[KnownEnergy], *, far: float = FAR) -> str | None:
    """A sentence on how a predicted formation energy contradicts known ones, or None where it lies among or near them.

    Parameters
    ----------
    predicted
        eV/atom.
    known
        Of any structure of the composition.
    far
        Distance in eV/atom from which it does.
    """
    if not known:
        return None
    low, high = min(known), max(known)
    nearest = low if predicted < low.value else high
    if low.value <= predicted <= high.value or abs(predicted - nearest.value) <= far:
        return None
    apart = f"{abs(predicted - nearest.value):.2f} {'below' if predicted < nearest.value else 'above'}"
    return (
        f"the predicted formation energy {predicted:.3f} eV/atom lies {apart} what is known of the composition: "
        f"{nearest.value:.3f} ({nearest.source})"
    )
