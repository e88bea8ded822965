"""Formulas as a person or another database writes them, in the spelling that the registry keeps.

Called for a value of a filter, so that ``chemical_formula_reduced = "O2Ti"``, as OPTIMADE orders it, finds TiO2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from string import ascii_uppercase
from typing import Final

_LONGEST: Final = 200
_FORMULA: Final = re.compile(r"(?:[A-Z][a-z]?|[0-9.()\[\] ])+")
_SUBSCRIPTS: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_HYDRATE: Final = re.compile(r"\.\d*\(?(?:[HDT]2O|OH2|N[HD]3|H2O2)\)?|[A-Za-z)\]]\.(?!\d)")
_ANONYMOUS: Final = re.compile(r"(?:[A-Z][0-9]*)+")
_SYSTEM: Final = re.compile(r"[A-Z][a-z]?(?:-[A-Z][a-z]?)*")


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


SPELLINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "formula_reduced": reduced,
    "formula_anonymous": anonymous,
    "chemsys": system,
}
"""By field: how a value that is compared with it is spelt."""
