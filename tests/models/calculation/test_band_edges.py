"""Gaps of bands whose filling is plain to see."""

import numpy as np
import pytest
from exfolio.models.calculation.band_edges import band_edges


def flat(*levels: float, k_points: int = 3) -> np.ndarray:
    return np.tile(np.array(levels), (k_points, 1))


def test_an_insulator_has_the_same_number_of_full_bands_everywhere() -> None:
    levels = np.array([[-1.0, 2.0], [-0.5, 1.5], [-0.8, 1.8]])
    edges = band_edges({"both": levels}, {"both": flat(1, 0)}, np.ones(3), electrons=2)

    assert (edges.gap, edges.vbm, edges.cbm, edges.direct) == (2.0, -0.5, 1.5, True)
    assert (edges.by_channel, edges.notes) == ({}, ())


def test_a_gap_between_two_k_points_is_indirect() -> None:
    levels = np.array([[-1.0, 1.0], [-0.5, 1.5]])

    edges = band_edges({"both": levels}, {"both": flat(1, 0, k_points=2)}, np.ones(2), electrons=2)

    assert (edges.gap, edges.direct) == (1.5, False)


def test_smeared_occupations_do_not_close_a_gap() -> None:
    """Gaussian smearing leaves 0.015 of an electron above a gap of 0.61 eV, as in silicon."""
    levels = {"up": flat(5.614, 6.225), "down": flat(5.614, 6.225)}
    occupations = {"up": flat(0.985, 0.015), "down": flat(0.985, 0.015)}

    edges = band_edges(levels, occupations, np.ones(3), electrons=2)

    assert edges.gap == pytest.approx(0.611)


def test_smearing_between_spin_channels_does_not_close_a_gap() -> None:
    """0.4 eV from the full band of one channel to the empty one of the other, Fermi smearing of 0.2 eV."""
    levels = {"up": flat(-5.0, 0.0, 3.0), "down": flat(-5.0, 0.4, 4.0)}
    occupations = {"up": flat(1.0, 0.731, 0.0), "down": flat(1.0, 0.269, 0.0)}

    edges = band_edges(levels, occupations, np.ones(3), electrons=3)

    assert (edges.gap, edges.by_channel) == (0.4, {"up": 3.0, "down": 5.4})


def test_broken_counts_of_a_band_that_crosses_are_a_metal() -> None:
    levels = {"up": np.array([[-5.0, -0.2, 3.0], [-5.0, 0.6, 3.0]]), "down": flat(-5.0, 0.4, 4.0, k_points=2)}
    occupations = {"up": np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]]), "down": flat(1.0, 0.5, 0.0, k_points=2)}

    assert band_edges(levels, occupations, np.ones(2), electrons=3).gap == 0.0


def test_a_half_filled_band_is_a_metal_whatever_the_mesh_missed() -> None:
    """One electron of lithium by two spins: at no k-point is a level at the Fermi energy."""
    levels = np.array([[-3.0, 5.0], [-1.0, 4.0], [1.0, 3.0]])
    occupations = np.array([[1.0, 0.0], [0.5, 0.0], [0.0, 0.0]])

    edges = band_edges({"up": levels, "down": levels}, {"up": occupations, "down": occupations}, np.ones(3), 1)

    assert (edges.gap, edges.vbm, edges.direct) == (0.0, None, None)
    assert "0.5 full bands of up spins" in edges.notes[0]


def test_an_odd_electron_without_spins_is_a_metal_at_one_k_point_too() -> None:
    edges = band_edges({"both": flat(9.8, 39.9, k_points=1)}, {"both": flat(0.75, 0, k_points=1)}, np.ones(1), 1)

    assert edges.gap == 0.0
    assert "single k-point" in edges.notes[1]


def test_overlapping_bands_are_a_semimetal() -> None:
    levels = np.array([[-1.0, 2.0], [0.5, 0.8], [-1.0, 0.2]])

    assert band_edges({"both": levels}, {"both": flat(1, 0)}, np.ones(3), 2).gap == 0.0


def test_each_spin_channel_has_a_gap_of_its_own_and_a_half_metal_has_none() -> None:
    levels = {"up": flat(0, 4), "down": flat(-1, 2)}
    insulator = band_edges(levels, {"up": flat(1, 0), "down": flat(1, 0)}, np.ones(3), 2)
    assert (insulator.gap, insulator.by_channel) == (2.0, {"up": 4.0, "down": 3.0})

    half_metal = band_edges(levels, {"up": flat(0.4, 0), "down": flat(1, 0)}, np.ones(3), 1.4)
    assert (half_metal.gap, half_metal.by_channel) == (0.0, {"up": 0.0, "down": 3.0})


def test_spinors_hold_one_electron_each() -> None:
    assert band_edges({"both": flat(0, 1, 3)}, {"both": flat(1, 1, 0)}, np.ones(3), 2, spinors=True).gap == 2.0


def test_points_without_weight_count_for_the_edges_alone() -> None:
    levels = np.array([[-1.0, 2.0], [-0.2, 1.0]])
    edges = band_edges(
        {"up": levels, "down": levels},
        {"up": np.array([[1.0, 0], [0, 0]]), "down": np.array([[1.0, 0], [0, 0]])},
        np.array([1.0, 0.0]),
        2,
    )

    assert edges.gap == pytest.approx(1.2)


def test_bands_that_jump_across_an_empty_window_are_no_metal_to_rely_on() -> None:
    levels = np.array([[-1.0, 4.0], [-1.0, 0.5]])
    occupations = np.array([[1.0, 0.0], [1.0, 1.0]])

    edges = band_edges({"both": levels}, {"both": occupations}, np.ones(2), 3)

    assert edges.gap == 0.0
    assert edges.doubt is not None
    assert "1 or 2" in edges.doubt


def test_without_an_empty_band_there_is_no_gap() -> None:
    edges = band_edges({"both": flat(0.0)}, {"both": flat(1)}, np.ones(3), 2)

    assert (edges.gap, edges.doubt) == (None, "there is no empty band: NBANDS is too small")
