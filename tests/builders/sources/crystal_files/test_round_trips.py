"""Real crystals written as CIF and POSCAR by others' programs and read again are the same, or refused."""

import gzip
import io
import json
import warnings
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from exfolio.builders.sources.crystal_files.cif_crystal import read_crystal
from exfolio.builders.sources.crystal_files.poscar import read_poscar
from pymatgen.core import Composition, Structure
from pymatgen.io.ase import AseAtomsAdaptor
from pymatgen.io.cif import CifWriter
from pymatgen.io.vasp.inputs import Poscar

HOW_MANY = 30


@pytest.fixture(scope="module")
def crystals(shared_data: Path) -> list[Structure]:
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        layers = [Structure.from_dict(json.loads(line)["structure"]) for line in islice(lines, HOW_MANY)]
    with gzip.open(shared_data / "mp_entries_Mn-O.json.gz", "rt") as stream:
        oxides = [Structure.from_dict(entry["structure"]) for entry in json.load(stream)[: HOW_MANY // 3]]
    return [Structure(c.lattice, c.species, c.frac_coords) for c in (*layers[::2], *oxides)]


def mixed(crystal: Structure) -> Structure:
    """The crystal with three tenths of its first element exchanged."""
    copy = crystal.copy()
    element = crystal[0].specie.symbol
    copy.replace_species({element: Composition({element: 0.7, "Sr" if element != "Sr" else "Ca": 0.3})})
    return copy


def block(cif: str) -> str:
    return cif.partition("data_")[2].partition("\n")[2]


def ase_text(crystal: Structure, kind: str) -> str:
    from ase.io import write

    stream = io.BytesIO() if kind == "cif" else io.StringIO()
    write(stream, AseAtomsAdaptor.get_atoms(crystal), format=kind)
    return stream.getvalue().decode() if isinstance(stream, io.BytesIO) else stream.getvalue()


def distances(crystal: Structure) -> np.ndarray:
    """Distances to neighbours of each atom up to 3.5 Å, weighted with who they are, sorted: alike in any cell."""
    _, _, _, near = crystal.get_neighbor_list(3.5)
    return np.quantile(near, np.linspace(0, 1, 30)) if len(near) else np.zeros(30)


def assert_same(crystal: Structure, back: Structure) -> None:
    assert back.composition.fractional_composition.almost_equals(crystal.composition.fractional_composition, rtol=1e-3)
    assert back.volume / len(back) == pytest.approx(crystal.volume / len(crystal), rel=2e-3)
    assert np.median(np.abs(distances(back) - distances(crystal))) < 0.02


@pytest.mark.parametrize("symprec", [None, 0.01])
def test_cifs_of_pymatgen_ordered_and_disordered(crystals: list[Structure], symprec: float | None) -> None:
    for crystal in crystals[:: 3 if symprec else 1]:
        for form in (crystal, mixed(crystal)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                written = str(CifWriter(form, symprec=symprec))
            assert_same(form, read_crystal(block(written)))


def test_cifs_and_poscars_of_ase(crystals: list[Structure]) -> None:
    pytest.importorskip("ase")
    for crystal in crystals:
        assert_same(crystal, read_crystal(block(ase_text(crystal, "cif"))))
        assert_same(crystal, read_poscar(ase_text(crystal, "vasp")))


def test_poscars_of_pymatgen_keep_every_digit(crystals: list[Structure]) -> None:
    for crystal in crystals:
        back = read_poscar(Poscar(crystal).get_str(significant_figures=12))
        assert back.species == crystal.species
        assert np.abs(back.frac_coords - crystal.frac_coords).max() < 1e-9
