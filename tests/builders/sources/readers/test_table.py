"""Tables: which column is what, in which unit, in whatever encoding, and rows that can't be used."""

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.files.table_columns import parse_columns
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.readers.table import Table
from exfolio.builders.sources.records.raw_record import BadRecord
from exfolio.builders.sources.records.source_options import SourceOptionError


def test_rows_without_ids_are_numbered_by_reduced_formula(write: Any, read: Any) -> None:
    reading = read(Table(paths=write("gaps.csv", "formula,band_gap\nMoS2,1.6\nTi2O4,3.0\nTiO2,3.2\nMo2S4,\n")))
    assert [m["material_id"] for m in reading.materials] == ["gaps:MoS2-1", "gaps:TiO2-1", "gaps:TiO2-2", "gaps:MoS2-2"]
    first, second, _, last = reading.materials
    assert (first["band_gap"], first["formula_anonymous"], first["chemsys"]) == (1.6, "AB2", "Mo-S")
    assert (second["formula"], second["formula_reduced"]) == ("Ti2O4", "TiO2")
    assert "band_gap" not in last
    assert [raw.place for raw in reading.raws] == ["row 2", "row 3", "row 4", "row 5"]


@pytest.mark.parametrize(("column", "said"), [("id", "--column id=id"), ("My ID", "--column 'id=My ID'"), ("grid", "")])
def test_a_column_that_may_hold_ids_is_told(
    write: Any, read: Any, caplog: pytest.LogCaptureFixture, column: str, said: str
) -> None:
    caplog.set_level("INFO")
    file = write("a.csv", f"{column},formula\nx1,MoS2\n")

    assert read(Table(paths=file)).ids == ["MoS2-1"]
    assert [message.endswith(said) for message in caplog.messages] == [True] * bool(said)

    caplog.clear()
    assert read(Table(paths=file, columns={"id": column})).ids == ["x1"]
    assert caplog.messages == []


def test_columns_are_mapped_by_options(write: Any, read: Any) -> None:
    path = write(
        "v2db.csv",
        "id,Material,Prototype,Heat_of_formation,Band_Gap,Magnetic_state,sg\n7,AlOS,BiTeI,-1.5,1779.4,NM,156\n",
    )
    columns = parse_columns(
        [
            "formula=Material",
            "id=id",
            "prototype=Prototype",
            "space_group=sg",
            "formation_energy=Heat_of_formation:eV/atom",
            "band_gap=Band_Gap:meV",
        ]
    )
    reader = Table(
        paths=path, columns=columns, method="machine learning", dimension=2, reference="Sorkun et al. (2020)"
    )
    [material] = read(pickle.loads(pickle.dumps(reader))).materials
    assert material["source_id"] == "7"
    assert material["prototype"] == "BiTeI"
    assert material["space_group"] == {"number": 156, "crystal_system": "trigonal"}
    assert (material["formation_energy"], material["band_gap"]) == (-1.5, pytest.approx(1.7794))
    assert material["methods"] == {"formation_energy": "machine learning", "band_gap": "machine learning"}
    assert material["extra"] == {"Magnetic_state": "NM"}
    assert json.loads(json.dumps(reader.describe()))["columns"]["band_gap"] == "Band_Gap:meV"


@pytest.mark.parametrize(
    ("header", "field", "stated", "expected"),
    [
        ("exfoliation_energy_mev_per_atom", "exfoliation_energy", "63.6", 0.0636),
        ("exfoliation_en", "exfoliation_energy", "63.6", 0.0636),
        ("formation_energy_per_atom", "formation_energy", "-1.2", -1.2),
        ("e_form", "formation_energy", "-1.2", -1.2),
        ("gap pbe", "band_gap", "1.1", 1.1),
        ("Band gap (eV)", "band_gap", "1.1", 1.1),
        ("Bandgap [meV]", "band_gap", "1100", 1.1),
        ("Formation energy (kJ/mol)", "formation_energy", "-601.6", -601.6 / 96.48533212 / 2),
        ("formation_energy_per_atom (kJ/mol)", "formation_energy", "-300.8", -300.8 / 96.48533212),
        ("formation_energy_per_atom_mev", "formation_energy", "-12", -0.012),
        ("Formation energy per atom [eV]", "formation_energy", "-1.2", -1.2),
        ("energy_above_hull (meV/atom)", "energy_above_hull", "25", 0.025),
    ],
)
def test_headers_that_leave_no_doubt_are_understood(
    write: Any, read: Any, header: str, field: str, stated: str, expected: float
) -> None:
    [material] = read(Table(paths=write("t.csv", f"formula,{header}\nMgO,{stated}\n"))).materials
    assert material[field] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("unit", "stated", "expected"),
    [
        ("eV/atom", "-1", -1.0),
        ("eV per atom", "-1", -1.0),
        ("meV/atom", "-1", -0.001),
        ("kJ/mol/atom", "-96.48533212331", -1.0),
        ("kJ/mol", "-96.48533212331", -0.2),
        ("eV/formula", "-1", -0.2),
        ("eV/f.u.", "-1", -0.2),
    ],
)
def test_units_per_formula_are_for_the_formula_of_the_row(
    write: Any, read: Any, unit: str, stated: str, expected: float
) -> None:
    path = write("t.csv", f"formula,H\nAl2O3,{stated}\n")
    [material] = read(Table(paths=path, columns={"formation_energy": f"H:{unit}"})).materials
    assert material["formation_energy"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("field", "unit", "why"),
    [
        ("exfoliation_energy", "J/m^2", "per area"),
        ("exfoliation_energy", "meV/Å²", "per area"),
        ("formation_energy", "eV", "per atom or per formula"),
        ("band_gap", "eV/atom", "not understood"),
        ("band_gap", "Hartree", "not understood"),
    ],
)
def test_units_that_can_not_be_meant_are_refused(write: Any, read: Any, field: str, unit: str, why: str) -> None:
    path = write("t.csv", "formula,x\nMgO,1\n")
    with pytest.raises(SourceFileError, match=why):
        read(Table(paths=path, columns={field: f"x:{unit}"}))


@pytest.mark.parametrize("header", ["exfoliation_energy", "Band_Gap", "Energy above hull"])
def test_a_property_without_unit_is_refused_with_the_remedy(write: Any, read: Any, header: str) -> None:
    path = write("t.csv", f"formula,{header}\nMgO,1\n")
    with pytest.raises(SourceFileError, match=r"unit is not stated.*--column"):
        read(Table(paths=path))
    [material] = read(Table(paths=path, keep=[header])).materials
    assert material["extra"] == {header: "1"}


def test_two_columns_for_one_field_are_refused(write: Any, read: Any) -> None:
    path = write("t.csv", "formula,band_gap,gap pbe\nMgO,5,4.5\n")
    with pytest.raises(SourceFileError, match="both the band_gap"):
        read(Table(paths=path))
    [material] = read(Table(paths=path, columns={"band_gap": "gap pbe"})).materials
    assert material["band_gap"] == 4.5
    assert material["extra"] == {"band_gap": "5"}


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("a,b\n1,2\n", {}, "no column .* is called formula"),
        ("formula,b\nMgO,2\n", {"columns": {"id": "c"}}, "there is no column 'c'"),
        ("formula,b,b\nMgO,2,3\n", {}, "more than one column called 'b'"),
        ("formula,a.b,a_b\nMgO,2,3\n", {}, "more than one column called 'a.b', 'a_b'"),
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        (b"PK\x03\x04rest", {}, "zip archive"),
        (b"\xd0\xcf\x11\xe0rest", {}, "spreadsheet"),
    ],
)
def test_tables_that_can_not_be_read_say_why(
    write: Any, read: Any, content: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(SourceFileError, match=message):
        read(Table(paths=write("t.csv", content), **options))


def test_options_that_can_not_be_meant_are_refused() -> None:
    with pytest.raises(SourceOptionError, match="can't be 'gap'; it can be one of formula, id"):
        Table(paths="t.csv", columns={"gap": "x:eV"})
    with pytest.raises(SourceOptionError, match="one character"):
        Table(paths="t.csv", separator="::")
    with pytest.raises(SourceOptionError, match="no encoding"):
        Table(paths="t.csv", encoding="klingon")
    with pytest.raises(SourceOptionError, match="the dimension is 5"):
        Table(paths="t.csv", dimension=5)
    with pytest.raises(SourceOptionError, match="FIELD=COLUMN"):
        parse_columns(["band_gap"])
    with pytest.raises(SourceOptionError, match="two columns"):
        parse_columns(["band_gap=a:eV", "band_gap=b:eV"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings_separators_and_line_ends(
    write: Any, read: Any, encoding: str, separator: str, line_end: str
) -> None:
    rows = [["formula", "band_gap", "author"], ["MoS2", "1.6", "Müller"], ["GaSe", "2.1", "Strauß"]]
    content = line_end.join(separator.join(row) for row in rows).encode(encoding)
    materials = read(Table(paths=write("t.csv", content))).materials
    assert [(m["formula"], m["band_gap"], m["extra"]) for m in materials] == [
        ("MoS2", 1.6, {"author": "Müller"}),
        ("GaSe", 2.1, {"author": "Strauß"}),
    ]


def test_quotes_blank_lines_and_line_numbers(write: Any, read: Any) -> None:
    content = 'formula,note\n\nMoS2,"a ""good"", one"\n,\n   \n"GaSe","two\nlines"\nInSe,last\n'
    reading = read(Table(paths=write("t.csv", content)))
    assert reading.bad == []
    assert [m["extra"]["note"] for m in reading.materials] == ['a "good", one', "two\nlines", "last"]
    assert [raw.place for raw in reading.raws] == ["row 3", "row 6", "row 8"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("MoS2", "1 cells where the header has 2"),
        ("MoS2,1.6,more", "3 cells"),
        ("formula,band_gap", "repeats the header"),
        ("Mo_S2,1.6", "bad formula"),
        ("Xx2,1.6", "no element 'Xx'"),
        (",1.6", "the text is empty"),
        ("-,(eV)", "holds units"),
        ("NaN,1.6", "of a missing value"),
        ("MoS2,nan", "not finite"),
        ("MoS2,-inf", "not finite"),
        ("MoS2,1e999", "not finite"),
        ("MoS2,-1", "negative"),
        ("MoS2,wide", "no number"),
        ("MoS2,1_000", "no number"),
        ('"MoS2,1.6', "quotes don't fit"),
        ('"Mo"S2,1.6', "quotes don't fit"),
        (b"MoS2\xff,1.6", "not utf-8"),
        ("M" * 2**21, "longer than"),
    ],
)
def test_a_bad_row_is_told_and_the_next_is_read(write: Any, read: Any, row: Any, reason: str) -> None:
    row = row.encode() if isinstance(row, str) else row
    content = b"formula,band_gap\nTiO2,3.2\n" + row + b"\nGaSe,2.1\n"
    reading = read(Table(paths=write("t.csv", content), encoding="utf-8"))
    assert reading.ids == ["TiO2-1", "GaSe-1"]
    assert reading.places == ["row 3"]
    assert reason in reading.bad[0].reason


def test_a_quote_left_open_costs_one_row(write: Any, read: Any) -> None:
    rows = "".join(f"Fe{n}O{n + 1},1\n" for n in range(1, 300))
    reading = read(Table(paths=write("t.csv", 'formula,band_gap\n"TiO2,3.2\n' + rows)))
    assert len(reading.materials) == 299
    assert reading.places == ["row 2"]


def test_a_row_with_an_empty_id_is_bad(write: Any, read: Any) -> None:
    reading = read(Table(paths=write("t.csv", "material_id,formula\nx-1,MgO\n ,CaO\n")))
    assert reading.ids == ["x-1"]
    assert "id is empty" in reading.bad[0].reason


def test_what_is_readable_of_a_cut_file_is_read(write: Any, read: Any) -> None:
    rows = "".join(f"Fe{n % 97 + 1}O{n % 89 + 1},{n * 2654435761 % 2**32 / 2**32}\n" for n in range(20000))
    compressed = gzip.compress(("formula,band_gap\n" + rows).encode())
    reading = read(Table(paths=write("t.csv.gz", compressed[: len(compressed) // 2])))
    assert len(reading.materials) > 5000
    [bad] = reading.bad
    assert bad.rest_unread


def test_many_rows_together_are_as_each_alone(write: Any) -> None:
    rows = ["MoS2,1.6,x", "Bad,1,y", "Mg(OH)2,nan,z", "CuSO4(H2O)5,2.5,", "Fe0.5Ni0.5O,0.1,a"]
    reader = Table(paths=write("t.csv", "formula,band_gap,note\n" + "\n".join(rows)))
    raws = [raw for raw in reader.records(reader.files()[0]) if not isinstance(raw, BadRecord)]
    together = parse_many(reader, raws)
    assert len(together) == 4
    for raw, result in zip(raws, together, strict=True):
        if isinstance(result, BadRecord):
            with pytest.raises(BadRecord) as alone:
                reader.parse(raw)
            assert str(alone.value) == str(result)
        else:
            assert reader.parse(raw) == result


def test_several_tables_do_not_mix_their_ids(write: Any, read: Any) -> None:
    paths = [write(name, "formula\nMgO\n") for name in ("a.csv", "b.tsv")]
    assert read(Table(paths=paths, source="oxides")).ids == ["a.csv/MgO-1", "b.tsv/MgO-1"]


def test_real_tables(read: Any, shared_data: Path) -> None:
    reading = read(Table(paths=shared_data / "matbench_jdft2d.csv.gz"))
    assert (len(reading.materials), reading.bad) == (636, [])
    assert len(set(reading.ids)) == 636
    by_id = {m["source_id"]: m for m in reading.materials}
    assert by_id["HfSiTe-1"]["exfoliation_energy"] == pytest.approx(0.0635938, abs=1e-6)
    reading = read(Table(paths=shared_data / "2dmatpedia_formulas.csv.gz", source="2dmatpedia"))
    assert (len(reading.materials), reading.bad) == (6351, [])
    assert reading.materials[0]["material_id"] == "2dmatpedia:2dm-1"


def test_what_spreadsheets_and_people_put_above_the_header_is_no_header(write: Any, read: Any) -> None:
    for head in ("sep=;\n", "# source: x; y; z\n# of 2024\n", '"sep=;"\n#\n'):
        reading = read(Table(paths=write("t.csv", head + "formula;e_form\nMoS2;-0.85\n# no more\nWS2;-0.9\n")))
        assert [material["formation_energy"] for material in reading.materials] == [-0.85, -0.9]
        assert reading.bad == []


def test_an_id_may_begin_like_a_comment(write: Any, read: Any) -> None:
    assert read(Table(paths=write("t.csv", "material_id,formula\n#1,MoS2\n"))).ids == ["#1"]
    with pytest.raises(SourceFileError, match="lines 1 begin with # and were taken for comments"):
        read(Table(paths=write("u.csv", "#formula,e_form\nMoS2,-0.85\n")))


def test_decimal_commas_are_read_on_request_alone(write: Any, read: Any) -> None:
    path = write("t.csv", "formula;Ef;gap\nMoS2;-0,85;1,67\nWS2;-1.234,5;2\n")
    columns = {"formation_energy": "Ef:eV/atom", "band_gap": "gap:eV"}
    refused = read(Table(paths=path, columns=columns))
    assert refused.bad[0].remedy == "decimal comma: --decimal ,"
    assert "formation_energy is no number but '-0,85'; band_gap is no number" in refused.bad[0].reason
    reading = read(Table(paths=path, columns=columns, decimal=","))
    assert [(m["formation_energy"], m["band_gap"]) for m in reading.materials] == [(-0.85, 1.67)]
    assert reading.places == ["row 3"]  # a point that parts thousands beside a comma
    assert "signs between thousands" in reading.bad[0].remedy
    points = read(Table(paths=write("u.csv", "formula;Ef;gap\nMoS2;-0.85;\n"), columns=columns, decimal=","))
    assert points.bad[0].remedy == "decimal point: --decimal ."


@pytest.mark.parametrize(
    ("cell", "remedy"),
    [
        ("5,200", "thousands"),
        ("5 200", "thousands"),
        ("5,2", "decimal comma: --decimal ,"),
        ("<0.05", "a number alone"),
        ("0.1-0.3", "a number alone"),
        ("1.2(3)", "a number alone"),
        ("1.2 eV", "a number alone"),
        ("12%", "a number alone"),
        ("\u20135.2", "a minus as -, not as a dash"),
        ("n/a", "leave the cell empty"),
    ],
)
def test_a_cell_that_is_no_number_is_told_its_own_remedy(write: Any, read: Any, cell: str, remedy: str) -> None:
    reading = read(Table(paths=write("t.csv", f'formula,band_gap (eV)\nMoS2,"{cell}"\n')))
    assert remedy in reading.bad[0].remedy


def test_the_minus_sign_of_journals_is_read(write: Any, read: Any) -> None:
    [material] = read(Table(paths=write("t.csv", "formula,formation_energy / eV atom-1\nMoS2,\u22120.85\n"))).materials
    assert material["formation_energy"] == -0.85


@pytest.mark.parametrize("form", ["list", "lines", "split"])
def test_json_of_flat_records_is_a_table(write: Any, read: Any, form: str) -> None:
    # Given enthalpies of formation per formula, of which the second record has a name more and the last is none
    records = [{"formula": "Li2O", "exp energy": -6.1974}, {"formula": "MgO", "exp energy": None, "note": [1, 2]}, 3]
    content: Any = records
    if form == "lines":
        content = "\n".join(map(json.dumps, records))
    if form == "split":
        rows = [["Li2O", -6.1974, None], ["MgO", None, [1, 2]], 3]
        content = {"index": [0, 1, 2], "columns": ["formula", "exp energy", "note"], "data": rows}
    path = write("t.json", content)
    columns = {"formation_energy": "exp energy:eV/formula"}

    reading = read(Table(paths=path, columns=columns, method="experiment, 298 K"))

    assert guess_kind(path) == "table"
    oxide, bare = reading.materials
    assert oxide["formation_energy"] == pytest.approx(-2.0658, abs=1e-4)  # -597.9 kJ/mol, of three atoms
    assert oxide["methods"] == {"formation_energy": "experiment, 298 K"}
    assert ("formation_energy" in bare, bare["extra"]) == (False, {"note": "[1, 2]"})
    assert [bad.reason for bad in reading.bad] == ["it has no values by name"]


def test_columns_without_a_name_are_kept_by_their_place(write: Any, read: Any) -> None:
    reading = read(Table(paths=write("t.csv", "formula,,e_form,\nMoS2,grown,-0.85,\n")))
    assert reading.materials[0]["extra"] == {"column 2": "grown"}


def test_all_that_is_wrong_with_a_header_is_told_at_once(write: Any, read: Any) -> None:
    columns = {"formation_energy": "Ef", "band_gap": "gap:furlong", "prototype": "type"}
    with pytest.raises(SourceFileError) as caught:
        read(Table(paths=write("t.csv", "material,Ef,gap\nMoS2,1,2\n"), columns=columns))
    for fault in ("no column 'type'", "is called formula", "its unit is not stated", "'furlong'"):
        assert fault in str(caught.value)


def test_ids_are_bounded_and_can_be_typed(write: Any, read: Any) -> None:
    ids = ["x" * 300, "x" * 301, "a\0b", "\x1b[31mred", '"two\nlines"', "\u202edoog", "good"]
    path = write("ids.csv", "material_id,formula\n" + "".join(f"{name},MgO\n" for name in ids))
    reading = read(Table(paths=path))
    assert reading.ids == [ids[0], "good"]
    assert all("can't be one" in bad.reason for bad in reading.bad)
    assert len(reading.bad) == 5
