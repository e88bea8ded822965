"""The Materials Project pulled from an API on loopback: what changed, once, whatever the network does."""

import logging
import pickle
from dataclasses import replace

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import known_sources
from exfolio.builders.sources.live.service_stage import LiveSourceStage
from exfolio.builders.sources.records.raw_record import Documents, RawRecord
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.builders.sources.retirement import SourceShrank
from exfolio.builders.sources.services.http_client import QuestionRefused, SourceDenied, SourceUnavailable
from exfolio.builders.sources.services.materials_project import MaterialsProject
from exfolio.builders.sources.services.materials_project_record import normal_id
from exfolio.stores.bookkeeping import failures
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.settings import Settings
from loopback import Fault
from materials_project_server import KEY, MaterialsProjectServer, element, rock_salt
from pydantic import SecretStr


@pytest.fixture(scope="module")
def filled():
    """Documents of 28 MnO-like cells, Mn, O and one MgO, made once."""
    server = MaterialsProjectServer()
    for number in range(1, 29):
        server.put(number, rock_salt("Mn", 4.40 + 0.01 * number))
    server.put(101, element("Mn", 2.3))
    server.put(102, element("O", 3.1))
    server.put(200, rock_salt("Mg", 4.21))
    with server:
        yield server


@pytest.fixture
def registry(registry: Connection) -> Connection:
    """The empty registry, with settings that a test may change."""
    return replace(registry)


@pytest.fixture
def api(filled: MaterialsProjectServer, registry: Connection):
    """A server of the test's own with those documents, and the registry's settings pointing to it."""
    server = MaterialsProjectServer()
    server.summary = {number: dict(doc) for number, doc in filled.summary.items()}
    server.thermo = {number: dict(doc) for number, doc in filled.thermo.items()}
    server._updates = filled._updates
    with server:
        use(registry, mp_endpoint=server.url, mp_api_key=SecretStr(KEY), web_first_wait_seconds=0.01)
        yield server


def use(registry: Connection, **settings: object) -> None:
    object.__setattr__(registry, "settings", registry.settings.model_copy(update=settings))


def pull(registry: Connection, *, batch_size: int = 10, accept_loss: bool = False) -> StageReport:
    stage = LiveSourceStage("materials-project", {"chemsys": ["Mn-O"]}, accept_loss=accept_loss)
    return run_stage(stage, registry, batch_size=batch_size)


def material(registry: Connection, source_id: str) -> dict:
    return registry.database["materials"].find_one({"material_id": f"materials-project:{source_id}"})


def test_a_chemical_system_comes_with_the_elements_its_hull_needs(api, registry) -> None:
    report = pull(registry)

    assert (report.inserted, report.quarantined, report.failed) == (60, 0, 0)
    assert registry.database["materials"].distinct("chemsys") == ["Mn", "Mn-O", "O"]
    assert registry.database["reference_entries"].count_documents({}) == 30
    found = material(registry, "mp-7")
    assert found["source_version"] == "2024.11.14"
    assert (found["formula_reduced"], found["space_group"]["number"], found["nsites"]) == ("MnO", 225, 2)
    assert (found["formation_energy"], found["band_gap"], found["energy_per_atom"]) == (-1.95, 0.4, -8.0)
    assert found["extra"]["alphabetic_id"] == "mp-h"
    entry = registry.database["reference_entries"].find_one({"material_id": "materials-project:mp-7"})
    assert entry["entry_id"] == "materials-project:mp-7-GGA+U"
    assert entry["energy_per_atom"] == pytest.approx(-8.3)
    assert (entry["energy"], entry["correction"], entry["functional"]) == (-16.0, -0.6, "GGA+U")


def test_a_second_pull_asks_for_the_release_and_nothing_else(api, registry) -> None:
    pull(registry)
    api.asked.clear()

    report = pull(registry)

    assert (report.due, report.written) == (0, 0)
    assert [path for path, _ in api.asked] == ["/heartbeat"]


def test_a_new_release_brings_what_changed_and_keeps_the_earlier_values(api, registry) -> None:
    pull(registry)
    for number in range(1, 11):
        api.put(number, rock_salt("Mn", 4.40 + 0.01 * number), band_gap=0.9)
    api.release = "2025.2.12"
    for number in range(1, 11):  # the thermo documents stay as they were
        api.thermo[number]["last_updated"] = registry.database["source_records"].find_one(
            {"record": f"thermo/mp-{number}_GGA_GGA+U"}
        )["stamp"]

    report = pull(registry)

    assert (report.due, report.updated, report.inserted) == (10, 10, 0)
    found = material(registry, "mp-3")
    assert (found["band_gap"], found["source_version"]) == (0.9, "2025.2.12")
    assert [(one["values"], one["source_version"], one["replaced_by"]) for one in found["history"]] == [
        ({"band_gap": 0.4}, "2024.11.14", "2025.2.12")
    ]
    assert "history" not in material(registry, "mp-20")


def test_a_pull_that_is_cut_goes_on_where_it_stood(api, registry, monkeypatch) -> None:
    monkeypatch.setattr("exfolio.builders.sources.services.materials_project._FETCHED", 10)
    use(registry, web_attempts=1)
    api.faults.append(Fault("/materials/thermo/", status=500, after=2))  # the listing and one page get through

    with pytest.raises(SourceUnavailable, match="500"):
        pull(registry)
    assert registry.database["materials"].count_documents({}) == 30
    assert registry.database["reference_entries"].count_documents({}) == 10
    report = pull(registry)

    assert (report.due, report.inserted) == (20, 20)
    assert pull(registry).due == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("/materials/", status=429, headers={"Retry-After": "0"}),
        Fault("/materials/", status=500),
        Fault("/materials/", status=503, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        Fault("/materials/", cut=True, after=3),
        Fault("/materials/", body=b"<html>maintenance</html>"),
        Fault("/heartbeat", body=b"[]"),
        Fault(
            "/materials/summary/",
            status=400,
            body=b'{"detail": "Request contains query parameters which cannot be used"}',
        ),
    ],
    ids=["told to wait", "failing", "told until when", "cut", "no JSON", "no object", "can't sort"],
)
def test_what_passes_is_waited_for(api, registry, fault) -> None:
    api.faults.append(Fault(**vars(fault)))

    report = pull(registry)

    assert report.inserted == 60


def test_a_wait_that_is_asked_for_is_kept(api, registry) -> None:
    api.faults.append(Fault("/materials/", status=429, headers={"Retry-After": "1"}))

    assert pull(registry).seconds >= 1


def test_a_wait_beyond_reason_ends_the_run(api, registry) -> None:
    api.faults.append(Fault("/materials/", status=429, headers={"Retry-After": "86400"}))

    with pytest.raises(SourceUnavailable, match="86,400 s"):
        pull(registry)


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_accepted_is_said_and_never_shown(api, registry, status, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    api.faults.append(Fault("/materials/", status=status))

    with pytest.raises(SourceDenied) as refused:
        pull(registry)

    assert "materialsproject.org/api" in refused.value.remedy
    told = str(refused.value) + caplog.text + str(list(registry.database["runs"].find()))
    assert KEY not in told
    assert KEY not in str(list(registry.database["stage_states"].find()))
    assert set(api.keys) == {KEY}


def test_without_a_key_nothing_is_asked(api, registry) -> None:
    use(registry, mp_api_key=None)

    with pytest.raises(ConfigurationError, match="key"):
        pull(registry)

    assert api.asked == []


def test_a_malformed_document_goes_to_quarantine_until_it_is_mended(api, registry) -> None:
    good = dict(api.summary[5])
    api.summary[5]["structure"] = {"sites": "none"}

    report = pull(registry)

    assert (report.inserted, report.quarantined) == (59, 1)
    complaint = registry.database["quarantine"].find_one()
    assert (complaint["place"], complaint["reason"][:13]) == ("summary/mp-5", "bad structure")
    api.summary[5] = good | {"last_updated": "2025-01-01T00:00:00Z"}
    api.release = "2025.2.12"
    assert pull(registry).inserted == 1
    assert registry.database["quarantine"].count_documents({}) == 0


def test_a_record_that_fails_is_tried_again_when_its_wait_is_over_or_it_has_changed(api, registry, monkeypatch) -> None:
    tried = []
    well = MaterialsProject.parse

    def parse(self: MaterialsProject, raw: RawRecord) -> Documents:
        if raw.place == "summary/mp-7":
            tried.append(raw.stamp)
            raise RuntimeError("no memory left")
        return well(self, raw)

    monkeypatch.setattr(MaterialsProject, "parse", parse)
    assert pull(registry).failed == 1
    before = len(tried)

    api.release = "2024.12.18"
    report = pull(registry)
    assert (report.failed, report.due, len(tried)) == (0, 0, before)

    api.put(7, rock_salt("Mn", 4.6))
    api.release = "2025.02.12"
    assert pull(registry).failed == 1
    assert len(set(tried)) == 2

    monkeypatch.setattr(MaterialsProject, "parse", well)
    assert pull(registry).due == 0  # its wait is not over
    failures.unpark(registry)
    report = pull(registry)
    assert (report.inserted, report.failed, material(registry, "mp-7")["deprecated"]) == (1, 0, False)
    assert registry.database["failures"].count_documents({}) == 0


def test_a_listing_that_moves_is_read_again(api, registry, monkeypatch) -> None:
    monkeypatch.setattr("exfolio.builders.sources.services.materials_project._LISTED", 10)
    api.faults.append(Fault("/materials/summary/", after=1, then=lambda: api.remove(1)))

    report = pull(registry)

    assert report.inserted == 58
    assert material(registry, "mp-28") is not None


def test_a_release_that_changes_under_way_retires_nothing_and_is_looked_at_again(api, registry) -> None:
    pull(registry)
    api.put(3, rock_salt("Mn", 4.43), band_gap=0.7)
    api.release = "2025.2.12"
    api.remove(28)

    def next_release() -> None:
        api.release = "2025.2.13"

    # The second question for the release comes at the end of the pass.
    api.faults.append(Fault("/heartbeat", after=1, then=next_release))
    report = pull(registry)

    assert "while it was pulled" in report.note
    assert report.deprecated == 0
    later = pull(registry)
    assert later.deprecated == 2
    assert pull(registry).due == 0


def test_what_is_gone_is_retired_and_comes_back(api, registry) -> None:
    pull(registry)
    kept = api.summary[9], api.thermo[9]
    api.remove(9)
    api.release = "2025.2.12"

    assert pull(registry).deprecated == 2
    found = material(registry, "mp-9")
    assert found["deprecated"]
    assert found["deprecation_reasons"] == ["no longer in source materials-project, version 2025.2.12"]

    api.summary[9], api.thermo[9] = kept
    api.release = "2025.4.10"
    assert pull(registry).updated == 2
    assert not material(registry, "mp-9")["deprecated"]


def test_what_the_source_deprecates_is_deprecated_with_its_reason(api, registry) -> None:
    pull(registry)
    api.withdraw(4, "Could not match the structure of its calculations")
    api.release = "2025.2.12"

    report = pull(registry)

    assert report.deprecated == 2
    reasons = material(registry, "mp-4")["deprecation_reasons"]
    assert reasons == ["deprecated by the Materials Project: Could not match the structure of its calculations"]
    assert pull(registry).due == 0


def test_a_loss_that_is_too_large_stops_with_a_question(api, registry) -> None:
    pull(registry)
    for number in range(1, 21):
        api.remove(number)
    api.release = "2025.2.12"

    for _ in range(2):
        with pytest.raises(SourceShrank, match="40 of its 60"):
            pull(registry)
        assert registry.database["materials"].count_documents({"deprecated": True}) == 0

    assert pull(registry, accept_loss=True).deprecated == 40


def test_what_two_systems_share_stays_until_neither_has_it(api, registry) -> None:
    pull(registry)
    other = LiveSourceStage("materials-project", {"chemsys": ["Mg-O"]})
    assert run_stage(other, registry).inserted == 2 * 1  # MgO; oxygen is there already
    api.remove(102)
    api.release = "2025.2.12"

    assert pull(registry).deprecated == 0
    again = LiveSourceStage("materials-project", {"chemsys": ["Mg-O"]}, accept_loss=True)
    assert run_stage(again, registry).deprecated == 2
    assert material(registry, "mp-102")["deprecated"]


def test_a_refresh_pulls_the_same_again_without_knowing_the_key(api, registry) -> None:
    pull(registry)

    (stage,) = known_sources(registry)

    assert isinstance(stage, LiveSourceStage)
    assert stage.name == "ingest:materials-project:Mn-O"
    assert KEY not in pickle.dumps(stage).decode("latin-1")


def test_an_address_that_is_no_such_api_is_said(api, registry) -> None:
    api.faults.append(Fault("/materials/", body=b'{"hello": "world"}'))

    with pytest.raises(QuestionRefused, match="mp_endpoint"):
        pull(registry)


@pytest.mark.parametrize("endpoint", ["http://example.org", "ftp://127.0.0.1", "https://me:secret@example.org"])
def test_a_key_goes_nowhere_in_the_clear(endpoint) -> None:
    with pytest.raises(ValueError, match=r"https|user") as refused:
        Settings(mp_endpoint=endpoint)
    assert "secret" not in str(refused.value)


def test_both_forms_of_an_id_are_one() -> None:
    assert normal_id("mp-lxf") == normal_id("mp-8039") == normal_id("mp-aaaaalxf") == "mp-8039"
    assert normal_id("mp-3347530") == "mp-hilze"  # minted after the numeric ones ended
    for wrong in ("8039", None, "mp-", "mp-12-3", ["mp-1"]):
        with pytest.raises(ValueError, match=r"id|separat|unpack|Missing|none"):
            normal_id(wrong)


@pytest.mark.parametrize("chemsys", ["Mn-Xx", "", "Mn-Mn", "Mn,O"])
def test_what_is_no_chemical_system_is_refused(chemsys) -> None:
    with pytest.raises(SourceOptionError, match="no chemical system"):
        MaterialsProject(chemsys=[chemsys])


def test_a_system_holds_all_smaller_ones() -> None:
    assert MaterialsProject(chemsys=["O-Mn-Mg"]).systems() == ["Mg", "Mn", "O", "Mg-Mn", "Mg-O", "Mn-O", "Mg-Mn-O"]
