"""The Magpie features are matminer's."""

import csv
import gzip
import random
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.formula.elements import SYMBOLS
from exfolio.models.composition.formula.formulas import UnknownElement, parse, parse_or_report
from exfolio.models.composition.magpie import STATISTICS, element_table, feature_labels, featurize
from matminer.featurizers.composition import ElementProperty
from numpy.typing import NDArray
from pymatgen.core import Composition

pytestmark = pytest.mark.filterwarnings("ignore:No Pauling electronegativity")


@pytest.fixture(scope="module")
def preset() -> ElementProperty:
    return ElementProperty.from_preset("magpie")


def by_matminer(preset: ElementProperty, formulas: list[str]) -> NDArray[np.float64]:
    return np.array([preset.featurize(Composition(formula)) for formula in formulas], dtype=float)


def test_the_columns_are_matminers(preset: ElementProperty) -> None:
    assert feature_labels() == preset.feature_labels()
    assert len(feature_labels()) == 132


def test_every_element_has_matminers_values(preset: ElementProperty) -> None:
    formulas = list(SYMBOLS[1:])
    np.testing.assert_allclose(featurize(formulas), by_matminer(preset, formulas), rtol=0, atol=1e-9)


def test_known_compounds_have_matminers_features(preset: ElementProperty) -> None:
    # fmt: off
    formulas = [
        "MoS2", "NaCl", "Fe2O3", "LiFePO4", "YBa2Cu3O7", "Ca3(PO4)2", "Mg6MnO8", "C60", "Li0.5CoO2", "BN", "CH3COOH",
        "D2O", "Fe4O6", "PuO2", "OgO", "C100000H100001", "Cs1000I1001", "Ba0.6K0.4Fe2As2", "KAlSi3O8", "Ti8O7",
    ]
    # fmt: on
    np.testing.assert_allclose(featurize(formulas), by_matminer(preset, formulas), rtol=0, atol=1e-9)


def test_generated_formulas_have_matminers_features(preset: ElementProperty) -> None:
    rng = random.Random(11)
    formulas = [
        "".join(f"{symbol}{rng.randint(1, 8)}" for symbol in rng.sample(SYMBOLS[1:], rng.randint(1, 7)))
        for _ in range(250)
    ]
    np.testing.assert_allclose(featurize(formulas), by_matminer(preset, formulas), rtol=0, atol=1e-9)


def test_real_compositions_have_matminers_features(shared_data: Path, preset: ElementProperty) -> None:
    with gzip.open(shared_data / "critexam.csv.gz", "rt") as lines:
        formulas = [row["formula"] for row in csv.DictReader(lines)][::300]
    np.testing.assert_allclose(featurize(formulas), by_matminer(preset, formulas), rtol=0, atol=1e-9)


def test_water_by_hand() -> None:
    # Given 2 H (Z = 1) and 1 O (Z = 8), the atomic number has mean 10/3 and mean deviation (2 x 7/3 + 14/3) / 3.
    columns = [feature_labels().index(f"MagpieData {statistic} Number") for statistic in STATISTICS]
    np.testing.assert_allclose(featurize(["H2O"])[0, columns], [1, 8, 7, 10 / 3, 28 / 9, 1])


def test_the_mode_of_equal_amounts_is_the_smaller_value() -> None:
    column = feature_labels().index("MagpieData mode Number")
    assert featurize(["NaCl", "NaCl2", "Na2Cl"])[:, column].tolist() == [11, 17, 11]


def test_features_do_not_depend_on_how_many_are_computed_together() -> None:
    once = ["MoS2", "C", "LiFePO4", "KAlSi3O8", "Fe2O3"]
    np.testing.assert_array_equal(featurize(once * 3000), np.tile(featurize(once), (3000, 1)))
    np.testing.assert_array_equal(featurize(parse(once)), featurize(once))


def test_an_unknown_element_is_named() -> None:
    with pytest.raises(UnknownElement, match="'Xy'"):
        featurize(["MoS2", "Xy2O3"])


def test_a_formula_reported_as_bad_has_no_features() -> None:
    parsed, _ = parse_or_report(["MoS2", "Mo+"])
    assert np.isnan(featurize(parsed)).all(axis=1).tolist() == [False, True]


def test_no_formulas_give_no_rows() -> None:
    assert featurize([]).shape == (0, 132)


def test_the_element_table_is_whole_and_cannot_be_changed() -> None:
    values = element_table().values
    assert not np.isnan(values[1:]).any()
    with pytest.raises(ValueError, match="read-only"):
        values[1, 0] = 0
