"""The volume a composition takes, whatever its structure: a sum over its atoms, each by what it is there.

``atomic_volumes.json`` beside this file holds what was learnt; ``tests/learnt/fit_volumes.py`` writes it. Knows
compositions, no structures.
"""

from __future__ import annotations

import json
from functools import lru_cache
from math import exp, log
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

from ..covalent_radii import covalent_radius
from .ions import cation_radius
from .roles import Role, roles_of

LEARNT: Final = Path(__file__).with_name("atomic_volumes.json")
N_TERMS: Final = 8
_DEFAULT_MOLAR_VOLUME: Final = 15.0  # cm³/mol; of the elements whose density nobody has measured
_ATOMS_PER_MOLE: Final = 0.602214  # 10^24: cm³/mol over it are Å³ per atom

SPREAD: Final = 0.45
"""By how much the logarithm of a real crystal's volume per atom differs from the one expected: 99 % of 1,878 crystals,
each of a formula that was left out when the volumes were learnt, lie within it, half within 0.07."""


def volume_terms(element: str, role: Role) -> NDArray[np.float64]:
    """Terms (8,) that an atom's volume follows, the logarithm being linear in them.

    Of the atom of a metal 1, the logarithms of covalent radius and molar volume of the element; of an anion 1 and the
    first of these; of a cation 1, radius and its square, by charge. NaN where no radius is known.
    """
    terms = np.zeros(N_TERMS)
    if role.kind == "cation":
        radius = cation_radius(element, role.charge)
        terms[5:8] = 1, radius, radius**2
    elif role.kind == "anion":
        terms[3:5] = 1, log(covalent_radius(element))
    else:
        molar = float(Element(element).data.get("Molar volume") or _DEFAULT_MOLAR_VOLUME)
        terms[0:3] = 1, log(covalent_radius(element)), log(molar)
    return terms


@lru_cache(maxsize=65536)
def expected_volume(formula: str) -> float | None:
    """Volume per atom, Å³, that a formula's crystals take in the mean of structures; None where a radius is unknown.

    Of a metal or metalloid alone the measured one: what an atom of K takes in KBi2 or NaK tells little of potassium.
    Nonmetals have allotropes of quite different densities, and some are gases. Else as `summed_volume`.

    Examples
    --------
    >>> 20 < expected_volume("NaCl") < 25  # rocksalt has 22.4
    True
    """
    if (own := _of_an_element(formula)) is not None:
        return own
    return summed_volume(formula)


def _of_an_element(formula: str) -> float | None:
    """By the molar volumes of pymatgen's periodic table."""
    elements = Composition(formula).elements
    if len(elements) > 1 or not (elements[0].is_metal or elements[0].is_metalloid):
        return None
    molar = elements[0].data.get("Molar volume")
    return float(molar) / _ATOMS_PER_MOLE if molar else None


@lru_cache(maxsize=65536)
def summed_volume(formula: str) -> float | None:
    """Volume per atom, Å³, as the sum over a formula's atoms; None where a radius is unknown.

    The logarithm of each atom's volume is linear in `volume_terms`, with a term for each element in each role beside
    them. Learnt from the crystals of the bundled handbook and 1,265 of the Materials Project (Petretto et al., Sci.
    Data 5, 180065 (2018)), with a term for each prototype that is 0 here.

    Examples
    --------
    >>> 20 < summed_volume("NaCl") < 25  # rocksalt has 22.4
    True
    """
    composition = Composition(formula)
    if any(np.isnan(covalent_radius(element.symbol)) for element in composition.elements):
        return None
    coefficients, offsets = _learnt()
    total = 0.0
    for element, role in roles_of(formula).items():
        volume = exp(float(volume_terms(element, role) @ coefficients) + offsets[role.kind].get(element, 0.0))
        total += composition[element] * volume
    return float(total / composition.num_atoms)


def volume_ratio(old: str, new: str) -> float | None:
    """By which factor the volume per atom changes from one formula to another; None where a radius is unknown."""
    before, after = expected_volume(old), expected_volume(new)
    return None if before is None or after is None else after / before


@lru_cache(maxsize=1)
def _learnt() -> tuple[NDArray[np.float64], dict[str, dict[str, float]]]:
    learnt = json.loads(LEARNT.read_text(encoding="utf-8"))
    return np.array(learnt["coefficients"]), learnt["offsets"]
