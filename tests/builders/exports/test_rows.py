"""Documents as comma-separated values that a spreadsheet shows and does not run."""

import csv
import io
from typing import Any

from exfolio.builders.exports.rows import write_csv, write_jsonl
from exfolio.stores.query.language.fields import fields_of

COLUMNS = [fields_of("materials").get(name) for name in ("material_id", "formula_reduced", "band_gap", "prototype")]


def cells(**document: Any) -> dict[str, str]:
    lines: list[str] = []
    write_csv([document], COLUMNS, lines.append)
    return next(csv.DictReader(lines))


def test_a_text_that_a_spreadsheet_would_run_is_quoted() -> None:
    for hostile in ("=1+1", "+A1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", " =1", "\t=1", "＝1"):
        assert cells(material_id="x:1", prototype=hostile)["prototype"] == f"'{hostile}"
    for harmless in ("CdI2", "-1.5", "+3", "a=b", "1-2"):
        assert cells(material_id="x:1", prototype=harmless)["prototype"] == harmless
    assert cells(material_id="x:1", band_gap=-1.5)["band_gap"] == "-1.5"


def test_a_cell_of_two_lines_is_one_cell() -> None:
    lines: list[str] = []
    write_csv([{"material_id": "x:a\n=1+1,b", "prototype": 'CdI2 "1T"'}, {"material_id": "x:2"}], COLUMNS, lines.append)
    rows = list(csv.DictReader(io.StringIO("\n".join(lines))))
    assert [(row["material_id"], row["prototype"]) for row in rows] == [("x:a\n=1+1,b", 'CdI2 "1T"'), ("x:2", "")]


def test_formulas_are_those_of_chemists_in_tables_and_the_registry_s_in_json() -> None:
    assert cells(material_id="x:1", formula_reduced="Te2Rh")["formula_reduced"] == "RhTe2"
    lines: list[str] = []
    write_jsonl([{"material_id": "x:1\x9b", "formula_reduced": "Te2Rh"}], lines.append)
    assert lines == ['{"material_id": "x:1\\u009b", "formula_reduced": "Te2Rh"}']
