"""Does a crystal agree with what is stated of it: formula and formula units, volume, density. Plain numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .plausibility import GRAMS_PER_CM3, density

AMOUNT_TOLERANCE: Final = 0.05
"""Atoms per formula unit: occupancies and amounts are rounded. A missing atom is 1, a hydrogen site half there 0.5."""
AMOUNT_SHARE: Final = 0.002
WEIGHT_SHARE: Final = 0.003
VOLUME_SHARE: Final = 0.01
DENSITY_SHARE: Final = 0.03
"""Beside stated contents, which say more."""
LONE_DENSITY_SHARE: Final = 0.01
"""Where nothing else tells of a missing atom: the hydrogen of Mg(OH)2 is 3 % of its density."""

_ISOTOPES: Final = {"D": "H", "T": "H"}


@dataclass(frozen=True, kw_only=True)
class StatedContents:
    """What is stated of a crystal; None where nothing is.

    Attributes
    ----------
    formula
        Atoms of a formula unit by element.
    units
        Formula units in the cell (Z).
    volume
        Å^3 of the cell.
    density
        g/cm^3, calculated from the crystal.
    density_rounding
        g/cm^3, half the last digit it is stated with.
    weight
        u of a formula unit.
    in_cell
        Atoms in the cell by element.
    """

    formula: Mapping[str, float] | None = None
    units: float | None = None
    volume: float | None = None
    density: float | None = None
    density_rounding: float = 0.0
    weight: float | None = None
    in_cell: Mapping[str, float] | None = None

    @property
    def settles_contents(self) -> bool:
        """Whether it says how many atoms of each element the cell holds."""
        return self.in_cell is not None or (self.formula is not None and self.units is not None)


def disagreements(amounts: Mapping[str, float], volume: float, stated: StatedContents) -> list[str]:
    """Say in what a crystal differs from what is stated of it, with both figures.

    Parameters
    ----------
    amounts
        Atoms in the cell by element, isotopes of hydrogen by their own symbols.
    volume
        Å^3 of the cell.
    stated
        What it should be.
    """
    found = []
    if stated.formula is not None and (reason := _other_formula(amounts, stated.formula, stated.units)):
        found.append(reason)
    if stated.in_cell is not None and (reason := _other_formula(amounts, stated.in_cell, 1.0)):
        found.append(reason.replace("formula is", "content of the cell is").replace(" (Z = 1)", ""))
    if stated.formula is None and stated.weight is not None:
        mass = density(amounts, 1.0) / GRAMS_PER_CM3
        units = stated.units or max(1, round(mass / stated.weight))
        if abs(mass / units - stated.weight) > WEIGHT_SHARE * stated.weight:
            listed = f"{mass / units:.6g}"
            found.append(f"the formula weight is stated as {stated.weight:g} u, the atoms listed give {listed} u")
    if stated.formula is None and stated.units is not None and not _of_units(amounts, stated.units):
        listed = _written(_without_isotopes(amounts))
        found.append(f"Z is stated as {stated.units:g}, the atoms listed are {listed}, no such number of formula units")
    if stated.volume is not None and abs(volume - stated.volume) > VOLUME_SHARE * stated.volume:
        found.append(f"the volume of the cell is stated as {stated.volume:g} Å^3, its vectors span {volume:.6g} Å^3")
    if stated.density is not None:
        here = density(amounts, volume)
        share = DENSITY_SHARE if stated.settles_contents else LONE_DENSITY_SHARE
        if abs(here - stated.density) > max(share * stated.density, stated.density_rounding):
            found.append(f"the density is stated as {stated.density:g} g/cm^3, the atoms listed give {here:.4g} g/cm^3")
    return found


def _other_formula(amounts: Mapping[str, float], formula: Mapping[str, float], units: float | None) -> str | None:
    here, stated = _without_isotopes(amounts), _without_isotopes(formula)
    if units is not None and len(stated) == 1 and units in stated.values():
        units = 1.0  # an element whose formula is that of the whole cell: C8 with Z = 8
    total = sum(stated.values())
    ratio = sum(here.values()) / total if units is None else units
    whole = round(ratio) if units is None else ratio
    # Without Z the cell still holds whole formula units.
    same = whole > 0 and set(here) == set(stated)
    same = same and all(
        abs(here[element] / whole - amount) <= max(AMOUNT_TOLERANCE, AMOUNT_SHARE * amount)
        for element, amount in stated.items()
        if amount > 0
    )
    if same:
        return None
    times = f" (Z = {units:g})" if units is not None else ""
    return f"the formula is stated as {_written(stated)}{times}, the atoms listed are {_written(here)}"


def _of_units(amounts: Mapping[str, float], units: float) -> bool:
    """Whether the atoms in a cell may be a number of formula units; halves are, as of the water in a hemihydrate."""
    halves = [2 * amount / units for amount in amounts.values() if amount.is_integer()]
    return all(abs(half - round(half)) < 1e-6 for half in halves)


def _without_isotopes(amounts: Mapping[str, float]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for element, amount in amounts.items():
        if amount > 0:
            name = _ISOTOPES.get(element, element)
            merged[name] = merged.get(name, 0.0) + amount
    return merged


def _written(amounts: Mapping[str, float]) -> str:
    return "".join(f"{element}{amount:.4g}" for element, amount in sorted(amounts.items()))
