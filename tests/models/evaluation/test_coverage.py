"""How near sets of crystals lie to each other: fingerprints by hand, and of layers that differ in one coordination."""

import numpy as np
import pytest
from exfolio.models.evaluation.coverage import NEAR_STRUCTURE, Fingerprint, coverage, fingerprint
from pymatgen.core import Lattice, Structure


def at(place: float, formula: str = "NaCl") -> Fingerprint:
    return Fingerprint(np.full(61, place / 61**0.5), formula)


def test_known_ones_are_covered_within_0_4_and_what_is_made_twice_covers_no_more() -> None:
    found = coverage([at(0.0), at(0.1), at(0.1)], [at(0.3), at(5.0)])

    assert found is not None
    assert (found.recall, found.precision) == (0.5, 1.0)
    assert found.amsd_recall == pytest.approx((0.2 + 4.9) / 2)
    assert found.amsd_precision == pytest.approx((0.3 + 0.2 + 0.2) / 3)


def test_the_composition_has_to_be_near_as_well() -> None:
    alkali = [at(0.0, f"{metal}{halogen}") for metal in ("Na", "K", "Rb") for halogen in ("Cl", "Br")]

    far, near = coverage([at(0.0, "Os3U")], alkali), coverage([at(0.0, "NaBr")], alkali)

    assert far is not None
    assert near is not None
    assert (far.precision, near.precision) == (0.0, 1.0)
    assert far.amsd_precision == near.amsd_precision == 0.0


def test_what_has_no_fingerprint_is_made_and_covers_nothing() -> None:
    found = coverage([at(0.0), Fingerprint(None, "He")], [at(0.0)])

    assert found is not None
    assert (found.recall, found.precision) == (1.0, 0.5)
    assert coverage([Fingerprint(None, "He")], [at(0.0)]) is None


def test_a_prism_lies_apart_from_an_octahedron_whatever_the_elements_are_yet_near_by_what_is_published() -> None:
    """Both layers have three atoms a cell, the metal six neighbours: the measure is a coarse one."""

    def layer(metal: str, side: float, places: tuple[float, float]) -> Structure:
        middle, below = 0.568, 0.432
        sites = [[0, 0, 0.5], [1 / 3, 2 / 3, middle], [places[0], places[1], below]]
        return Structure(Lattice.hexagonal(side, 23.0), [metal, "S", "S"], sites)

    prism, octahedron = (1 / 3, 2 / 3), (2 / 3, 1 / 3)
    molybdenum, tungsten, tantalum = (
        fingerprint(layer(*facts)).surroundings
        for facts in (("Mo", 3.18, prism), ("W", 3.20, prism), ("Ta", 3.36, octahedron))
    )

    assert molybdenum is not None
    assert tungsten is not None
    assert tantalum is not None
    assert np.linalg.norm(molybdenum - tungsten) < 0.05
    assert 0.15 < np.linalg.norm(molybdenum - tantalum) < NEAR_STRUCTURE
