"""What keeps a decomposition energy in water from being the true one: compounds that the diagram lacks.

Any of them may be what forms, so that more energy is gained than was found.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from ...models.composition.formula.single_formula import read_one
from ...models.energetics.pourbaix_entries import OPEN
from ...models.energetics.pourbaix_interval import OF_MISSING_HYDROXIDES, is_hydroxide
from ...stores.documents.property import COMPOUNDS
from ..engine.batches import Doc
from .hulls.limits import Completeness, completeness, limited_by_dispersion, lower_bound

NOT_IN_INTERVAL: Final = (
    "not in the interval: what a functional gets wrong in formation energies; by MP2020 energies 95 % of least "
    "decomposition energies lie within 0.14 eV/atom of those by measured enthalpies"
)
"""Of computed energies. 88 compounds that MP2020's corrections were fitted to, 50 % within 0.017, 90 % 0.095; by the
energies of 2019 107 compounds, 0.017, 0.079 and 95 % within 0.12."""

_WITHOUT_HYDROXIDES: Final = "hydroxides without an energy"
_NAMED: Final = 6


def limited_in_water(
    documents: Iterable[Doc],
    targets: Iterable[Doc],
    elements: Collection[str],
    known: Sequence[Doc],
    solids: Collection[str],
    *,
    method: str,
) -> list[Doc]:
    """Decomposition energies with what is known of their limits; those without a value as they are.

    Parameters
    ----------
    documents
        The properties with their values, intervals and details.
    targets
        Energies of the structures that they are of, with the dimension of each.
    elements
        Those of the structures but H and O.
    known
        Materials and reference entries that some source knows, whether or not their energy is known.
    solids
        Reduced formulas of those that have an energy by the method.
    method
        Name of the method of the formation energies.
    """
    found, other = _in_diagram(elements, known, solids)
    layers = {target["structure_id"] for target in targets if target.get("dimension") == 2}
    result = []
    for document in documents:
        if "value" not in document:
            result.append(document)
            continue
        limited = _limited(document, found, other, elements, solids)
        into_solids = any(str(product["id"]).endswith("(s)") for product in document.get("competing", ()))
        layer = document["structure_id"] in layers and into_solids  # ions lack nothing
        result.append(limited_by_dispersion(limited, layer=layer, method=method))
    return result


def _limited(
    document: Doc, found: Completeness, other: Sequence[str], elements: Collection[str], solids: Collection[str]
) -> Doc:
    document = {**document, "details": {**document["details"], "completeness": found.details}}
    if other:
        named = ", ".join(other[:_NAMED]) + (", …" if len(other) > _NAMED else "")
        reason = (
            f"{len(other)} of {found.known} known compounds have no energy by this method, and each may be what forms: "
            f"a lower bound ({named})"
        )
        return lower_bound(document, COMPOUNDS, reason)
    if (ends := _raised(document, found, elements, solids)) is None:
        return document
    causes = {**document["details"]["uncertain_by"], _WITHOUT_HYDROXIDES: OF_MISSING_HYDROXIDES}
    return {**document, **ends, "details": {**document["details"], "uncertain_by": causes}}


def limited_ends(
    ends: Mapping[str, float], elements: Collection[str], known: Iterable[Doc], solids: Collection[str]
) -> dict[str, float]:
    """The ends of an interval, `low` and `high`, as `limited_in_water` leaves them.

    Parameters
    ----------
    ends
        Those by the energies of the diagram.
    elements, known, solids
        As `limited_in_water`.
    """
    found, other = _in_diagram(elements, known, solids)
    if other:
        return {name: end for name, end in ends.items() if name != "high"}
    return {**ends, **(_raised(ends, found, elements, solids) or {})}


def _in_diagram(
    elements: Collection[str], known: Iterable[Doc], solids: Collection[str]
) -> tuple[Completeness, list[str]]:
    """How complete a diagram is, and which known compounds it lacks that are no hydroxides."""
    allowed = OPEN.union(elements)
    parts = ((doc, set(doc["chemsys"].split("-"))) for doc in known)
    found = completeness((doc for doc, symbols in parts if symbols <= allowed and symbols - OPEN), solids)
    return found, [formula for formula in found.missing if not is_hydroxide(formula)]


def _raised(
    ends: Mapping[str, Any], found: Completeness, elements: Collection[str], solids: Collection[str]
) -> dict[str, float] | None:
    """The high end where hydroxides have no energy; None where all have."""
    with_hydroxide = {symbol for solid in solids if is_hydroxide(solid) for symbol in read_one(solid)}
    if not found.missing and with_hydroxide.issuperset(elements):
        return None
    return {"high": ends["high"] + OF_MISSING_HYDROXIDES} if "high" in ends else {}
