"""Diagrams of what the registry holds: of a system, about a structure, and what is said where energies are missing."""

from pathlib import Path

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.builders.properties.potential.formation_errors import FormationErrors
from exfolio.builders.reports.diagram_phases import asked_about, system_phases
from exfolio.builders.reports.diagrams import phase_diagram, pourbaix_diagram
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from filled_registry import put_calculations, put_entries, put_materials, put_properties, put_structures

ENTRIES = [
    ("Mg", {"Mg": 2}, "Mg", -1.6),
    ("O", {"O": 2}, "O2", -4.95),
    ("Zn", {"Zn": 2}, "Zn", -1.3),
    ("MgO", {"Mg": 1, "O": 1}, "MgO", -6.3),
    ("ZnO", {"Zn": 2, "O": 2}, "ZnO", -4.6),
]
MAGNESIA = {
    "calculation_id": "calc-1",
    "formula_reduced": "MgO",
    "chemsys": "Mg-O",
    "composition": {"Mg": 1.0, "O": 1.0},
    "energy": -11.4,
    "energy_per_atom": -5.7,
    "functional": "GGA",
    "task_type": "Static",
    "converged": True,
    "potcar_symbols": ["PAW_PBE Mg_pv", "PAW_PBE O"],
}
# Formation enthalpies at 298 K, eV/atom (CRC Handbook of Chemistry and Physics).
MEASURED = {"MnO": -2.0, "Mn3O4": -2.05, "Mn2O3": -1.99, "MnO2": -1.80}
KNOWN_BY = "experiment, 298 K"


@pytest.fixture
def oxides(registry: Connection) -> Connection:
    """Give a registry with entries of Mg-Zn-O, a calculated MgO, measured oxides of manganese, and MnO2 as proposed."""
    put_entries(registry, ENTRIES)
    structures = [("st-1", "MgO", "Mg-O"), ("st-2", "MnO2", "Mn-O"), ("st-3", "CaO", "Ca-O"), ("st-4", "MnO", "Mn-O")]
    put_structures(
        registry,
        [
            {"structure_id": key, "formula_reduced": formula, "chemsys": system, "elements": system.split("-")}
            for key, formula, system in structures
        ],
    )
    put_calculations(registry, [MAGNESIA], ["st-1"])
    run_stage(HullStage(), registry)
    measured = {"chemsys": "Mn-O", "methods": {"formation_energy": KNOWN_BY}}
    put_materials(
        registry,
        [
            {"material_id": f"test:{formula}", "formula_reduced": formula, "formation_energy": energy, **measured}
            for formula, energy in MEASURED.items()
        ],
    )
    same = {"structure_id": "st-2", "kind": "formation_energy", "method": f"{KNOWN_BY} (test, same-structure)"}
    put_properties(registry, [{**same, "basis": "same-structure", "value": -1.75}])
    potential = {"structure_id": "st-4", "kind": "formation_energy", "method": "CHGNet 0.3.0 static"}
    put_properties(registry, [{**potential, "basis": "potential", "value": -1.9}])
    return registry


def test_a_system_and_a_calculated_structure_in_it(oxides: Connection, tmp_path: Path) -> None:
    whole = phase_diagram(oxides, "O-Zn-Mg")
    about = phase_diagram(oxides, "st-1")
    about.figure.savefig(tmp_path / "mgo.svg")

    assert (whole.system, whole.formula, whole.position) == ("Mg-O-Zn", None, None)
    assert (about.system, about.formula, about.method) == ("Mg-O", "MgO", "PBE(+U) MP2020")
    stored = oxides.database["properties"].find_one({"kind": "energy_above_hull", "structure_id": "st-1"}) or {}
    assert about.position is not None
    assert about.position.energy == pytest.approx(stored["value"], abs=1e-9)
    assert about.snapshot == stored["snapshot"]
    assert (tmp_path / "mgo.svg").read_text().startswith("<?xml")


def test_a_structure_known_by_measurement_stands_among_measured_ones(oxides: Connection) -> None:
    found = phase_diagram(oxides, "st-2")

    assert (found.method, found.snapshot.split(",")[0]) == ("experiment", "test: 4 formation energies")
    assert found.position is not None
    assert found.position.energy == pytest.approx(-1.75 + 1.80)


def test_a_pourbaix_diagram_of_a_system_and_about_a_structure(oxides: Connection, tmp_path: Path) -> None:
    whole = pourbaix_diagram(oxides, "Mn-O")
    about = pourbaix_diagram(oxides, "st-2")
    about.figure.savefig(tmp_path / "mno2.png")

    assert (whole.minimum, whole.method) == (None, "experiment")
    assert about.minimum is not None
    assert about.minimum.energy == pytest.approx(0.05)  # against MnO2 itself
    assert (about.low, about.high) == pytest.approx((0.05, 0.34)), "only hydroxides that it lacks do not drop out"
    assert [product.entry.name for product in about.minimum.products] == ["MnO2(s)"]


def test_a_pourbaix_diagram_about_a_structure_known_by_the_potential_says_so(oxides: Connection) -> None:
    pytest.importorskip("chgnet", reason="needs the extra mlip")
    from exfolio.builders.properties.potential.element_energies import reference_elements
    from exfolio.models.potential.family.chgnet import Chgnet

    oxygen = min(doc["energy_per_atom"] for doc in reference_elements("O", Chgnet(), relax=False))
    formation = {"MnO": -2.0, "MnO2": -1.8}
    entries = [("chgnet-Mn", {"Mn": 1}, "Mn", -9.0)]
    for formula, parts in (("MnO", {"Mn": 1, "O": 1}), ("MnO2", {"Mn": 1, "O": 2})):
        elements = (-9.0 + oxygen * parts["O"]) / sum(parts.values())
        entries.append((f"chgnet-{formula}", parts, formula, elements + formation[formula]))
    put_entries(oxides, entries, scheme="static", functional="CHGNet 0.3.0")

    found = pourbaix_diagram(oxides, "st-4")

    assert found.method == "CHGNet 0.3.0 static, an interatomic potential, not DFT"
    assert found.minimum is not None
    # MnO + H2O -> MnO2 + 2 H+ + 2 e- at 1.5 V; MnO lies at -1.9 eV/atom. S in J/(mol K): MnO 59.7, MnO2 53.1, O2 205.2.
    oxidised = 3 * -1.8 + 298.15 * (205.2 / 2 + 59.7 - 53.1) / 96485
    assert found.minimum.energy == pytest.approx((2 * -1.9 - 2.458 + 2 * 1.5 - oxidised) / 2, abs=1e-3)
    # And what such energies by CHGNet were measured to err by is in the interval that the figure tells
    measured = FormationErrors("chgnet", relax=False).in_water
    assert measured.size >= 30
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.minimum.energy >= measured.quantile
    title = found.figure.get_suptitle()
    # The phases of a diagram are the known ones and what was proposed, by the same method
    phases = system_phases(oxides, asked_about(oxides, "st-4")).phases
    assert [(phase.name, phase.formation_energy) for phase in phases if phase.ours] == [("MnO", -1.9)]
    assert {phase.name for phase in phases if not phase.ours} == {"Mn", "MnO", "MnO2"}
    assert f"({found.low:.3f} to {found.high:.3f}) eV/atom" in title
    assert "energies of solids: CHGNet 0.3.0 static, an interatomic potential, not DFT" in title


@pytest.mark.parametrize(
    ("draw", "name", "says", "remedy"),
    [
        (phase_diagram, "Ca-O", "no energies of Ca-O are stored", "exfolio ingest entries.json --kind entries"),
        (phase_diagram, "st-3", r"no formation energy of st-3 \(CaO\) is known", "exfolio refresh"),
        (phase_diagram, "st-4", "no energies of Mn-O by CHGNet 0.3.0 static", "--chemsys Mn-O"),
        (phase_diagram, "calc-1", "calc-1 is in calculations", "Give a system such as Fe-Li-O"),
        (phase_diagram, "Zn", "two to four elements, not of 1", "Ask for a system"),
        (pourbaix_diagram, "st-4", "no energies of the elements Mn, O by CHGNet 0.3.0 static", "exfolio refresh"),
        (pourbaix_diagram, "Ca-O", "no energies of solids of Ca-O", "its oxides"),
        (pourbaix_diagram, "He-O", "no dissolved ions of He are known", "--ions FILE"),
        (pourbaix_diagram, "O-H", "nothing but water", "--ions FILE"),
    ],
)
def test_what_is_missing_is_said_with_the_remedy(
    oxides: Connection, draw: type, name: str, says: str, remedy: str
) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        draw(oxides, name)

    assert remedy in caught.value.remedy
