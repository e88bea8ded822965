"""Kinds of run by what was run."""

import pytest
from exfolio.models.calculation.run_kind import kind_of_run
from exfolio.models.calculation.vasp_tags import VaspTags


def kind(tags: dict[str, object], *, lines: bool = False, weights: tuple[float, ...] = (0.5, 0.5)) -> str:
    return kind_of_run(VaspTags.of(tags, {}), k_points_along_lines=lines, k_point_weights=weights)


@pytest.mark.parametrize("cell", range(9))
@pytest.mark.parametrize("algorithm", [1, 2, 3])
def test_a_relaxation_of_anything_is_one(cell: int, algorithm: int) -> None:
    assert kind({"NSW": 99, "IBRION": algorithm, "ISIF": cell}) == "Structure Optimization"


@pytest.mark.parametrize("tags", [{}, {"NSW": 0, "IBRION": 2}, {"NSW": 1, "IBRION": -1}, {"ISIF": 3}, {"IBRION": 0}])
def test_where_no_atom_moves_a_run_is_static(tags: dict[str, object]) -> None:
    assert kind(tags) == "Static"


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"NSW": 100, "IBRION": 0}, "Molecular Dynamics"),
        ({"NSW": 100}, "Molecular Dynamics"),  # VASP's default of IBRION where NSW is set
        ({"NSW": 1, "IBRION": 6}, "Phonons by finite differences"),
        ({"IBRION": 8}, "DFPT"),
        ({"IBRION": 8, "LEPSILON": True}, "DFPT Dielectric"),
        ({"LEPSILON": True}, "Dielectric"),
        ({"IMAGES": 5, "NSW": 100, "IBRION": 3}, "Nudged Elastic Band"),
        ({"NSW": 100, "IBRION": 44}, "Dimer"),
        ({"ICHARG": 11}, "NSCF Uniform"),
        ({"ALGO": "GW0"}, "GW"),
        ({"ALGO": "CHI"}, "Optic"),
        ({"ALGO": "BSE"}, "BSE"),
    ],
)
def test_other_kinds_are_named(tags: dict[str, object], expected: str) -> None:
    assert kind(tags) == expected


def test_band_structures_are_told_by_their_k_points() -> None:
    assert kind({"ICHARG": 11}, lines=True) == "NSCF Line"
    assert kind({"LHFCALC": True}, weights=(0.5, 0.5, 0.0)) == "SCF Line"
