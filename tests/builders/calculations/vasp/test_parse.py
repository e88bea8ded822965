"""Real calculations, and files that only look like one."""

import bz2
import gzip
import json
import lzma
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.crawl import Run, crawl
from exfolio.builders.calculations.vasp.guards import BadRun
from exfolio.builders.calculations.vasp.parse import parse_run


def only(root: Path) -> Run:
    (run,) = [found for found in crawl([root]) if isinstance(found, Run)]
    return run


def test_bands_that_jump_between_k_points_give_no_gap(shared_data: Path) -> None:
    """149 electrons, 74.25 and 74.75 by spin: 74 bands are full at some k-points and 75 at others, 2.5 eV apart."""
    doc = parse_run(only(shared_data / "vasp" / "LiFe4P4O16_HSE06"))

    assert (doc["functional"], doc["converged"]) == ("HSE06", True)
    assert doc["band_gap"] == 0.0
    assert doc["usable_for"] == []
    assert abs(doc["magnetization"]) == 0.5  # µB: electrons of one spin less those of the other
    assert any("no ground state of one potential" in reason for reason in doc["unusable_for"]["gap"])
    assert doc["formula_reduced"] == "LiFe4(PO4)4"
    assert doc["settings"]["HFSCREEN"] == pytest.approx(0.207)


def test_a_run_with_u_names_its_values(shared_data: Path) -> None:
    doc = parse_run(only(shared_data / "vasp" / "LiFePO4_GGA_U"))

    assert doc["functional"] == "GGA+U"
    assert doc["hubbards"] == {"Fe": 4.3}
    assert doc["band_gap"] == pytest.approx(0.974, abs=1e-3)
    assert (doc["band_gap_from"], doc["charge"], doc["usable"]) == ("one k-point", 1.0, False)
    assert any("charged by +1" in reason for reason in doc["unusable_because"])
    assert doc["energy"] == pytest.approx(-773.13023947)
    assert doc["trajectory"]["steps"] == 11


def test_an_unconverged_run_is_kept_and_marked(shared_data: Path) -> None:
    doc = parse_run(only(shared_data / "vasp" / "V2O5_unconverged"))

    assert (doc["converged"], doc["converged_electronic"], doc["usable"]) == (False, False, False)
    assert doc["converged_ionic"] is False, "the last of its 5 steps changed the energy by 4 eV"
    assert any("not converged" in warning for warning in doc["warnings"])


def test_a_whole_task_directory(shared_data: Path) -> None:
    doc = parse_run(only(shared_data / "vasp" / "task_directory"))

    assert (doc["functional"], doc["task_type"], doc["code"]) == ("R2SCAN", "Structure Optimization", "VASP 6.4.1")
    assert doc["composition"] == {"Si": 2.0}
    assert doc["settings"]["ENCUT"] == 680.0
    assert doc["band_gap"] == pytest.approx(0.7873)
    assert (doc["usable"], doc["band_gap_by_spin"]) == (True, {"up": 0.7873, "down": 0.7873})


def test_a_truncated_file_says_that_it_ends_too_early(shared_data: Path) -> None:
    with pytest.raises(BadRun, match="ends too early"):
        parse_run(only(shared_data / "vasp" / "truncated"))


@pytest.mark.parametrize("last", [b'<i name="e_fr_energy', b"<r>    -1.2", b"<calculation>"])
def test_wherever_it_was_cut_off(al_xml: bytes, folder: Callable[..., Path], last: bytes) -> None:
    path = folder("cut", al_xml[: al_xml.rfind(last) + len(last)])

    with pytest.raises(BadRun, match="ends too early"):
        parse_run(only(path))


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("vasprun.xml", bytes),
        ("vasprun.xml.gz", gzip.compress),
        ("vasprun.xml.bz2", bz2.compress),
        ("vasprun.xml.relax2.xz", lzma.compress),
        ("vasprun.xml.gz", bytes),  # told by content, not by name
    ],
)
def test_every_compression_gives_the_same(
    al_xml: bytes, folder: Callable[..., Path], name: str, compress: Callable[[bytes], bytes]
) -> None:
    doc = parse_run(only(folder("al", compress(al_xml), name)))

    assert (doc["formula_reduced"], doc["functional"]) == ("Al", "R2SCAN")
    assert doc["energy"] == pytest.approx(-3.74198121)


DECLARED = [
    b'<!DOCTYPE modeling [<!ENTITY secret SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE modeling SYSTEM "http://localhost:1/evil.dtd">',
    b"<!-- harmless -->\n<!DOCTYPE m [" + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a0;" * 10) for i in range(9)) + b"]>",
]


@pytest.mark.parametrize("declaration", DECLARED)
def test_declarations_are_refused_before_any_parsing(
    al_xml: bytes, folder: Callable[..., Path], declaration: bytes
) -> None:
    first, rest = al_xml.split(b"\n", 1)

    with pytest.raises(BadRun, match="declares a document type or entities"):
        parse_run(only(folder("evil", first + b"\n" + declaration + b"\n" + rest)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        ("<?xml version='1.0' encoding='UTF-16'?><modeling/>".encode("utf-16"), "encodings that VASP writes"),
        (b"<?xml version='1.0' encoding='UTF-7'?><modeling/>", "encoding 'UTF-7'"),
        (b"<html><body>Not found</body></html>", "begins with '<html>"),
        (b"<?xml version='1.0'?><modeling></modeling>", "not as VASP writes it"),
        (b"<modeling><incar></modeling>", "not well-formed"),
        (b"<modeling>&undefined;</modeling>", "not well-formed"),
        (b"<!--" + b"x" * 70_000 + b"--><modeling/>", "no root element"),
        (b"\x1f\x8b\x08\x00damaged", "damaged or cut short"),
    ],
)
def test_what_is_no_vasprun_is_refused_with_its_reason(
    folder: Callable[..., Path], content: bytes, reason: str
) -> None:
    with pytest.raises(BadRun, match=reason):
        parse_run(only(folder("bad", content)))


def test_an_energy_that_is_no_number_is_refused(al_xml: bytes, folder: Callable[..., Path]) -> None:
    changed = al_xml.replace(b"-3.74198121", b"        NaN")
    assert changed != al_xml

    with pytest.raises(BadRun, match="energy of the last step is no number"):
        parse_run(only(folder("nan", changed)))


def test_a_gzip_bomb_is_stopped_on_the_way(folder: Callable[..., Path]) -> None:
    bomb = gzip.compress(b"<modeling>" + b" " * (80 << 20), 9)

    with pytest.raises(BadRun, match="expands"):
        parse_run(only(folder("bomb", bomb, "vasprun.xml.gz")))


def test_ten_gigabytes_of_nothing_are_not_read(folder: Callable[..., Path]) -> None:
    path = folder("sparse", b"<modeling>") / "vasprun.xml"
    os.truncate(path, 10 * 2**30)

    with pytest.raises(BadRun, match="10,737,418,240 bytes"):
        parse_run(only(path.parent))


def test_a_manifest_is_plain_text_and_executes_nothing(al_xml: bytes, folder: Callable[..., Path]) -> None:
    path = folder("al", al_xml)
    evil = {"@module": "os", "@class": "system", "@version": None, "command": "false"}
    (path / "exfolio.json").write_text(json.dumps({"structure_id": "st-1", "purpose": evil, **evil}))
    (path / "transformations.json").write_text(json.dumps(evil))

    doc = parse_run(only(path))

    assert doc["manifest"] == {"structure_id": "st-1"}
    assert doc["warnings"][-1] == "the manifest has no usable purpose"


@pytest.mark.parametrize("text", ["{", "[1]", "[" * 100_000])
def test_a_bad_manifest_makes_no_calculation_bad(al_xml: bytes, folder: Callable[..., Path], text: str) -> None:
    path = folder("al", al_xml)
    (path / "exfolio.json").write_text(text)

    doc = parse_run(only(path))

    assert doc["manifest"] == {}
    assert "manifest" in doc["warnings"][-1]
