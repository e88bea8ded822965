"""Arrays of cells: each cell is a material, by the layout that is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exfolio.builders.sources.files.open_files import SourceFileError
from exfolio.builders.sources.readers.point_clouds import PointClouds
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.source_options import SourceOptionError
from exfolio.models.structure.point_cloud import encode
from pymatgen.core import Lattice, Structure

OXIDE = Structure(Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])


def test_cells_are_materials_named_as_the_file_names_them(tmp_path: Path, read: Any) -> None:
    cells = np.stack([encode(OXIDE, "mg-mn-o"), np.zeros((30, 3)), encode(OXIDE, "mg-mn-o")])
    np.savez_compressed(tmp_path / "oxides.npz", cells=cells, names=np.array(["a", "empty", "a"]))
    reading = read(PointClouds(paths=tmp_path / "oxides.npz", method="PBE"))
    assert reading.ids == ["a", "a-2"]
    assert reading.places == ["cell 2"]
    assert {material["formula"] for material in reading.materials} == {"Mg1O1"}
    assert reading.materials[0]["volume"] == pytest.approx(4.21**3)


def test_another_layout_and_a_plain_array(tmp_path: Path, read: Any) -> None:
    layout = {"name": "o-mg", "slots": {"O": 2, "Mg": 2}}
    np.save(tmp_path / "plain.npy", encode(OXIDE, layout)[None])
    assert read(PointClouds(paths=tmp_path, source="lab", layout=layout)).ids == ["plain.npy/1"]
    with pytest.raises(SourceOptionError, match="no layout is called"):
        PointClouds(paths=tmp_path, layout="mg-mn")


def test_files_that_hold_no_cells_say_what_they_hold(tmp_path: Path, read: Any) -> None:
    np.savez(tmp_path / "a.npz", points=np.zeros((2, 30, 3)))
    with pytest.raises(SourceFileError, match="no array 'cells'; it has: points"):
        read(PointClouds(paths=tmp_path / "a.npz"))
    np.savez(tmp_path / "b.npz", cells=np.zeros((2, 29, 3)))
    with pytest.raises(SourceFileError, match=r"needs floats of shape \(cells, 30, 3\)"):
        read(PointClouds(paths=tmp_path / "b.npz"))
    np.savez(tmp_path / "c.npz", cells=np.zeros((1, 30, 3)), names=np.array([{"an": "object"}]))
    with pytest.raises(SourceFileError, match="Python objects"):
        read(PointClouds(paths=tmp_path / "c.npz"))


def test_a_file_cut_short_gives_what_came_before(tmp_path: Path, read: Any) -> None:
    np.save(tmp_path / "cut.npy", np.stack([encode(OXIDE, "mg-mn-o")] * 3))
    content = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(content[:-100])
    reading = read(PointClouds(paths=tmp_path / "cut.npy"))
    assert reading.ids == ["1", "2"]
    assert [bad.rest_unread for bad in reading.bad] == [True]


def test_the_published_cells_are_oxides_of_magnesium_and_manganese(read: Any, shared_data: Path) -> None:
    reader = PointClouds(paths=shared_data / "mg_mn_o_cells.npz")
    raws = list(reader.records(reader.files()[0]))
    assert len(raws) == 2627
    elements = {element for raw in raws[:1253:100] for element in reader.parse(raw)["materials"][0]["elements"]}
    assert elements == {"Mg", "Mn", "O"}
    # Its supercells list the atoms copy by copy, and the slots read them element by element.
    assert all("and is another crystal" in str(result) for result in parse_many(reader, raws[1253::100]))


def test_a_name_that_comes_again_is_the_same_crystal(tmp_path: Path, read: Any) -> None:
    # Given a cell, its supercell, and that with the atoms of the two copies one behind the other
    doubled = OXIDE * (2, 1, 1)
    copies = [atom for copy in (0, 1) for atom in doubled[copy::2]]
    symbols = sorted((site.specie.symbol for site in doubled), key=("Mg", "Mn", "O").index)
    mixed_up = Structure(doubled.lattice, symbols, [site.frac_coords for site in copies])
    cells = [encode(structure, "mg-mn-o") for structure in (OXIDE, doubled, mixed_up)]
    np.savez(tmp_path / "cells.npz", cells=np.stack(cells), names=np.array(["oxide"] * 3))

    reading = read(PointClouds(paths=tmp_path / "cells.npz"))

    assert reading.ids == ["oxide", "oxide-2"]
    assert [(bad.place, bad.reason) for bad in reading.bad] == [
        ("cell 3", "it has the name of cell 1, and is another crystal")
    ]
