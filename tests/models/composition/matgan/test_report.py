"""The figures of a generator are what a count by hand gives."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from exfolio.models.composition.matgan.report import assess, distances, distributions, plot_distributions
from exfolio.models.composition.one_hot import ELEMENTS


class OfFour:
    """Draws NaCl, MgO, Na3O2 or O2, in that order, over and over."""

    latent_size = 1
    kept_share = 1.0

    def amounts(self, latent: torch.Tensor) -> torch.Tensor:
        amounts = torch.zeros(len(latent), len(ELEMENTS), dtype=torch.uint8)
        for turn, composition in enumerate([{"Na": 1, "Cl": 1}, {"Mg": 2, "O": 2}, {"Na": 3, "O": 2}, {"O": 2}]):
            for symbol, amount in composition.items():
                amounts[turn::4, ELEMENTS.index(symbol)] = amount
        return amounts


def test_the_figures_are_those_of_a_count_by_hand() -> None:
    figures = assess(
        OfFour(), training=["NaCl", "KCl", "Fe"], left_out=["MgO", "CaO", "LiFePO4"], draws=400, distinct_at=(40, 1000)
    )
    assert (figures.draws, figures.distinct, figures.single_elements, figures.empty) == (400, 3, 100, 0)
    assert figures.distinct_share == {40: 3 / 40, 400: 3 / 400}
    assert figures.found_again == {2: 0.5, 4: 0.0}
    assert figures.left_out == {2: 2, 4: 1}
    assert figures.novel_drawn == pytest.approx(2 / 3)
    assert figures.novel_distinct == pytest.approx(2 / 3)
    # Na3O2 is not neutral, NaCl and MgO are.
    assert figures.drawn["smact14"].charge_neutral == pytest.approx(2 / 3)
    assert figures.training["smact14"].electronegativity_balanced == 1
    assert figures.distances["numbers of elements"] == 0


def test_the_table_has_the_published_figures_beside() -> None:
    table = assess(OfFour(), training=["NaCl"], left_out=["MgO"], draws=8).table()
    assert "| not in the training set, of the distinct after 8 | 66.67% | 92.53% |" in table
    assert "| left-out compositions of 2 elements found again (of 1) | 100.0% | 82.7% |" in table
    assert len({line.count("|") for line in table.splitlines()}) == 1


def test_distances_are_of_shares() -> None:
    one = distributions(["NaCl", "MgO", "Fe2O3"])
    other = distributions(["NaCl", "Fe2O3"], np.array([3, 1]))
    assert one.stoichiometries == pytest.approx({"AB": 2 / 3, "A2B3": 1 / 3})
    assert one.numbers_of_elements == {2: pytest.approx(1)}
    assert distances(one, other)["stoichiometries"] == pytest.approx(3 / 4 - 2 / 3)
    assert distances(one, other)["elements"] == pytest.approx(3 / 8 - 1 / 6 + 3 / 8 - 1 / 6)


def test_compositions_left_out_must_not_have_been_learnt() -> None:
    with pytest.raises(ValueError, match=r"1 formulas are left out and in the training set too, e\.g\. MgO"):
        assess(OfFour(), training=["Mg2O2"], left_out=["MgO"], draws=4)


def test_the_plot_shows_all_three_distributions() -> None:
    figure = plot_distributions(distributions(["NaCl", "MgO"]), distributions(["NaCl", "LiFePO4"]))
    assert [axis.get_xlabel() for axis in figure.axes] == ["number of elements", "element", "stoichiometry"]


@pytest.mark.endurance
def test_distances_are_the_same_in_every_process() -> None:
    """Names come out of a set in another order in each; a sum of rounded numbers would tell."""
    ours = ["MgO", "NaCl", "TiO2", "Li2O", "KBr", "Al2O3", "SrTiO3", "MoS2", "GaAs", "ZnS"]
    theirs = ["BaO", "NaCl", "Fe2O3", "CsCl", "PbS", "CuO", "LiFePO4"]
    program = (
        "from exfolio.models.composition.matgan.report import distances, distributions\n"
        f"print(distances(distributions({ours}), distributions({theirs})))\n"
    )
    other_order = {**os.environ, "PYTHONHASHSEED": "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"}

    said = subprocess.check_output([sys.executable, "-c", program], env=other_order, text=True)

    assert said == f"{distances(distributions(ours), distributions(theirs))}\n"
