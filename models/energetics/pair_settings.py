"""Whether the settings of two calculations, of a layer and of its bulk, are alike: exact, or within a stated tolerance.

It knows names of settings and what VASP takes where one is not given; energies and cells are the business of
`exfoliation`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

DIFFERING_BY_NATURE: Final = frozenset(
    {"KPOINTS", "KSPACING", "LDIPOL", "IDIPOL", "DIPOL", "NPAR", "KPAR", "NCORE", "MAGMOM"}
)
"""Settings that a layer with vacuum and its bulk rightly have different, or that say nothing of the energy."""

TOLERANCES: Final[dict[str, float]] = {
    "ENCUT": 0.5,  # eV: rounding, as in 1.3 times an ENMAX
    "SIGMA": 0.01,  # eV
    "PSTRESS": 0.01,  # kB: 0.1 meV at 20 Å^3/atom
    "AEXX": 1e-3,
    "HFSCREEN": 1e-3,  # 1/Å: 0.2 and 0.207 are both called HSE06, and differ
    **dict.fromkeys(("AGGAX", "AGGAC", "ALDAX", "ALDAC", "AMGGAX", "AMGGAC"), 1e-3),
    **dict.fromkeys(("PARAM1", "PARAM2", "PARAM3", "ZAB_VDW", "BPARAM", "CPARAM"), 1e-3),
    **dict.fromkeys(("VDW_S6", "VDW_S8", "VDW_A1", "VDW_A2", "VDW_R0", "VDW_SR", "VDW_D"), 1e-3),
}
"""By how much numbers may differ; others are the same to nine digits."""
HUBBARD: Final = 1e-3
"""eV: by how much U and J may differ."""
CHANGE: Final = 1e-5
"""eV/atom: up to here EDIFF is beneath notice in an exfoliation energy of some 10 meV/atom."""
CHANGE_RATIO: Final = 10.0
"""By which factor EDIFF, per atom, may differ beyond that; Materials Project's is the same per atom in all cells."""

DEFAULTS: Final[dict[str, Any]] = {
    "ISPIN": 1,
    "NUPDOWN": -1,
    "PSTRESS": 0.0,
    "LREAL": False,
    "PRECFOCK": "Normal",
    "HFSCREEN": 0.0,
    "IVDW": 0,
    "LDAUTYPE": 2,
    "GGA_COMPAT": True,
    "ZAB_VDW": -0.8491,
    "PARAM1": 0.1234,
    "PARAM2": 1.0,
    "BPARAM": 6.3,
    "CPARAM": 0.0093,
    **dict.fromkeys(("AGGAC", "ALDAC", "AMGGAC", "AMGGAX"), 1.0),
    **dict.fromkeys(("LSORBIT", "LNONCOLLINEAR", "LHFCALC", "LUSE_VDW", "LVDW", "LASPH", "ADDGRID"), False),
}
"""What VASP takes of its own accord, https://www.vasp.at/wiki; of other tags nothing is assumed."""
_BY_FIRST_LETTER: Final = ("LREAL", "PREC", "PRECFOCK")
"""Tags that VASP reads by the first letter of the word."""
_TETRAHEDRA: Final = (-5, -4, -14, -15)
_SMEARING: Final = {0: "Gaussian", -1: "Fermi", -2: "by hand", -3: "by hand"}


def differing_settings(
    layer: Mapping[str, object], bulk: Mapping[str, object], atoms: tuple[float, float]
) -> list[str]:
    """Settings that differ by more than is allowed, each in a sentence.

    Parameters
    ----------
    layer, bulk
        Value by setting: VASP's tags, ``POTCAR``, and ``U(Fe)``, ``J(Fe)`` in eV by element.
    atoms
        In the cells of the two: EDIFF and NUPDOWN are compared per atom.

    Examples
    --------
    >>> differing_settings({"EDIFF": 1e-6, "ISMEAR": 0, "SIGMA": 0.05}, {"EDIFF": 2e-6, "ISMEAR": -5}, (3, 6))
    ['ISMEAR differs: monolayer 0 (Gaussian), bulk -5 (tetrahedra)']
    """
    reasons = []
    has_u = any(key.startswith("U(") for key in layer.keys() | bulk.keys())
    for key in sorted(layer.keys() | bulk.keys()):
        tag = key.upper()
        if tag in DIFFERING_BY_NATURE or (tag == "LDAUTYPE" and not has_u):
            continue
        ours, theirs = (settings.get(key, _default(tag, settings)) for settings in (layer, bulk))
        if tag == "SIGMA" and any(_smearing(settings) == "tetrahedra" for settings in (layer, bulk)):
            continue  # the width is of no use there
        if not _alike(tag, ours, theirs, atoms):
            told = [_told(tag, settings.get(key, "not given")) for settings in (layer, bulk)]
            reasons.append(f"{key} differs: monolayer {told[0]}, bulk {told[1]}")
    return reasons


def _default(tag: str, settings: Mapping[str, object]) -> object:
    if tag in ("AGGAX", "ALDAX"):  # exact exchange takes the place of a part
        share = settings.get("AEXX", 0.25) if settings.get("LHFCALC") else 0.0
        return 1.0 - float(share) if _is_number(share) else None  # type: ignore[arg-type]
    return DEFAULTS.get(tag)


def _alike(tag: str, ours: object, theirs: object, atoms: tuple[float, float]) -> bool:
    if tag in _BY_FIRST_LETTER:
        return _letter(ours) == _letter(theirs)
    if not _is_number(ours) or not _is_number(theirs):
        return ours == theirs
    first, second = float(ours), float(theirs)  # type: ignore[arg-type]
    if tag == "ISMEAR":
        return _kind(first) == _kind(second)
    if tag == "EDIFF":
        first, second = sorted((first / atoms[0], second / atoms[1]))
        return second <= max(CHANGE, CHANGE_RATIO * first)
    if tag == "NUPDOWN" and min(first, second) >= 0:
        return math.isclose(first / atoms[0], second / atoms[1], abs_tol=1e-6)
    allowed = HUBBARD if tag.startswith(("U(", "J(")) else TOLERANCES.get(tag, 1e-12)
    return math.isclose(first, second, rel_tol=1e-9, abs_tol=allowed)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _letter(value: object) -> str:
    """First letter of a word, by which VASP reads it; of .FALSE. and nothing the same."""
    word = str(value).strip(" .").upper()[:1]
    return "F" if value is None else word


def _smearing(settings: Mapping[str, object]) -> str | None:
    value = settings.get("ISMEAR")
    return _kind(float(value)) if _is_number(value) else None  # type: ignore[arg-type]


def _kind(ismear: float) -> str:
    method = int(ismear)
    if method in _TETRAHEDRA:
        return "tetrahedra"
    return _SMEARING.get(method, f"Methfessel-Paxton of order {method}")


def _told(tag: str, value: object) -> str:
    if tag == "ISMEAR" and _is_number(value):
        return f"{value} ({_kind(float(value))})"  # type: ignore[arg-type]
    return str(value)
