"""The reference OPTIMADE server, with its own data and with crystals that change."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.refresh import known_sources
from exfolio.builders.sources.retirement import SourceShrank
from exfolio.builders.sources.services.http_client import SourceUnavailable
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.server import embedded
from materials_project_server import rock_salt
from optimade_pulls import change, material, pull
from optimade_server import as_resource, at, reference_server, reference_structures
from pymongo import MongoClient
from pymongo.collection import Collection


@dataclass
class Provider:
    """The reference server and the collection it serves."""

    url: str
    structures: Collection[dict[str, Any]]


@pytest.fixture(scope="module")
def _provider(mongo_server: embedded.Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    database = f"optimade_{uuid.uuid4().hex[:8]}"
    uri = mongo_server.uri().get_secret_value()
    with MongoClient(uri) as client:
        collection = client[database]["structures"]
        collection.insert_one({})
        with reference_server(uri, database, Path(tmp_path_factory.mktemp("optimade"))) as url:
            yield Provider(url, collection)
        client.drop_database(database)


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """The reference server with its own 17 structures and 40 of MnO, each a little larger than the one before."""
    _provider.structures.delete_many({})
    _provider.structures.insert_many(reference_structures())
    _provider.structures.insert_many(
        [as_resource(f"mno-{n}", rock_salt("Mn", 4.4 + 0.005 * n), at(n), hull=10.0 * n, gap=0.5) for n in range(40)]
    )
    return _provider


@pytest.fixture
def registry(registry: Connection) -> Connection:
    """The empty registry, with waits that suit tests."""
    own = replace(registry)
    change(own, web_first_wait_seconds=0.01)
    return own


def test_a_filter_is_pulled_page_by_page_with_the_providers_values_in_our_units(provider, registry) -> None:
    report, requests = pull(registry, provider.url, method="PBE", keep=["_exmpl_note"])

    assert (report.inserted, report.quarantined, requests) == (40, 0, 6)  # licence, units, and 4 pages of 10
    found = material(registry, "mno-12")
    assert found["energy_above_hull"] == pytest.approx(0.12)
    assert (found["band_gap"], found["formula_reduced"], found["nsites"]) == (0.5, "MnO", 2)
    assert found["methods"] == {"energy_above_hull": "PBE", "band_gap": "PBE"}
    assert found["volume"] == pytest.approx(4.46**3 / 4)
    assert found["source_version"] == "2024-05-01T12:00:12.000000Z"


def test_the_servers_own_data_are_read_and_what_is_no_crystal_is_refused(provider, registry) -> None:
    report, _ = pull(registry, provider.url, filter="", fields={})

    assert (report.inserted, report.quarantined) == (41, 16)  # of its 17 structures one has no atoms that overlap
    assert material(registry, "mpf_200")["formula_reduced"] == "Ag"
    reasons = registry.database["quarantine"].distinct("reason")
    assert all(any(word in reason for word in ("overlap", "cell lengths", "g/cm^3")) for reason in reasons)


def test_a_second_pull_asks_one_question_and_writes_nothing(provider, registry) -> None:
    pull(registry, provider.url)

    report, requests = pull(registry, provider.url)

    assert (report.due, report.written, requests) == (0, 0, 1)


def test_only_what_was_modified_is_written_and_the_earlier_value_is_kept(provider, registry) -> None:
    pull(registry, provider.url)
    for n in range(10):
        provider.structures.update_one({"task_id": f"mno-{n}"}, {"$set": {"gap": 0.8, "last_modified": at(100 + n)}})

    report, requests = pull(registry, provider.url)

    assert (report.due, report.updated, requests) == (10, 10, 2)  # the newest of before comes along
    found = material(registry, "mno-3")
    assert found["band_gap"] == 0.8
    assert found["history"][0]["values"] == {"band_gap": 0.5}
    assert found["history"][0]["source_version"] == "2024-05-01T12:00:03.000000Z"


def test_a_new_list_shows_what_is_gone_and_what_no_stamp_told_of(provider, registry) -> None:
    pull(registry, provider.url)
    provider.structures.delete_one({"task_id": "mno-7"})
    provider.structures.insert_one(as_resource("late", rock_salt("Mn", 5.0), at(0), gap=0.1))  # with an old stamp

    not_yet, _ = pull(registry, provider.url)
    listed, _ = pull(registry, provider.url, list_days=0)

    assert (not_yet.inserted, not_yet.deprecated) == (0, 0)
    assert (listed.inserted, listed.deprecated) == (1, 1)
    assert material(registry, "mno-7")["deprecated"]
    provider.structures.insert_one(as_resource("mno-7", rock_salt("Mn", 4.435), at(7), hull=70.0, gap=0.5))
    pull(registry, provider.url, list_days=0)
    assert not material(registry, "mno-7")["deprecated"]


def test_a_list_that_lost_too_much_retires_nothing(provider, registry) -> None:
    pull(registry, provider.url)
    provider.structures.delete_many({})

    with pytest.raises(SourceShrank, match="40 of its 40"):
        pull(registry, provider.url, list_days=0)

    assert registry.database["materials"].count_documents({"deprecated": True}) == 0
    report, _ = pull(registry, provider.url, list_days=0, accept_loss=True)
    assert report.deprecated == 40


def test_several_providers_stand_side_by_side(provider, registry) -> None:
    pull(registry, provider.url)
    pull(registry, provider.url + "/v1/", source="other", filter='elements HAS "Ag"', fields={})

    assert [stage.live.source for stage in known_sources(registry)] == ["other", "ref"]
    assert registry.database["materials"].distinct("source") == ["other", "ref"]


def test_a_property_that_is_not_there_or_in_another_unit_is_said(provider, registry) -> None:
    with pytest.raises(ConfigurationError) as missing:
        pull(registry, provider.url, fields={"band_gap": "_exmpl_bandgap:eV"})
    with pytest.raises(ConfigurationError, match="'meV/atom' by the provider, and 'eV/atom' was given"):
        pull(registry, provider.url, fields={"energy_above_hull": "_exmpl_hull:eV/atom"})

    assert "_exmpl_gap" in missing.value.remedy


def test_a_filter_that_is_not_understood_is_said(provider, registry) -> None:
    with pytest.raises(SourceUnavailable, match="400"):
        pull(registry, provider.url, filter="elements HAVE O")
