"""Trees of VASP folders, tidy and not."""

import os
from pathlib import Path

import pytest
from exfolio.builders.calculations.vasp.crawl import Run, Trouble, crawl


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"<modeling/>")
    return path


def test_every_calculation_of_a_folder_is_found_with_its_suffix(tmp_path: Path) -> None:
    for name in ("vasprun.xml.relax1.gz", "vasprun.relax2.xml.bz2", "vasprun.xml.xz", "INCAR.gz", "vasprun.xml.orig~"):
        put(tmp_path / "a" / name)
    put(tmp_path / "a" / "error.1" / "vasprun.xml")
    put(tmp_path / "b" / "INCAR")

    runs = [found for found in crawl([tmp_path]) if isinstance(found, Run)]

    assert [(run.directory.name, run.suffix, run.set_aside) for run in runs] == [
        ("a", "", False),
        ("a", "orig~", False),
        ("a", "relax1", False),
        ("a", "relax2", False),
        ("error.1", "", True),
    ]


def test_results_under_names_that_people_give_them_are_found(tmp_path: Path) -> None:
    for name in ("vasprun_static.xml", "vasprun-1.xml", "MoS2_vasprun.xml.gz", "vasprun2.xml", "Copy of vasprun.xml"):
        put(tmp_path / "a" / name)

    runs = [found for found in crawl([tmp_path]) if isinstance(found, Run)]

    assert [run.suffix for run in runs] == ["1", "2", "Copy of", "MoS2", "static"]


def test_a_vaspout_is_named_unless_the_same_lies_there_as_xml(tmp_path: Path) -> None:
    put(tmp_path / "alone" / "vaspout.h5")
    put(tmp_path / "both" / "vaspout.h5")
    put(tmp_path / "both" / "vasprun.xml")

    troubles = [found for found in crawl([tmp_path]) if isinstance(found, Trouble)]

    assert [Path(trouble.path).name for trouble in troubles] == ["vaspout.h5"]
    assert troubles[0].path.startswith(str(tmp_path / "alone"))
    assert "no vasprun.xml beside it" in troubles[0].reason


def test_links_are_not_followed_and_say_so(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside" / "vasprun.xml")
    tree = tmp_path / "tree"
    put(tree / "good" / "vasprun.xml")
    (tree / "circle").symlink_to(tree)
    (tree / "good" / "deep").symlink_to(outside.parent)
    (tree / "linked").mkdir()
    (tree / "linked" / "vasprun.xml").symlink_to(outside)

    found = list(crawl([tree]))

    assert [run.directory.name for run in found if isinstance(run, Run)] == ["good"]
    troubles = {Path(one.path).name: one.reason for one in found if isinstance(one, Trouble)}
    assert set(troubles) == {"circle", "deep", "vasprun.xml"}
    assert all("symbolic link" in reason for reason in troubles.values())


def test_names_with_spaces_newlines_and_unicode_are_names(tmp_path: Path) -> None:
    names = ["a b", "line\nbreak", "Å-ß-中", "--rf", "$(touch x)"]
    for name in names:
        put(tmp_path / name / "vasprun.xml")
    put(tmp_path / os.fsdecode(b"\xff\xfe") / "vasprun.xml")

    runs = [run for run in crawl([tmp_path]) if isinstance(run, Run)]

    assert {run.directory.name for run in runs} == {*names, os.fsdecode(b"\xff\xfe")}
    assert all(run.place.encode("utf-8") for run in runs)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every folder")
def test_a_folder_that_may_not_be_read_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "closed" / "vasprun.xml")
    put(tmp_path / "open" / "vasprun.xml")
    (tmp_path / "closed").chmod(0)

    found = list(crawl([tmp_path]))
    (tmp_path / "closed").chmod(0o700)

    assert [type(one) for one in found] == [Trouble, Run]
    assert "can't be read" in found[0].reason  # type: ignore[union-attr]


def test_what_is_named_like_a_result_but_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "vasprun.xml")
    put(tmp_path / "b" / "OUTCAR.gz")

    reasons = [one.reason for one in crawl([tmp_path]) if isinstance(one, Trouble)]

    assert reasons == ["it is no regular file", "there is an OUTCAR but no vasprun.xml"]


def test_a_root_inside_another_is_looked_at_once(tmp_path: Path) -> None:
    put(tmp_path / "a" / "vasprun.xml")

    assert len(list(crawl([tmp_path, tmp_path / "a"]))) == 1
