"""Magnetic moments for each atom."""

from disulfide import LAYER, calculation
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.magnetization_stage import MagnetizationStage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation
from filled_registry import properties, put


def test_moments_are_for_each_atom_and_of_runs_with_spins_only(disulfide: Connection) -> None:
    runs = [
        calculation("pbe", LAYER, -21.0, functional="GGA", magnetization=-3.0, nsites=3),
        calculation("no-spins", LAYER, -21.0, functional="HSE06", nsites=3),
        calculation("open", LAYER, -21.0, functional="R2SCAN", magnetization=6.0, nsites=3, converged=False),
    ]
    put(disulfide, Calculation, runs)
    run_stage(MatchStage(), disulfide)
    run_stage(MagnetizationStage(), disulfide)

    [(where, found)] = properties(disulfide, "magnetization").items()
    assert where == ("st-1", "GGA")
    assert (found["value"], found["unit"], found["details"]["cell"]) == (1.0, "µB/atom", -3.0)
