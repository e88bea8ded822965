"""Crystal structures as the text of files that other programs read."""

from __future__ import annotations

import re
from typing import Final

from pymatgen.core.structure import Structure
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp.inputs import Poscar

from ...models.composition.formula.chemists_formula import chemists_formula

_DIGITS: Final = 12
"""Digits of numbers: thirds with fewer are taken for a fault by others who read them."""

_LABEL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+*'()-]*")
"""A label that is one word to every reader of CIFs."""


def as_cif(structure: Structure) -> str:
    """Text of a CIF in P1, its formula as chemists write it.

    Labels of atoms stay where a CIF can hold them: plain words, each of one atom. Otherwise all are new.
    """
    labels = [site.label for site in structure if site.label != site.species_string]
    one_each = structure.is_ordered and len(set(labels)) == len(structure)
    if labels and not (one_each and all(map(_LABEL.fullmatch, labels))):
        structure = structure.copy()
        for site in structure:
            site.label = None
    stated = str(structure.composition.reduced_formula)
    lines = re.compile(rf"^(data_|_chemical_formula_structural +){re.escape(stated)}$", re.MULTILINE)
    text = str(CifWriter(structure, significant_figures=_DIGITS))
    return lines.sub(lambda line: f"{line[1]}{chemists_formula(stated)}", text)


def as_poscar(structure: Structure, title: str = "") -> str:
    """Text of a POSCAR, VASP 5, atoms in order of their elements.

    Raises
    ------
    ValueError
        It is disordered, which a POSCAR can't hold.
    """
    if not structure.is_ordered:
        raise ValueError("it is disordered, which a POSCAR can't hold")
    comment = " ".join(f"{chemists_formula(str(structure.composition.reduced_formula))} {title}".split())
    return str(Poscar(structure, comment=comment, sort_structure=True))
