"""Finds the cheapest mixture of phases with a given overall composition, for many problems at once.

The linear programme under every convex hull: batched over problems of equal dimension, every answer proved optimal by
its dual. It knows no formulas, no units and no chemistry.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

OPTIMALITY = 1e-11
"""A column enters while its reduced cost is below minus this; the answer is exact to this, in units of cost."""

PIVOT = 1e-11
"""Smallest pivot taken as non-zero; columns are fractions of order one."""

GREEDY_STEPS = 60
"""Steps of the steepest rule before Bland's rule, which cannot cycle, takes over (Bland, Math. Oper. Res. 2, 103
(1977)). Real hulls of up to ten elements take fewer than thirty."""

REFRESH = 16
"""Steps between fresh inverses of the basis, so that rounding does not build up."""


class NoMixtureError(ValueError):
    """No mixture was found within the allowed number of steps, or costs are no numbers."""


class Mixtures(NamedTuple):
    """The cheapest mixture of each problem.

    costs
        (n,) cost of the mixture; infinite where the phases cannot make up the composition.
    phases
        (n, k) index of the columns in the mixture; -1 - j stands for the pure end member of component j.
    amounts
        (n, k) weight of each, zero or more.
    potentials
        (n, k) cost of one more unit of each component (the dual solution).
    """

    costs: NDArray[np.float64]
    phases: NDArray[np.intp]
    amounts: NDArray[np.float64]
    potentials: NDArray[np.float64]


def cheapest_mixtures(
    columns: NDArray[np.float64],
    costs: NDArray[np.float64],
    targets: NDArray[np.float64],
    *,
    end_member_costs: NDArray[np.float64],
    max_steps: int = 2000,
) -> Mixtures:
    """Minimise ``costs @ x`` so that ``columns.T @ x = target`` and ``x >= 0``, for n problems together.

    Revised primal simplex from the basis of pure end members, whose columns are the unit vectors. Where these are no
    real phases, give them a cost far above any real one; whatever still needs them then comes back infinite.

    Parameters
    ----------
    columns
        (n, m, k) content of each phase in each of k components; (m, k) where all problems share them.
    costs
        (n, m) cost of a unit of each phase; infinity leaves a phase out.
    targets
        (n, k) composition wanted, zero or more.
    end_member_costs
        (n, k) or (k,) cost of a unit of each pure end member; infinity where there is none.
    max_steps
        Steps allowed.

    Raises
    ------
    NoMixtureError
        When `max_steps` were not enough, or a cost is NaN or minus infinity.
    """
    n, m = costs.shape
    k = targets.shape[1]
    shared = columns.ndim == 2
    real = np.broadcast_to(np.asarray(end_member_costs, dtype=np.float64), (n, k))
    if np.isnan(np.minimum(costs, 0.0).sum()) or np.isneginf(costs.min(initial=0.0)):
        message = "costs hold NaN or minus infinity: leave these phases out (infinity does)"
        raise NoMixtureError(message)
    finite = costs[np.isfinite(costs)]
    # Dear enough never to pay for itself, small enough to leave 1e-11 in double precision to the real costs.
    ceiling = 1e3 * (1.0 + (np.abs(finite).max() if finite.size else 0.0))
    start = np.where(np.isfinite(real), real, ceiling)

    basis = np.tile(np.arange(m, m + k), (n, 1))
    basis_costs = start.copy()
    inverse = np.tile(np.eye(k), (n, 1, 1))
    amounts = targets.astype(np.float64, copy=True)

    active = np.arange(n)
    work_columns, work_costs = columns, costs
    for step in range(max_steps):
        if active.size == 0:
            break
        if step and step % REFRESH == 0:
            inverse[active], amounts[active] = _refresh(columns, targets, basis, active)
        potentials = np.einsum("ni,nij->nj", basis_costs[active], inverse[active])
        if shared:
            of_columns = work_costs - potentials @ columns.T
        else:
            of_columns = work_costs - np.matmul(work_columns, potentials[:, :, None])[:, :, 0]
        reduced = np.concatenate([of_columns, start[active] - potentials], axis=1)
        entering = np.argmin(reduced, axis=1) if step < GREEDY_STEPS else np.argmax(reduced < -OPTIMALITY, axis=1)
        improves = reduced[np.arange(active.size), entering] < -OPTIMALITY
        if not improves.all():
            active, entering = active[improves], entering[improves]
            work_costs = work_costs[improves]
            work_columns = work_columns if shared else work_columns[improves]
            if active.size == 0:
                break
        rows = np.arange(active.size)
        chosen = _columns_of(columns, entering, active)
        direction = np.matmul(inverse[active], chosen[:, :, None])[:, :, 0]
        slot = _pivot(active, entering, direction, basis, inverse, amounts, bland=step >= GREEDY_STEPS)
        inside = np.minimum(entering, max(m - 1, 0))
        price = start[active, np.maximum(entering - m, 0)]
        basis_costs[active, slot] = np.where(entering < m, work_costs[rows, inside], price) if m else price
    else:
        message = (
            f"{active.size} of {n} mixtures not found in {max_steps} steps (first: problem {active[0]}): allow more"
        )
        raise NoMixtureError(message)

    everything = np.arange(n)
    inverse, amounts = _refresh(columns, targets, basis, everything)
    amounts = np.maximum(amounts, 0.0)
    artificial = (basis >= m) & ~np.isfinite(np.take_along_axis(real, np.maximum(basis - m, 0), axis=1))
    impossible = np.any(artificial & (amounts > 1e-9), axis=1)
    total = np.einsum("ni,ni->n", np.where(artificial, 0.0, basis_costs), amounts)
    potentials = np.einsum("ni,nij->nj", basis_costs, inverse)
    phases = np.where(basis >= m, m - 1 - basis, basis)
    return Mixtures(np.where(impossible, np.inf, total), phases, amounts, potentials)


def _pivot(
    active: NDArray[np.intp],
    entering: NDArray[np.intp],
    direction: NDArray[np.float64],
    basis: NDArray[np.intp],
    inverse: NDArray[np.float64],
    amounts: NDArray[np.float64],
    *,
    bland: bool,
) -> NDArray[np.intp]:
    """Exchange one phase of each active basis, in place; gives the slots exchanged."""
    rows = np.arange(active.size)
    leaving: NDArray[np.intp]
    current = amounts[active]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(direction > PIVOT, current / direction, np.inf)
    if bland:
        smallest = ratio.min(axis=1, keepdims=True)
        leaving = np.argmin(np.where(ratio <= smallest + 1e-15, basis[active], np.iinfo(np.intp).max), axis=1)
    else:
        leaving = np.argmin(ratio, axis=1)
    # Of columns that are parts of a composition some direction is always positive, so the ratio is finite.
    length = ratio[rows, leaving]
    pivot = direction[rows, leaving]

    updated = np.maximum(current - length[:, None] * direction, 0.0)
    updated[rows, leaving] = length
    amounts[active] = updated

    old = inverse[active]
    pivot_row = old[rows, leaving] / pivot[:, None]
    new = old - direction[:, :, None] * pivot_row[:, None, :]
    new[rows, leaving] = pivot_row
    inverse[active] = new
    basis[active, leaving] = entering
    return leaving


def _columns_of(
    columns: NDArray[np.float64], members: NDArray[np.intp], which: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Content of the members (r,) or (r, k) of the problems `which` (r,); numbers from m on are end members."""
    m, k = columns.shape[-2:]
    units: NDArray[np.float64] = np.eye(k)[np.maximum(members - m, 0)]
    if m == 0:
        return units
    inside = np.minimum(members, m - 1)
    owners = which.reshape(-1, *[1] * (members.ndim - 1))
    real = columns[inside] if columns.ndim == 2 else columns[owners, inside]
    chosen: NDArray[np.float64] = np.where((members < m)[..., None], real, units)
    return chosen


def _refresh(
    columns: NDArray[np.float64],
    targets: NDArray[np.float64],
    basis: NDArray[np.intp],
    which: NDArray[np.intp],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inverse of the bases of the problems `which`, and the amounts they give, from the columns themselves."""
    matrix = _columns_of(columns, basis[which], which)
    inverse = np.linalg.inv(np.swapaxes(matrix, 1, 2)).astype(np.float64, copy=False)
    return inverse, np.matmul(inverse, targets[which][:, :, None])[:, :, 0]
