"""Compositions survive the way into the 85 x 8 array and back; those that do not fit are named."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.formula.formulas import UnknownElement, reduced_formulas
from exfolio.models.composition.one_hot import ELEMENTS, NotRepresentable, decode, decode_parsed, encode, representable
from exfolio.models.composition.screening import screen


def test_the_elements_are_the_85_in_order_of_atomic_number() -> None:
    assert len(ELEMENTS) == 85
    assert (ELEMENTS[0], ELEMENTS[1], ELEMENTS[-1]) == ("H", "Li", "Pu")
    assert {"Xe", "Pm", "Tc", "Ac"} <= set(ELEMENTS)
    assert not {"He", "Ne", "Ar", "Kr", "Po", "At", "Rn", "Fr", "Ra", "Am"} & set(ELEMENTS)


def test_a_cell_says_how_many_atoms_the_reduced_formula_holds() -> None:
    array = encode(["Fe4O6"])
    assert array.shape == (1, 85, 8)
    cells = [(ELEMENTS[row], column + 1) for _, row, column in np.argwhere(array)]
    assert cells == [("O", 3), ("Fe", 2)]
    assert array.sum() == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, bool])
def test_generated_formulas_come_back(dtype: type) -> None:
    rng = random.Random(8)
    formulas = [
        "".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(ELEMENTS, rng.randint(1, 6)))
        for _ in range(6000)
    ]
    array = encode(formulas, dtype=dtype)
    assert array.dtype == dtype
    assert decode(array) == reduced_formulas(formulas)


def test_real_formulas_come_back(shared_data: Path) -> None:
    with gzip.open(shared_data / "2dmatpedia_formulas.csv.gz", "rt") as lines:
        formulas = [row["formula"] for row in csv.DictReader(lines)]
    mask, reasons = representable(formulas)
    assert mask.sum() + len(reasons) == len(formulas)
    kept = [formula for formula, fits in zip(formulas, mask, strict=True) if fits]
    assert len(kept) > 6000
    assert decode(encode(kept)) == reduced_formulas(kept)


def test_formulas_that_do_not_fit_are_listed_with_the_reason() -> None:
    formulas = ["MoS2", "C60", "C60H60", "Mg9O", "KrF2", "Li0.5CoO2", "Kr9O9He8"]
    mask, reasons = representable(formulas)
    assert mask.tolist() == [True, True, True, False, False, False, False]
    assert reasons == {
        3: "9 Mg, where the array holds 1 to 8",
        4: "Kr is not among the 85 elements",
        5: "0.5 Li, where the array holds 1 to 8",
        6: "He is not among the 85 elements, 9 O, where the array holds 1 to 8, Kr is not among the 85 elements",
    }
    with pytest.raises(NotRepresentable, match="number 3: 9 Mg") as caught:
        encode(formulas)
    assert caught.value.reasons == reasons


def test_of_many_that_do_not_fit_the_message_shows_some() -> None:
    with pytest.raises(NotRepresentable, match=r"25 formulas .* and 15 more") as caught:
        encode(["HeO"] * 25)
    assert len(caught.value.reasons) == 25


def test_an_unknown_element_is_an_error_of_its_own() -> None:
    with pytest.raises(UnknownElement):
        encode(["MoXq2"])


def test_a_generators_probabilities_are_read_by_threshold_and_largest_cell() -> None:
    array = np.full((2, 85, 8), 0.1, dtype=np.float32)
    array[0, ELEMENTS.index("Mo"), 0] = 0.9
    array[0, ELEMENTS.index("S"), 1] = 0.8
    array[0, ELEMENTS.index("S"), 3] = 0.6
    array[0, ELEMENTS.index("O"), 0] = 0.49
    assert decode(array) == ["MoS2", ""]
    assert decode(array, threshold=0.45) == ["MoS2O", ""]


def test_two_equally_large_cells_mean_the_smaller_amount() -> None:
    array = np.zeros((1, 85, 8), dtype=np.uint8)
    array[0, ELEMENTS.index("S"), [1, 4]] = 1
    array[0, ELEMENTS.index("W"), 0] = 1
    assert decode(array) == ["WS2"]


def test_what_was_decoded_can_be_screened_without_writing_it() -> None:
    formulas = ["MoS2", "NaCl2", "Fe2O3", "Ni3Al"]
    np.testing.assert_array_equal(screen(decode_parsed(encode(formulas))), screen(formulas))


def test_arrays_of_another_shape_or_with_nan_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(85, 8\)"):
        decode(np.zeros((85, 8)))
    array = np.zeros((3, 85, 8))
    array[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        decode(array)


def test_nothing_in_gives_nothing_out() -> None:
    assert encode([]).shape == (0, 85, 8)
    assert decode(np.zeros((0, 85, 8))) == []
