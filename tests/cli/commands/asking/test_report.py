"""``exfolio report``: pictures written where they are wanted, and what is said about them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import small_registry
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, Property, ProposedStructure
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
    small_registry.put(own_registry, ProposedStructure, [{"structure_id": name} for name in ("st-1", "st-2")])

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
