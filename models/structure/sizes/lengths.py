"""The length of bonds that a composition has, whatever its structure: what layers, chains and molecules grow by.

``layer_lengths.json`` beside this file holds what was learnt; ``tests/learnt/fit_lengths.py`` writes it. Knows
compositions, no structures.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from math import exp, log
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from ..covalent_radii import covalent_radius
from .ions import anion_radius, cation_radius
from .roles import Kind, roles_of
from .volumes import summed_volume

LEARNT: Final = Path(__file__).with_name("layer_lengths.json")
WEIGHTS: Final = (0.2, 0.3, 0.5)
"""Of the `length_terms`. Fitted freely to 909 layers they come to 0.15, 0.18 and 0.35, less than 1 in sum, because
those of 2DMatPedia hold many odd compounds; lengths between far elements then come out too much alike."""


def length_terms(formula: str) -> NDArray[np.float64] | None:
    """Logarithms (3,) of lengths, Å, that bonds of a formula follow, each erring where another does not.

    Twice the mean covalent radius of the elements, the cube root of `summed_volume`, and the mean radius of cations
    and that of anions together, covalent ones in metals. Covalent radii of Ni and Pb differ by 0.22 Å, the bonds of
    NiI2 and PbI2 by 0.44 Å. None where a radius is unknown.
    """
    volume = summed_volume(formula)
    if volume is None:
        return None
    covalent = 2 * float(np.mean([covalent_radius(element.symbol) for element in Composition(formula).elements]))
    roles = roles_of(formula)
    anions = [anion_radius(element) for element, role in roles.items() if role.kind == "anion"]
    cations = [cation_radius(element, role.charge) for element, role in roles.items() if role.kind == "cation"]
    ionic = float(np.mean(anions) + np.mean(cations)) if anions and cations else covalent
    return np.array([log(covalent), log(volume) / 3, log(ionic)])


@lru_cache(maxsize=65536)
def expected_length(formula: str) -> float | None:
    """Length that what bonds hold together in a formula's crystals goes by; None where a radius is unknown.

    Only ratios of such lengths mean anything. The logarithm is that of `length_terms` by `WEIGHTS`, with a term for
    each element in each role beside them, in the mean over the elements. Learnt from the root of the area per atom of
    the layers of 2DMatPedia (Zhou et al., Sci. Data 6, 86 (2019)) and of the layered crystals of the bundled handbook,
    with a term for each prototype that is 0 here.
    """
    terms = length_terms(formula)
    if terms is None:
        return None
    offsets = _learnt()
    own = [offsets[role.kind].get(element, 0.0) for element, role in roles_of(formula).items()]
    return exp(float(terms @ WEIGHTS) + float(np.mean(own)))


def length_ratio(old: str, new: str) -> float | None:
    """By which factor lengths of bonds change from one formula to another; None where a radius is unknown.

    Examples
    --------
    >>> 1.12 < length_ratio("NiI2", "PbI2") < 1.18  # the layers: 3.92 and 4.56 Å
    True
    """
    before, after = expected_length(old), expected_length(new)
    return None if before is None or after is None else after / before


@lru_cache(maxsize=1)
def _learnt() -> Mapping[Kind, Mapping[str, float]]:
    learnt: Mapping[Kind, Mapping[str, float]] = json.loads(LEARNT.read_text(encoding="utf-8"))
    return learnt
