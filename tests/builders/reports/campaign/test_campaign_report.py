"""The report on a campaign: what the page says of candidates that were judged, with figures and data beside it."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import small_registry
from exfolio.builders.reports.campaign.facts import facts_of
from exfolio.builders.reports.campaign.figures import periodic_table
from exfolio.builders.reports.campaign.page import interval, write_report
from exfolio.builders.reports.campaign.pictures import colours, picture
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from known_crystals import crystals, go, monolayer_of, put


@pytest.fixture
def judged(empty_registry: Connection) -> Connection:
    """Monolayers of graphite, BN and MoS2, judged by a campaign for layers."""
    put(empty_registry, [*crystals("C-graphite-2H", "BN-h", "MoS2-2H"), monolayer_of("MoS2-2H")])
    go(empty_registry)
    return empty_registry


def test_the_page_has_numbers_pictures_and_citations_and_needs_nothing_else(judged: Connection, tmp_path: Path) -> None:
    written = write_report(judged, "layers", tmp_path / "report")

    page = written[0].read_text(encoding="utf-8")
    facts = facts_of(judged, "layers")
    assert f"<b>{facts.totals['candidates']}</b>" in page
    assert "<svg" in page
    assert "@software{exfolio" in page
    assert not re.search(r'(?:src|href)="(?!#)', re.sub(r'xlink:href="#[^"]*"', "", page))
    assert pq.read_table(written[1]).num_rows == facts.totals["candidates"]
    assert {path.suffix for path in written} == {".html", ".parquet", ".csv", ".bib", ".svg", ".png"}


def test_a_campaign_that_is_not_there_is_told(empty_registry: Connection, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nobody"):
        write_report(empty_registry, "nobody", tmp_path)


def test_values_stand_with_their_intervals_and_bounds_with_their_signs() -> None:
    doc = {"a": 0.12, "b": -0.3, "c": 1.0, "lows": {"a": 0.05, "b": -0.4}, "highs": {"a": 0.2}}

    assert interval(doc, "a") == "0.120 (0.050 to 0.200)"
    assert interval(doc, "b") == "≥ −0.400"
    assert interval(doc, "c") == "1.000"
    assert interval(doc, "d") == "not known"


def test_a_picture_shows_every_atom_of_the_cell_in_the_colours_of_its_elements() -> None:
    drawn = picture(small_registry.mos2_bulk())

    red, green, blue = colours()["Mo"]
    assert drawn.startswith("<svg")
    assert f"#{red:02x}{green:02x}{blue:02x}" in drawn


def test_the_periodic_table_has_every_element_once() -> None:
    from collections import Counter

    figure = periodic_table(Counter({"S": 3, "Mo": 1}))

    symbols = [text.get_text() for text in figure.axes[0].texts if text.get_text().isalpha()]
    assert len(symbols) == len(set(symbols)) == 103
