"""A phase of a hull: a document with the entry made of it, and all phases of a chemical system.

Knows neither schemes nor what is plausible.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ....models.energetics.corrections.corrected_energy import CorrectedEnergy
from ....models.energetics.entry import Entry
from ...engine.batches import Doc


@dataclass(frozen=True, slots=True)
class Phase:
    """A document and the entry made of it; or why there is none."""

    doc: Doc
    entry: Entry | None
    corrected: CorrectedEnergy | None = None
    refusal: str | None = None

    @property
    def spread(self) -> tuple[float, float]:
        """How far below and above its entry the energy may be, eV/atom, by what its correction left open."""
        return (0.0, 0.0) if self.corrected is None else self.corrected.spread


@dataclass(frozen=True, slots=True)
class Phases:
    """The phases of a chemical system by one scheme.

    Attributes
    ----------
    references, ours
        By method, what can be used.
    refused
        Our calculations that can't be, with reasons.
    left_out
        Reference entries that the scheme can't take, counted by reason.
    implausible
        Reference entries with an energy that no phase has, with reasons.
    """

    references: dict[str, list[Phase]] = field(default_factory=dict)
    ours: dict[str, list[Phase]] = field(default_factory=dict)
    refused: list[Phase] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    implausible: list[Phase] = field(default_factory=list)
