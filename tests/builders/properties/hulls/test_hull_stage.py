"""Formation energies and hull distances in the registry, from entries and calculations of real compounds."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.calculations.vasp_results_stage import VaspStage
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.hulls.hull_entries import phases
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.models.energetics.corrections.schemes import Scheme
from exfolio.models.structure.serialization import from_plain, to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, ReferenceEntry
from filled_registry import properties, put, put_calculations, put_entries, put_materials, put_structures, retire
from pymatgen.analysis.compatibility.mixing_scheme import MaterialsProjectDFTMixingScheme
from pymatgen.core import Lattice, Structure
from pymatgen.core.entries import ComputedStructureEntry

METHOD = "PBE(+U) MP2020"
ENTRIES = [
    ("Mg", {"Mg": 2}, "Mg", -1.6),
    ("O", {"O": 2}, "O2", -4.95),
    ("Zn", {"Zn": 2}, "Zn", -1.3),
    ("MgO", {"Mg": 1, "O": 1}, "MgO", -6.3),
    ("ZnO", {"Zn": 2, "O": 2}, "ZnO", -4.6),
]


def calculation(
    name: str, formula: str, composition: dict[str, int], energy: float, **more: object
) -> dict[str, object]:
    atoms = sum(composition.values())
    return {
        "calculation_id": name,
        "formula_reduced": formula,
        "chemsys": "-".join(sorted(composition)),
        "composition": {el: float(n) for el, n in composition.items()},
        "energy": energy * atoms,
        "energy_per_atom": energy,
        "functional": "GGA",
        "task_type": "Static",
        "converged": True,
        "set_aside": False,
        "potcar_symbols": [
            f"PAW_PBE {symbol}" for symbol in ("Mg_pv", "O", "Zn") if symbol.split("_")[0] in composition
        ],
        **more,
    }


@pytest.fixture
def magnesia(registry: Connection) -> Connection:
    """Give a registry with entries of Mg-Zn-O and a calculated Mg2O3 that has not been found so far."""
    put_entries(registry, ENTRIES)
    put_structures(registry, [{"structure_id": "st-1", "chemsys": "Mg-O"}])
    put_calculations(registry, [calculation("calc-1", "MgO", {"Mg": 1, "O": 1}, -5.7)], ["st-1"])
    return registry


def test_a_calculated_structure_has_its_energies_with_method_snapshot_and_origin(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)

    formation = properties(magnesia, "formation_energy")["st-1", METHOD]
    hull = properties(magnesia, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    oxide = -0.687 / 2  # eV per atom, the scheme's correction of one O in an oxide: Wang et al. 2021
    assert formation["value"] == pytest.approx(-5.7 + oxide - (-1.6 - 4.95) / 2, abs=1e-6)
    assert hull["value"] == pytest.approx(-5.7 + oxide + 6.3, abs=1e-6)
    assert hull["competing"] == [{"id": "test:MgO", "formula": "MgO", "amount": pytest.approx(1.0)}]
    assert hull["snapshot"].startswith("test: 3 entries, ")
    assert formation["details"]["element_references"] == {"Mg": "test:Mg", "O": "test:O"}
    assert {"collection": "calculations", "id": "calc-1"}.items() <= hull["origins"][1].items()


def test_only_systems_that_hold_a_changed_entry_are_computed_again(magnesia: Connection) -> None:
    put_calculations(
        magnesia,
        [
            calculation("calc-2", "ZnO", {"Zn": 1, "O": 1}, -4.5),
            calculation("calc-3", "MgZnO2", {"Mg": 1, "Zn": 1, "O": 2}, -5.1),
        ],
        ["st-2", "st-3"],
    )
    run_stage(HullStage(), magnesia)

    put_entries(magnesia, [("MgO", {"Mg": 1, "O": 1}, "MgO", -6.35)])
    report = run_stage(HullStage(), magnesia)

    assert report.due == 2  # Mg-O and Mg-O-Zn, not O-Zn
    assert report.updated == 6  # the formation energies too name the entries they rest on
    assert run_stage(HullStage(), magnesia).due == 0


def test_against_ours_a_better_candidate_competes(magnesia: Connection) -> None:
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -6.1)], ["st-2"])
    run_stage(HullStage(), magnesia)

    formation = properties(magnesia, "formation_energy")
    assert formation["st-1", METHOD]["value"] - formation["st-2", METHOD]["value"] == pytest.approx(6.1 - 5.7)
    hull = properties(magnesia, "energy_above_hull")
    assert hull["st-2", f"{METHOD}, against known"]["value"] == pytest.approx(-0.1435, abs=1e-3)
    assert hull["st-2", f"{METHOD}, against known and ours"]["value"] == pytest.approx(0.0, abs=1e-9)
    assert hull["st-1", f"{METHOD}, against known and ours"]["value"] == pytest.approx(0.4, abs=1e-9)


def test_a_known_compound_without_an_entry_makes_the_distance_a_lower_bound(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)
    against = f"{METHOD}, against known"
    whole = properties(magnesia, "energy_above_hull")["st-1", against]
    assert "low" not in whole
    assert whole["details"]["completeness"] == {"known_compounds": 1, "with_energy": 1}

    # When a table tells of a peroxide that no entry is of
    put_materials(magnesia, [{"material_id": "table:MgO2", "formula_reduced": "MgO2", "chemsys": "Mg-O"}])
    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")
    assert found["st-1", against]["low"] == found["st-1", against]["value"]
    assert found["st-1", against]["lacks"] == ["compounds"]
    assert found["st-1", against]["details"]["completeness"]["missing"] == ["MgO2"]
    assert "low" not in properties(magnesia, "formation_energy")["st-1", METHOD]

    # And a calculation of ours fills the hole of the hull that has it, and of no other
    put_calculations(magnesia, [calculation("calc-2", "MgO2", {"Mg": 1, "O": 2}, -5.5)], ["st-2"])
    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")
    assert "low" in found["st-1", against]
    assert "low" not in found["st-1", f"{METHOD}, against known and ours"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (("MgO2", {"Mg": 1, "O": 2}, "MgO2", -600.0), "a formation energy of -596.2 eV/atom against test:Mg, test:O"),
        (("low O", {"O": 2}, "O2", -600.0), "the ground state of O has -4.948 by this method"),
    ],
)
def test_an_entry_that_no_phase_can_have_is_left_out_alone_and_named(
    magnesia: Connection, entry: tuple[str, dict[str, Any], str, float], reason: str
) -> None:
    run_stage(HullStage(), magnesia)
    before = properties(magnesia, "energy_above_hull")["st-1", f"{METHOD}, against known"]

    put_entries(magnesia, [entry])
    assert run_stage(HullStage(), magnesia).failed == 0

    found = properties(magnesia, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert found["value"] == before["value"]
    assert any(f"left out of the hull: test:{entry[0]}, " in text and reason in text for text in found["warnings"])
    # And a compound that has no other energy is missed in the hull
    assert found.get("lacks") == (["compounds"] if entry[2] == "MgO2" else None)


def test_an_entry_whose_energy_is_no_number_is_left_out_alone() -> None:
    # Such a one comes by a hand of its own into the database: the registry stores none
    docs = [
        {"entry_id": name, "composition": {"Mg": 1.0}, "formula_reduced": "Mg", "energy": energy, "functional": "GGA"}
        for name, energy in (("good", -1.6), ("broken", float("nan")))
    ]
    run = calculation("calc-1", "Mg", {"Mg": 1}, float("inf"))

    found = phases(docs, [run], Scheme.NONE, check_potcar=False)

    assert [phase.doc["entry_id"] for listed in found.references.values() for phase in listed] == ["good"]
    assert [(phase.doc["entry_id"], phase.refusal) for phase in found.implausible] == [("broken", "its energy is nan")]
    assert [phase.refusal for phase in found.refused] == ["its energy is inf"]


def test_a_calculation_that_no_phase_can_have_is_refused_and_competes_with_none(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)
    against = f"{METHOD}, against known and ours"
    before = properties(magnesia, "energy_above_hull")["st-1", against]

    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -600.0)], ["st-2"])
    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")
    assert found["st-1", against]["value"] == before["value"]
    assert "and none is known beyond -5 to 10" in found["st-2", "MP2020, refused"]["refused"]


def test_without_any_element_that_can_be_the_value_says_why_it_is_not_there(magnesia: Connection) -> None:
    put_entries(magnesia, [("O", {"O": 2}, "O2", -600.0)])
    run_stage(HullStage(), magnesia)

    refused = properties(magnesia, "formation_energy")["st-1", "MP2020, refused"]["refused"]
    assert "no reference energy for O" in refused
    assert "left out of the hull: test:O, -600 eV/atom" in refused


def test_an_entry_far_below_all_else_of_its_composition_leaves_an_interval(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)
    against = f"{METHOD}, against known"
    before = properties(magnesia, "energy_above_hull")["st-1", against]

    # When a second entry of MgO lies 1.4 eV/atom below the first, which is near the measured -3.12 eV/atom
    put_entries(magnesia, [("too low", {"Mg": 1, "O": 1}, "MgO", -7.7)])
    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")["st-1", against]
    assert found["value"] == found["high"] == pytest.approx(before["value"] + 1.4)
    assert found["low"] == pytest.approx(before["value"])
    assert "test:too low, 1.40 eV/atom below every other entry of its composition" in found["warnings"][0]


def test_a_layer_by_a_functional_without_dispersion_has_a_lower_bound(magnesia: Connection) -> None:
    put_structures(magnesia, [{"structure_id": "st-2", "chemsys": "Mg-O", "dimension": 2}])
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -5.6)], ["st-2"])
    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")
    assert found["st-2", f"{METHOD}, against known"]["lacks"] == ["dispersion"]
    assert "lacks" not in found["st-1", f"{METHOD}, against known"]


def test_a_value_comes_from_the_calculations_of_its_own_structure_however_many_compete(magnesia: Connection) -> None:
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -6.1)], ["st-2"])
    run_stage(HullStage(), magnesia)

    hull = properties(magnesia, "energy_above_hull")
    assert [one["id"] for one in hull["st-1", f"{METHOD}, against known"]["origins"]] == ["Mg-O", "calc-1"]
    assert [one["id"] for one in hull["st-2", f"{METHOD}, against known and ours"]["origins"]] == ["Mg-O", "calc-2"]


def test_a_static_run_is_taken_before_a_relaxation(magnesia: Connection) -> None:
    relaxed = calculation("calc-0", "MgO", {"Mg": 1, "O": 1}, -5.9, task_type="Structure Optimization")
    put_calculations(magnesia, [relaxed], ["st-1"])
    run_stage(HullStage(), magnesia)

    assert properties(magnesia, "formation_energy")["st-1", METHOD]["details"]["calculation_id"] == "calc-1"


def test_of_several_static_runs_the_lowest_is_taken(magnesia: Connection) -> None:
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 2, "O": 2}, -5.8)], ["st-1"])
    run_stage(HullStage(), magnesia)

    assert properties(magnesia, "formation_energy")["st-1", METHOD]["details"]["calculation_id"] == "calc-2"


def test_a_calculation_of_no_proposed_structure_competes_with_ours_only(magnesia: Connection) -> None:
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -6.1)], [None])
    run_stage(HullStage(), magnesia)

    hull = properties(magnesia, "energy_above_hull")
    oxide = -0.687 / 2
    assert hull["st-1", f"{METHOD}, against known"]["value"] == pytest.approx(-5.7 + oxide + 6.3)
    assert hull["st-1", f"{METHOD}, against known and ours"]["value"] == pytest.approx(6.1 - 5.7)
    assert [one["id"] for one in hull["st-1", f"{METHOD}, against known and ours"]["competing"]] == ["calc-2"]


def test_what_its_source_has_not_corrected_is_corrected_like_a_calculation(magnesia: Connection) -> None:
    run = calculation("", "MgO", {"Mg": 1, "O": 1}, -6.2)
    names = ("formula_reduced", "chemsys", "composition", "energy", "energy_per_atom", "functional", "potcar_symbols")
    put(magnesia, ReferenceEntry, [{"entry_id": "test:raw", "source": "test", **{name: run[name] for name in names}}])
    run_stage(HullStage(), magnesia)

    hull = properties(magnesia, "energy_above_hull")["st-1", f"{METHOD}, against known"]
    assert hull["value"] == pytest.approx(6.2 - 5.7)  # below the -6.3 of test:MgO by the correction of 0.34
    assert [one["id"] for one in hull["competing"]] == ["test:raw"]


def test_the_scheme_without_u_takes_no_entry_that_was_corrected_with_one(magnesia: Connection) -> None:
    (corrected,) = magnesia.database["reference_entries"].find({"entry_id": "test:MgO"})
    names = ("source", "formula_reduced", "chemsys", "composition", "scheme")
    with_u = {name: corrected[name] for name in names} | {"functional": "GGA+U", "hubbards": {"Mg": 3.0}}
    energies = {"energy": -14.0, "energy_per_atom": -7.0}
    put(magnesia, ReferenceEntry, [{**with_u, **energies, "entry_id": "test:with-u"}])
    run_stage(HullStage("MP2020-GGA"), magnesia)

    hull = properties(magnesia, "energy_above_hull")["st-1", "PBE MP2020, against known"]
    assert [one["id"] for one in hull["competing"]] == ["test:MgO"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"converged": False, "warnings": ["the electrons of the last step are not converged"]}, "not converged"),
        ({"set_aside": True}, "custodian set the calculation aside"),
        ({"task_type": "Molecular Dynamics"}, "Molecular Dynamics"),
        ({"functional": "R2SCAN"}, "run type is R2SCAN"),
        ({"potcar_symbols": ["PAW_PBE Mg", "PAW_PBE O"]}, "POTCARs are Mg, O, the scheme takes Mg_pv, O"),
    ],
)
def test_what_cant_be_used_says_why_and_gives_no_value(
    magnesia: Connection, changes: dict[str, object], reason: str
) -> None:
    run_stage(HullStage(), magnesia)
    put(magnesia, Calculation, [calculation("calc-1", "MgO", {"Mg": 1, "O": 1}, -5.7, **changes)])

    run_stage(HullStage(), magnesia)

    found = properties(magnesia, "energy_above_hull")
    assert list(found) == [("st-1", "MP2020, refused")]
    (only,) = found.values()
    assert "value" not in only
    assert reason in only["refused"]


def test_a_value_whose_references_are_gone_stays_and_is_stale(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)
    value = properties(magnesia, "formation_energy")["st-1", METHOD]["value"]

    retire(magnesia, ReferenceEntry, ["test:Mg"])
    run_stage(HullStage(), magnesia)
    stale = properties(magnesia, "formation_energy")["st-1", METHOD]
    put_entries(magnesia, ENTRIES[:1])
    run_stage(HullStage(), magnesia)
    fresh = properties(magnesia, "formation_energy")["st-1", METHOD]

    assert (stale["value"], stale["stale"]) == (value, True)
    assert "no reference energy for Mg" in stale["details"]["stale_because"]
    assert "stale" not in fresh
    assert fresh["value"] == value


def test_a_calculation_that_belongs_to_nothing_any_more_takes_its_values_along(magnesia: Connection) -> None:
    run_stage(HullStage(), magnesia)

    retire(magnesia, Calculation, ["calc-1"])
    run_stage(HullStage(), magnesia)

    assert properties(magnesia, "energy_above_hull") == {}


def test_energies_of_two_functionals_never_meet_without_a_scheme(magnesia: Connection) -> None:
    put_calculations(magnesia, [calculation("calc-2", "MgO", {"Mg": 1, "O": 1}, -9.0, functional="R2SCAN")], ["st-2"])
    run_stage(HullStage("none"), magnesia)

    found = properties(magnesia, "formation_energy")
    assert found["st-1", "GGA, uncorrected"]["value"] == pytest.approx(-5.7 + 3.275)
    assert "no reference energy for O, Mg" in found["st-2", "none, refused"]["refused"]


def test_real_manganese_oxides_left_out_of_the_entries_have_their_known_distance(
    registry: Connection, shared_data: Path, tmp_path: Path
) -> None:
    entries = json.loads(gzip.decompress((shared_data / "mp_entries_Mn-O.json.gz").read_bytes()))
    file = tmp_path / "entries.json"
    file.write_text(json.dumps(entries))
    run_stage(SourceStage("entries", {"paths": [str(file)], "source": "mp"}), registry)
    oxides = list(registry.database["reference_entries"].find({"formula_reduced": "MnO2"}).sort("energy_per_atom", 1))
    names = ("formula_reduced", "chemsys", "composition", "energy", "functional", "hubbards", "structure")
    ours = [
        {
            **{name: doc[name] for name in names},
            "potcar_symbols": [symbol if " " in symbol else f"PAW_PBE {symbol}" for symbol in doc["potcar_symbols"]],
            "calculation_id": f"calc-{doc['entry_id']}",
            "energy_per_atom": doc["energy"] / sum(doc["composition"].values()),
            "task_type": "Static",
            "converged": True,
        }
        for doc in oxides[1:4]
    ]
    put_calculations(registry, ours, [f"st-{number}" for number in range(3)])

    run_stage(HullStage(), registry)

    hull = properties(registry, "energy_above_hull")
    for number, doc in enumerate(oxides[1:4]):
        expected = doc["energy_per_atom"] - oxides[0]["energy_per_atom"]  # the lowest MnO2 is on the hull
        assert hull[f"st-{number}", f"{METHOD}, against known"]["value"] == pytest.approx(expected, abs=1e-6)
        formation = properties(registry, "formation_energy")[f"st-{number}", METHOD]
        assert formation["details"]["correction"] == pytest.approx(doc["correction"], abs=1e-6)


def test_the_real_run_with_another_u_is_refused_with_that_reason(registry: Connection, shared_data: Path) -> None:
    run_stage(VaspStage([shared_data / "vasp" / "LiFePO4_GGA_U"]), registry)
    (doc,) = registry.database["calculations"].find()
    put(registry, Calculation, [{"calculation_id": doc["calculation_id"], "structure_id": "st-1"}], "match")

    run_stage(HullStage(), registry)

    refused = properties(registry, "energy_above_hull")["st-1", "MP2020, refused"]["refused"]
    assert "U(Fe) is 4.3 eV, the scheme takes 5.3 eV" in refused


def as_r2scan(doc: dict[str, Any], name: str, energy_per_atom: float) -> dict[str, Any]:
    """Take a reference entry as if we had calculated it with r2SCAN."""
    kept = {field: doc[field] for field in ("formula_reduced", "chemsys", "composition", "structure")}
    potcars = ["PAW_PBE Mn_pv 02Aug2007", "PAW_PBE O 08Apr2002"]
    run = {"functional": "R2SCAN", "task_type": "Static", "converged": True, "potcar_symbols": potcars}
    energy = energy_per_atom * sum(doc["composition"].values())
    return {**kept, **run, "calculation_id": name, "energy": energy, "energy_per_atom": energy_per_atom}


@pytest.mark.filterwarnings("ignore")
def test_r2scan_calculations_meet_the_gga_entries_by_the_mixing_scheme(
    registry: Connection, shared_data: Path, tmp_path: Path
) -> None:
    everything = json.loads(gzip.decompress((shared_data / "mp_entries_Mn-O.json.gz").read_bytes()))
    few = ("Mn", "O2", "MnO", "MnO2", "Mn2O3", "Mn3O4")
    stable: dict[str, ComputedStructureEntry] = {}
    for entry in sorted(map(ComputedStructureEntry.from_dict, everything), key=lambda one: one.energy_per_atom):
        stable.setdefault(entry.reduced_formula, entry)
    file = tmp_path / "entries.json"
    file.write_text(json.dumps([stable[formula].as_dict() for formula in few]))
    run_stage(SourceStage("entries", {"paths": [str(file)], "source": "mp"}), registry)
    known = {doc["formula_reduced"]: doc for doc in registry.database["reference_entries"].find()}
    # MnO as it is known, and as zincblende, which is among no entries, 10 meV/atom higher.
    primitive = Lattice([[0, 2.35, 2.35], [2.35, 0, 2.35], [2.35, 2.35, 0]])
    zincblende = Structure(primitive, ["Mn", "O"], [[0, 0, 0], [0.25, 0.25, 0.25]])
    other = {**known["MnO"], "structure": to_plain(zincblende), "composition": {"Mn": 1.0, "O": 1.0}}
    runs = [as_r2scan(known["MnO"], "calc-known", -20.10), as_r2scan(other, "calc-new", -20.09)]
    put_calculations(registry, runs, ["st-known", "st-new"])

    run_stage(HullStage(scheme="MP2020+r2SCAN"), registry)

    method = "PBE(+U)/r2SCAN MP2020"
    hull = properties(registry, "energy_above_hull")
    again, new = (hull[one, f"{method}, against known"] for one in ("st-known", "st-new"))
    assert again["value"] == pytest.approx(0, abs=1e-6), "a known compound is no discovery for being calculated anew"
    assert new["value"] == pytest.approx(0.01, abs=1e-6)
    assert [phase["id"] for phase in new["competing"]] == [known["MnO"]["entry_id"]]
    assert new["details"]["scheme"] == "MP2020+r2SCAN"
    entries = [stable[formula] for formula in few]
    for run in runs:
        parameters = {"run_type": "r2SCAN", "potcar_symbols": run["potcar_symbols"]}
        structure = from_plain(run["structure"])
        entries.append(
            ComputedStructureEntry(structure, run["energy"], parameters=parameters, entry_id=run["calculation_id"])
        )
    mixed = {one.entry_id: one for one in MaterialsProjectDFTMixingScheme().process_entries(entries, inplace=False)}
    correction = mixed["calc-new"].correction / mixed["calc-new"].composition.num_atoms
    assert new["details"]["correction"] / 2 == pytest.approx(correction, abs=1e-9)
    formation = properties(registry, "formation_energy")["st-known", method]["value"]
    gga = {formula: doc["energy_per_atom"] for formula, doc in known.items()}
    assert formation == pytest.approx(gga["MnO"] - (gga["Mn"] + gga["O2"]) / 2, abs=1e-6), "on the scale of GGA"
