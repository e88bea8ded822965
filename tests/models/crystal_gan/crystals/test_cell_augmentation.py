"""Other settings of the same crystals."""

import numpy as np
import pytest
from exfolio.models.crystal_gan.crystals.cell_augmentation import (
    AXIS_SWAPS,
    Augmentation,
    NoTrainingData,
    Stream,
    checked_cells,
    doubled,
    permuted,
    slots_first,
    swapped,
    translated,
    with_supercells,
)
from exfolio.models.structure.point_cloud import Floats, counts, decode_many, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure

RANDOM = np.random.default_rng(7)
SAME = StructureMatcher(ltol=0.01, stol=0.01, angle_tol=0.1, scale=False)


@pytest.fixture(scope="module")
def plain(oxides: list[Structure]) -> Floats:
    return encode_many(oxides, MG_MN_O)


@pytest.mark.parametrize("kind", ["translated", "swapped", "permuted"])
def test_it_stays_the_same_crystal(kind: str, plain: Floats, oxides: list[Structure]) -> None:
    made = {
        "translated": lambda: translated(plain, RANDOM.random((4, 3))),
        "swapped": lambda: swapped(plain, AXIS_SWAPS[[1, 2, 3, 1]]),
        "permuted": lambda: permuted(plain, MG_MN_O, RANDOM.random((4, 28))),
    }[kind]()

    assert np.abs(made - plain).max() > 0.01
    for structure, original in zip(decode_many(made, MG_MN_O), oxides, strict=True):
        assert SAME.fit(structure, original)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_supercells_are_pymatgens(axis: int, plain: Floats, oxides: list[Structure]) -> None:
    made = decode_many(doubled(plain, MG_MN_O, axis), MG_MN_O)
    times = [2 if i == axis else 1 for i in range(3)]

    assert [len(structure) for structure in made] == [8, 8, 20]  # 28 atoms of doubled spinel: 16 O have no slots
    for structure, original in zip(made, oxides, strict=False):
        larger = original * times
        assert structure.lattice.parameters == pytest.approx(larger.lattice.parameters)
        assert SAME.fit(structure, larger)


def test_supercells_are_made_while_they_fit(plain: Floats) -> None:
    """Each MgMnO2 of 4 atoms: three twice, six four times as large; MgMnO3 of 10 atoms: three; spinel none."""
    made = with_supercells(plain, MG_MN_O)

    sizes, n = np.unique(counts(made, MG_MN_O).sum(axis=1), return_counts=True)
    assert dict(zip(sizes.tolist(), n.tolist(), strict=True)) == {4: 2, 8: 6, 10: 1, 14: 1, 16: 12, 20: 3}


def test_an_epoch_holds_so_many_of_each_composition_and_every_cell_as_it_is(cells: Floats) -> None:
    stream = Stream(cells, MG_MN_O, Augmentation(per_composition=20))

    epoch = np.concatenate(list(stream.epoch(np.random.default_rng(0), batch=10)))

    assert len(epoch) == len(stream) == 20 * 6
    numbers, n = np.unique(counts(epoch, MG_MN_O), axis=0, return_counts=True)
    assert n.tolist() == [20] * 6
    assert numbers.tolist() == [[1, 1, 2], [2, 2, 4], [2, 2, 6], [2, 4, 8], [4, 4, 8], [4, 4, 12]]
    untouched = {cell.tobytes() for cell in stream.cells}
    assert untouched <= {cell.tobytes() for cell in epoch}


def test_the_same_seed_gives_the_same_epoch(cells: Floats) -> None:
    stream = Stream(cells, MG_MN_O, Augmentation(per_composition=8, permutations=True))

    def first(seed: int) -> Floats:
        return next(stream.epoch(np.random.default_rng(seed), batch=16))

    assert np.array_equal(first(1), first(1))
    assert not np.array_equal(first(1), first(2))


def test_batches_hold_compositions_of_about_one_size(cells: Floats) -> None:
    stream = Stream(cells, MG_MN_O)
    random = np.random.default_rng(0)

    batches = [counts(stream.cells[stream.draw(random, 30)], MG_MN_O) for _ in range(100)]

    assert max(len(np.unique(batch, axis=0)) for batch in batches) <= 3  # of six
    assert len(np.unique(np.concatenate(batches), axis=0)) == len(stream.groups)


def test_packs_are_of_one_composition(cells: Floats) -> None:
    stream = Stream(cells, MG_MN_O)

    batch = counts(stream.cells[stream.draw(np.random.default_rng(0), 40, pack=4)], MG_MN_O).reshape(10, 4, 3)

    assert (batch == batch[:, :1]).all()
    assert len(np.unique(batch, axis=0)) > 1


def test_atoms_are_moved_to_the_first_slots(plain: Floats) -> None:
    scattered = plain.copy()
    scattered[:, 2:10] = plain[:, 2:10][:, ::-1]
    scattered[:, 20] += np.where(plain[:, 20].sum(axis=1) == 0, 0.01, 0)[:, None]  # as good as empty

    assert np.array_equal(np.sort(slots_first(scattered, MG_MN_O), axis=1), np.sort(plain, axis=1))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cells: cells[:0], "the training set is empty"),
        (lambda cells: cells[:, :20], r"not of layout 'mg-mn-o': \(n, \*\(30, 3\)\)"),
        (lambda cells: np.where(cells > 0.4, np.nan, cells), "cell number 0 of the training set"),
        (lambda cells: np.where(np.arange(30)[:, None] < 18, cells, 0), r"lacks an element of Mg, Mn, O: \[1, 1, 0\]"),
    ],
)
def test_bad_training_sets_are_refused(change: object, words: str, plain: Floats) -> None:
    with pytest.raises(NoTrainingData, match=words):
        checked_cells(change(plain), MG_MN_O)  # type: ignore[operator]
