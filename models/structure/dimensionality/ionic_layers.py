"""Layers that ions hold together: intercalated ones (LiCoO2, LiC6) and layers of opposite charge (LaFeAsO).

They are layers to a chemist, and none of them can be peeled off as it is: between them, or of them, there is charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from .clusters import Cluster, cluster_series
from .contacts import ELECTROPOSITIVE, NONMETAL, Contacts, crossing
from .woven import woven

HOST_BOND: Final = 1.25
"""Ratio of a distance to the sum of the covalent radii below which atoms of a host are bonded; its layers are apart by
the ions between them."""
_OTHER_THAN_THREE: Final = {"Eu": 2, "Yb": 2, "Sc": 3, "Y": 3}
"""Charges of rare earths; of the others +3."""


@dataclass(frozen=True, slots=True)
class HostLayers:
    """Layers with ions between them.

    Attributes
    ----------
    formulas
        Reduced formulas of the layers.
    ions
        Symbols of the ions between them.
    charge
        Of a layer per reduced formula, in elementary charges; None where an ion has no usual charge.
    """

    formulas: tuple[str, ...]
    ions: tuple[str, ...]
    charge: float | None

    def sentence(self) -> str:
        """Say it in words."""
        charge = "" if self.charge is None else f" of charge {self.charge:+g}"
        return f"layers of {' and '.join(self.formulas)}{charge} hold {' and '.join(self.ions)} between them"


def host_layers(
    structure: Structure, found: Contacts, numbers_out: NDArray[np.int64] | None = None
) -> HostLayers | None:
    """Find the layers that are left without the electropositive ions; None where there are no such.

    Parameters
    ----------
    structure
        The crystal.
    found
        Its contacts.
    numbers_out
        Atomic numbers, of which the electropositive ones are taken out; all when None.
    """
    numbers = found.numbers
    ions = ELECTROPOSITIVE[numbers]
    if numbers_out is not None:
        ions &= np.isin(numbers, numbers_out)
    if not ions.any() or not NONMETAL[numbers[~ions]].any():
        return None
    host = np.flatnonzero(~ions)
    place = np.full(len(numbers), -1)
    place[host] = np.arange(len(host))
    bonds = found[(place[found.first] >= 0) & (place[found.second] >= 0) & (found.ratio < HOST_BOND)]
    (renumbered,) = cluster_series(
        len(host), place[bonds.first], place[bonds.second], bonds.image, bonds.ratio, (HOST_BOND,)
    )
    if {cluster.dimensionality for cluster in renumbered} != {2}:
        return None
    clusters = tuple(
        Cluster(tuple(int(host[site]) for site in cluster.sites), cluster.images, cluster.periods)
        for cluster in renumbered
    )
    if woven(structure, clusters, bonds[~crossing(bonds, clusters, len(structure))]):
        return None
    symbols = [Element.from_Z(int(number)).symbol for number in numbers[ions]]
    formulas = layer_formulas(structure, clusters)
    charges = [ion_charge(symbol) for symbol in symbols]
    charge = None
    if len(formulas) == 1 and None not in charges:
        atoms = Composition(formulas[0]).num_atoms
        charge = round(-sum(c for c in charges if c is not None) * atoms / len(host), 2)
    return HostLayers(formulas, tuple(sorted(set(symbols))), charge)


def layer_formulas(structure: Structure, clusters: Sequence[Cluster]) -> tuple[str, ...]:
    """Distinct reduced formulas of clusters, in the order of the clusters."""
    formulas = (
        Composition.from_dict(_amounts(structure, cluster)).reduced_formula for cluster in clusters if cluster.sites
    )
    return tuple(dict.fromkeys(formulas))


def _amounts(structure: Structure, cluster: Cluster) -> dict[str, int]:
    amounts: dict[str, int] = {}
    for site in cluster.sites:
        symbol = structure[site].specie.symbol
        amounts[symbol] = amounts.get(symbol, 0) + 1
    return amounts


@lru_cache(maxsize=128)
def ion_charge(symbol: str) -> int | None:
    """Usual charge of an electropositive element in its compounds: by its group; None of actinoids."""
    element = Element(symbol)
    if element.is_actinoid:
        return None
    if element.is_lanthanoid or symbol in _OTHER_THAN_THREE:
        return _OTHER_THAN_THREE.get(symbol, 3)
    return int(element.group)


def charged_layers(formulas: Sequence[str]) -> tuple[str, ...]:
    """Those of several kinds of layers that can't be neutral, each with its least charge: ``BiO of charge +1``."""
    if len(formulas) < 2:
        return ()
    charges = {formula: least_charge(formula) for formula in formulas}
    return tuple(f"{formula} of charge {charge:+d}" for formula, charge in charges.items() if charge)


@lru_cache(maxsize=256)
def least_charge(formula: str) -> int:
    """Charge nearest to 0 that the usual oxidation states of its elements add up to; 0 where some have none.

    Metals of groups 4 to 12 have any state up to their highest usual one. What has no metal is covalent, and 0.
    """
    composition = Composition(formula)
    if len(composition) == 1 or not any(element.is_metal for element in composition.elements):
        return 0
    states = []
    for element, amount in composition.items():
        usual = element.common_oxidation_states
        if element.is_transition_metal and not ELECTROPOSITIVE[element.Z]:
            usual = tuple(range(1, max(usual, default=0) + 1))
        states.append([round(amount * state) for state in usual])
    return min((sum(sums) for sums in product(*states)), key=abs, default=0)
