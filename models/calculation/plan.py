"""Which calculations a value needs, in which order. Knows fields and functionals, no settings and no structures.

A value that decides about a candidate comes from a few calculations: a relaxation and a static run of the crystal or
layer for everything that is judged against the hull, the same pair of a layer and of its bulk for the exfoliation
energy, and a hybrid run for the gap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal

Hull = Literal["PBE", "r2SCAN"]
VanDerWaals = Literal["optB88-vdW", "r2SCAN+rVV10"]
Functional = Literal["PBE", "r2SCAN", "optB88-vdW", "r2SCAN+rVV10", "HSE06"]
Task = Literal["relax", "static"]
Role = Literal["crystal", "layer", "bulk"]
"""What is calculated: a bulk candidate, a monolayer in vacuum, or the bulk a monolayer is compared with."""

HULL_FIELDS: Final = ("formation_energy", "energy_above_hull", "pourbaix_energy")
"""Values that follow from the total energy and the entries of other compounds."""
EXFOLIATION: Final = "exfoliation_energy"
GAP: Final = "band_gap"
CALCULATED_FIELDS: Final = (*HULL_FIELDS, EXFOLIATION, GAP)
"""Values a calculation gives; a candidate that waits for another one is not helped by any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a person may choose about the calculations.

    Parameters
    ----------
    hull
        Functional of energies that are put on the hull; must be that of the reference entries, or one they can be
        mixed with (r2SCAN, by the mixing scheme of Materials Project).
    van_der_waals
        Functional of the exfoliation energy, for bulk and layer alike.
    vacuum
        Å between the outermost nuclei of a layer and its image.
    relax_in_plane
        Relax the in-plane cell of a layer (ISIF = 3 with LATTICE_CONSTRAINTS, which relaxations obey from VASP 6.5
        on, https://www.vasp.at/wiki/LATTICE_CONSTRAINTS); without it atoms only (ISIF = 2), which every VASP does, and
        for an exfoliation energy in the in-plane cell of the relaxed bulk.
    """

    hull: Hull = "PBE"
    van_der_waals: VanDerWaals = "optB88-vdW"
    vacuum: float = 20.0
    relax_in_plane: bool = True

    def __post_init__(self) -> None:
        if not 5 < self.vacuum <= 100:
            raise ValueError(f"a vacuum of {self.vacuum} Å is not within 5 and 100 Å")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One calculation.

    Attributes
    ----------
    role, functional, task
        What is calculated, with what, and whether atoms move.
    fields
        The values it is needed for.
    after
        The step whose final structure it starts from; None where it starts from the structure itself.
    """

    role: Role
    functional: Functional
    task: Task
    fields: tuple[str, ...]
    after: Step | None = None

    @property
    def name(self) -> str:
        """Name of the step among those of one structure, fit for a folder, e.g. ``PBE-relax``."""
        return f"{self.functional.replace('+', '-')}-{self.task}"


def steps_for(fields: Iterable[str], dimension: int, choices: Choices | None = None) -> tuple[Step, ...]:
    """All calculations that certain values of a structure need, each after those it depends on.

    Parameters
    ----------
    fields
        Names of `CALCULATED_FIELDS`; others are passed over, and so is the exfoliation energy of what is no layer.
    dimension
        2 for a monolayer, 3 for a crystal.
    choices
        Functionals; the defaults when None.

    Examples
    --------
    >>> [f"{step.role} {step.name}" for step in steps_for(["exfoliation_energy"], 2)]
    ['layer optB88-vdW-relax', 'layer optB88-vdW-static', 'bulk optB88-vdW-relax', 'bulk optB88-vdW-static']
    >>> [step.name for step in steps_for(["energy_above_hull", "band_gap"], 3)]
    ['PBE-relax', 'PBE-static', 'HSE06-static']
    """
    choices = choices or Choices()
    asked_for = [field for field in CALCULATED_FIELDS if field in set(fields)]
    role: Role = "layer" if dimension == 2 else "crystal"
    steps: list[Step] = []
    hull = tuple(field for field in asked_for if field in HULL_FIELDS)
    gap = (GAP,) if GAP in asked_for else ()
    if hull or gap:
        relax = Step(role=role, functional=choices.hull, task="relax", fields=(*hull, *gap))
        steps.append(relax)
        if hull:
            steps.append(replace(relax, task="static", fields=hull, after=relax))
        if gap:
            steps.append(replace(relax, functional="HSE06", task="static", fields=gap, after=relax))
    if EXFOLIATION in asked_for and dimension == 2:
        sides: tuple[Role, Role] = ("layer", "bulk")
        for side in sides:
            relax = Step(role=side, functional=choices.van_der_waals, task="relax", fields=(EXFOLIATION,))
            steps += [relax, replace(relax, task="static", after=relax)]
    return tuple(steps)
