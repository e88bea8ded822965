"""Space groups and cells of compositions, learnt from a few dozen real compounds; no figure of merit is asserted."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from exfolio.models.composition.formula.single_formula import UnparsableFormula
from exfolio.models.learning.config import BadConfig
from exfolio.models.learning.weights import DamagedWeights, WrongModel, pack
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.symmetry import lattice_report
from exfolio.models.structure.symmetry.lattice_predictor import (
    LatticeConfig,
    LatticePredictor,
    UnfitStructures,
    fit,
    unpack,
)
from exfolio.models.structure.symmetry.structure_cells import conventional
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure

# a (Å) of rock salts, of rutiles (a, c), and of wurtzites (a, c), measured at room temperature.
ROCK_SALTS = {
    "LiF": 4.03, "LiCl": 5.13, "LiBr": 5.50, "NaF": 4.62, "NaCl": 5.64, "NaBr": 5.97, "NaI": 6.47, "KF": 5.35,
    "KCl": 6.29, "KBr": 6.60, "KI": 7.07, "RbCl": 6.58, "RbBr": 6.85, "MgO": 4.21, "CaO": 4.81, "SrO": 5.16,
    "BaO": 5.54, "CaS": 5.69, "SrS": 6.02, "MgS": 5.20,
}  # fmt: skip
RUTILES = {
    "TiO2": (4.59, 2.96), "SnO2": (4.74, 3.19), "MnO2": (4.40, 2.87), "RuO2": (4.49, 3.11), "IrO2": (4.50, 3.15),
    "GeO2": (4.40, 2.86), "MgF2": (4.62, 3.05), "ZnF2": (4.70, 3.13), "MnF2": (4.87, 3.31), "CoF2": (4.70, 3.18),
}  # fmt: skip
WURTZITES = {"ZnO": (3.25, 5.21), "GaN": (3.19, 5.19), "AlN": (3.11, 4.98), "InN": (3.54, 5.70), "BeO": (2.70, 4.38)}

FORMULAS = [*ROCK_SALTS, *RUTILES, *WURTZITES]
GROUPS = [225] * len(ROCK_SALTS) + [136] * len(RUTILES) + [186] * len(WURTZITES)
CELLS = [
    *((a, a, a, 90, 90, 90) for a in ROCK_SALTS.values()),
    *((a, a, c, 90, 90, 90) for a, c in RUTILES.values()),
    *((a, a, c, 90, 90, 120) for a, c in WURTZITES.values()),
]


@pytest.fixture(scope="module")
def predictor() -> LatticePredictor:
    return fit(FORMULAS, GROUPS, CELLS, LatticeConfig(trees=40), seed=1)


def test_a_halide_that_was_not_learnt_is_a_rock_salt_of_about_its_size(predictor: LatticePredictor) -> None:
    [guesses] = predictor.predict(["RbI"])

    best = guesses[0]
    assert (best.bravais, best.space_group) == ("cF", 225)
    assert best.probability > 0.5
    a, b, c, *angles = best.lattice
    assert a == b == c
    assert angles == [90, 90, 90]
    assert a == pytest.approx(7.34, rel=0.1)  # measured


def test_guesses_are_ranked_and_no_more_than_asked_for(predictor: LatticePredictor) -> None:
    for guesses in predictor.predict(["ZnS", "CrO2", "CaF2"], bravais=2, within=1):
        probabilities = [guess.probability for guess in guesses]
        assert 1 <= len(guesses) <= 2
        assert probabilities == sorted(probabilities, reverse=True)
        assert len({guess.bravais for guess in guesses}) == len(guesses)
    with pytest.raises(ValueError, match="bravais=0"):
        predictor.predict(["ZnS"], bravais=0)


def test_probabilities_add_up_and_are_given_for_any_space_groups(predictor: LatticePredictor) -> None:
    formulas = ["RbI", "VO2", "ZnSe"]
    assert predictor.space_group_probability(formulas).sum(axis=1) == pytest.approx(1)
    assert predictor.space_group_probability(FORMULAS).max() <= 1, "no rounding above"

    some = predictor.space_group_probability(formulas, [227, 136, 225])

    assert (some[:, 0] == 0).all()  # not learnt
    assert some[:, 1:].argmax(axis=1).tolist()[:2] == [1, 0]
    assert predictor.space_group_probability([], [225]).shape == (0, 1)


def test_packed_it_says_the_same(predictor: LatticePredictor) -> None:
    again = unpack(predictor.pack())
    formulas = ["RbI", "VO2", "ZnSe", "Fe2O3"]
    assert again.predict(formulas) == predictor.predict(formulas)
    assert np.array_equal(again.space_group_probability(formulas), predictor.space_group_probability(formulas))


def test_the_same_seed_gives_the_same_predictor(predictor: LatticePredictor) -> None:
    assert fit(FORMULAS, GROUPS, CELLS, LatticeConfig(trees=40), seed=1).pack() == predictor.pack()


def test_damaged_or_foreign_weights_are_said_to_be_so(predictor: LatticePredictor) -> None:
    with pytest.raises(DamagedWeights, match="damaged"):
        unpack(predictor.pack()[:-100])
    with pytest.raises(WrongModel, match="roost"):
        unpack(pack("roost", {}, {}))
    with pytest.raises(DamagedWeights, match="not those of a lattice predictor"):
        unpack(pack("space-groups", LatticeConfig().to_dict(), {"forest": {"n_features": 3}}))


def test_what_nothing_can_be_learnt_from_is_refused() -> None:
    with pytest.raises(UnfitStructures, match="2 formulas, 1 space groups"):
        fit(["NaCl", "KCl"], [225], CELLS[:2])
    with pytest.raises(UnfitStructures, match="no structures"):
        fit([], [], np.zeros((0, 6)))
    with pytest.raises(UnfitStructures, match="cell 1 is none"):
        fit(["NaCl", "KCl"], [225, 225], [CELLS[0], (0, 1, 1, 90, 90, 90)])
    with pytest.raises(UnparsableFormula):
        fit(["NaCl", ""], [225, 225], CELLS[:2])
    with pytest.raises(BadConfig, match="dimension is 2 or 3, not 1"):
        LatticeConfig(dimension=1)


def test_no_composition_is_on_both_sides_of_a_cross_validation() -> None:
    formulas = ["TiO2", "Ti2O4", "SnO2", "NaCl", "MgO", "KCl"]
    fold = lattice_report.folds_by_formula(formulas, 3, seed=0)
    assert fold[0] == fold[1]
    assert set(fold.tolist()) == {0, 1, 2}
    with pytest.raises(UnfitStructures, match="between 2 and 5 folds"):
        lattice_report.folds_by_formula(formulas, 6, seed=0)


def test_a_cross_validation_reports_shares_that_hang_together() -> None:
    report = lattice_report.cross_validate(FORMULAS, GROUPS, CELLS, LatticeConfig(trees=20), folds=5)

    figures = report["figures"]
    assert figures["most_frequent_space_group"] == 20 / 35
    assert figures["space_group_top_1"] > figures["most_frequent_space_group"]
    assert figures["space_group_top_1"] <= figures["space_group_top_2"] <= figures["space_group_top_5"]
    assert figures["space_group_two_by_three"] <= figures["bravais_top_2"]
    # one space group in each Bravais lattice: wrong only where none of it is near
    assert figures["space_group_within_true_bravais_top_1"] >= figures["bravais_top_3"] == figures["space_group_top_5"]
    assert {name: one["structures"] for name, one in report["within"].items()} == {"cF": 20, "tP": 10, "hP": 5}
    assert json.loads(json.dumps(report)) == report


def test_polymorphs_bound_what_is_possible() -> None:
    anatase = (3.79, 3.79, 9.51, 90, 90, 90)
    formulas, groups, cells = [*FORMULAS, "TiO2"], [*GROUPS, 141], [*CELLS, anatase]

    figures = lattice_report.cross_validate(formulas, groups, cells, LatticeConfig(trees=5), folds=2)["figures"]

    assert figures["possible_space_group_top_1"] == 35 / 36
    assert figures["possible_bravais_top_1"] == 35 / 36


def test_a_crystal_has_its_conventional_cell() -> None:
    primitive = Structure(
        Lattice([[0, 2.82, 2.82], [2.82, 0, 2.82], [2.82, 2.82, 0]]), ["Na", "Cl"], [[0] * 3, [0.5] * 3]
    )
    found = conventional(primitive, dimension=3)
    assert found is not None
    assert found[0] == 225
    assert found[1] == pytest.approx((5.64, 5.64, 5.64, 90, 90, 90))


def test_a_layer_has_its_periods_and_thickness_whatever_its_vacuum() -> None:
    cells = []
    for height in (18.0, 25.0):
        z = 1.56 / height
        layer = Structure(
            Lattice.hexagonal(3.16, height),
            ["Mo", "S", "S"],
            [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5 + z], [2 / 3, 1 / 3, 0.5 - z]],
        )
        cells.append(conventional(layer, dimension=2))
    assert cells[0] is not None
    assert cells[1] is not None
    assert cells[0][0] == cells[1][0] == 187
    assert cells[0][1] == pytest.approx((3.16, 3.16, 3.12, 90, 90, 120))
    assert cells[1][1] == pytest.approx(cells[0][1])
    assert conventional(Structure(Lattice.cubic(3), ["Po"], [[0, 0, 0]]), dimension=2) is None


def test_monolayers_of_2dmatpedia_can_be_learnt(shared_data: Path) -> None:
    formulas, numbers, cells = [], [], []
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        for _, line in zip(range(60), lines, strict=False):
            structure = from_plain(json.loads(line)["structure"])
            found = conventional(structure, dimension=2)
            assert found is not None
            formulas.append(structure.composition.reduced_formula)
            numbers.append(found[0])
            cells.append(found[1])

    predictor = fit(formulas, numbers, cells, LatticeConfig(dimension=2, trees=10))

    for guesses in predictor.predict(formulas):
        for guess in guesses:
            assert guess.lattice[3:5] == (90, 90)
            assert guess.bravais != "hP" or guess.lattice[5] == 120
