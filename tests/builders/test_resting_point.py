"""A registry is at rest until anything that a refresh would look at has changed."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.refresh import refresh
from exfolio.builders.resting_point import is_at_rest
from exfolio.stores.clock import utc_now
from exfolio.stores.connection import Connection
from known_crystals import CAMPAIGN, crystals, put

ROWS = "formula,band_gap_eV\nMoS2,1.2\nNbSe2,0\n"


@pytest.fixture
def resting(registry: Connection, tmp_path: Path) -> Campaign:
    """A registry that a refresh has brought to rest, and the campaign, which reads a table."""
    table = tmp_path / "gaps.csv"
    table.write_text(ROWS)
    file = tmp_path / "layers.yaml"
    file.write_text(f"{CAMPAIGN}sources: [{{kind: table, options: {{paths: [{table}]}}}}]\n")
    campaign = load(str(file))
    refresh(registry, [campaign])
    return campaign


def test_what_was_refreshed_is_at_rest(registry: Connection, resting: Campaign) -> None:
    assert is_at_rest(registry, [])
    assert is_at_rest(registry, [resting])


def fail(connection: Connection, seconds_ago: float, *, parked: bool = False) -> None:
    """An item failed, and is to be tried again at a time so many seconds ago."""
    when = utc_now() - timedelta(seconds=seconds_ago)
    failure = {"failure_id": "layers/x", "stage": "layers", "item": "x", "attempts": 1, "last_error": "no luck"}
    times = dict.fromkeys(("first_failed_at", "last_failed_at", "next_retry_at"), when)
    connection.database["failures"].insert_one({**failure, **times, "parked": parked})


def a_material_came(registry: Connection, _: Path) -> None:
    put(registry, crystals("BN-h"))


def a_failure_may_be_tried_again(registry: Connection, _: Path) -> None:
    fail(registry, 1)


def the_file_changed(_: Connection, table: Path) -> None:
    table.write_text(f"{ROWS}WS2,1.3\n")


def the_file_went(_: Connection, table: Path) -> None:
    table.unlink()


def the_file_was_half_read(registry: Connection, _: Path) -> None:
    registry.database["stage_states"].update_one({"stage": "ingest:gaps"}, {"$set": {"partial": {"files": {}}}})


@pytest.mark.parametrize(
    "disturb",
    [a_material_came, a_failure_may_be_tried_again, the_file_changed, the_file_went, the_file_was_half_read],
    ids=lambda function: function.__name__.replace("_", " "),
)
def test_whatever_changes_ends_the_rest(
    registry: Connection, tmp_path: Path, resting: Campaign, disturb: Callable[[Connection, Path], object]
) -> None:
    disturb(registry, tmp_path / "gaps.csv")

    assert not is_at_rest(registry, [])
    assert not is_at_rest(registry, [resting])


def test_a_campaign_of_other_settings_is_not_at_rest(registry: Connection, resting: Campaign) -> None:
    other = Campaign.model_validate(resting.model_dump(mode="json", by_alias=True) | {"description": "another"})

    assert is_at_rest(registry, [])
    assert not is_at_rest(registry, [other])


def test_failures_that_wait_or_are_parked_do_not_end_it(registry: Connection, resting: Campaign) -> None:
    fail(registry, -60)
    assert is_at_rest(registry, [resting])

    registry.database["failures"].delete_many({})
    fail(registry, 1, parked=True)
    assert is_at_rest(registry, [resting])


LISTED = """\
compositions:
  formulas_from: list.txt
  classifier: {train: false}
  roost: {train: false}
  gates: [{name: new, field: novel, is: true}]
"""


@pytest.mark.endurance
def test_a_list_of_formulas_that_changes_ends_it_and_one_that_goes_keeps_no_other_campaign(
    registry: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    formulas = tmp_path / "list.txt"
    formulas.write_text("NaCl\n")
    for name, more in (("plain", ""), ("listed", LISTED)):
        (tmp_path / f"{name}.yaml").write_text(CAMPAIGN.replace("name: layers", f"name: {name}") + more)
    campaigns = [load(f"{name}.yaml") for name in ("plain", "listed")]
    refresh(registry, campaigns)
    assert is_at_rest(registry, campaigns)

    formulas.write_text("NaCl\nMgO\n")
    assert not is_at_rest(registry, campaigns)

    formulas.unlink()
    put(registry, crystals("BN-h"))
    report = refresh(registry, campaigns)
    assert [name for name in report.errors if name.startswith("campaign:")] == ["campaign:listed"]
    assert "layers" in {stage.stage for stage in report.stages if stage.written}
