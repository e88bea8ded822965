"""The units in which tables may state energies, and how they become the units of the registry.

Units are declared, never guessed: what can be meant in two ways, contradicts itself, or needs what a table doesn't
hold, is refused with a question. A header states a unit in up to three places: name, ending and brackets.
"""

import re
from dataclasses import dataclass
from typing import Final

KJ_PER_MOL_PER_EV: Final = 96.48533212331
"""Elementary charge times Avogadro's constant, kJ/mol for one eV (exact since the SI of 2019)."""
_KJ_PER_KCAL: Final = 4.184
"""Thermochemical calorie (exact by definition)."""
_EV_PER_HARTREE: Final = 27.211386245981
"""CODATA 2022."""


class UnitError(ValueError):
    """A unit that can't be used for a field; the message says which can."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """How a stated value becomes that of the registry: times `factor`, over the atoms of the formula where asked."""

    factor: float
    per_formula: bool = False


_EV: Final = {
    "ev": 1.0,
    "mev": 1e-3,
    "kj/mol": 1 / KJ_PER_MOL_PER_EV,
    "j/mol": 1e-3 / KJ_PER_MOL_PER_EV,
    "kcal/mol": _KJ_PER_KCAL / KJ_PER_MOL_PER_EV,
    "ha": _EV_PER_HARTREE,
    "ry": _EV_PER_HARTREE / 2,
}
"""Energies in eV."""
_BASES: Final = {"atom": False, "formula": True}
"""What an energy may be per; whether that is the formula as it is written in the same row."""
_PER_ATOM: Final = {
    f"{unit}/{basis}": Conversion(factor, per_formula)
    for unit, factor in _EV.items()
    for basis, per_formula in _BASES.items()
} | {unit: Conversion(factor, per_formula=True) for unit, factor in _EV.items() if unit.endswith("/mol")}
"""Energies per atom, by unit and basis; those per mole alone are per mole of the formula, as chemists have them."""
_ENERGY: Final = {"ev": Conversion(1.0), "mev": Conversion(1e-3)}
_MOMENT: Final = {unit: Conversion(1.0) for unit in ("ub", "mub", "ub/cell", "mub/cell")}

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

PLAUSIBLE: Final = {
    "formation_energy": (-5.0, 10.0),
    "energy_above_hull": (-2.0, 10.0),
    "decomposition_energy": (-5.0, 10.0),
    "exfoliation_energy": (-1.0, 5.0),
    "band_gap": (0.0, 25.0),
}
"""What a field can be in its own unit; beyond it a value is asked about, since its unit or basis is likely another.
The lowest of 85,014 formation energies of the Materials Project is -4.61 eV/atom (Bartel et al., npj Comput. Mater. 6,
97 (2020)); the widest gap of a solid is neon's, 21.6 eV. Total energies and moments depend on what is left out of them
or on the cell, and have no such range."""

_UNDERSTOOD: Final = {
    "eV/atom": (
        "eV, meV, kJ/mol, J/mol, kcal/mol, Ha or Ry, /atom or /formula, e.g. eV/atom, kJ/mol/atom (per mole of atoms), "
        "kJ/mol (per mole of formula)"
    ),
    "eV": "eV, meV",
    "muB/cell": "muB/cell",
}
_PER_AREA = re.compile(r"/(m|a|å|ang|angstrom)(\^|\*\*)?[2²]$")
_CONTRADICTION = re.compile(r"per (\w+) \((.+)\)")


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
        Where the unit can't be that of the field, contradicts itself, or leaves open what it is per.
    """
    own, understood = UNITS_OF_FIELD[field]
    written = canonical(unit)
    if written in understood:
        return understood[written]
    if contradiction := _CONTRADICTION.fullmatch(unit):
        why = f"contradicts itself: the name says per {contradiction[1]}, the unit {contradiction[2]!r}"
    elif _PER_AREA.search(written):
        why = "is per area, and a table doesn't hold the area of the layer; convert it to eV/atom first"
    elif written.endswith(("/cell", "/unitcell")):
        why = "is per cell, and a table doesn't hold how many atoms the cell has; convert it to eV/atom first"
    elif own == "eV/atom" and written in _EV:
        why = "leaves open whether it is per atom or per formula"
    else:
        why = "is not understood"
    msg = f"the unit {unit!r} of {field} {why}; give one of: {_UNDERSTOOD[own]}"
    raise UnitError(msg)


_EXPONENT: Final = re.compile(r"\s*[·*.]?\s*\b(mol|atom|at|formula|fu|f\.u\.|cell)\s*(?:\^|\*\*)?\{?[-−⁻](?:1|¹)\}?")
_ALIASES: Final = (
    (r"\(([^()]*)\)", r"\1"),  # kJ/(mol atom)
    (r"(?:/|\s)(?:moles?|mol)(?:[\s*·.-]*|/|\s+of\s+)(atoms?|at)$", r"/mol/atom"),
    (r"(?:/|\s)(?:moles?|mol)(?:[\s*·.-]*|/|\s+of\s+)(formula|f\.?u\.?)(?:[\s_-]*units?)?$", r"/mol/formula"),
    (r"/(?:g|gram)[\s-]?atom$", "/mol/atom"),
    (r"/moles?$", "/mol"),
    (r"/(?:at\.?|atoms)$", "/atom"),
    (r"/(?:f\.?\s?u\.?|fml|formula(?:[\s_-]*units?)?)$", "/formula"),
    (r"^(?:hartrees?|eh)\b", "ha"),
    (r"^(?:rydbergs?)\b", "ry"),
)


_MEGA: Final = "MeV"
"""A billion meV: of the prefixes that differ by case alone, the one that makes an energy too."""


def canonical(unit: str) -> str:
    """Unit in the one spelling that is looked up: lower case, ``/`` for per, ``atom``, ``formula``."""
    text = unit.strip().replace(_MEGA, "megaev").lower().replace("µ", "u").replace("μ", "u")
    text = _EXPONENT.sub(r"/\1", text)
    text = re.sub(r"\s*(?:/|\bper\b|_per_)\s*", "/", text)
    for pattern, written in _ALIASES:
        text = re.sub(pattern, written, text)
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

_BRACKETED = re.compile(r"(?P<name>.*?)\s*(?:\((?P<round>.*)\)|\[(?P<square>.*)\]|\s/\s+(?P<slash>.+))")
"""A name and its unit; ``quantity / unit`` is the form of ISO 80000-1."""
_WORDS_OF_BASES: Final = {
    **dict.fromkeys(("formula", "formula_unit", "fu"), "formula"),
    "atom": "atom",
    "cell": "cell",
    "mol": "mol",
    "mole": "mol",
    "mol_atom": "mol/atom",
    "mol_formula": "mol/formula",
}
_BASIS_AT_END: Final = re.compile(r"_per_(atom|formula_unit|formula|fu|cell|mole|mol(?:_atom|_formula)?)$")
_PLAIN_BEGINNING: Final = re.compile(r"[A-Za-z0-9_\"']")
"""A header that begins otherwise is not of the quantity but of its negative, its change, its bound or a logarithm."""
_SPELT: Final = {unit.lower(): unit for unit in ("eV", "meV", "kJ", "J", "kcal", "Ha", "Ry")}
_UNIT_AT_END: Final = re.compile(
    r"_(?P<energy>(?:kj|j|kcal)(?:_per)?_mole?|mev|ev|ha|ry)"
    r"(?:(?:_per)?_(?P<basis>atom|formula_unit|formula|fu|cell))?$"
)


def field_of_header(header: str) -> tuple[str, str | None] | None:
    """Field that a header names, and its unit.

    Parameters
    ----------
    header
        As in the file: ``exfoliation_energy_mev_per_atom``, ``Band gap (eV)``, or one of `KNOWN_HEADERS`.

    Returns
    -------
    tuple or None
        Field and unit; the unit is None where the header names a field with a unit but not the unit. What name and unit
        say that it is per is in it, a contradiction of them too, which `conversion` refuses. None where the header
        names no such field.
    """
    if header in KNOWN_HEADERS:
        return KNOWN_HEADERS[header]
    name, unit = header.strip(), None
    if not _PLAIN_BEGINNING.match(name):
        return None
    if match := _BRACKETED.fullmatch(name):
        name, unit = match["name"], match["round"] or match["square"] or match["slash"]
    name = re.sub(r"[^a-z0-9]+", "_", name.replace(_MEGA, "megaev").lower().replace("f.u.", "fu")).strip("_")
    if unit is None and (end := _UNIT_AT_END.search(name)):
        name = name[: end.start()]
        unit = _SPELT[end["energy"].partition("_")[0]] + ("/mol" if end["energy"].endswith(("_mol", "_mole")) else "")
        unit = f"{unit}/{_WORDS_OF_BASES[end['basis']]}" if end["basis"] else unit
    basis = None
    if per := _BASIS_AT_END.search(name):
        name, basis = name[: per.start()], _WORDS_OF_BASES[per[1]]
    field = {"bandgap": "band_gap", "energy": "energy_per_atom" if basis else "energy"}.get(name, name)
    if field not in UNITS_OF_FIELD:
        return None
    return field, None if unit is None else _with_basis(unit, basis)


def completed(unit: str, header: str) -> str:
    """Unit that was given for a column, with what its header says that it is per, where the unit leaves that open."""
    per = _BASIS_AT_END.search(re.sub(r"[^a-z0-9]+", "_", header.lower()).strip("_"))
    if per is None or canonical(unit) not in _EV:
        return unit
    basis = f"/{_WORDS_OF_BASES[per[1]]}"
    return unit + (basis.removeprefix("/mol") if canonical(unit).endswith("/mol") else basis)


def _with_basis(unit: str, basis: str | None) -> str:
    """Unit with what the name of the quantity says that it is per; a contradiction is spelt out, for `conversion`."""
    if basis is None:
        return unit
    written = canonical(unit)
    if written in _EV or (basis.startswith("mol") and f"{written}/mol" in _EV):
        return unit if written.endswith(f"/{basis}") else f"{unit}/{basis}"
    return unit if written.endswith(f"/{basis}") else f"per {basis} ({unit})"
