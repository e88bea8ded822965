"""Formulas as chemists write them, for people to read: ``RhTe2``, ``Mg(OH)2``, ``(NH4)2SO4``, ``NH3``.

What the registry stores and compares is the reduced formula in pymatgen's spelling; this is how it is shown, in tables,
diagrams and files alike. Groups are made only where the composition leaves no doubt of them; read again, the text is
the same composition. Imports nothing large, so that commands that only look answer at once.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

from .chemists_order import (
    ACTINIDES,
    ALKALI,
    ALKALINE_EARTHS,
    BY_ELECTRONEGATIVITY,
    HALOGENS,
    NONMETALS,
    RARE_EARTHS,
    ordered,
)

_TOLERANCE: Final = 1e-6

_Amounts = dict[str, float]


class _Oxyanion(NamedTuple):
    """A group of one atom and oxygen (or another): its charge says how many metal atoms it can hold at least."""

    centre: str
    ligand: str
    ligands: int
    charge: int


_OXYANIONS: Final = (
    *(_Oxyanion("C", "O", 3, 2), _Oxyanion("N", "O", 3, 1), _Oxyanion("N", "O", 2, 1)),
    *(_Oxyanion("S", "O", 4, 2), _Oxyanion("S", "O", 3, 2), _Oxyanion("Se", "O", 4, 2), _Oxyanion("Se", "O", 3, 2)),
    *(_Oxyanion("P", "O", 4, 3), _Oxyanion("P", "O", 3, 1), _Oxyanion("As", "O", 4, 3)),
    *(_Oxyanion(halogen, "O", n, 1) for halogen in ("Cl", "Br", "I") for n in (4, 3)),
    *(_Oxyanion("B", "O", 3, 3), _Oxyanion("Si", "O", 4, 4)),
    *(_Oxyanion("Mo", "O", 4, 2), _Oxyanion("W", "O", 4, 2), _Oxyanion("Cr", "O", 4, 2)),
    *(_Oxyanion("V", "O", 4, 3), _Oxyanion("B", "F", 4, 1), _Oxyanion("P", "F", 6, 1)),
    *(_Oxyanion("As", "F", 6, 1), _Oxyanion("Sb", "F", 6, 1), _Oxyanion("B", "H", 4, 1), _Oxyanion("Al", "H", 4, 1)),
    _Oxyanion("C", "N", 1, 1),
)
_TRIVALENT: Final = (*RARE_EARTHS, "Al", "Ga", "In", "Cr", "Mn", "Fe", "Co", "Ni", "V")
"""Metals whose MHO2 is an oxide hydroxide, MO(OH)."""
_MONOVALENT: Final = (*ALKALI, "Ag", "Cu", "Tl", "Hg")
_WHOLE: Final = {  # what the rules would write otherwise
    (("H", 4.0), ("N", 2.0), ("O", 3.0)): "NH4NO3",
    (("H", 4.0), ("N", 2.0), ("O", 2.0)): "NH4NO2",
    (("C", 1.0), ("H", 5.0), ("N", 1.0), ("O", 3.0)): "NH4HCO3",
    (("H", 9.0), ("N", 2.0), ("O", 4.0), ("P", 1.0)): "(NH4)2HPO4",
    (("C", 1.0), ("H", 1.0), ("N", 1.0)): "HCN",
    (("C", 1.0), ("H", 2.0), ("O", 3.0)): "H2CO3",
}


@lru_cache(maxsize=1 << 14)
def chemists_formula(formula: str) -> str:
    """Write a formula in the chemists' order, in the amounts that it has; a text that is no formula as it is.

    Parameters
    ----------
    formula
        Elements, amounts and brackets, in whatever order.

    Examples
    --------
    >>> [chemists_formula(f) for f in ("Te2Mo", "Mg(HO)2", "H8S(NO2)2", "H3N", "TiPbO3", "O2")]
    ['MoTe2', 'Mg(OH)2', '(NH4)2SO4', 'NH3', 'PbTiO3', 'O2']
    """
    amounts = _amounts(formula)
    if not amounts:
        return formula
    if len(amounts) == 1:
        return _text([(symbol, amount) for symbol, amount in amounts.items()])
    whole = _WHOLE.get(tuple(sorted(amounts.items())))
    return whole or _text(_parts(amounts))


_TOKEN: Final = re.compile(r"(?P<element>[A-Z][a-z]?)|(?P<opens>[(\[])|(?P<closes>[)\]])")
_NUMBER: Final = re.compile(r"\d*\.?\d*")


def _amounts(formula: str) -> _Amounts:
    """Atoms by element; none where the text is no such formula."""
    levels: list[_Amounts] = [{}]
    place = 0
    while place < len(formula):
        token = _TOKEN.match(formula, place)
        if not token or (token["closes"] and len(levels) == 1):
            return {}
        number = _NUMBER.match(formula, token.end())
        text = number[0] if number and not token["opens"] else ""
        if text == ".":
            return {}
        place, factor = token.end() + len(text), float(text or 1)
        if token["opens"]:
            levels.append({})
            continue
        inner = levels.pop() if token["closes"] else {token["element"]: 1.0}
        for symbol, amount in inner.items():
            if symbol not in BY_ELECTRONEGATIVITY or not amount * factor:
                return {}
            levels[-1][symbol] = levels[-1].get(symbol, 0.0) + amount * factor
    return levels[0] if len(levels) == 1 else {}


def _parts(amounts: _Amounts) -> list[tuple[str, float]]:
    """Symbols and groups in the order in which they are written, each with its amount."""
    left = dict(amounts)
    ammonium, ends = _ammonium(left), []
    metals = [symbol for symbol in left if symbol not in NONMETALS]
    if metals or ammonium:
        for oxyanion in _OXYANIONS:
            if taken := _take(left, oxyanion, metals, ammonium):
                ends.append(taken)
                break
        ends += [] if ends else _cyanate(left, metals)
        ends += _water_and_hydroxide(left, metals, ends)
    acid = [("H", left.pop("H"))] if "H" in left and any(group.endswith(("O4", "O3")) for group, _ in ends) else []
    cations = [(symbol, left[symbol]) for symbol in ordered(left)]
    return [*ammonium, *cations, *acid, *ends]


def _ammonium(left: _Amounts) -> list[tuple[str, float]]:
    """Take ammonium out: where hydrogen is four times nitrogen, beside an anion."""
    nitrogen, hydrogen = left.get("N", 0.0), left.get("H", 0.0)
    spare = hydrogen - 4 * nitrogen
    acid = spare in (1, 2) and nitrogen == 1 and (left.get("P") == 1 or left.get("S") == 1)  # NH4H2PO4, NH4HSO4
    if not nitrogen or not (acid or _same(spare, 0)) or not set(left) & {*HALOGENS, "O", "S", "Se", "Te"}:
        return []
    del left["N"]
    left["H"] = spare
    if not acid:
        del left["H"]
    return [("NH4", nitrogen)]


def _take(
    left: _Amounts, group: _Oxyanion, metals: list[str], ammonium: list[tuple[str, float]]
) -> tuple[str, float] | None:
    """Take an oxyanion out of what is left, where all of its centre fits and its charge suits the metals."""
    number = left.get(group.centre, 0.0)
    cations = [symbol for symbol in metals if symbol != group.centre]
    rest = left.get(group.ligand, 0.0) - group.ligands * number
    if not number or rest < -_TOLERANCE or not (cations or ammonium):
        return None
    hydrogen = 0.0 if group.ligand == "H" else left.get("H", 0.0)
    # What is over has to be hydroxide or water; other oxides of the kind have no name that says their groups.
    if not (_same(rest, 0) or (hydrogen and _same(rest, hydrogen)) or (hydrogen and _same(rest, hydrogen / 2))):
        return None
    if set(left) - {group.centre, group.ligand, "H", *metals} or (group.ligand in ("H", "N") and "O" in left):
        return None
    if group.centre in metals and (_same(number, 1) or hydrogen or _tetravalent(cations)):
        return None  # a metal's oxyanions get brackets, as in Fe2(MoO4)3, and no place behind other metals otherwise
    charge = sum(left[symbol] * (1 if symbol in _MONOVALENT else 2) for symbol in cations)
    charge += sum(amount for _, amount in ammonium)
    protons = hydrogen if _same(rest, 0) else 0.0
    if group.charge * number + (rest if _same(rest, hydrogen) else 0.0) < charge + protons - _TOLERANCE:
        return None
    if group.centre in ("Si", "B", "V", "P") and _same(rest, 0) and not protons and not _balanced(left, group, cations):
        return None
    del left[group.centre]
    left[group.ligand] = rest
    if _same(rest, 0):
        del left[group.ligand]
    return f"{group.centre}{group.ligand}{group.ligands if group.ligands > 1 else ''}", number


def _cyanate(left: _Amounts, metals: list[str]) -> list[tuple[str, float]]:
    """Take thiocyanate, cyanate or amide out of a salt that holds nothing else."""
    others = left.keys() - set(metals)
    for group in ("SCN", "OCN"):
        if others == set(group) and left[group[0]] == left["C"] == left["N"]:
            return [(group, min(left.pop(symbol) for symbol in group))]
    if others == {"N", "H"} and _same(left["H"], 2 * left["N"]):
        del left["H"]
        return [("NH2", left.pop("N"))]
    return []


def _balanced(left: _Amounts, group: _Oxyanion, cations: list[str]) -> bool:
    """Whether usual charges of the cations make up for the groups: P2O6 beside one magnesium, SiO4 in a garnet."""
    lowest = highest = 0.0
    for symbol in cations:
        low, high = (1, 1) if symbol in ALKALI else (2, 2) if symbol in ALKALINE_EARTHS else (1, 6)
        low, high = (3, 4) if symbol in (*RARE_EARTHS, *ACTINIDES, "Al") else (low, high)
        lowest, highest = lowest + low * left[symbol], highest + high * left[symbol]
    return not cations or lowest <= group.charge * left[group.centre] <= highest


def _tetravalent(cations: list[str]) -> bool:
    return set(cations) <= {"Ti", "Zr", "Hf", "Th", "U"}  # ZrW2O8


def _water_and_hydroxide(left: _Amounts, metals: list[str], ends: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Take water, hydroxide or ammonia out of a salt, where hydrogen fits what is over of oxygen or nitrogen."""
    hydrogen, oxygen, nitrogen = (left.get(symbol, 0.0) for symbol in ("H", "O", "N"))
    others = set(left) - {"H", "O", "N", *metals}
    if not hydrogen or (oxygen and nitrogen) or not metals:
        return []
    salt = bool(ends) or (bool(others) and others <= set(HALOGENS))
    if nitrogen and _same(hydrogen, 3 * nitrogen) and salt:
        del left["H"], left["N"]
        return [("NH3", nitrogen)]
    if not oxygen or (others and not salt):
        return []
    if _same(hydrogen, oxygen):
        del left["H"], left["O"]
        return [("OH", hydrogen)]
    if salt and _same(hydrogen, 2 * oxygen):
        del left["H"], left["O"]
        return [("H2O", oxygen)]
    if not salt and metals[0] in _TRIVALENT and len(metals) == 1 and [left[metals[0]], hydrogen, oxygen] == [1, 1, 2]:
        del left["H"]
        left["O"] = 1.0
        return [("OH", 1.0)]
    return []


def _text(parts: list[tuple[str, float]]) -> str:
    text = ""
    for part, amount in parts:
        group = sum(letter.isupper() for letter in part) > 1
        oxide_before = part == "OH" and text.endswith("O")
        bracketed = group and (not _same(amount, 1) or oxide_before or part in ("H2O", "NH3"))
        text += (f"({part})" if bracketed else part) + _amount(amount)
    return text


def _amount(amount: float) -> str:
    return "" if _same(amount, 1) else f"{round(amount, 6):.12g}"


def _same(a: float, b: float) -> bool:
    return abs(a - b) < _TOLERANCE
