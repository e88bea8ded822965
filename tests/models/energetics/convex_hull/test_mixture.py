"""The cheapest mixture, against scipy's solver and on cases that strain a simplex method."""

import numpy as np
import pytest
from exfolio.models.energetics.convex_hull.mixture import NoMixtureError, cheapest_mixtures
from numpy.typing import NDArray
from scipy.optimize import linprog


def highs(
    columns: NDArray[np.float64], costs: NDArray[np.float64], target: NDArray[np.float64], ends: NDArray[np.float64]
) -> float:
    answer = linprog(np.r_[costs, ends], A_eq=np.vstack([columns, np.eye(len(ends))]).T, b_eq=target, method="highs")
    assert answer.success
    return float(answer.fun)


@pytest.mark.parametrize(("components", "phases"), [(2, 7), (3, 40), (5, 120), (9, 200)])
def test_every_problem_of_a_batch_costs_what_highs_finds(components: int, phases: int) -> None:
    rng = np.random.default_rng(components)
    columns = rng.dirichlet(np.full(components, 0.5), size=(12, phases))
    costs = rng.normal(-1.0, 0.5, size=(12, phases))
    targets = rng.dirichlet(np.ones(components), size=12)
    ends = np.zeros(components)

    found = cheapest_mixtures(columns, costs, targets, end_member_costs=ends)

    expected = [highs(columns[i], costs[i], targets[i], ends) for i in range(12)]
    np.testing.assert_allclose(found.costs, expected, rtol=0, atol=1e-10)


def test_the_mixture_has_the_composition_and_the_potentials_prove_that_none_is_cheaper() -> None:
    rng = np.random.default_rng(1)
    columns = rng.dirichlet(np.ones(4), size=60)
    costs = rng.normal(-1.0, 0.3, size=(5, 60))
    targets = rng.dirichlet(np.ones(4), size=5)

    found = cheapest_mixtures(columns, costs, targets, end_member_costs=np.zeros(4))

    # Phase -1 - j is end member j: the last row but j of the columns followed by the end members in reverse.
    contents = np.vstack([columns, np.eye(4)[::-1]])[found.phases]
    np.testing.assert_allclose(np.einsum("ni,nij->nj", found.amounts, contents), targets, atol=1e-12)
    # Weak duality: a price of each component that no phase undercuts bounds the cost of every mixture from below.
    assert (costs - found.potentials @ columns.T).min() >= -1e-10
    np.testing.assert_allclose(np.sum(found.potentials * targets, axis=1), found.costs, atol=1e-12)


def test_an_end_member_that_left_the_mixture_can_come_back() -> None:
    # BiO2 and B3BiO6 first seem to pay without oxygen; the cheapest mixture needs both and some O2.
    columns = np.array([[0.5, 0.5, 0.0], [1 / 3, 0.0, 2 / 3], [0.1, 0.3, 0.6], [0.0, 0.4, 0.6]])
    costs = np.array([[-0.1, -0.6, -2.4, -2.5]])
    target = np.array([[0.125, 0.25, 0.625]])
    found = cheapest_mixtures(columns, costs, target, end_member_costs=np.zeros(3))
    assert found.costs[0] == pytest.approx(highs(columns, costs[0], target[0], np.zeros(3)), abs=1e-12)


def test_degenerate_problems_come_to_an_end() -> None:
    # Many phases on the same few lines, all of the same cost per atom: every step is a tie.
    grid = np.array([[i, j, 12 - i - j] for i in range(13) for j in range(13 - i)]) / 12
    costs = np.full((1, len(grid)), -1.0)
    target = np.array([[0.25, 0.25, 0.5]])
    assert cheapest_mixtures(grid, costs, target, end_member_costs=np.zeros(3)).costs[0] == pytest.approx(-1.0)


def test_what_the_phases_cannot_make_costs_infinitely_much() -> None:
    columns = np.array([[0.5, 0.5], [0.75, 0.25]])
    costs = np.full((4, 2), -1.0)
    # The first phase has most of the second component, half; of 0.501 a trace is missing.
    targets = np.array([[0.6, 0.4], [0.5, 0.5], [0.2, 0.8], [0.499, 0.501]])
    found = cheapest_mixtures(columns, costs, targets, end_member_costs=np.full(2, np.inf))
    np.testing.assert_allclose(found.costs, [-1.0, -1.0, np.inf, np.inf])


def test_too_few_steps_are_an_error_and_no_wrong_answer() -> None:
    columns = np.array([[0.5, 0.5], [0.75, 0.25]])
    with pytest.raises(NoMixtureError, match="1 of 1 mixtures not found in 1 steps"):
        cheapest_mixtures(
            columns, np.array([[-1.0, -2.0]]), np.array([[0.5, 0.5]]), end_member_costs=np.zeros(2), max_steps=1
        )


@pytest.mark.parametrize("cost", [float("nan"), float("-inf")])
def test_costs_that_are_no_numbers_are_refused(cost: float) -> None:
    columns = np.array([[0.5, 0.5], [0.75, 0.25]])
    with pytest.raises(NoMixtureError, match="NaN or minus infinity"):
        cheapest_mixtures(columns, np.array([[-1.0, cost]]), np.array([[0.5, 0.5]]), end_member_costs=np.zeros(2))
