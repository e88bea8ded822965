"""A computed phase as hulls, formation energies and Pourbaix diagrams take it: composition, energy, method, name.

It knows nothing of calculations and databases; who makes one decides what its method is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


class EnergyError(ValueError):
    """Energies that cannot be used together, or at all."""


class MixedMethodsError(EnergyError):
    """Entries of different methods in one comparison."""


class MissingReferenceError(EnergyError):
    """Elements without a reference energy."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A phase with its total energy, all that a hull needs of a calculation.

    Parameters
    ----------
    composition
        Formula, or amount of each element.
    energy_per_atom
        Total energy in eV/atom, corrections included.
    entry_id
        Name given back in lists of competing phases.
    method
        What the energy comes from, functional and correction scheme ("PBE(+U) MP2020", "CHGNet 0.3.0"). Energies of
        different methods are never compared; empty counts as one method more.
    """

    composition: str | Mapping[str, float]
    energy_per_atom: float
    entry_id: str = ""
    method: str = ""

    @property
    def name(self) -> str:
        """The entry_id, or the formula where there is none."""
        return self.entry_id or formula_of(self.composition)


def formula_of(composition: str | Mapping[str, float]) -> str:
    """Write a composition."""
    if isinstance(composition, str):
        return composition
    return "".join(f"{symbol}{amount:g}" for symbol, amount in composition.items())


def require_one_method(entries: Sequence[Entry]) -> str:
    """Check that all entries are of one method, and name it.

    Raises
    ------
    MixedMethodsError
        When there is more than one.
    """
    methods: dict[str, str] = {}
    for entry in entries:
        methods.setdefault(entry.method, entry.name)
    if len(methods) > 1:
        named = ", ".join(f"{method or '(none given)'!r} ({name})" for method, name in methods.items())
        message = f"energies of {len(methods)} methods in one comparison: {named}; use entries of one method only"
        raise MixedMethodsError(message)
    return next(iter(methods), "")


def checked_energies(names: Sequence[object], energies: ArrayLike) -> NDArray[np.float64]:
    """Energies as a float array, one for each name and all finite.

    Raises
    ------
    EnergyError
        When they are not.
    """
    values = np.asarray(energies, dtype=np.float64)
    if values.shape != (len(names),):
        message = f"{len(names)} compositions but energies of shape {values.shape}: give one energy for each"
        raise EnergyError(message)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        message = f"energy of {names[bad[0]]!r} is {values[bad[0]]} ({bad.size} such in all): leave these out"
        raise EnergyError(message)
    return values
