"""Writes the file a campaign begins with: every line explained, from a chemical system or a list of compositions."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from typing import Final

from ....models.composition.formula.elements import ATOMIC_NUMBERS
from ....models.composition.formula.formulas import reduced_formulas
from ....models.composition.screening import screen
from ....stores.errors import ConfigurationError

MOST_ELEMENTS: Final = 5
MOST_ATOMS: Final = 14
"""Of the formula of a composition that is proposed for a chemical system: that of Mn2O3, doubled, and of spinels."""
_MOST_FORMULAS: Final = 200
_BULK: Final = 3
_ANIONS: Final = ("O", "F", "N", "S", "Cl", "Se", "Br", "Te", "I")
"""One of which what a model learns from has in common with what it generates: the first there is."""
_LAYERS: Final = """\
  top-down:               # monolayers cut from layered bulk crystals
    rules: database       # or paper
    vacuum: 20            # Å between a layer and its image
#  bottom-up:             # elements of monolayers replaced by others of their group
#    at_once: any
#    max_elements: 2
#    max_period_step: 1
"""
_TEMPLATES: Final = """\
  template:               # structures of the compositions below, from known structures like them
    structures: 10
    min_p_2d: null        # of any probability of being two-dimensional
    max_predicted_formation_energy: null
"""
_CRYSTALS: Final = """\
  crystal-gan:            # and crystals generated for them, by a model that learns from known ones like these
    layout: listed        # of one chemical system, cells of one and two formula units
    structures: 10        # of each composition, the lowest in energy of so many:
    of: 100
    model:
      config: {{profile: diffusion}}
      filters:            # beside crystals of the system: those with other elements in the places of these
        others: '{others}'
"""
_COMPOSITIONS: Final = """\
compositions:             # of your own: nothing is drawn, and no model trained
  {source}
  energies_from: null
  classifier: {{train: false}}
  roost: {{train: false}}
  gates:
    - name: charge neutral
      field: charge_neutral
      is: true
    - name: electronegativity balanced
      field: electronegativity_balanced
      is: true
"""
_AS_THEY_ARE: Final = "relax: false            # true: cell and positions first, about 25 times as long"
_RELAXED: Final = """\
relax: true             # what a model generates is near a crystal, not yet one
  relax_lowest: 10        # of each composition those of lowest energy before
  reference_window: 0.05  # eV/atom: known materials so near the hull are relaxed as well"""
_BETWEEN_LAYERS: Final = """
exfoliation:              # energies between layers, by potentials with dispersion; the same holds
  potentials: [chgnet-d3] # of several, as sevennet-0-d3, the mean; surer where they agree
  relax: false
"""
_EXFOLIATION: Final = """\
  - name: exfoliation energy
    field: exfoliation_energy
    at_most: 0.2          # eV/atom
    why: 2DMatPedia, Zhou et al. 2019
"""
_GAP: Final = """\
  - name: band gap
    field: band_gap
    {condition}           # eV
"""


def elements_of(system: str) -> list[str]:
    """Elements of a chemical system, as Mn-O or Mn,O, in alphabetical order.

    Raises
    ------
    ConfigurationError
        It names what is no element, or too many.
    """
    elements = sorted({part.strip() for part in system.replace(",", "-").split("-") if part.strip()})
    for element in elements:
        if element not in ATOMIC_NUMBERS:
            raise ConfigurationError(f"there is no element {element!r} in {system!r}", "Write Mn-O, or Mn,O.")
    if not 1 <= len(elements) <= MOST_ELEMENTS:
        raise ConfigurationError(
            f"{system!r} has {len(elements)} elements", f"A chemical system has 1 to {MOST_ELEMENTS}, as Mn-O."
        )
    return elements


def balanced_formulas(elements: Sequence[str]) -> list[str]:
    """Reduced formulas of exactly these elements that oxidation states can balance, those of few atoms first.

    Neutrality and order of electronegativities are SMACT's (Davies et al., Chem 1, 617 (2016)), as everywhere in
    exfolio.

    Examples
    --------
    >>> balanced_formulas(["Mg", "O"])[:2]
    ['MgO', 'MgO2']
    """
    amounts = [
        chosen
        for chosen in itertools.product(range(1, MOST_ATOMS), repeat=len(elements))
        if sum(chosen) <= MOST_ATOMS and math.gcd(*chosen) == 1
    ]
    amounts.sort(key=lambda chosen: (sum(chosen), chosen))
    spelled = ["".join(f"{el}{n}" for el, n in zip(elements, chosen, strict=True)) for chosen in amounts]
    neutral, balanced = screen(spelled)
    chosen = [formula for formula, passed in zip(spelled, neutral & balanced, strict=True) if passed]
    return reduced_formulas(chosen[:_MOST_FORMULAS]) if chosen else []


def new_campaign(
    name: str,
    file: str,
    *,
    system: str | None = None,
    dimension: int = 2,
    formulas_from: str | None = None,
    crystals_of: Sequence[str] = (),
    hull_at_most: float = 0.1,
    gap: tuple[float | None, float | None] = (None, None),
) -> str:
    """Text of a campaign's file, ready for `exfolio campaign check`.

    Parameters
    ----------
    name
        Name of the campaign.
    file
        How its file is called.
    system
        Chemical system, as Mn-O: only structures of exactly its elements are judged, and where no list is given, its
        balanced compositions get structures.
    dimension
        2 for monolayers, 3 for bulk crystals.
    formulas_from
        Text file of compositions, one a line.
    crystals_of
        Elements of the compositions, which are of one chemical system then: a model generates bulk crystals of them,
        beside what templates give.
    hull_at_most
        eV/atom.
    gap
        Least and largest band gap, eV; None where it is open.

    Raises
    ------
    ConfigurationError
        There is no such system, or bulk crystals are wanted of nothing.
    """
    elements = elements_of(system) if system else []
    compositions = _compositions(elements, formulas_from)
    if dimension == 3 and not compositions:
        raise ConfigurationError(
            "bulk crystals are made of compositions, and none is named", "Give --system Mn-O or --formulas list.txt."
        )
    least, largest = gap
    bounds = {"at_least": least, "at_most": largest}
    condition = f"between: [{least}, {largest}]"
    if None in gap:
        condition = next((f"{word}: {bound}" for word, bound in bounds.items() if bound is not None), "")
    chemsys = "-".join(elements) or "Mn-O"
    what = "Monolayers" if dimension == 2 else "Crystals"
    template = files(__package__).joinpath("new_campaign.txt").read_text(encoding="utf-8")
    routes = _TEMPLATES if compositions else ""
    if dimension == 2 and formulas_from is None:  # of a list, structures of what is listed alone are looked for
        routes = _LAYERS + routes
    if crystals_of:
        routes += _CRYSTALS.format(others=_others(crystals_of, dimension))
    return template.format(
        name=name,
        file=file,
        description=f"{what} of {chemsys}." if elements else "What is looked for, in a sentence.",
        dimension=dimension,
        elements=f"elements: [{', '.join(elements)}]      # only structures of exactly these\n" if elements else "",
        known="known-monolayers" if dimension == 2 else "prototypes",
        chemsys=chemsys,
        routes=routes,
        compositions=compositions,
        exfoliation=_BETWEEN_LAYERS if dimension == 2 else "",
        nsites=20 if dimension == 2 else 40,
        gates=(_EXFOLIATION if dimension == 2 else "") + (_GAP.format(condition=condition) if condition else ""),
        ehull=hull_at_most,
        relax=_RELAXED if crystals_of else _AS_THEY_ARE,
    )


def _others(elements: Sequence[str], dimension: int) -> str:
    """Filter on the known crystals that elements of the compositions are put into."""
    if dimension != _BULK:
        raise ConfigurationError("crystals are generated in bulk", "Add --dimension 3.")
    anions = [f'elements HAS "{anion}"' for anion in _ANIONS if anion in elements][:1]
    return " AND ".join([f"nelements = {len(elements)}", *anions])


def _compositions(elements: Sequence[str], formulas_from: str | None) -> str:
    if formulas_from is not None:
        return _COMPOSITIONS.format(
            source=f"formulas_from: {json.dumps(formulas_from)} # one a line; # begins a comment"
        )
    formulas = balanced_formulas(elements) if elements else []
    if not formulas:
        return ""
    lines = [formulas[start : start + 10] for start in range(0, len(formulas), 10)]
    listed = ",\n    ".join(", ".join(line) for line in lines)
    return _COMPOSITIONS.format(source=f"formulas: [\n    {listed},\n  ]")
