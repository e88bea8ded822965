"""Records are found one by one in whatever form a JSON file has, and a bad one does not hide the others."""

import gzip
import json
import math
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio.builders.sources.files import json_text
from exfolio.builders.sources.files.json_stream import JsonItem, json_items
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.records.raw_record import BadRecord

Write = Callable[[str, Any], Path]
A, B = {"composition": {"Mn": 1}, "energy": -9.0}, {"composition": {"Fe": 1}, "energy": -8.3}


def values(path: Path) -> list[Any]:
    return [item.value if isinstance(item, JsonItem) else item for item in json_items(path)]


@pytest.mark.parametrize(
    ("content", "places"),
    [
        (json.dumps([A, B]), ["item 1", "item 2"]),
        (json.dumps([A, B], indent=2), ["item 1", "item 2"]),
        (json.dumps({"Mn": A, "Fe": B}), ["key Mn", "key Fe"]),
        (json.dumps({"data": [A, B], "meta": {"total": 2}}), ["item 1", "item 2"]),
        (json.dumps({"meta": {}, "entries": [A, B]}), ["item 1", "item 2"]),
        (json.dumps({"links": {"next": None}, "resource": {}, "data": [A, B], "meta": {}}), ["item 1", "item 2"]),
        (json.dumps({"links": {"next": None}, "data": [], "meta": {}}), []),
        (json.dumps({"jid": "JVASP-1", "atoms": {"elements": []}}), ["the record"]),
        (json.dumps({f"entry-{n}": {"gap": n} for n in range(20)}), [f"key entry-{n}" for n in range(20)]),
        (json.dumps({"a": {"gap": 1}, "b": {"gap": 2}}), ["key a", "key b"]),
        (json.dumps({"1": {"numbers": [1]}, "ids": [1], "nextid": 2}), ["key 1", "key ids", "key nextid"]),
        (json.dumps({"version": 3, "entries": [A, B]}), ["item 1", "item 2"]),
        (json.dumps(A) + "\n" + json.dumps(B) + "\n", ["line 1", "line 2"]),
        ("\ufeff" + json.dumps(A) + "\r\n\r\n" + json.dumps(B), ["line 1", "line 3"]),
        ("\ufeff" + json.dumps([A, B]), ["item 1", "item 2"]),
        (json.dumps(A, indent=1), ["the record"]),
        ("[]", []),
        ("{}", ["the record"]),
    ],
)
def test_forms_of_files(write: Write, content: str, places: list[str]) -> None:
    items = list(json_items(write("records.json", content)))
    assert [item.place for item in items] == places
    assert [item.index for item in items] == list(range(len(items)))
    if places in (["item 1", "item 2"], ["key Mn", "key Fe"]):
        assert [item.value for item in items if isinstance(item, JsonItem)] == [A, B]


def test_a_broken_first_record_does_not_hide_that_records_are_by_key(write: Write) -> None:
    broken, good = json_items(write("records.json", f'{{"Mn": {{"energy": }}, "Fe": {json.dumps(B)}}}'))

    assert (broken.place, good.place) == ("key Mn", "key Fe")
    assert isinstance(broken, BadRecord)


@pytest.mark.parametrize("order", [("index", "columns", "data"), ("data", "columns", "index")])
def test_tables_of_pandas_in_any_order_of_keys(write: Write, order: tuple[str, ...]) -> None:
    table = {"index": [0, 1], "columns": ["structure", "gap"], "data": [[{"sites": []}, 1.5], [{"sites": []}, None]]}
    items = list(json_items(write("table.json", {key: table[key] for key in order})))
    assert [(item.place, item.columns, item.value) for item in items if isinstance(item, JsonItem)] == [
        ("row 1", ("structure", "gap"), [{"sites": []}, 1.5]),
        ("row 2", ("structure", "gap"), [{"sites": []}, None]),
    ]


@pytest.mark.parametrize("chunk", [1, 3, 7, 64])
def test_the_size_of_the_pieces_read_does_not_matter(write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(json_text, "_CHUNK_BYTES", chunk)
    records = [A, {"name": 'quote " brace } ü€😀 \\', "n": -1.25e-7, "deep": [[1, [2]], {"x": None}]}, 12345, "text", B]
    assert values(write("records.json", json.dumps(records))) == records
    assert values(write("more.json", json.dumps(records, ensure_ascii=False, indent=3))) == records


@pytest.mark.parametrize(
    "broken",
    ['{"energy": }', '{"energy": 1 "x": 2}', '{"list": [1, 2}', "{'energy': 1}", "nonsense", '{"a": "tab\there"}'],
)
@pytest.mark.parametrize("chunk", [5, 2**18])
def test_a_broken_record_does_not_hide_the_next(
    write: Write, monkeypatch: pytest.MonkeyPatch, broken: str, chunk: int
) -> None:
    monkeypatch.setattr(json_text, "_CHUNK_BYTES", chunk)
    path = write("records.json", f"[{json.dumps(A)}, {broken}, {json.dumps(B)}]")
    first, bad, last = values(path)
    assert (first, last) == (A, B)
    assert isinstance(bad, BadRecord)
    assert bad.place == "item 2"
    assert "not JSON" in bad.reason


@pytest.mark.parametrize("chunk", [5, 2**18])
def test_numbers_and_keys_are_read_as_python_reads_them(
    write: Write, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(json_text, "_CHUNK_BYTES", chunk)
    text = '[{"n": 36893488147419103233}, {"e": -1.0e-3}, {"u": NaN, "v": -Infinity}, {"k": 1, "k": 2}, 0.1]'
    exact, energy, unknown, twice, tenth = values(write("records.json", text))
    assert exact == {"n": 2**65 + 1}  # beyond a float's digits
    assert energy == {"e": -0.001}
    assert type(energy["e"]) is float
    assert math.isnan(unknown["u"])  # pymatgen writes it for an uncertainty that is not known
    assert unknown["v"] == -math.inf
    assert twice == {"k": 2}
    assert tenth == 0.1


def test_a_record_nested_without_end_does_not_hide_the_next(write: Write) -> None:
    path = write("records.json", f"[{json.dumps(A)}, {'[' * 100_000}{']' * 100_000}, {json.dumps(B)}]")
    first, bad, last = values(path)
    assert (first, last) == (A, B)
    assert isinstance(bad, BadRecord)
    assert "nested too deeply" in bad.reason


def test_a_bad_line_does_not_hide_the_next(write: Write) -> None:
    lines = [json.dumps(A).encode(), b'{"energy": ', b'{"name": "\xff"}', b"[" * 100_000, json.dumps(B).encode()]
    first, *bad, last = values(write("records.jsonl", b"\n".join(lines)))
    assert (first, last) == (A, B)
    assert [record.place for record in bad] == ["line 2", "line 3", "line 4"]
    assert "not UTF-8" in bad[1].reason
    assert "nested" in bad[2].reason


def test_what_is_readable_of_a_cut_list_is_read(write: Write) -> None:
    text = json.dumps([A] * 50)
    *good, last = values(write("records.json", text[:-60]))
    assert good == [A] * len(good)
    assert len(good) >= 47
    assert isinstance(last, BadRecord)
    assert last.rest_unread


@pytest.mark.parametrize("first", [A, [A], {"key": A}])
def test_what_follows_the_end_is_not_passed_over(write: Write, first: object) -> None:
    text = json.dumps(first, indent=1) + json.dumps(B)
    *given, bad = json_items(write("records.json", text))
    assert [item.value for item in given if isinstance(item, JsonItem)] == [A]
    assert isinstance(bad, BadRecord)
    assert "more follows behind its end, beginning with '{'" in bad.reason
    assert bad.rest_unread


def test_what_is_readable_of_a_cut_gzip_is_read(write: Write) -> None:
    records = [{**A, "n": [(i * j * 2654435761) % 2**32 for j in range(100)]} for i in range(2000)]
    compressed = gzip.compress(json.dumps(records).encode())
    *good, last = values(write("records.json.gz", compressed[: len(compressed) // 2]))
    assert good == records[: len(good)]
    assert len(good) > 800
    assert isinstance(last, BadRecord)
    assert last.rest_unread
    assert "cut short" in last.reason


def test_a_record_that_is_too_long_is_passed_over(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_text, "_CHUNK_BYTES", 100)
    monkeypatch.setattr(json_text, "MAX_VALUE_CHARS", 1000)
    first, bad, last = values(write("records.json", [A, {"huge": ["x" * 50] * 100}, B]))
    assert (first, last) == (A, B)
    assert isinstance(bad, BadRecord)
    assert "longer than 1000" in bad.reason


def test_bytes_that_are_no_text_spoil_their_record_only(write: Write) -> None:
    content = json.dumps([A, {"name": "MARK"}, B]).encode().replace(b"MARK", b"\xe9")
    first, bad, last = values(write("records.json", content))
    assert (first, last) == (A, B)
    assert isinstance(bad, BadRecord)
    assert "not UTF-8" in bad.reason


def test_memory_does_not_grow_with_the_file(write: Write) -> None:
    record = {"numbers": list(range(300))}
    peaks = []
    for n in (400, 1200):
        path = write("records.json", [record] * n)
        tracemalloc.start()
        assert sum(isinstance(item, JsonItem) for item in json_items(path)) == n
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize("content", ["", "   \n", "formula,gap\n", "\ufeff", '"text"', "12"])
def test_what_is_no_json_of_records_is_an_error(write: Write, content: str) -> None:
    with pytest.raises(SourceFileError, match=r"records\.json"):
        list(json_items(write("records.json", content)))


def test_utf_16_is_named(write: Write) -> None:
    with pytest.raises(SourceFileError, match="UTF-16"):
        list(json_items(write("records.json", json.dumps([A]).encode("utf-16"))))
