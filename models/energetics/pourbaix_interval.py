"""How far the energies of a Pourbaix diagram leave a decomposition energy uncertain, and which of them do.

First order in each cause, at the products that were found; what two phases share drops out of their difference. It
knows the Gibbs energies' causes of error, not where formation energies come from: what a method gets wrong in these is
the method's, which names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot
from typing import Final

from ..composition.formula.single_formula import read_one
from .aqueous import error_per_hydrogen, hydrogen_of_water
from .convex_hull.composition_table import composition_table
from .entropies import ESTIMATE, standard_entropies
from .ions import KJ_PER_MOL_PER_EV, AqueousIon
from .pourbaix import PourbaixMinimum
from .pourbaix_entries import OPEN, PourbaixEntry

COVERAGE: Final = 0.95
"""Share of true values within an interval, by the shares that the widths below are of."""
OF_ESTIMATED_ENTROPY: Final = 0.031
"""eV/atom at 298 K: 95 % of tabulated solids that were left out of its fit (`entropies.standard_entropies`)."""
OF_TABULATED_ENTROPY: Final = 2.5 / KJ_PER_MOL_PER_EV
"""eV of the formula: within this the tabulated ones agree with tabulated enthalpies and Gibbs energies."""
OF_IONS: Final = 0.063
"""eV for each atom of a dissolved species but H and O: 95 % of 83 that the bundled table and the Materials Project's
have both."""
OF_HYDROGEN: Final = 0.25
"""Share of water's error by which a hydrogen atom's own may differ from the 0.75 that are taken: in 27 hydroxides it is
0.5 to 1.0 (`aqueous.OF_HYDROXIDES`)."""
WATER_ERROR: Final = 0.605
"""eV/H: error of water in the Materials Project's energies of 2019, taken where a computed one is not known."""
OF_MISSING_HYDROXIDES: Final = 0.29
"""eV/atom by which hydroxides raise least decomposition energies of oxides at most: La2O3. Of 20 oxides whose
hydroxides the CRC Handbook has too, it is 0.08 of MgO, 0.04 of CdO, and of the other 17 less than 0.01."""

IONS, ENTROPY, HYDROGEN = "data of ions", "entropies of solids", "hydrogen bound to oxygen"


@dataclass(frozen=True, slots=True)
class Uncertainty:
    """Half the width of an interval, eV/atom, and what each cause alone would leave, largest first."""

    half_width: float
    by_cause: Mapping[str, float]


class Uncertainties:
    """What is uncertain in the entries of a diagram.

    Parameters
    ----------
    formulas
        All solids that may come up, reference solids of ions among them.
    ions
        Those the entries were made from.
    water
        Formation energy of H2O by the method, eV/atom; None where it is not known, so that its error was not taken out.
    measured
        Whether formation energies are measured ones, which have no such error.
    """

    def __init__(
        self, formulas: Iterable[str], ions: Iterable[AqueousIon], *, water: float | None, measured: bool
    ) -> None:
        self._ions = {ion.formula: ion for ion in ions}
        names = sorted({*formulas, *(ion.reference_solid for ion in self._ions.values())})
        table = composition_table(names)
        if measured:
            per_hydrogen = 0.0
        elif water is None:
            per_hydrogen = WATER_ERROR
        else:
            per_hydrogen = OF_HYDROGEN * abs(error_per_hydrogen(water))
        bound = hydrogen_of_water(table)
        self._causes: dict[str, dict[tuple[str, str], float]] = {}
        for i, (name, entropy) in enumerate(zip(names, standard_entropies(table), strict=True)):
            estimated = entropy is None or entropy.source == ESTIMATE
            of_entropy = OF_ESTIMATED_ENTROPY if estimated else OF_TABULATED_ENTROPY / _atoms(name)
            key = str(table.identity[i])
            of_elements = len(table.fractions[i].nonzero()[0]) == 1
            causes = {(ENTROPY, key): 0.0 if of_elements else of_entropy, (HYDROGEN, key): per_hydrogen * bound[i]}
            self._causes[name] = {cause: width for cause, width in causes.items() if width}

    def of(self, target: PourbaixEntry, minimum: PourbaixMinimum) -> Uncertainty:
        """Uncertainty of a decomposition energy that was found, of a solid whose formula is among those given."""
        shares: dict[tuple[str, str], float] = defaultdict(float)
        self._add(shares, target, 1.0)
        for product in minimum.products:
            self._add(shares, product.entry, -product.amount)
        atoms = sum(target.composition.values())
        by_cause: dict[str, float] = defaultdict(float)
        for (cause, _), energy in shares.items():
            by_cause[cause] = hypot(by_cause[cause], energy / atoms)
        ordered = sorted(((cause, width) for cause, width in by_cause.items() if width > 0), key=lambda pair: -pair[1])
        return Uncertainty(hypot(*by_cause.values()), dict(ordered))

    def _add(self, shares: dict[tuple[str, str], float], entry: PourbaixEntry, amount: float) -> None:
        """Add what is uncertain in so many formula units of an entry, eV."""
        if entry.phase == "solid":
            self._add_solid(shares, formula_of_solid(entry), amount * sum(entry.composition.values()))
            return
        ion = self._ions[entry.name]
        others = sum(number for symbol, number in ion.composition.items() if symbol not in ("H", "O"))
        shares[IONS, ion.formula] += amount * OF_IONS * others
        # The published distance to the reference solid is kept, so what is uncertain in that is in the ion as well.
        solids = ion.composition[ion.element] / read_one(ion.reference_solid)[ion.element]
        self._add_solid(shares, ion.reference_solid, amount * solids * _atoms(ion.reference_solid))

    def _add_solid(self, shares: dict[tuple[str, str], float], formula: str, atoms: float) -> None:
        for cause, width in self._causes[formula].items():
            shares[cause] += atoms * width


def interval(
    found: Sequence[tuple[float, Uncertainty]],
    formation: float,
    ends: tuple[float | None, float | None] = (None, None),
    *,
    by_stable: tuple[float, Uncertainty] | None = None,
) -> dict[str, float]:
    """Interval of a decomposition energy, eV/atom: its `low` and `high`, one alone where it is open to a side.

    Parameters
    ----------
    found
        Decomposition energies into what a solid may become, each with what it leaves uncertain; that counts which
        leaves most energy, so of several intervals the highest ends.
    formation
        Formation energy of the solid.
    ends
        Low and high end of that, if it is itself an interval or a bound.
    by_stable
        Decomposition energy where only solids on the hull form, down to which the interval reaches: those above it that
        a high potential favours are often too stable by the method.
    """
    own = {name: end - formation for name, end in zip(("low", "high"), ends, strict=True) if end is not None}
    around = {
        "low": max(energy - uncertain.half_width for energy, uncertain in found),
        "high": max(energy + uncertain.half_width for energy, uncertain in found),
    }
    if by_stable is not None:
        around["low"] = min(around["low"], by_stable[0] - by_stable[1].half_width)
    return {name: end + own.get(name, 0.0) for name, end in around.items() if name in own or not own}


def formula_of_solid(entry: PourbaixEntry) -> str:
    """Formula that the entry of a solid was made with."""
    return entry.name.removesuffix("(s)")


def _atoms(formula: str) -> float:
    return float(sum(read_one(formula).values()))


def is_hydroxide(formula: str) -> bool:
    """Whether a compound of other elements holds hydrogen and oxygen too."""
    return read_one(formula).keys() > OPEN
