"""Crystals as point clouds, and back."""

from pathlib import Path

import numpy as np
import pytest
from exfolio.models.structure.point_cloud import (
    NotDecodable,
    NotEncodable,
    counts,
    decode,
    decode_many,
    encode,
    encode_many,
    undecodable,
    unfit,
)
from exfolio.models.structure.point_cloud_layouts import MG_MN_O, BadLayout, Layout, find_layout
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure


@pytest.fixture
def mixed_oxide() -> Structure:
    """MgMnO2: rock salt with alternating cations."""
    sites = [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.tetragonal(4.3, 4.35), ["Mn", "O", "Mg", "O"], sites)


def test_the_array_is_what_the_paper_says(mixed_oxide: Structure) -> None:
    array = encode(mixed_oxide, "mg-mn-o")

    assert array.shape == (30, 3)
    assert array[0] == pytest.approx([4.3 / 30, 4.3 / 30, 4.35 / 30])
    assert array[1] == pytest.approx([0.5, 0.5, 0.5])
    assert array[2] == pytest.approx([1 / 2, 1 / 6, 1 / 2])  # Mg at (1/2, 0, 1/2)
    assert array[10] == pytest.approx([1 / 6, 1 / 6, 1 / 6])  # Mn at the origin
    assert array[18:20] == pytest.approx(np.array([[1 / 2, 1 / 2, 1 / 6], [1 / 6, 1 / 2, 1 / 2]]))
    assert not array[[*range(3, 10), *range(11, 18), *range(20, 30)]].any()


def test_back_it_is_the_same_crystal(mixed_oxide: Structure) -> None:
    back = decode(encode(mixed_oxide, MG_MN_O), MG_MN_O)

    assert back.composition == mixed_oxide.composition
    assert back.lattice.parameters == pytest.approx(mixed_oxide.lattice.parameters, abs=1e-9)
    assert StructureMatcher(ltol=1e-4, stol=1e-4, angle_tol=0.01, scale=False).fit(back, mixed_oxide)


def test_atoms_beyond_the_cell_are_brought_in_but_those_on_its_edge_stay(mixed_oxide: Structure) -> None:
    moved = Structure(mixed_oxide.lattice, ["Mg", "Mn", "O"], [[1.25, -0.25, 3], [1, 0, 1], [-1e-9, 0.5, 0.5]])

    back = decode(encode(moved, MG_MN_O), MG_MN_O)

    assert back.frac_coords == pytest.approx(np.array([[0.25, 0.75, 0], [1, 0, 1], [0, 0.5, 0.5]]), abs=1e-8)


def test_every_published_cell_survives_the_way_there_and_back(shared_data: Path) -> None:
    cells = np.load(shared_data / "mg_mn_o_cells.npz")["cells"][::25]

    again = encode_many(decode_many(cells, MG_MN_O), MG_MN_O)

    assert np.abs(again - cells).max() < 1e-6


def test_atoms_in_any_slot_of_their_element_are_read() -> None:
    array = np.zeros((30, 3))
    array[0], array[1] = 0.15, 0.5
    array[[9, 17, 29]] = [[0.2, 0.3, 0.4], [0.5, 0.5, 0.5], [0.2, 0.1, 0.1]]  # the last adds up to 0.4: empty
    array[20] = [0.15, 0.15, 0.15]

    assert decode(array, MG_MN_O).formula == "Mg1 Mn1 O1"
    assert counts(array[None], MG_MN_O).tolist() == [[1, 1, 1]]
    assert decode(array, MG_MN_O).frac_coords[2] == pytest.approx([0.975] * 3)  # a generator may say so


def test_what_does_not_fit_is_named_with_the_reason(mixed_oxide: Structure) -> None:
    long = mixed_oxide.copy()
    long.scale_lattice(40_000)
    half = Structure(Lattice.cubic(4.2), [{"Mg": 0.5, "Mn": 0.5}, "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    iron = Structure(Lattice.cubic(2.87), ["Fe"], [[0, 0, 0]])
    slab = Structure(
        Lattice.cubic(4.2).from_parameters(4, 4, 9, 90, 90, 90, pbc=(True, True, False)), ["Mg"], [[0, 0, 0]]
    )

    reasons = unfit([mixed_oxide, mixed_oxide * 3, long, half, iron, slab], MG_MN_O)

    assert set(reasons) == {1, 2, 3, 4, 5}
    for index, words in {1: "27 atoms of", 2: "beyond 30", 3: "disordered", 4: "Fe", 5: "periodic"}.items():
        assert words in reasons[index]
    with pytest.raises(NotEncodable, match="it holds Fe; the layout has Mg, Mn, O"):
        encode(iron, MG_MN_O)


@pytest.mark.parametrize(
    ("row", "values", "words"),
    [
        (0, [0.1, 0.0, 0.1], "not positive"),
        (1, [0.9, 0.1, 0.1], "no cell has the angles"),
        (5, [np.nan, 0.2, 0.2], "not finite"),
        (2, [0.0, 0.0, 0.0], "no row of an atom"),
    ],
)
def test_arrays_that_are_no_crystals_are_refused(row: int, values: list[float], words: str) -> None:
    array = np.zeros((30, 3))
    array[0], array[1], array[2] = 0.15, 0.5, 0.3
    array[row] = values

    with pytest.raises(NotDecodable, match=words):
        decode(array, MG_MN_O)
    assert list(undecodable(np.stack([array, array]), MG_MN_O)) == [0, 1]


def test_an_array_of_another_layout_is_refused() -> None:
    with pytest.raises(NotDecodable, match=r"\(34, 3\)"):
        decode(np.zeros((34, 3)), MG_MN_O)


def test_another_chemical_system_is_a_few_lines_of_data() -> None:
    layout = find_layout({"name": "ca-ti-o", "slots": {"Ca": 2, "Ti": 2, "O": 6}})
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    perovskite = Structure(Lattice.cubic(3.9), ["Ca", "Ti", "O", "O", "O"], sites)

    assert encode(perovskite, layout).shape == (12, 3)
    assert StructureMatcher().fit(decode(encode(perovskite, layout), layout), perovskite)
    assert Layout.from_dict(layout.to_dict()) == layout
    assert layout.chemical_system == "Ca-O-Ti"


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("fe-o", "no layout is called 'fe-o'"),
        ({"name": "x"}, "needs a 'name' and 'slots'"),
        ({"name": "x", "slots": {"Mg": 0}}, "whole numbers from 1"),
        ({"name": "x", "slots": {"Mg": 8.5}}, "whole numbers from 1"),
        ({"name": "x", "slots": {"Mq": 8}}, "'Mq' is no element"),
        ({"name": "x", "slots": {"Mg": 8}, "longest": "30 Å"}, "give a number of Å"),
        ({"name": "x", "slots": {"Mg": 8}, "cell": 3}, "has 'cell'"),
        ({"name": "x", "slots": {"Mg": 10_000}}, "more than 400"),
    ],
)
def test_a_bad_layout_is_refused(layout: object, words: str) -> None:
    with pytest.raises(BadLayout, match=words):
        find_layout(layout)  # type: ignore[arg-type]


def test_counts_are_checked_against_the_slots() -> None:
    assert MG_MN_O.counts({"O": 8, "Mg": 2, "Mn": 4}) == (2, 4, 8)
    with pytest.raises(BadLayout, match="9 atoms of Mg don't fit"):
        MG_MN_O.counts({"Mg": 9, "Mn": 1, "O": 8})
    with pytest.raises(BadLayout, match="has no Fe"):
        MG_MN_O.counts({"Fe": 1})
    with pytest.raises(BadLayout, match="3 whole numbers"):
        MG_MN_O.counts([1.5, 2, 3])  # type: ignore[list-item]
