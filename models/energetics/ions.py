"""Aqueous ions: their published free energies, and their energies on the scale of computed solids.

The bundled table (`ion_energies.csv`) gives a literature reference with each number; records of the form of the
Materials Project's aqueous ion data are taken too. It reads no file of a user and knows no Pourbaix diagram.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from pymatgen.core.composition import Composition
from pymatgen.core.ion import Ion

from ..composition.formula.formulas import reduced_formulas

KJ_PER_MOL_PER_EV = 96.485
"""kJ/mol in one eV, to the digits that the Materials Project uses for its ions, so that energies agree with theirs."""

SAME_GIBBS = 1.0
"""kJ/mol: energies of one ion that are nearer are the same."""

FAR_FROM_COMPUTED = 1.0
"""eV/atom by which no reference solid's published energy is off the computed one: formation energies by PBE without any
correction are off by up to half of that. More is another unit, or another solid."""

TABLE = "ion_energies.csv"


class IonDataError(ValueError):
    """A record that does not describe an aqueous ion."""


class MissingReferenceSolidError(ValueError):
    """Ions whose reference solid has no computed energy; `solids` names them."""

    def __init__(self, missing: Mapping[str, Sequence[str]]) -> None:
        self.solids = tuple(missing)
        text = "; ".join(f"{solid} (for {', '.join(ions)})" for solid, ions in missing.items())
        super().__init__(f"no formation energy of the reference solids {text}: add these solids, or leave the ions out")


@dataclass(frozen=True, slots=True)
class AqueousIon:
    """A dissolved species as published.

    Attributes
    ----------
    formula
        As pymatgen writes ions: ``Mn[2+]``, ``HFeO2[-]``, ``Fe(OH)3(aq)``.
    composition
        Amount of each element.
    charge
        In units of the elementary charge.
    element
        The element that the reference solid is chosen for.
    gibbs
        Standard free energy of formation, kJ/mol.
    reference_solid
        Reduced formula of the solid whose computed energy fixes the ion's.
    reference_solid_gibbs
        Its standard free energy of formation by the same kind of source, kJ/mol of the reduced formula.
    reference
        Where the numbers were published.
    """

    formula: str
    composition: Mapping[str, float]
    charge: float
    element: str
    gibbs: float
    reference_solid: str
    reference_solid_gibbs: float
    reference: str

    @property
    def elements(self) -> frozenset[str]:
        """Elements other than hydrogen and oxygen."""
        return frozenset(self.composition) - {"H", "O"}


@lru_cache(maxsize=1)
def bundled_ions() -> tuple[AqueousIon, ...]:
    """Ions of 24 elements, 90 of them, that come with the package.

    Sources are the NBS tables (1982) wherever they list a true species; sums of separate ions that they list beside
    these ("ionized") are left out. Pourbaix's Atlas gives the rest, and HCoO2- and BiOH2+, whose NBS values would
    dissolve Co(OH)2 in molar base and make BiOH2+ no weaker an acid than BiO+.
    """
    text = (resources.files(__package__) / TABLE).read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    for row in rows:
        if row["reference_solid_reference"] != row["reference"]:
            row["reference"] += f"; {row['reference_solid']}: {row['reference_solid_reference']}"
    return ions_from_records(
        {
            "formula": row["formula"],
            "charge": float(row["charge"]),
            "major_elements": row["element"],
            "gibbs_formation_kj_mol": float(row["gibbs_kj_mol"]),
            "reference_solid": row["reference_solid"],
            "gibbs_formation_reference_solid_kj_mol": float(row["reference_solid_gibbs_kj_mol"]),
            "reference": row["reference"],
        }
        for row in rows
    )


def ions_from_records(records: Iterable[Mapping[str, Any]]) -> tuple[AqueousIon, ...]:
    """Read ions from records, flat or as the Materials Project's API gives them.

    Parameters
    ----------
    records
        Mappings with formula, charge, major_elements, gibbs_formation_kj_mol, reference_solid,
        gibbs_formation_reference_solid_kj_mol, reference; or with formula and ``data`` as of
        ``MPRester.get_ion_reference_data``.

    Raises
    ------
    IonDataError
        When a record lacks something, holds no number where one belongs, or contradicts itself or another of its ion.
    """
    known: dict[tuple[frozenset[tuple[str, float]], float], AqueousIon] = {}
    ions = []
    for record in records:
        ion = _ion(_flat(record))
        first = known.setdefault((frozenset(ion.composition.items()), ion.charge), ion)
        if first.formula == ion.formula and abs(first.gibbs - ion.gibbs) > SAME_GIBBS:
            message = f"ion {ion.formula!r} is there twice, with {first.gibbs:g} and {ion.gibbs:g} kJ/mol"
            raise IonDataError(message)
        ions.append(ion)
    return tuple(ions)


def ions_of(ions: Iterable[AqueousIon], elements: Iterable[str]) -> tuple[AqueousIon, ...]:
    """Ions that hold no other elements than these, hydrogen and oxygen."""
    allowed = frozenset(elements)
    return tuple(ion for ion in ions if ion.elements and ion.elements <= allowed)


def ion_formation_energies(ions: Sequence[AqueousIon], solids: Mapping[str, float]) -> list[float]:
    """Energy of each ion on the scale of computed solids.

    The published distance of the ion to its reference solid is kept, and the solid put at its computed energy: what
    the computation gets wrong about an element in its solid is taken over to the ion in proportion to its atoms.

    Parameters
    ----------
    ions
        Ions as published.
    solids
        Formation energy in eV/atom by formula; the lowest is taken where a composition comes twice.

    Returns
    -------
    list
        eV per ion at unit concentration, against elements (and the hydrogen electrode for the charge).

    Raises
    ------
    MissingReferenceSolidError
        When a reference solid is not among the solids.
    IonDataError
        When the published energy of a reference solid can't be in kJ/mol.

    Notes
    -----
    Persson, Waldwick, Lazic, Ceder, Phys. Rev. B 85, 235438 (2012), doi:10.1103/PhysRevB.85.235438; the same as
    ``MPRester.get_ion_entries``.
    """
    energies: dict[str, float] = {}
    for formula, energy in zip(reduced_formulas(list(solids)), solids.values(), strict=True):
        energies[formula] = min(energy, energies.get(formula, math.inf))
    missing: dict[str, list[str]] = {}
    for ion in ions:
        if ion.reference_solid not in energies:
            missing.setdefault(ion.reference_solid, []).append(ion.formula)
    if missing:
        raise MissingReferenceSolidError(missing)
    formation_energies = []
    for ion in ions:
        solid = Composition(ion.reference_solid)
        difference = energies[ion.reference_solid] * solid.num_atoms - ion.reference_solid_gibbs / KJ_PER_MOL_PER_EV
        if abs(difference) > FAR_FROM_COMPUTED * solid.num_atoms:
            off = abs(difference) / solid.num_atoms
            message = (
                f"ion {ion.formula!r}: {ion.reference_solid_gibbs:g} kJ/mol of its reference solid "
                f"{ion.reference_solid} is {off:.1f} eV/atom off its energy here: is it in kJ/mol?"
            )
            raise IonDataError(message)
        share = ion.composition[ion.element] / solid[ion.element]
        formation_energies.append(ion.gibbs / KJ_PER_MOL_PER_EV + difference * share)
    return formation_energies


def _flat(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Bring a record of the API to the flat form."""
    data = record.get("data")
    if not isinstance(data, Mapping):
        return record
    return {
        "formula": record.get("formula") or record.get("identifier"),
        "charge": _in_kj(data.get("charge")),
        "major_elements": data.get("MajElements"),
        "gibbs_formation_kj_mol": _in_kj(data.get("ΔGᶠ")),
        "reference_solid": data.get("RefSolid"),
        "gibbs_formation_reference_solid_kj_mol": _in_kj(data.get("ΔGᶠRefSolid")),
        "reference": data.get("reference"),
    }


def _in_kj(quantity: object) -> object:
    """Read a quantity {value, unit} of the API in kJ/mol; a number without unit is taken as it is."""
    if not isinstance(quantity, Mapping):
        return quantity
    factors = {"kJ/mol": 1.0, "MJ/mol": 1000.0, "": 1.0}
    unit, value = quantity.get("unit", ""), quantity.get("value")
    if unit not in factors or not isinstance(value, int | float):
        message = f"{dict(quantity)} is no energy in kJ/mol or MJ/mol"
        raise IonDataError(message)
    return value * factors[unit]


def _ion(record: Mapping[str, Any]) -> AqueousIon:
    """Check one flat record."""
    formula = record.get("formula")
    try:
        ion = Ion.from_formula(str(formula))
        solid = Composition(str(record.get("reference_solid")))
    except ValueError as problem:
        message = f"ion {formula!r} with reference solid {record.get('reference_solid')!r} cannot be read: {problem}"
        raise IonDataError(message) from problem
    numbers = {}
    for key in ("charge", "gibbs_formation_kj_mol", "gibbs_formation_reference_solid_kj_mol"):
        value = record.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            message = f"ion {formula!r}: {key} is {value!r}, not a number"
            raise IonDataError(message)
        numbers[key] = float(value)
    if numbers["charge"] != ion.charge:
        message = f"ion {formula!r}: charge is given as {numbers['charge']:g}, the formula says {ion.charge:g}"
        raise IonDataError(message)
    element = str(record.get("major_elements"))
    composition = {symbol: float(n) for symbol, n in ion.composition.get_el_amt_dict().items()}
    if element not in composition or element not in solid.get_el_amt_dict():
        message = f"ion {formula!r}: {element!r} is not in both the ion and its reference solid {solid.formula!r}"
        raise IonDataError(message)
    return AqueousIon(
        formula=str(formula),
        composition=composition,
        charge=numbers["charge"],
        element=element,
        gibbs=numbers["gibbs_formation_kj_mol"],
        reference_solid=str(solid.reduced_formula),
        reference_solid_gibbs=numbers["gibbs_formation_reference_solid_kj_mol"],
        reference=str(record.get("reference") or ""),
    )
