"""The bundled list of monolayers that have been made: each is one layer of the handbook's crystal."""

from typing import Any

import pytest
from exfolio.builders.sources.bundled.handbook import TABLE, Handbook
from exfolio.builders.sources.bundled.known_monolayers import LIST, KnownMonolayers
from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.vacuum import VACUUM, is_monolayer_cell
from pymatgen.core.structure import Structure

METHODS = {
    *("exfoliation", "mechanical exfoliation", "liquid exfoliation"),
    *("chemical vapour deposition", "physical vapour deposition", "molecular beam epitaxy", "epitaxial growth"),
}


@pytest.fixture(scope="module")
def materials() -> dict[str, dict[str, Any]]:
    reader = KnownMonolayers()
    found = [reader.parse(raw)["materials"][0] for raw in reader.records(LIST) if isinstance(raw, RawRecord)]
    return {material["source_id"]: material for material in found}


def structure(material: dict[str, Any]) -> Structure:
    return from_plain(material["structure"])


def test_every_row_gives_a_monolayer_with_method_and_reference(materials: dict[str, dict[str, Any]]) -> None:
    assert len(materials) == len(LIST.read_text(encoding="utf-8").splitlines()) - 1 >= 60
    for material in materials.values():
        assert is_monolayer_cell(structure(material)), material["source_id"]
        assert material["dimension_claimed"] == 2
        assert material["reference"].endswith(")")
        assert material["synthesised"] is True
        assert material["synthesis_method"] in METHODS, material["source_id"]
        assert material["parent_id"] == f"handbook:{material['source_id']}"


@pytest.mark.parametrize(
    ("name", "sites", "group", "thickness"),
    [
        ("C-graphite-2H", 2, "P6/mmm", 0.0),
        ("MoS2-2H", 3, "P-6m2", 3.17),  # S-S, B. Schönfeld et al., Acta Cryst. B39, 404 (1983)
        ("SnS2-1T", 3, "P-3m1", 2.96),
        ("CrI3-BiI3", 8, "P-31m", 3.13),
        ("Bi2Te3-tetradymite", 5, "P-3m1", 7.55),  # S. Nakajima, J. Phys. Chem. Solids 24, 479 (1963)
    ],
)
def test_layers_are_those_of_the_literature(
    materials: dict[str, dict[str, Any]], name: str, sites: int, group: str, thickness: float
) -> None:
    layer = structure(materials[name])

    assert len(layer) == sites
    assert materials[name]["space_group"]["symbol"] == group
    assert layer.lattice.c - VACUUM == pytest.approx(thickness, abs=0.1)


def test_all_are_crystals_of_the_handbook_that_it_calls_layered(materials: dict[str, dict[str, Any]]) -> None:
    rows = [raw.payload["row"] for raw in Handbook().records(TABLE) if isinstance(raw, RawRecord)]

    assert materials.keys() <= {row["id"] for row in rows if row["layered"] == "yes"}


def test_a_row_that_names_no_crystal_method_or_reference_is_told(tmp_path: Any) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(
        "bulk,method,reference\nUnobtainium-1T,exfoliation,A (2000)\nMoS2-2H,,A (2000)\nMoS2-2H,exfoliation,\n",
        encoding="utf-8",
    )

    bad = list(KnownMonolayers().records(listed))

    assert [(one.place, one.reason) for one in bad if isinstance(one, BadRecord)] == [
        ("line 2", "the handbook has no 'Unobtainium-1T'"),
        ("line 3", "it has no method"),
        ("line 4", "it has no reference"),
    ]
