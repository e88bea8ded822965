"""Registries that earlier versions made, as they were stored then, brought up to date."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from contents import current, differences
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.refresh import refresh
from exfolio.builders.sources.file_stage import SourceStage
from exfolio.stores import registry_version
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Composition
from exfolio.stores.errors import ConfigurationError, LeaseHeld
from exfolio.stores.migrations import migration
from exfolio.stores.migrations.migration import Migration
from exfolio.stores.migrations.steps import STEPS
from exfolio.stores.registry_version import CURRENT
from exfolio.stores.schema import initialise, is_up_to_date, look
from registry_samples import CAMPAIGN, names, put_back, write_files

Doc = dict[str, Any]


def laid_out(connection: Connection) -> dict[str, Any]:
    """Validators and indexes of all collections, but for how what guards what is there lies on disk: it stays."""
    return {
        listed["name"]: (
            {name: value for name, value in listed["options"].items() if name.startswith("validat")},
            {
                name: {k: v for k, v in index.items() if k != "storageEngine" or not index.get("unique")}
                for name, index in connection.database[listed["name"]].index_information().items()
            },
        )
        for listed in connection.database.list_collections()
        if "." not in listed["name"]  # files of GridFS come when the first is stored
    }


def said(connection: Connection) -> dict[str, dict[str, Doc]]:
    """What documents say, but for the notes of who wrote it, by which version, and what is said by gates."""
    notes = {"facets", "gate_verdicts", "made_by", "origins", "schema_version"}
    return {
        name: {key: {k: v for k, v in doc.items() if k not in notes} for key, doc in docs.items()}
        for name, docs in current(connection).items()
    }


@pytest.fixture(params=names())
def earlier(request: pytest.FixtureRequest, connection: Connection, tmp_path: Path) -> Connection:
    write_files(tmp_path)
    put_back(request.param, connection.database, tmp_path)
    return connection


def test_brought_up_to_date_it_is_laid_out_as_a_new_one_and_says_the_same(
    earlier: Connection, empty_registry: Connection
) -> None:
    before, told = said(earlier), look(earlier)

    initialise(earlier)

    assert laid_out(earlier) == laid_out(empty_registry)
    assert differences(before, said(earlier)) == []
    assert is_up_to_date(earlier)
    done = look(earlier)
    assert (done.version, done.steps, done.created, done.validators, done.made, done.dropped) == (CURRENT, *5 * ((),))
    assert [step for step, _ in told.steps] == [step for step in STEPS if step.number > told.version]


def test_origins_of_compositions_go_where_the_generator_says_the_same(connection: Connection, tmp_path: Path) -> None:
    # Given a registry of before, with a composition that was drawn, one that is listed, and one drawn and then listed
    put_back("version-7", connection.database, tmp_path)
    model, file = {"collection": "trained_models", "id": "matgan-1"}, {"collection": "file", "id": "list.txt"}
    drawn, listed = {"origins": [model], "generator": "matgan-1"}, {"origins": [file]}
    both = {"origins": [file], "generator": "matgan-1"}
    compositions = {"MgO": drawn, "NaCl": listed, "KCl": both}
    connection.database.compositions.insert_many(
        [{"formula_reduced": name, **doc} for name, doc in compositions.items()], bypass_document_validation=True
    )

    assert [number for step, number in look(connection).steps if step.number == 8] == [1]  # the dry run says so
    initialise(connection)

    stored = {doc["formula_reduced"]: doc for doc in connection.database.compositions.find()}
    assert {name for name, doc in stored.items() if "origins" in doc} == {"NaCl", "KCl"}
    assert {name: Composition.origins_of(doc) for name, doc in stored.items()} == {
        name: doc["origins"] for name, doc in compositions.items()
    }


def test_cut_off_after_any_batch_it_goes_on_where_it_stopped(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given batches of four documents, and a program that dies once each is done
    write_files(tmp_path)
    put_back("4e4698a", connection.database, tmp_path)
    due = [number for _, number in look(connection).steps]
    monkeypatch.setattr(migration, "_AT_ONCE", 4)
    batch, sizes = Migration._batch, []

    def die_afterwards(*arguments: Any) -> Any:
        if done := batch(*arguments):
            sizes.append(done[1])
            raise ConnectionError
        return done

    monkeypatch.setattr(Migration, "_batch", die_afterwards)

    # When it is started again until it gets through
    deaths = 0
    while not is_up_to_date(connection):
        try:
            initialise(connection)
        except ConnectionError:
            deaths += 1

    # Then no document was changed twice by a step
    assert sum(sizes) == sum(due) > 16
    assert deaths == len(sizes) > 8


def at_work(registry: Connection, job: str, seconds: float) -> None:
    now = datetime.now(UTC)
    lease = {"job": job, "owner": "elsewhere:4711:a1", "token": 5, "expires_at": now + timedelta(seconds=seconds)}
    registry.database["leases"].replace_one({"job": job}, lease, upsert=True)


def test_it_is_left_alone_while_a_program_of_before_is_at_work(connection: Connection, tmp_path: Path) -> None:
    write_files(tmp_path)
    put_back("4e4698a", connection.database, tmp_path)
    impatient = connection.settings.model_copy(update={"lease_seconds": 1})
    at_work(connection, "schedule", 3600)  # which runs nothing now
    at_work(connection, "refresh", 3600)
    counters = connection.database["counters"]
    before = counters.find_one({"_id": "schema"})

    with connect(impatient) as other:
        with pytest.raises(LeaseHeld, match="refresh is being run by elsewhere:4711") as refused:
            initialise(other)
        assert "stop it" in refused.value.remedy
        assert counters.find_one({"_id": "schema"}) == before

        at_work(connection, "refresh", 0.5)  # as if it had been killed
        initialise(other)
    assert is_up_to_date(connection)


def test_programs_of_before_are_refused_before_the_first_document_is_changed(
    connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_files(tmp_path)
    put_back("4e4698a", connection.database, tmp_path)

    def die(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(Migration, "run", die)
        with pytest.raises(ConnectionError):
            initialise(connection)

    with monkeypatch.context() as patch:  # as a program of before has it
        patch.setattr(registry_version, "CURRENT", CURRENT - 1)
        for ask in (lambda: is_up_to_date(connection), lambda: connect(connection.settings)):
            with pytest.raises(ConfigurationError, match="this exfolio knows"):
                ask()
    assert not is_up_to_date(connection)
    assert STEPS[-1].number == CURRENT
    assert (look(connection).version, [step for step, _ in look(connection).steps]) == (1, list(STEPS))


@pytest.mark.endurance
def test_refreshed_it_is_what_a_new_one_of_the_same_files_is(
    earlier: Connection, empty_registry: Connection, tmp_path: Path
) -> None:
    # Given a new registry of the same files
    sources = {"lab": ["MoS2.vasp", "NaCl.vasp", "graphite.vasp"], "energies": ["energies.csv"]}
    for source, files in sources.items():
        kind = "table" if source == "energies" else "structure-files"
        paths = [str(tmp_path / file) for file in files]
        run_stage(SourceStage(kind, {"paths": paths, "source": source}), empty_registry)
    campaign = load(str(tmp_path / CAMPAIGN))
    refresh(empty_registry, [campaign])

    # When the other is refreshed, which begins with bringing it up to date
    report = refresh(earlier, [campaign])

    # Then it says the same, and has nothing more to do
    assert (report.exit_code, report.errors) == (0, {})
    assert differences(current(empty_registry), current(earlier)) == []
    assert refresh(earlier, [campaign]).stages == []
