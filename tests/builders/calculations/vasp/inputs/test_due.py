"""What is due: the open gates' calculations, those worth most first, and those that are refused once more."""

from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.inputs.due import Part, find_due, next_due
from exfolio.builders.calculations.vasp.inputs.input_export import export_vasp
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Candidate, ProposedStructure
from exfolio.stores.query.language.query_errors import QueryError
from pymatgen.io.vasp.inputs import Poscar
from small_registry import plain, put
from waiting_layer import CAMPAIGN, EXFOLIATION, LAYER, candidate, folder_of, layer, manifest_of, proposed


def by_hull_distance(waiting: Connection) -> list[str]:
    """Three candidates with one open gate, where the first one has three, at different hull distances or none."""
    structures = {f"st-{n:016d}": distance for n, distance in ((1, 0.3), (2, 0.1), (3, None))}
    layers = [proposed(name, "MoS2", layer(a=3.1 + 0.01 * i)) for i, name in enumerate(structures)]
    put(waiting, ProposedStructure, layers)
    known = [
        candidate(name, "MoS2", EXFOLIATION, energy_above_hull=distance, nsites=3)
        for name, distance in structures.items()
    ]
    put(waiting, Candidate, known)
    return list(structures)


def test_a_limited_export_takes_what_is_worth_most_and_leaves_the_rest_as_it_was(
    waiting: Connection, tmp_path: Path
) -> None:
    far, near, unknown = by_hull_distance(waiting)
    served = [find_due(waiting, CAMPAIGN, part=Part(limit=n, first="gates")) for n in (1, 2, 3, 4)]

    taken = [{name for subject in due.subjects.values() for name in subject.candidates} for due in served]
    ranked = [f"{CAMPAIGN}/{name}" for name in (near, far, unknown, LAYER)]
    assert taken == [set(ranked[:n]) for n in (1, 2, 3, 4)], "fewest open gates, then lowest hull distance"

    everything = export_vasp(waiting, CAMPAIGN, tmp_path)
    export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(limit=1, first="gates"))
    assert all(entry["due"] for entry in manifest_of(tmp_path)["folders"].values())
    assert len(manifest_of(tmp_path)["folders"]) == len(everything.new)


def test_an_export_takes_those_first_that_come_next(waiting: Connection, tmp_path: Path) -> None:
    by_hull_distance(waiting)  # four candidates, three with one open gate: those have the better chance
    ranked, due = next_due(waiting, CAMPAIGN, limit=2)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(limit=2))

    layers = {path.split("_")[1] for path in done.new if "_bulk_" not in path}
    assert {f"{CAMPAIGN}/{name}" for name in layers} == set(due.served) == {one.candidate_id for one in ranked}
    assert f"{CAMPAIGN}/{LAYER}" not in due.served


def test_an_export_takes_a_filter_as_queries_do(waiting: Connection, tmp_path: Path) -> None:
    _, near, _ = by_hull_distance(waiting)

    done = export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(filter="energy_above_hull < 0.2"))

    assert {path.split("_")[1] for path in done.new if "_bulk_" not in path} == {near}
    with pytest.raises(QueryError):
        export_vasp(waiting, CAMPAIGN, tmp_path, part=Part(filter="no_such_field < 0.2"))


def test_what_has_been_calculated_is_not_due_and_its_structure_is_used(waiting: Connection, tmp_path: Path) -> None:
    relaxed = layer(a=3.19)
    calculation = {
        "calculation_id": "calc-1",
        "formula_reduced": "MoS2",
        "functional": "GGA",
        "task_type": "Structure Optimization",
        "structure": plain(relaxed),
        "converged": True,
    }
    put(waiting, Calculation, [calculation])
    match = {"calculation_id": "calc-1", "structure_id": LAYER, "matched_by": "manifest"}
    put(waiting, Calculation, [match], facet="match")

    done = export_vasp(waiting, CAMPAIGN, tmp_path)

    assert done.finished == 1
    assert not any(path.endswith("/PBE-relax") for path in done.new)
    static = tmp_path / folder_of(done, "PBE-static")
    assert manifest_of(static)["after"] is None
    assert Poscar.from_file(static / "POSCAR").structure.lattice.a == pytest.approx(3.19)


def test_known_values_of_promoted_candidates_can_be_verified(waiting: Connection, tmp_path: Path) -> None:
    gate = {"name": "energy above hull", "field": "energy_above_hull", "condition": "<= 0.2", "value": 0.0}
    known = candidate(LAYER, "MoS2", (), status="promoted", gates=[{**gate, "verdict": "passed"}])
    put(waiting, Candidate, [known])

    assert export_vasp(waiting, CAMPAIGN, tmp_path).new == []
    done = export_vasp(waiting, CAMPAIGN, tmp_path, verify=True)
    assert {path.split("/")[1] for path in done.new} == {"PBE-relax", "PBE-static"}
