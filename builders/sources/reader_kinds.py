"""The kinds of file there are readers for; a reader is imported when it is asked for."""

from importlib import import_module
from typing import Any, cast

from .readers.reader import Reader
from .records.source_options import SourceOptionError, source_of_class

KINDS: dict[str, str] = {
    "2dmatpedia": "the dump of 2DMatPedia: JSON lines of monolayers with energies and parents",
    "structures": "JSON of pymatgen structures, bare or in documents like those of the Materials Project",
    "entries": "JSON of ComputedEntry or ComputedStructureEntry: the references of a convex hull",
    "structure-files": "CIF and POSCAR files, or folders of them",
    "c2db": "the ASE database of C2DB: monolayers with energies and gaps (extra: ase)",
    "ase": "ASE databases, SQLite or JSON, with keys mapped by options (extra: ase)",
    "jarvis": "JSON of JARVIS-DFT (dft_2d, dft_3d), zipped or not, or matminer's form of it",
    "v2db": "the table of V2DB: predicted monolayers by formula and prototype",
    "table": "CSV or TSV of formulas and properties with declared units",
    "prototypes": "the 288 AFLOW prototypes that come with pymatgen (no path)",
    "handbook": "exfolio's own table of well-known compounds, many of them layered (no path)",
    "known-monolayers": "monolayers that have been made, cut from the handbook's crystals (no path)",
}
"""Name of each kind of source and what it is, in a line."""

_READERS = {
    "2dmatpedia": ("two_d_mat_pedia", "TwoDMatPedia"),
    "structures": ("structures_json", "StructuresJson"),
    "entries": ("entries_json", "EntriesJson"),
    "structure-files": ("structure_files", "StructureFiles"),
    "c2db": ("ase_database", "C2db"),
    "ase": ("ase_database", "AseDatabase"),
    "jarvis": ("jarvis", "Jarvis"),
    "v2db": ("v2db", "V2db"),
    "table": ("table", "Table"),
    "prototypes": ("aflow_prototypes", "Prototypes"),
    "handbook": ("handbook", "Handbook"),
    "known-monolayers": ("known_monolayers", "KnownMonolayers"),
}


def reader_class(kind: str) -> type[Any]:
    """Class of the readers of a kind.

    Raises
    ------
    SourceOptionError
        Where there is no such kind.
    """
    if kind not in _READERS:
        msg = f"there is no kind of source called {kind!r}; there are: {', '.join(KINDS)}"
        raise SourceOptionError(msg)
    module, name = _READERS[kind]
    return cast("type[Any]", getattr(import_module(f".readers.{module}", __package__), name))


def reader_for(kind: str, **options: Any) -> Reader:
    """Make a reader.

    Parameters
    ----------
    kind
        One of `KINDS`.
    options
        What its class takes; see there. Options that are None are left out.

    Raises
    ------
    SourceOptionError
        Where there is no such kind, or it has no such option, or lacks one.
    """
    return cast("Reader", source_of_class(reader_class(kind), kind, options))
