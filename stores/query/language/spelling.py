"""Formulas and ids as a person or another database writes them, in the spelling that the registry keeps.

Called for a value of a filter, so that ``chemical_formula_reduced = "O2Ti"``, as OPTIMADE orders it, finds TiO2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from string import ascii_uppercase
from typing import Final

_LONGEST: Final = 200
_FORMULA: Final = re.compile(r"(?:[A-Z][a-z]?|[0-9.()\[\] ])+")
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_HYDRATE: Final = re.compile(r"\.\d* *\(?(?:[HDT]2O|OH2|N[HD]3|H2O2)\)?|[A-Za-z)\]]\.(?!\d)")
_ISOTOPE_OR_ELEMENT: Final = re.compile(r"(?:D[BSY]|T[ABCEHILMS])(?![a-z])")
_OF_MATERIALS_PROJECT: Final = re.compile(r"((?:[\w.-]+:)?)(mp|mvc)-(?:([a-z]{1,13})|(\d{1,18}))", re.IGNORECASE)
_FILLED: Final = 8  # letters
_ANONYMOUS: Final = re.compile(r"(?:[A-Z][0-9]*)+")
_SYSTEM: Final = re.compile(r"[A-Z][a-z]?(?:-[A-Z][a-z]?)*")


@lru_cache(maxsize=1024)  # pages of one question follow each other
def reduced(formula: str) -> str:
    """Spell a formula in pymatgen's reduced form.

    Raises
    ------
    ValueError
        It is no formula.

    >>> reduced("O4Ti2")
    'TiO2'
    """
    formula = formula.translate(_SUBSCRIPTS)
    if len(formula) > _LONGEST or not _FORMULA.fullmatch(formula):
        raise ValueError(f"{formula!r} is no formula")
    if _HYDRATE.search(formula):
        raise ValueError(f"{formula!r} may be a hydrate or hold a decimal amount: write all its atoms out")
    if capitals := _ISOTOPE_OR_ELEMENT.search(formula):
        raise ValueError(f"{capitals[0]} of {formula!r} may be an element, or an isotope of hydrogen and another")
    # Half a second, for those who ask for a formula only.
    from pymatgen.core.composition import Composition
    from pymatgen.core.periodic_table import Element

    try:
        composition = Composition(formula)
    except (ValueError, KeyError, IndexError) as error:
        raise ValueError(f"{formula!r} is no formula") from error
    if not composition or not all(isinstance(species, Element) for species in composition):
        raise ValueError(f"{formula!r} is no formula of chemical elements")
    return str(composition.reduced_formula)


def anonymous(formula: str) -> str:
    """Spell an anonymous formula with its amounts ascending, as pymatgen has it; OPTIMADE has them descending.

    Raises
    ------
    ValueError
        It is no anonymous formula.

    >>> anonymous("A2B")
    'AB2'
    """
    if not _ANONYMOUS.fullmatch(formula):
        raise ValueError(f"{formula!r} is no anonymous formula such as AB2")
    amounts = sorted(int(amount or 1) for amount in re.findall(r"[A-Z]([0-9]*)", formula))
    if len(amounts) > len(ascii_uppercase):
        return formula
    return "".join(f"{letter}{n if n > 1 else ''}" for letter, n in zip(ascii_uppercase, amounts, strict=False))


def system(text: str) -> str:
    """Spell a chemical system with its elements in alphabetical order.

    Raises
    ------
    ValueError
        It is no chemical system.

    >>> system("O-Mn")
    'Mn-O'
    """
    if not _SYSTEM.fullmatch(text):
        raise ValueError(f"{text!r} is no chemical system such as Mn-O")
    return "-".join(sorted(set(text.split("-"))))


def notations(name: str) -> list[str]:
    """Notations of an id that mean the same: those of the Materials Project are numbers, or such numbers in letters.

    Its letters are the digits 0 to 25 of base 26, filled up with ``a`` on the left (emmet-core's ``AlphaID``); capitals
    mean the same.

    Examples
    --------
    >>> notations("mp-lxf"), notations("mp-8039")
    (['mp-lxf', 'mp-8039', 'mp-aaaaalxf'], ['mp-8039', 'mp-lxf', 'mp-aaaaalxf'])
    """
    found = _OF_MATERIALS_PROJECT.fullmatch(name)
    if not found:
        return [name]
    source, kind, word, digits = found.groups()
    number = int(digits) if digits else sum(26**i * (ord(c) - ord("a")) for i, c in enumerate(reversed(word.lower())))
    letters, rest = "", number
    while rest or not letters:
        letters, rest = f"{chr(ord('a') + rest % 26)}{letters}", rest // 26
    prefix = f"{source}{kind.lower()}"
    spelt = (name, f"{prefix}-{number}", f"{prefix}-{letters}", f"{prefix}-{letters.rjust(_FILLED, 'a')}")
    return list(dict.fromkeys(spelt))


SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "formula_reduced": reduced,
    "formula_anonymous": anonymous,
    "chemsys": system,
}
"""By field: how a value that is compared with it is spelt."""
IDS: Final = ("source_id", "material_id", "parent_id")
"""Fields of ids that other databases give in several notations."""
