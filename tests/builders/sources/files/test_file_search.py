"""Files of a source are found wherever they lie in a folder, and never outside it."""

import gzip
import os
from pathlib import Path

import pytest
from exfolio.builders.sources.files.file_search import find_files
from exfolio.builders.sources.files.open_files import SourceFileError, quoted


def is_cif(name: str) -> bool:
    return name.endswith(".cif")


def test_folders_are_searched_but_links_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder in (inside / "deeper", inside / ".hidden", outside):
        folder.mkdir(parents=True)
        (folder / "a.cif").write_text("data_a")
    (inside / "notes.txt").write_text("no structure")
    (inside / "b.cif.gz").write_bytes(gzip.compress(b"data_b"))
    (inside / "loop").symlink_to(inside)
    (inside / "away").symlink_to(outside)
    (inside / "away.cif").symlink_to(outside / "a.cif")
    found = find_files([inside], accepts=is_cif, file_kinds="CIF files")
    assert found == [inside / "b.cif.gz", inside / "deeper" / "a.cif"]


def test_a_folder_of_links_alone_says_so(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "a.cif").symlink_to("/nowhere/a.cif")
    with pytest.raises(SourceFileError, match="1 symbolic links were not followed"):
        find_files([inside], accepts=is_cif, file_kinds="CIF files")


def test_a_file_given_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "a.cif"
    path.write_text("data_a")
    assert find_files([tmp_path, path, path], accepts=is_cif, file_kinds="CIF files") == [path]


def test_awkward_names_are_found_and_shown_safely(tmp_path: Path) -> None:
    names = [b"two words.cif", b"line\nbreak.cif", "Å-größe.cif".encode(), b"latin-\xe9.cif"]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text("data_x")
    found = find_files([tmp_path], accepts=is_cif, file_kinds="CIF files")
    assert {os.fsencode(path.name) for path in found} == set(names)
    assert all("\n" not in quoted(path) and quoted(path).encode("utf-8") for path in found)


def test_no_path_is_an_error() -> None:
    with pytest.raises(SourceFileError, match="no path given"):
        find_files([], accepts=is_cif, file_kinds="CIF files")
