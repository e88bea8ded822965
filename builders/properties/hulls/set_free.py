"""What is set free when a compound falls apart: anions that its cations oxidise (AgBrI, CoI4), metals that are reduced.

A neutral choice of oxidation states says nothing of whether the ions bear each other: in AgInBr2 In(I) gives its
electrons to Ag(I), and what is left is silver and InBr2. The phases that a hull without the compound has show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from typing import Final

from ....models.composition.formula.elements import ATOMIC_NUMBERS
from ....models.composition.formula.single_formula import read_one
from ....models.composition.oxidation_states import SMACT_ELECTRONEGATIVITIES
from ....models.composition.screening import all_metals
from ...engine.batches import Doc

_HULL: Final = "energy_above_hull"
_ANIONS: Final = ("O", "F", "Cl", "Br", "I", "S", "Se", "Te")
_HALOGENS: Final = frozenset({"F", "Cl", "Br", "I"})
LEAST_BOUND: Final = -0.05
"""eV/atom from the hull of others, up to which a compound that sets something free may well exist. Of 254 oxides,
halides and chalcogenides of the handbook by CHGNet two lie higher and do so, CrO3 and FeCuS2."""
_FEW: Final = 0.05
"""Share of the atoms, below which a metal is left over because some other phase is short of it by a little: copper
beside Cu7S4."""


def set_free(phases: Mapping[str, float]) -> list[str]:
    """Anions that are left as elements, or as compounds of each other, and metals that are left as such or as alloys.

    Of a compound of two elements no metal: the one that is richest in it falls into nothing else. Tellurium of TeO2 is
    a cation, as in the tellurite that gives it off, unless it is left as an anion too; so are sulfur and selenium.

    Parameters
    ----------
    phases
        Formulas of the phases that a compound falls into, with their shares of the atoms.

    Returns
    -------
    list of str
        Elements; none where no other element is there, or no anion.

    Examples
    --------
    >>> set_free({"CoI2": 0.6, "I2": 0.4}), set_free({"AgBr": 0.3, "AgI": 0.3, "IBr": 0.4})
    (['I'], ['Br', 'I'])
    >>> set_free({"InBr2": 0.75, "Ag": 0.25}), set_free({"Al2Se3": 0.53, "PdSe": 0.36, "AlPd2": 0.11})
    (['Ag'], ['Al', 'Pd'])
    >>> set_free({"CuCl": 0.5, "CuCl2": 0.5}), set_free({"Te": 1.0}), set_free({"TiCl3": 0.67, "Ti": 0.33})
    ([], [], [])
    >>> set_free({"Bi2O3": 0.62, "TeO2": 0.38}), set_free({"Bi2Te3": 0.6, "TeO2": 0.4})
    ([], ['O', 'Te'])
    """
    amounts = {formula: read_one(formula) for formula in phases}
    elements = {symbol for each in amounts.values() for symbol in each}
    anions = elements.intersection(_ANIONS)
    if not anions or elements <= anions:
        return []
    of_anions = {formula for formula, each in amounts.items() if each.keys() <= anions}
    elsewhere = {symbol for formula, each in amounts.items() if formula not in of_anions for symbol in each}
    left = {symbol for formula in of_anions for symbol in amounts[formula] if not _in_salt(amounts[formula], elsewhere)}
    if len(elements) > 2:
        enough = [formula for formula, share in phases.items() if share >= _FEW]
        alloys = [formula for formula, metals in zip(enough, all_metals(enough), strict=True) if metals]
        left |= {symbol for formula in alloys for symbol in amounts[formula]}
    return sorted(left)


def _in_salt(phase: Mapping[str, float], elsewhere: Set[str]) -> bool:
    """Whether a compound of anions holds some that are cations there and in what fell apart: SeO2, TeCl4, I2O5.

    Interhalogens don't tell: AgBr2I would give off IBr.
    """
    cations = sorted(phase, key=_attraction)[:-1]
    return bool(cations) and not phase.keys() <= _HALOGENS and elsewhere.isdisjoint(cations)


def _attraction(symbol: str) -> float:
    return float(SMACT_ELECTRONEGATIVITIES[ATOMIC_NUMBERS[symbol]])


def redox_stable(properties: Iterable[Doc]) -> bool | None:
    """Whether a structure sets nothing free near the hull, by a potential; unknown where it was calculated.

    Parameters
    ----------
    properties
        Its `properties`: kind, basis, value, details. Of distances with dispersion and without the latter counts: that
        of a layer is about its bulk's, and such were compared with known compounds.
    """
    distances = [doc for doc in properties if doc["kind"] == _HULL and doc.get("value") is not None]
    if any(doc.get("basis") not in ("potential", "composition") for doc in distances):
        return None
    told = [doc for doc in distances if doc.get("details", {}).get("falls_into")]
    if not told:
        return None
    nearest = min(told, key=lambda doc: float(doc["value"]))
    return not nearest["details"].get("sets_free") or bool(nearest["value"] <= LEAST_BOUND)
