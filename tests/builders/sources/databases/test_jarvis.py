"""JARVIS-DFT is read in the forms in which it is passed around, with its units and its way to say "not known"."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from exfolio.builders.sources.databases.jarvis import Jarvis
from exfolio.builders.sources.kind_guess import guess_kind
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import BadRecord
from matminer.utils.io import store_dataframe_as_json
from pymatgen.core import Lattice, Structure

MOS2: dict[str, Any] = {
    "jid": "JVASP-664",
    "formula": "MoS2",
    "dimensionality": "2D-monolayer",
    "spg_number": "187",
    "spg_symbol": "P-6m2",
    "formation_energy_peratom": -0.89,
    "optb88vdw_total_energy": -4.0,
    "optb88vdw_bandgap": 1.66,
    "mbj_bandgap": "na",
    "exfoliation_energy": 84.0,
    "ehull": 0.1,
    "magmom_oszicar": 0,
    "max_efg": "na",
    "reference": "mp-2815",
    "atoms": {
        "lattice_mat": [[3.19, 0, 0], [-1.595, 2.76262, 0], [0, 0, 20.0]],
        "coords": [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.578], [2 / 3, 1 / 3, 0.422]],
        "elements": ["Mo", "S", "S"],
        "abc": [3.19, 3.19, 20.0],
        "angles": [90, 90, 120],
        "cartesian": False,
        "props": ["", "", ""],
    },
}
SILICON: dict[str, Any] = {
    "jid": "JVASP-1002",
    "formula": "Si",
    "dimensionality": "3D-bulk",
    "formation_energy_peratom": 0.0,
    "optb88vdw_bandgap": 0.73,
    "exfoliation_energy": "na",
    "ehull": "na",
    "max_efg": float("nan"),
    "atoms": {
        "lattice_mat": [[0, 2.715, 2.715], [2.715, 0, 2.715], [2.715, 2.715, 0]],
        "coords": [[0, 0, 0], [1.3575, 1.3575, 1.3575]],
        "elements": ["Si", "Si"],
        "cartesian": True,
    },
}


def write(folder: Path, records: list[Any], name: str = "d2.json") -> Path:
    path = folder / name
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name.removesuffix(".zip"), json.dumps(records))
    else:
        path.write_text(json.dumps(records))
    return path


def read(path: Path, **options: Any) -> list[Any]:
    reader = Jarvis(paths=[path], **options)
    (file,) = reader.files()
    results = parse_many(reader, list(reader.records(file)))
    return [one if isinstance(one, BadRecord) else one["materials"][0] for one in results]


@pytest.mark.parametrize("name", ["d2.json", "d2-12-12-2022.json.zip"])
def test_list_of_records(tmp_path: Path, name: str) -> None:
    path = write(tmp_path, [MOS2, SILICON], name)
    assert guess_kind(path) == "jarvis"

    mos2, silicon = read(path)

    assert mos2["material_id"] == "jarvis:JVASP-664"
    assert mos2["exfoliation_energy"] == pytest.approx(0.084)  # eV/atom here, meV/atom there
    assert (mos2["formation_energy"], mos2["band_gap"], mos2["energy_above_hull"]) == (-0.89, 1.66, 0.1)
    assert mos2["methods"]["exfoliation_energy"] == "optB88-vdW"
    assert mos2["space_group"] == {"number": 187, "symbol": "P-6m2", "crystal_system": "hexagonal"}
    assert mos2["dimension_claimed"] == 2
    assert mos2["extra"] == {"reference": "mp-2815", "dimensionality": "2D-monolayer"}
    assert "exfoliation_energy" not in silicon
    assert "energy_above_hull" not in silicon
    assert (silicon["dimension_claimed"], silicon["layered_claimed"]) == (3, False)
    assert silicon["volume"] == pytest.approx(2 * 2.715**3)
    assert silicon["structure"]["sites"][1]["abc"] == pytest.approx([0.25] * 3)


def test_layered_bulk(tmp_path: Path) -> None:
    (document,) = read(write(tmp_path, [{**SILICON, "dimensionality": "2D-bulk"}]))
    assert (document["dimension_claimed"], document["layered_claimed"]) == (3, True)


def test_form_of_matminer(tmp_path: Path) -> None:
    # Given a data frame as matminer keeps its data set jarvis_dft_2d
    structure = Structure(Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    frame = pd.DataFrame(
        {
            "jid": ["JVASP-1", "JVASP-2"],
            "mpid": ["mp-1", "na"],
            "structure": [structure, structure],
            "composition": [structure.composition] * 2,
            "e_form": [-2.0, float("nan")],
            "gap opt": [5.1, 5.2],
            "exfoliation_en": [90.0, 100.0],
        }
    )
    path = tmp_path / "jarvis_dft_2d.json.gz"
    store_dataframe_as_json(frame, str(path), compression="gz", pbar=False)
    assert guess_kind(path) == "jarvis"

    first, second = read(path, dimension=2)

    assert first["exfoliation_energy"] == pytest.approx(0.09)
    assert (first["formation_energy"], first["band_gap"]) == (-2.0, 5.1)
    assert first["formula_reduced"] == "NaCl"
    assert first["extra"] == {"mpid": "mp-1"}
    assert "formation_energy" not in second


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"jid": "na"}, "no jid"),
        ({"atoms": "na"}, "no atoms"),
        ({"atoms": {**MOS2["atoms"], "elements": ["Mo", "S"]}}, "atoms can't be read"),
        ({"atoms": {**MOS2["atoms"], "elements": ["Mo", "S", "Xx"]}}, "atoms can't be read|bad structure"),
        ({"formula": "MoSe2"}, "the formula is MoSe2"),
        ({"optb88vdw_bandgap": -1}, "negative"),
        ({"exfoliation_energy": "much"}, "not a number"),
    ],
)
def test_records_that_cannot_be_used(tmp_path: Path, change: dict[str, Any], complaint: str) -> None:
    bad, good = read(write(tmp_path, [{**MOS2, **change}, SILICON]))
    assert isinstance(bad, BadRecord)
    assert good["source_id"] == "JVASP-1002"
    with pytest.raises(BadRecord, match=complaint):
        raise bad
