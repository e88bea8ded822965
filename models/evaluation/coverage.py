"""How much of known crystals generated ones cover, and how much of these lies among known ones: CDVAE's COV and AMSD.

T. Xie et al., ICLR 2022 (arXiv 2110.06197). Two crystals are near where both their fingerprints are: of the structure,
the mean over the sites of what surrounds them (N. E. R. Zimmermann, A. Jain, RSC Adv. 10, 6063 (2020)), and of the
composition (Magpie). Compositions are standardised by the known ones beside, where CDVAE takes its training set's.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import spglib
from numpy.typing import NDArray
from pymatgen.core.structure import Structure
from scipy.spatial.distance import cdist

from ..composition.magpie import featurize

NEAR_STRUCTURE: Final = 0.4
NEAR_COMPOSITION: Final = 10.0
"""Distances of CDVAE's data set MP-20, in the unit of the fingerprints."""
_SAME_SITE: Final = 0.01
"""Å within which sites count as equivalent: these have one surrounding."""

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How near two sets of crystals lie to each other.

    Attributes
    ----------
    recall
        Share of the known ones that have a generated one near: COV-R.
    precision
        Share of the generated ones that have a known one near: COV-P. One without fingerprint has none.
    amsd_recall, amsd_precision
        Mean distance of the structures to the nearest of the other set, of known and of generated ones.
    """

    recall: float
    precision: float
    amsd_recall: float
    amsd_precision: float


class Fingerprint(NamedTuple):
    """Fingerprint of a structure, (61,), None where surroundings can't be told; and its formula."""

    surroundings: Array | None
    formula: str


def fingerprint(structure: Structure) -> Fingerprint:
    """Fingerprint of an ordered structure; some 20 ms a distinct site."""
    return Fingerprint(_surroundings(structure), structure.composition.reduced_formula)


def coverage(generated: Sequence[Fingerprint], known: Sequence[Fingerprint]) -> Coverage | None:
    """Coverage of known crystals by generated ones; None where either has no fingerprint of its structures."""
    made, there = ([print_ for print_ in prints if print_.surroundings is not None] for prints in (generated, known))
    if not made or not there:
        return None
    own, others = (np.array([print_.surroundings for print_ in prints]) for prints in (made, there))
    structures = cdist(own, others)
    own, others = _standardised(*([print_.formula for print_ in prints] for prints in (made, there)))
    compositions = cdist(own, others)
    of_known, of_made = ((structures.min(axis=axis), compositions.min(axis=axis)) for axis in (0, 1))
    return Coverage(
        recall=float(_near(*of_known).mean()),
        precision=float(_near(*of_made).sum() / len(generated)),
        amsd_recall=float(of_known[0].mean()),
        amsd_precision=float(of_made[0].mean()),
    )


def _near(structure: Array, composition: Array) -> NDArray[np.bool_]:
    return (structure <= NEAR_STRUCTURE) & (composition <= NEAR_COMPOSITION)


def _standardised(made_of: Sequence[str], known_of: Sequence[str]) -> tuple[Array, Array]:
    made, known = featurize(list(made_of)), featurize(list(known_of))
    spread = known.std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    return (made - known.mean(axis=0)) / scale, (known - known.mean(axis=0)) / scale


def _surroundings(structure: Structure) -> Array | None:
    cell = (structure.lattice.matrix, structure.frac_coords, [site.specie.Z for site in structure])
    found: Any = spglib.get_symmetry_dataset(cell, symprec=_SAME_SITE)
    kinds = list(range(len(structure))) if found is None else found.equivalent_atoms.tolist()
    sites, counts = np.unique(kinds, return_counts=True)
    with warnings.catch_warnings():  # that radii are those of atoms, for want of charges
        warnings.simplefilter("ignore")
        try:
            prints = np.array([_featurizer().featurize(structure, int(site)) for site in sites])
        except (ValueError, RuntimeError, IndexError):  # a site without neighbours, as in a gas
            return None
    return np.asarray(np.average(prints, axis=0, weights=counts), dtype=np.float64)


@cache
def _featurizer() -> Any:
    from matminer.featurizers.site.fingerprint import CrystalNNFingerprint  # a second of imports

    return CrystalNNFingerprint.from_preset("ops")
