"""How fast structures are read: from CIF, POSCAR and JSON with all checks, beside pymatgen and ASE, which check less.

Needs the folder of real data beside the project.

    python tests/benchmarks/bench_readers.py
"""

from __future__ import annotations

import gzip
import io
import json
import warnings
from pathlib import Path

from exfolio.builders.sources.readers.structure_files import StructureFiles
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.builders.sources.records.structure_fields import read_structure, structure_fields
from pymatgen.core import Structure
from pymatgen.io.cif import CifParser, CifWriter
from pymatgen.io.vasp.inputs import Poscar
from report import compare

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
HOW_MANY = 100


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    import ase.io

    with gzip.open(DATA / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        plain = [json.loads(line)["structure"] for line in lines][:: 980 // HOW_MANY]
    structures = [Structure.from_dict(structure) for structure in plain]
    listed = [str(CifWriter(structure)).partition("\n")[2] for structure in structures]
    by_symmetry = [str(CifWriter(structure, symprec=0.01)).partition("\n")[2] for structure in structures]
    poscars = [Poscar(structure).get_str() for structure in structures]
    reader = StructureFiles(paths=["."], source="bench")
    n = len(structures)

    def ours(form: str, texts: list[str]) -> None:
        for text in texts:
            reader.parse(RawRecord("here", 0, (form, text, "id")))

    for name, texts in (("CIF, all atoms listed", listed), ("CIF by symmetry", by_symmetry)):
        compare(
            name,
            lambda texts=texts: ours("cif", texts),
            lambda texts=texts: [CifParser.from_str(text).parse_structures(primitive=False) for text in texts],
            ours_n=n,
            peer_name="pymatgen",
        )
        compare(
            name,
            lambda texts=texts: ours("cif", texts),
            lambda texts=texts: [ase.io.read(io.StringIO(text), format="cif") for text in texts],
            ours_n=n,
            peer_name="ASE",
        )
    compare(
        "POSCAR",
        lambda: ours("poscar", poscars),
        lambda: [Poscar.from_str(text) for text in poscars],
        ours_n=n,
        peer_name="pymatgen",
    )
    compare(
        "JSON",
        lambda: [structure_fields(read_structure(structure)) for structure in plain],
        lambda: [Structure.from_dict(structure) for structure in plain],
        ours_n=n,
        peer_name="pymatgen",
    )


if __name__ == "__main__":
    main()
