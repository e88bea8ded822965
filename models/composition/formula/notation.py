"""What people write around a formula: dots of hydrates and other adducts, coefficients, subscripts.

``CuSO4.5H2O`` is a sulfate with five molecules of water, though to a parser of numbers it holds 4.5 of oxygen. A dot is
read as what it must be; where it may be a decimal point or stand between two compounds, the formula is refused.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Final

_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_TEX_AMOUNT: Final = re.compile(r"\$?_(?:\{(\d+(?:\.\d+)?)\}|(\d))\$?")
_TWO_SIZES: Final = re.compile(r"[₀-₉]\d|\d[₀-₉]|_\{[\d.]+\}\$?\d|\d\$?_\{")
"""Digits of two sizes beside each other, which are no one number: ``K₂13CO₃``."""
_DOTS: Final = re.compile(r"\s*[·•∙⋅*]\s*|\s+\.\s*|\s*\.\s+")
"""Signs that can only stand between two compounds; a dot beside a blank is no decimal point."""
_DOT: Final = "·"

_SOLVENT: Final = re.compile(r"\(?(?:[HDT]2O|OH2|HDO|N[HD]3|H2O2|N2H4|CH3OH|C2H5OH)\)?")
"""Molecules that crystals take up; in a whole number before one of them, a dot is that of a hydrate or ammoniate."""
_MOST_MOLECULES: Final = 24
"""Of an alum, ``K2Al2(SO4)4.24H2O``. More of them are likelier a share: ``WO3.33H2O`` has a third of a molecule."""
_ZERO_FOR_O: Final = re.compile(r"\(?[HDT]20\)?")
"""Water with the digit zero in place of its oxygen: no compound that a dot stands before."""
_LABELLED: Final = re.compile(r"(?:H|D|T|Li|B|C|N|O)(?![a-z])")
"""Elements before which a number may be that of an isotope: ``13CO2``."""
_COEFFICIENT: Final = re.compile(r"(\d+/\d+|\d+(?:\.\d+)?|\.\d+)?\s*(.+)", re.DOTALL)
_ELEMENT: Final = re.compile(r"[A-Z][a-z]?")


class AmbiguousNumber(ValueError):
    """A dot that may be a decimal point or stand between two compounds, or digits that may be two numbers."""


def addends(text: str) -> list[tuple[float, str]]:
    """Take a formula apart at the dots between its compounds.

    Parameters
    ----------
    text
        As a person writes it: ``CuSO4·5H2O``, ``CuSO4.5H2O``, ``3CaO.SiO2``, ``MoS₂``, ``MoS$_2$``.

    Returns
    -------
    list of (float, str)
        How often each compound is taken, and its formula; one of coefficient 1 for a formula without such a dot.

    Raises
    ------
    AmbiguousNumber
        A dot, a coefficient or an amount can be meant in two ways.

    Examples
    --------
    >>> addends("CuSO4.5H2O"), addends("Li0.5CoO2")
    ([(1.0, 'CuSO4'), (5.0, 'H2O')], [(1.0, 'Li0.5CoO2')])
    """
    if sizes := _TWO_SIZES.search(text):
        raise AmbiguousNumber(f"{sizes[0]!r} is written in two sizes, as of two numbers")
    plain = _DOTS.sub(_DOT, _TEX_AMOUNT.sub(lambda amount: amount[1] or amount[2], text.translate(_SUBSCRIPTS)))
    if ".." in plain:
        raise AmbiguousNumber("two dots stand beside each other")
    if "." in plain:
        plain = _separated(plain)
    if _DOT not in plain:
        return [(1.0, plain)]
    compounds = []
    for place, part in enumerate(plain.split(_DOT)):
        found = _COEFFICIENT.fullmatch(part.strip())
        if not found:
            raise AmbiguousNumber("a dot between compounds has nothing on one side")
        if found[1] and not place and _LABELLED.match(found[2]):
            raise AmbiguousNumber(f"{found[1]!r} may be a coefficient or the mass number of an isotope")
        if place and _ZERO_FOR_O.fullmatch(found[2]):
            raise AmbiguousNumber(_zero_for_o(found[2]))
        try:
            compounds.append((float(Fraction(found[1] or 1)), found[2]))
        except ZeroDivisionError:
            raise AmbiguousNumber(f"{found[1]!r} is no coefficient") from None
    return compounds


def _separated(text: str) -> str:
    """Replace each full stop between compounds by a middle dot; those of decimal numbers stay."""
    characters = list(text)
    place = text.find(".")
    while place >= 0:
        second = _after_number(text, place + 1)
        if second < len(text) and text[second] == "." and second > place + 1:  # O4.0.5H2O: two dots in one number
            if text[place + 1] != "0":
                raise AmbiguousNumber(f"{text[place - 1 : second + 2]!r} holds two dots; write · between compounds")
            characters[place] = _DOT
            place = text.find(".", second + 1)
            continue
        if _stands_between(text, place):
            characters[place] = _DOT
        place = text.find(".", place + 1)
    return "".join(characters)


def _after_number(text: str, start: int) -> int:
    while start < len(text) and text[start].isdecimal():
        start += 1
    return start


def _stands_between(text: str, dot: int) -> bool:
    """Whether a dot stands between compounds; no for a decimal point.

    Raises
    ------
    AmbiguousNumber
        It may be either.
    """
    end = _after_number(text, dot + 1)
    after = text[end : end + 1]
    if after == "/":
        return True
    if after.isspace() and end > dot + 1 and _SOLVENT.fullmatch(re.split(rf"[.{_DOT}]", text[end:])[0].strip()):
        after = text[end:].lstrip()[0]  # CuSO4.5 H2O
    if not (after.isalpha() or after in ("(", "[", "{")) or not after:
        return False  # 6.5 at the end, or before a bracket that closes
    before = re.search(r"\d*$", text[:dot])
    whole = before[0] if before else ""
    if end == dot + 1:  # CaCO3.MgCO3; for Li2.O1 it makes no difference
        return dot > 0
    right = re.split(rf"[.{_DOT}]", text[end:])[0]
    solvent = _SOLVENT.fullmatch(right.strip())
    if whole.startswith("0") or dot == 0 or (text[dot + 1] == "0" and not solvent):
        return False
    left = re.split(rf"[{_DOT}]", text[:dot])[-1]
    elements, others = set(_ELEMENT.findall(left)), set(_ELEMENT.findall(right))
    if _ZERO_FOR_O.fullmatch(right.strip()) and len(elements) > 1:
        raise AmbiguousNumber(_zero_for_o(right.strip()))
    if solvent and text[dot + 1] != "0":
        if whole != "1" and len(elements) > 1 and int(text[dot + 1 : end]) <= _MOST_MOLECULES:
            return True
    elif not solvent and (len(elements) < 2 or len(others) < 2 or not elements & others):
        return False
    raise AmbiguousNumber(
        f"{text[dot - len(whole) : end]!r} may be an amount, or {text[dot + 1 : end]} of {right} after a dot; "
        f"write · between compounds, or amounts without a decimal point"
    )


def _zero_for_o(water: str) -> str:
    return f"{water!r} has the digit zero where water has the letter O"
