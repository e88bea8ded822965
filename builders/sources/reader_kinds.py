"""The kinds of file there are readers for, those of other packages included; a reader is imported when asked for."""

from importlib import import_module
from typing import Any, cast

from .. import extensions
from .readers.reader import Reader
from .records.source_options import SourceOptionError, source_of_class

KINDS: dict[str, str] = {
    "2dmatpedia": "the dump of 2DMatPedia: JSON lines of monolayers with energies and parents",
    "structures": "JSON of pymatgen structures, bare or in documents like those of the Materials Project",
    "entries": "JSON of ComputedEntry or ComputedStructureEntry: the references of a convex hull",
    "structure-files": "CIF and POSCAR files, or folders of them",
    "c2db": "the ASE database of C2DB: monolayers with energies and gaps (extra: ase)",
    "c2db-folders": "C2DB's present archive, unpacked: folders with data.json and structure.xyz (extra: ase)",
    "x2db": "X2DB's folders, laid out as C2DB's: two-dimensional materials that have been made (extra: ase)",
    "ase": "ASE databases, SQLite or JSON (extra: ase) or LMDB (.aselmdb), with keys mapped by options",
    "omat24": "OMat24: structures mostly out of equilibrium with static energies, .aselmdb",
    "jarvis": "JSON of JARVIS-DFT (dft_2d, dft_3d), zipped or not, or matminer's form of it",
    "alexandria": "Alexandria's dumps (alexandria_*.json.bz2): crystals and layers by PBE, PBEsol or SCAN",
    "oqmd": "OQMD's records as its API gives them, saved as JSON",
    "oqmd-dump": "OQMD's whole database, the dump of MySQL (.sql) as it is downloaded; no MySQL is needed",
    "mc2d": "MC2D's archive: structure_2d.json beside its folders of CIF files",
    "matpes": "MatPES: structures out of equilibrium with static energies, JSON",
    "extxyz": "extended XYZ files as ASE writes them (extra: ase)",
    "v2db": "the table of V2DB: predicted monolayers by formula and prototype",
    "point-clouds": "arrays of cells (.npz, .npy) by a layout, such as those of Mg-Mn-O of Kim et al.",
    "table": "CSV, TSV or JSON of flat records: formulas and properties with declared units",
    "prototypes": "285 AFLOW prototypes that come with pymatgen (no path)",
    "handbook": "exfolio's own table of well-known compounds, many of them layered (no path)",
    "known-monolayers": "monolayers that have been made, cut from the handbook's crystals (no path)",
}
"""Name of each of exfolio's own kinds of source and what it is, in a line."""

_READERS = {
    "2dmatpedia": ("databases.two_d_mat_pedia", "TwoDMatPedia"),
    "structures": ("readers.structures_json", "StructuresJson"),
    "entries": ("readers.entries_json", "EntriesJson"),
    "structure-files": ("readers.structure_files", "StructureFiles"),
    "c2db": ("databases.c2db_database", "C2db"),
    "c2db-folders": ("databases.c2db_folders", "C2dbFolders"),
    "x2db": ("databases.x2db", "X2db"),
    "ase": ("readers.ase_database", "AseDatabase"),
    "omat24": ("databases.omat24", "Omat24"),
    "jarvis": ("databases.jarvis", "Jarvis"),
    "alexandria": ("databases.alexandria", "Alexandria"),
    "oqmd": ("databases.oqmd", "Oqmd"),
    "oqmd-dump": ("databases.oqmd_dump", "OqmdDump"),
    "mc2d": ("databases.mc2d", "Mc2d"),
    "matpes": ("databases.matpes", "MatPes"),
    "extxyz": ("readers.extended_xyz", "ExtendedXyz"),
    "v2db": ("databases.v2db", "V2db"),
    "point-clouds": ("readers.point_clouds", "PointClouds"),
    "table": ("readers.table", "Table"),
    "prototypes": ("bundled.aflow_prototypes", "Prototypes"),
    "handbook": ("bundled.handbook", "Handbook"),
    "known-monolayers": ("bundled.known_monolayers", "KnownMonolayers"),
}


_MEMBERS = ("kind", "version", "source", "source_version", "complete", "describe", "files", "records", "parse")
"""What a reader has; see `readers.reader.Reader`."""


def all_kinds() -> dict[str, str]:
    """Name of each kind of source and what it is, in a line; of another package's kinds, which package."""
    added = {extension.name: f"of the package {extension.package}" for extension in _added()}
    return {**KINDS, **added}


def reader_class(kind: str) -> type[Any]:
    """Class of the readers of a kind.

    Raises
    ------
    SourceOptionError
        Where there is no such kind.
    ExtensionError
        Another package adds it, and can't be imported.
    """
    if kind not in _READERS:
        if (extension := _package_of(kind)) is not None:
            return cast("type[Any]", extension.load())
        msg = f"there is no kind of source called {kind!r}; there are: {', '.join(all_kinds())}"
        raise SourceOptionError(msg)
    module, name = _READERS[kind]
    return cast("type[Any]", getattr(import_module(f".{module}", __package__), name))


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
    ExtensionError
        Another package adds it, and its class is no reader or can't be made.
    """
    of_kind = reader_class(kind)
    extension = None if kind in _READERS else _package_of(kind)
    try:
        reader = source_of_class(of_kind, kind, options)
    except SourceOptionError:
        raise
    except Exception as error:
        if extension is None:
            raise
        raise extension.error(f"can't be made: {type(error).__name__}: {error}") from error
    if extension is not None and (missing := [name for name in _MEMBERS if not hasattr(reader, name)]):
        raise extension.error(f"is no reader: it lacks {', '.join(missing)}")
    return cast("Reader", reader)


def _added() -> list[extensions.Extension]:
    return [extension for extension in extensions.installed(extensions.SOURCES) if extension.name not in KINDS]


def _package_of(kind: str) -> extensions.Extension | None:
    return next((extension for extension in _added() if extension.name == kind), None)
