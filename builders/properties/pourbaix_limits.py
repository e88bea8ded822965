"""What keeps a decomposition energy in water from being the true one: compounds that the diagram lacks.

Any of them may be what forms, so that more energy is gained than was found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ...models.composition.formula.single_formula import read_one
from ...models.energetics.pourbaix_entries import OPEN
from ...stores.documents.property import COMPOUNDS
from ..engine.batches import Doc
from .hulls.limits import completeness, lower_bound

HYDROXIDE: Final = 0.29
"""eV/atom by which hydroxides raise least decomposition energies of oxides at most: La2O3. Of 20 oxides whose
hydroxides the CRC Handbook has too, it is 0.08 of MgO, 0.04 of CdO, and of the other 17 less than 0.01."""

NOT_IN_INTERVAL: Final = (
    "not in the interval: what a functional gets wrong in formation energies; by MP2020 energies 95 % of least "
    "decomposition energies lie within 0.14 eV/atom of those by measured enthalpies"
)
"""Of computed energies. 88 compounds that MP2020's corrections were fitted to, 50 % within 0.017, 90 % 0.095; by the
energies of 2019 107 compounds, 0.017, 0.079 and 95 % within 0.12."""

_WITHOUT_HYDROXIDES: Final = "hydroxides without an energy"
_NAMED: Final = 6


def limited_in_water(document: Doc, elements: Collection[str], known: Iterable[Doc], solids: Collection[str]) -> Doc:
    """A decomposition energy with what is known of its limits.

    Parameters
    ----------
    document
        The property with its value, interval and details.
    elements
        Those of the structure but H and O.
    known
        Materials and reference entries that some source knows, whether or not their energy is known.
    solids
        Reduced formulas of those that have an energy by the method.
    """
    names = frozenset(elements)
    in_diagram = [doc for doc in known if _metals(parts := set(doc["chemsys"].split("-"))) and parts <= names | OPEN]
    found = completeness(in_diagram, solids)
    document = {**document, "details": {**document["details"], "completeness": found.details}}
    other = [formula for formula in found.missing if not is_hydroxide(formula)]
    if other:
        named = ", ".join(other[:_NAMED]) + (", …" if len(other) > _NAMED else "")
        reason = (
            f"{len(other)} of {found.known} known compounds have no energy by this method, and each may be what forms: "
            f"a lower bound ({named})"
        )
        return lower_bound(document, COMPOUNDS, reason)
    with_hydroxide = {symbol for solid in solids if is_hydroxide(solid) for symbol in read_one(solid)}
    if len(other) == len(found.missing) and names <= with_hydroxide:
        return document
    causes = {**document["details"]["uncertain_by"], _WITHOUT_HYDROXIDES: HYDROXIDE}
    raised = {"high": document["high"] + HYDROXIDE} if "high" in document else {}
    return {**document, **raised, "details": {**document["details"], "uncertain_by": causes}}


def is_hydroxide(formula: str) -> bool:
    """Whether a compound of other elements holds hydrogen and oxygen too."""
    parts = read_one(formula).keys()
    return parts > OPEN


def _metals(parts: Collection[str]) -> frozenset[str]:
    return frozenset(parts) - OPEN
