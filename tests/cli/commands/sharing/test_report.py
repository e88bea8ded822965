"""``exfolio report``: pictures written where they are wanted, and what is said about them."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import pytest
import small_registry
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, Property, ProposedStructure
from pymatgen.core import Structure
from small_registry import material

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def oxides(own_registry: Connection) -> Connection:
    """Measured oxides of manganese (formation enthalpies at 298 K: CRC Handbook of Chemistry and Physics)."""
    measured = {"methods": {"formation_energy": "experiment, 298 K"}}
    energies = {"MnO": -2.0, "Mn3O4": -2.05, "Mn2O3": -1.99, "MnO2": -1.80}
    docs = [
        material(f"crc:{name}", name, "Mn-O", formation_energy=value, **measured) for name, value in energies.items()
    ]
    small_registry.put(own_registry, Material, docs)
    return own_registry


def test_a_phase_diagram_and_a_pourbaix_diagram_about_a_known_material(
    oxides: Connection, ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    code, printed, said = ask("report", "phase-diagram", "crc:Mn2O3", "--out", str(tmp_path / "mn-o.png"))
    assert code == 0, said
    assert "Mn-O, experiment (crc: 4 formation energies" in printed
    assert "Mn2O3: energy above hull 0.000 eV/atom" in printed
    assert (tmp_path / "mn-o.png").read_bytes().startswith(b"\x89PNG")

    diagram = ask_json("report", "pourbaix", "crc:MnO2", "--potential", "1.5", "--out", str(tmp_path / "mno2.pdf"))
    assert (diagram["formula"], diagram["method"]) == ("MnO2", "experiment")
    assert diagram["pourbaix_energy"] == pytest.approx(0, abs=1e-9)
    assert diagram["products"] == [{"formula": "MnO2(s)", "amount": pytest.approx(1.0)}]
    assert Path(diagram["file"]).read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("phase-diagram", "Mn-O", "--out", "mn-o.jpeg2000"), "a picture ends in .png, .pdf, .svg"),
        (("pourbaix", "Mn-O", "--out", "nowhere/mn-o.png"), "there is no folder"),
        (("phase-diagram", "Ca-O", "--out", "ca-o.png"), "exfolio ingest entries.json --kind entries"),
        (("phase-diagram", "nothing", "--out", "nothing.png"), "there is no document 'nothing'"),
        (("pourbaix", "Mn-O", "--ions", "none.json", "--out", "mn-o.png"), "none.json"),
    ],
)
def test_mistakes_are_explained_and_nothing_is_written(
    oxides: Connection,
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)

    code, _, said = ask("report", *arguments)

    assert code == 2
    assert says in " ".join(said.split())
    assert list(tmp_path.iterdir()) == []


def test_vibrations_are_drawn_as_each_potential_gives_them(
    own_registry: Connection, ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    details = {"verdict": "unstable", "q_points": [[0, 0, 0], [0.5, 0, 0]], "frequencies": [[0, 0, 0], [-2, 1, 3]]}
    facts = {"structure_id": "st-1", "kind": "lowest_frequency", "basis": "potential", "unit": "THz"}
    methods = ("CHGNet 0.3.0, doubled cell", "SevenNet-0, doubled cell")
    known, refused = ({**facts, "method": name, "property_id": f"st-1/lowest_frequency/{name}"} for name in methods)
    docs = [{**known, "value": -2.0, "details": details}, {**refused, "refused": "too large"}]
    small_registry.put(own_registry, Property, docs)
    small_registry.put(
        own_registry, ProposedStructure, [{"structure_id": one, "route": "template"} for one in ("st-1", "st-2")]
    )

    code, printed, said = ask("report", "vibrations", "st-1", "--out", str(tmp_path / "one.svg"))
    assert code == 0, said
    assert "CHGNet 0.3.0, doubled cell: unstable, lowest -2 THz" in printed
    assert "<svg" in (tmp_path / "one.svg").read_text()
    assert ask_json("report", "vibrations", "st-1", "--out", str(tmp_path / "one.png"))["vibrations"] == [
        {"method": methods[0], "lowest": -2.0, "verdict": "unstable"}
    ]

    code, _, said = ask("report", "vibrations", "st-2", "--out", str(tmp_path / "two.png"))
    assert code == 2
    assert "st-2: its vibrations are not known" in said


@pytest.fixture
def layers(own_registry: Connection) -> Connection:
    """Beside the layer of MoS2 cut from a crystal, which is there, one made of a template."""
    layer = {
        "formula": "Mo1 S2",
        "formula_reduced": "MoS2",
        "elements": ["Mo", "S"],
        "nelements": 2,
        "nsites": 3,
        "dimension": 2,
        "volume": 200.0,
        "area": 8.6,
        "valid": True,
        "structure": small_registry.plain(small_registry.mos2_monolayer()),
    }
    made = {"structure_id": "st-2", "route": "template", "parent_id": "bulk:mos2", **layer}
    small_registry.put(own_registry, ProposedStructure, [made])
    return own_registry


@pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")
def test_routes_are_reported_and_their_crystals_written_as_other_programs_read_them(
    layers: Connection, ask: Ask, ask_json: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "crystals"

    code, printed, said = ask("report", "route", "--export", str(folder))

    assert code == 0, said
    assert "| template | 1 |" in printed
    assert "2 CIF files and structures.csv" in " ".join(said.split())
    with (folder / "structures.csv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["file"], line["formula"], line["valid"]) for line in lines] == [
        ("template/st-2.cif", "MoS2", "true"),
        ("top-down/st-1890e1f5735df206.cif", "MoS2", "true"),
    ]
    for line in lines:
        assert Structure.from_file(folder / line["file"]).matches(small_registry.mos2_monolayer())
        assert sorted(ase.io.read(folder / line["file"]).get_chemical_symbols()) == ["Mo", "S", "S"]
    assert [row["name"] for row in ask_json("report", "route", "top-down")["routes"]] == ["top-down"]


def test_crystals_that_are_there_are_not_replaced_unasked(layers: Connection, ask: Ask, tmp_path: Path) -> None:
    folder = str(tmp_path / "crystals")
    code, _, said = ask("report", "route", "top-down", "--export", folder)
    assert code == 0, said

    code, _, said = ask("report", "route", "top-down", "--export", folder)

    assert code == 2
    assert "--force" in said
    assert ask("report", "route", "top-down", "--export", folder, "--force")[0] == 0
