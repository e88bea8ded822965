"""The units in which tables may state energies, and how they become the units of the registry.

Units are declared, never guessed: what can be meant in two ways, or needs what a table doesn't hold, is refused.
"""

import re
from dataclasses import dataclass

KJ_PER_MOL_PER_EV = 96.48533212331
"""Elementary charge times Avogadro's constant, kJ/mol for one eV (exact since the SI of 2019)."""


class UnitError(ValueError):
    """A unit that can't be used for a field; the message says which can."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a stated value becomes that of the registry: times `factor`, over the atoms of the formula where asked."""

    factor: float
    per_formula: bool = False


_KILO = 1000.0
_PER_ATOM = {
    "ev/atom": Conversion(1.0),
    "mev/atom": Conversion(1 / _KILO),
    "kj/mol/atom": Conversion(1 / KJ_PER_MOL_PER_EV),
    "ev/formula": Conversion(1.0, per_formula=True),
    "mev/formula": Conversion(1 / _KILO, per_formula=True),
    "kj/mol": Conversion(1 / KJ_PER_MOL_PER_EV, per_formula=True),
}
_ENERGY = {"ev": Conversion(1.0), "mev": Conversion(1 / _KILO)}
_MOMENT = {"ub": Conversion(1.0), "mub": Conversion(1.0), "ub/cell": Conversion(1.0), "mub/cell": Conversion(1.0)}

UNITS_OF_FIELD: dict[str, tuple[str, dict[str, Conversion]]] = {
    "energy_per_atom": ("eV/atom", _PER_ATOM),
    "formation_energy": ("eV/atom", _PER_ATOM),
    "energy_above_hull": ("eV/atom", _PER_ATOM),
    "decomposition_energy": ("eV/atom", _PER_ATOM),
    "exfoliation_energy": ("eV/atom", _PER_ATOM),
    "band_gap": ("eV", _ENERGY),
    "magnetization": ("muB/cell", _MOMENT),
}
"""The fields of a material that have a unit: the unit of the registry, and those that are understood."""

_UNDERSTOOD = {
    "eV/atom": (
        "eV/atom, meV/atom, kJ/mol/atom (per mole of atoms), eV/formula, meV/formula, kJ/mol (per mole of formula)"
    ),
    "eV": "eV, meV",
    "muB/cell": "muB/cell",
}
_PER_AREA = re.compile(r"/(m|a|å|ang|angstrom)(\^|\*\*)?[2²]$")


def conversion(field: str, unit: str) -> Conversion:
    """Conversion of a value of a field, in a unit, to that of the registry.

    Parameters
    ----------
    field
        One of `UNITS_OF_FIELD`.
    unit
        As a person writes it: ``meV/atom``, ``kJ/mol``, ``eV per atom``. ``kJ/mol`` and ``eV/formula`` are for the
        formula as it is written in the same row.

    Raises
    ------
    UnitError
        Where the unit can't be that of the field, or leaves open what it is per.
    """
    own, understood = UNITS_OF_FIELD[field]
    written = _canonical(unit)
    if written in understood:
        return understood[written]
    if _PER_AREA.search(written):
        why = "is per area, and a table doesn't hold the area of the layer; convert it to eV/atom first"
    elif own == "eV/atom" and written in ("ev", "mev"):
        why = "leaves open whether it is per atom or per formula"
    else:
        why = "is not understood"
    msg = f"the unit {unit!r} of {field} {why}; give one of: {_UNDERSTOOD[own]}"
    raise UnitError(msg)


def _canonical(unit: str) -> str:
    text = unit.strip().lower().replace("µ", "u").replace("μ", "u")
    text = re.sub(r"\s*(?:/|\bper\b|_per_)\s*", "/", text)
    text = re.sub(r"/(?:at|atoms)$", "/atom", text)
    text = re.sub(r"/(?:fu|f\.u\.|formula unit|formula_unit)$", "/formula", text)
    return text.replace(" ", "").replace("_", "")


# Headers that say name and unit by convention: those of the Matbench v0.1 data sets, as Matbench and matminer write
# them, and those of the Materials Project that have the same meaning there (Dunn et al., npj Comput. Mater. 6, 138).
KNOWN_HEADERS: dict[str, tuple[str, str]] = {
    "e_form": ("formation_energy", "eV/atom"),
    "formation_energy_per_atom": ("formation_energy", "eV/atom"),
    "decomposition_energy_per_atom": ("decomposition_energy", "eV/atom"),
    "gap pbe": ("band_gap", "eV"),
    "band_gap": ("band_gap", "eV"),
    "exfoliation_en": ("exfoliation_energy", "meV/atom"),
}

_UNIT_AT_END = (
    ("_kj_per_mol_atom", "kJ/mol/atom"),
    ("_kj_per_mol", "kJ/mol"),
    ("_mev_per_atom", "meV/atom"),
    ("_ev_per_atom", "eV/atom"),
    ("_mev", "meV"),
    ("_ev", "eV"),
)
_BRACKETED = re.compile(r"(?P<name>.*?)\s*[(\[]\s*(?P<unit>[^()\[\]]+?)\s*[)\]]")


def field_of_header(header: str) -> tuple[str, str | None] | None:
    """Field that a header names, and its unit.

    Parameters
    ----------
    header
        As in the file: ``exfoliation_energy_mev_per_atom``, ``Band gap (eV)``, or one of `KNOWN_HEADERS`.

    Returns
    -------
    tuple or None
        Field and unit; the unit is None where the header names a field with a unit but not the unit. None where it
        names no such field.
    """
    if header in KNOWN_HEADERS:
        return KNOWN_HEADERS[header]
    name, unit = header.strip(), None
    if match := _BRACKETED.fullmatch(name):
        name, unit = match["name"], match["unit"]
    name = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if unit is None:
        for end, meant in _UNIT_AT_END:
            if name.endswith(end):
                name, unit = name.removesuffix(end), meant
                break
    per_atom = name.removesuffix("_per_atom")
    if per_atom != name and unit is not None and _canonical(unit) in ("ev", "mev"):
        unit += "/atom"
    field = "band_gap" if name == "bandgap" else name if name in UNITS_OF_FIELD else per_atom
    return (field, unit) if field in UNITS_OF_FIELD else None
