"""Formulas, ions and mixtures as matplotlib shows them, with subscripts and charges. Draws nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ...composition.formula.chemists_formula import chemists_formula

_AMOUNT = re.compile(r"(?<=[A-Za-z)\]])(\d+(?:\.\d+)?)")
_ONE = re.compile(r"(?<=[A-Za-z)])1(?![\d.])")
_CHARGE = re.compile(r"\[(\d*)([+-])(\d*)\]")
_PHASE = re.compile(r"\((s|aq)\)$")


def formula_label(formula: str) -> str:
    """Write a formula in the chemists' order, with subscripts.

    Examples
    --------
    >>> formula_label("LiFe4(PO4)4"), formula_label("Te2Mo")
    ('LiFe$_{4}$(PO$_{4}$)$_{4}$', 'MoTe$_{2}$')
    """
    return _with_subscripts(chemists_formula(formula))


def _with_subscripts(formula: str) -> str:
    return _AMOUNT.sub(r"$_{\1}$", _ONE.sub("", formula))


def species_label(name: str) -> str:
    """Write a solid or a dissolved species, as Pourbaix entries are named, with subscripts and charge.

    Examples
    --------
    >>> [species_label(name) for name in ("Mn[2+]", "MnO4[-]", "Mn1O2(s)", "HFeO2[-1]", "Fe(OH)3(aq)")]
    ['Mn$^{2+}$', 'MnO$_{4}$$^{-}$', 'MnO$_{2}$(s)', 'HFeO$_{2}$$^{-}$', 'Fe(OH)$_{3}$(aq)']
    """
    charge = _CHARGE.search(name)
    phase = _PHASE.search(name)
    plain = _PHASE.sub("", _CHARGE.sub("", name))
    text = _with_subscripts(plain) if charge else formula_label(plain)
    if charge:
        amount = (
            (charge[1] or charge[3]).removeprefix("1")
            if (charge[1] or charge[3]) in ("", "1")
            else charge[1] or charge[3]
        )
        text += f"$^{{{amount}{charge[2]}}}$"
    return text + (phase[0] if phase else "")


def mixture_label(names: Iterable[str], *, each_on_a_line: bool = True) -> str:
    """Write several species that occur together."""
    return (" +\n" if each_on_a_line else " + ").join(species_label(name) for name in names)
