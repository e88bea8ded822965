"""The table of V2DB is recognised by its header and read with its units."""

from pathlib import Path

import pytest
from exfolio.builders.sources.databases.v2db import V2db
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import BadRecord


def test_row(tmp_path: Path) -> None:
    path = tmp_path / "v2db.csv"
    path.write_text(
        "id,Material,Prototype,Heat_of_formation,Energy_above_convex_hull,Band_Gap,Work_function\n"
        "7,GaSe,BN,-0.81,-0.23,1.43,4.9\n"
    )
    assert guess_kind(path) == "v2db"
    reader = reader_for("v2db", paths=[path])
    (documents,) = parse_many(reader, list(reader.records(path)))
    (document,) = documents["materials"]
    assert document["material_id"] == "v2db:7"
    assert (document["formation_energy"], document["energy_above_hull"], document["band_gap"]) == (-0.81, -0.23, 1.43)
    assert document["prototype"] == "BN"
    assert document["dimension_claimed"] == 2
    assert document["methods"]["band_gap"].startswith("machine learning")
    assert document["extra"] == {"Work_function": "4.9"}


@pytest.mark.shared
def test_the_whole_table(shared_data: Path) -> None:
    path = shared_data / "v2db_predictions.csv.gz"
    assert guess_kind(path) == "v2db"
    reader = V2db(paths=[path])
    results = parse_many(reader, list(reader.records(path)))
    assert [one for one in results if isinstance(one, BadRecord)] == []
    documents = [one["materials"][0] for one in results]
    assert len({document["material_id"] for document in documents}) == 7123
    assert {document["prototype"] for document in documents} == {
        *("AuSe", "BiTeI", "MoSSe", "CdI2", "MoS2", "GeSe", "GeS2", "BN")
    }
    assert max(document["energy_above_hull"] for document in documents) == pytest.approx(0.2, abs=1e-4)
    janus = [document["formula"] for document in documents if document["formula_reduced"] == "AlSO"]
    assert len(janus) == sum(document["formula"] in ("AlOS", "AlSO") for document in documents)
