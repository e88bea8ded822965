"""Which methods' formation energies are corrected for the anions that functionals bind too weakly.

Tables seldom say it, and it is up to 0.5 eV per anion. Measured enthalpies of compounds of two elements tell.
"""

from __future__ import annotations

from statistics import median
from typing import Final

from pymongo.database import Database

from ....models.calculation.methods import Level, parse_method
from ....models.energetics.reliability.missing_compounds import TOO_WEAKLY_BOUND, with_anions_corrected
from ...engine.batches import Doc
from .known_hull_stage import known_by_family
from .limits import KNOWN_MATERIALS

_LEAST: Final = 5
"""Compounds of which both are known, from which on the median decides."""
_HALF: Final = 0.5
_FIELDS: Final = ("formula_reduced", "formation_energy", "methods", "dimension_claimed")


def corrected_anions(database: Database[Doc]) -> dict[str, dict[str, bool]]:
    """By method, and by anion, whether formation energies are corrected for it; left out where too few tell.

    They are where most compounds of two elements lie less than half of the correction above measured enthalpies.
    """
    told: dict[str, dict[str, bool]] = {}
    for anion in sorted(TOO_WEAKLY_BOUND):
        query = {**KNOWN_MATERIALS.query(), "elements": anion, "nelements": 2, "formation_energy": {"$exists": True}}
        found = database["materials"].find(query, {"_id": 0, **dict.fromkeys(_FIELDS, 1)})
        lowest = {method: _lowest(docs) for method, docs in known_by_family(list(found)).items()}
        measured = [lowest[method] for method in sorted(lowest) if parse_method(method).levels[0] is Level.EXPERIMENT]
        enthalpies = {formula: energy for each in measured for formula, energy in each.items()}
        for method, energies in sorted(lowest.items()):
            corrections = {formula: -with_anions_corrected(formula, 0.0, [anion]) for formula in enthalpies}
            shares = [
                (energies[formula] - enthalpy) / corrections[formula]
                for formula, enthalpy in sorted(enthalpies.items())
                if formula in energies and corrections[formula]  # of a cation there is none
            ]
            if energies not in measured and len(shares) >= _LEAST:
                told.setdefault(method, {})[anion] = median(shares) < _HALF
    return told


def _lowest(docs: list[Doc]) -> dict[str, float]:
    lowest: dict[str, float] = {}
    for doc in docs:
        energy, formula = doc["formation_energy"], doc["formula_reduced"]
        lowest[formula] = min(energy, lowest.get(formula, energy))
    return lowest
