"""Documents as Parquet, read again by pyarrow: types, units, intervals, nothing where nothing is known."""

from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet as pq
from exfolio.builders.exports.parquet import write_parquet
from exfolio.stores.query.language.fields import fields_of

WHEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
DOCUMENTS = [
    {"candidate_id": "a/1", "elements": ["Mo", "S"], "exfoliation_energy": 0.08, "lows": {"exfoliation_energy": 0.05}},
    {"candidate_id": "a/2", "novel": True, "nsites": 3, "updated_at": WHEN, "context": {"band_gap": {"value": 1.5}}},
]
NAMES = ("candidate_id", "elements", "exfoliation_energy", "novel", "nsites", "updated_at", "context")


def test_columns_have_types_and_units_and_the_ends_of_intervals(tmp_path: Path) -> None:
    known = fields_of("candidates")

    number = write_parquet(DOCUMENTS, [known.get(name) for name in NAMES], tmp_path / "all.parquet")

    table = pq.read_table(tmp_path / "all.parquet")
    first, second = table.to_pylist()
    assert number == 2
    assert table.schema.field("exfoliation_energy").metadata[b"unit"] == b"eV/atom"
    assert (first["exfoliation_energy"], first["exfoliation_energy_low"]) == (0.08, 0.05)
    assert first["exfoliation_energy_high"] is None
    assert first["elements"] == ["Mo", "S"]
    assert (second["novel"], second["nsites"], second["updated_at"]) == (True, 3, WHEN)
    assert second["context"] == '{"band_gap": {"value": 1.5}}'
    assert second["exfoliation_energy"] is None
