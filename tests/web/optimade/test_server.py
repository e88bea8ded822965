"""The registry as an OPTIMADE provider: the consortium's own validator, filters, pages, other programs' readers."""

from collections.abc import Callable
from pathlib import PurePath

import pytest
import requests
from exfolio.builders.sources.optimade.optimade import Optimade
from exfolio.builders.sources.optimade.optimade_providers import ready_provider
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.builders.sources.records.units import UNITS_OF_FIELD
from exfolio.stores.connection import Connection
from optimade.adapters import Structure as OptimadeStructure
from optimade.validator import ImplementationValidator
from small_registry import FILE, mos2_bulk

Get = Callable[..., requests.Response]
pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the 'model_fields'"),  # by optimade-python-tools
    pytest.mark.filterwarnings("ignore::optimade.warnings.OptimadeWarning"),  # part of the answers
]


@pytest.mark.endurance
@pytest.mark.parametrize("database", ["materials", "candidates"])
def test_the_validator_of_optimade_passes_in_full(address: str, database: str) -> None:
    validator = ImplementationValidator(base_url=f"{address}/optimade/{database}", verbosity=-1, read_timeout=20)

    validator.validate_implementation()

    assert validator.valid, validator.results.failure_messages
    assert validator.results.optional_failure_count == 0, validator.results.optional_failure_messages


def found(get: Get, asked: str, **more: str) -> list[str]:
    answer = get("/optimade/materials/v1/structures", filter=asked, **more)
    assert answer.status_code == 200, answer.text
    return [entry["id"] for entry in answer.json()["data"]]


@pytest.mark.parametrize(
    ("asked", "ids"),
    [
        ('chemical_formula_reduced = "ClNa"', ["bulk:nacl"]),
        ('chemical_formula_reduced STARTS WITH "Cl"', ["bulk:nacl"]),
        ('chemical_formula_reduced = "H2MgO2"', ["bulk:brucite"]),
        ('chemical_formula_reduced STARTS WITH "H2Mg" AND elements_ratios HAS 0.2', ["bulk:brucite"]),
        ('chemical_formula_anonymous = "A2B" AND elements HAS "Ti"', ["bulk:tio2"]),
        ('elements_ratios HAS 0.3333333 AND elements HAS "Ti"', ["bulk:tio2"]),
        ('type = "structures" AND nelements = 3', ["bulk:brucite", "bulk:limno2"]),
        ('space_group_symbol_hermann_mauguin = "P 63/m m c"', ["bulk:mos2"]),
        ("nperiodic_dimensions = 3", ["bulk:mos2"]),
        ('structure_features HAS "disorder"', []),
        ("_exfolio_band_gap > 1 AND _exfolio_band_gap < 2", ["bulk:mos2"]),
        ("_other_provider_gap > 1", []),
    ],
)
def test_filters_find_what_they_ask_for(get: Get, asked: str, ids: list[str]) -> None:
    assert found(get, asked) == ids


def test_pages_follow_each_other_to_the_end(get: Get, address: str) -> None:
    url: str | None = f"{address}/optimade/materials/v1/structures?page_limit=2&sort=-nsites"
    ids: list[str] = []
    while url:
        page = requests.get(url, timeout=10).json()
        ids += [entry["id"] for entry in page["data"]]
        url = page["links"]["next"]

    assert ids[0] == "bulk:limno2"
    assert sorted(ids) == sorted(found(get, "nsites > 0"))


def test_a_structure_is_read_as_it_was_stored(get: Get) -> None:
    answer = get("/optimade/materials/v1/structures/bulk:mos2")
    assert answer.status_code == 200, answer.text
    entry = answer.json()["data"]

    read = OptimadeStructure(entry).as_pymatgen

    assert read.matches(mos2_bulk())
    assert entry["attributes"]["_exfolio_band_gap"] == 1.23


def test_another_registry_reads_values_and_their_methods_as_they_are_stored(get: Get, registry: Connection) -> None:
    stored = registry.database["materials"].find_one({"material_id": "bulk:mos2"}) or {}
    source = Optimade(**{**ready_provider("exfolio").options, "url": "http://127.0.0.1"})
    [served] = get(
        "/optimade/materials/v1/structures", filter='id="bulk:mos2"', response_fields=",".join(source.asked_for())
    ).json()["data"]

    [material] = source.parse(RawRecord("bulk:mos2", 0, served["attributes"]))["materials"]

    values = [name for name in UNITS_OF_FIELD if stored.get(name) is not None]
    assert values
    assert {name: material[name] for name in values} == {name: stored[name] for name in values}
    assert material.get("methods") == stored.get("methods")


def test_no_folder_of_the_machine_is_told(get: Get) -> None:
    [served] = get("/optimade/materials/v1/structures", filter='id="bulk:mos2"').json()["data"]

    [origin] = served["attributes"]["_exfolio_origins"]
    assert (origin["collection"], origin["id"]) == ("file", PurePath(FILE).name)


def test_properties_of_exfolio_are_described_with_units(get: Get) -> None:
    described = get("/optimade/candidates/v1/info/structures").json()["data"]["properties"]

    assert described["_exfolio_exfoliation_energy"]["unit"] == "eV/atom"
    assert "promoted" in described["_exfolio_status"]["description"]


def test_a_name_without_prefix_that_is_no_standard_one_is_refused(get: Get) -> None:
    answer = get("/optimade/materials/v1/structures", filter="band_gap > 1")

    assert answer.status_code == 400
    assert "_exfolio_" in answer.json()["errors"][0]["detail"]
