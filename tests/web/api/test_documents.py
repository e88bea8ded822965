"""The API beside OPTIMADE: any collection searched, one document, its values, its structure as a file."""

from collections.abc import Callable

import pytest
import requests
from pymatgen.core.structure import Structure

Get = Callable[..., requests.Response]
pytestmark = pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")  # by pymatgen, of thirds


def test_a_search_gives_columns_a_count_and_where_the_next_page_begins(get: Get) -> None:
    first = get("/api/v1/collections/materials", filter="nsites > 0", sort="-nsites", limit=2).json()
    second = get(
        "/api/v1/collections/materials", filter="nsites > 0", sort="-nsites", limit=9, after=first["next"]
    ).json()

    assert (first["number"], first["number_is_exact"]) == (7, True)
    assert [doc["material_id"] for doc in first["data"]] == ["bulk:limno2", "bulk:mno2"]
    assert len(second["data"]) == 5
    assert second["next"] is None
    assert "structure" not in first["data"][0]


def test_fields_are_described_with_units(get: Get) -> None:
    described = get("/api/v1/collections/materials/fields").json()

    by_path = {field["path"]: field for field in described["fields"]}
    assert described["key"] == "material_id"
    assert by_path["formation_energy"]["unit"] == "eV/atom"


def test_one_document_is_found_by_the_beginning_of_its_id(get: Get) -> None:
    found = get("/api/v1/documents/st-1890").json()

    assert (found["collection"], found["id"]) == ("structures", "st-1890e1f5735df206")
    assert "facets" not in found["document"]


def test_values_come_with_unit_and_method(get: Get) -> None:
    values = get("/api/v1/documents/st-1890e1f5735df206/values").json()

    assert values
    assert all(value["unit"] and value["method"] for value in values)


def test_a_relaxed_structure_is_seen_beside_the_proposed_one(get: Get) -> None:
    values = get("/api/v1/documents/st-1890e1f5735df206/values").json()
    [relaxed] = [value for value in values if value.get("has_structure")]

    proposed, became = (
        get(f"/api/v1/documents/{key}/atoms").json() for key in ("st-1890e1f5735df206", relaxed["property_id"])
    )

    assert relaxed["details"] == {"steps": 12}  # atoms are asked for alone
    assert became["cell"][0][0] == pytest.approx(1.02 * proposed["cell"][0][0])


def test_the_structure_of_a_document_is_a_file_that_others_read(get: Get) -> None:
    cif = get("/api/v1/documents/bulk:mos2/structure", format="cif")
    poscar = get("/api/v1/documents/bulk:mos2/structure", format="poscar")

    assert 'filename="bulk_mos2.cif"' in cif.headers["content-disposition"]
    for text, form in ((cif.text, "cif"), (poscar.text, "poscar")):
        assert Structure.from_str(text, fmt=form).composition.formula == "Mo2 S4"


def test_a_parameter_that_is_none_is_told_with_those_that_there_are(get: Get) -> None:
    answer = get("/api/v1/collections/materials", formula="MoS2", limit=2)

    assert answer.status_code == 400
    assert "no parameter 'formula'; the parameters here are: filter, fields, sort, limit" in answer.json()["detail"]
    assert "it takes none" in get("/api/v1/collections", limit=2).json()["detail"]
    assert get("/api/v1/documents/bulk:mos2/structure", format="poscar").status_code == 200


def test_a_wrong_name_is_told_with_the_one_that_is_meant(get: Get) -> None:
    answer = get("/api/v1/collections/materials", filter="band_gp > 1")

    assert answer.status_code == 400
    assert "band_gap" in answer.json()["remedy"]


def test_collections_of_the_bookkeeping_are_not_served(get: Get) -> None:
    assert get("/api/v1/collections/quarantine").status_code == 404
    assert get("/api/v1/collections/source_files").status_code == 404


def test_what_a_search_finds_is_a_file_with_units_intervals_and_no_folder(get: Get) -> None:
    table = get("/api/v1/collections/candidates/export", format="csv", fields="exfoliation_energy")
    cifs = get("/api/v1/collections/materials/export", format="cifs", filter='material_id = "bulk:mos2"')

    head = table.text.splitlines()[0].split(",")
    assert head == ["candidate_id", "exfoliation_energy", "exfoliation_energy_low", "exfoliation_energy_high"]
    assert cifs.content.startswith(b"PK")


def test_a_model_that_comes_with_the_package_is_a_document_too(get: Get) -> None:
    told = get("/api/v1/documents/shipped-roost").json()

    assert told["collection"] == "trained_models"
    assert told["id"].startswith("shipped-roost-")
    assert told["document"]["limits"]
    assert get(f"/api/v1/documents/{told['id']}/origins").status_code == 200
    assert get(f"/api/v1/documents/{told['id']}/values").json() == []
    assert get("/api/v1/documents/shipped-").status_code == 404
