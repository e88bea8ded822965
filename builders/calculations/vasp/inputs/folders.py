"""A tree of folders to run VASP in, each written whole or not at all, and nothing of a person's overwritten.

Knows files and manifests; which calculations there are, and what is in their input, is decided elsewhere.

The manifest of a calculation is the file ``exfolio.json`` in its folder, and stays there when results join it::

    {
      "format": "exfolio-vasp/1",
      "campaign": "two-dimensional",
      "candidate_id": "two-dimensional/st-1890e1f5735df206",   # who waits for it; the first, where there are several
      "candidates": ["two-dimensional/st-1890e1f5735df206"],   # all of them, when it was written
      "structure_id": "st-1890e1f5735df206",   # what is calculated: a proposed structure,
      "material_id": null,                     # or a known material, the bulk of a layer
      "bulk_of": null,          # for a bulk the layer whose exfoliation energy it is needed for; a bulk that no source
                                # has, made of another one or of the layer, has nothing but this
      "bulk_from": null,        # how that was made: "the layer stacked on itself", "bulk:mos2 with other elements"
      "content_hash": "…",      # of the structure as the registry had it
      "purpose": "static layer: exfoliation_energy",
      "role": "layer",          # layer, bulk or crystal
      "formula": "MoS2",
      "functional": "optB88-vdW",              # +U where Hubbard terms are on
      "task": "static",                        # relax or static
      "after": "../optB88-vdW-relax",          # folder whose CONTCAR is to become the POSCAR here, or null
      "fields": ["exfoliation_energy"],        # values of a candidate it is needed for
      "expected": {"energy": "eV", "structure": "Å"},          # what is read from the results, and its unit
      "potcar": {"functional": "PBE", "symbols": ["Mo_pv", "S"]},
      "order": "…",             # hash of structure, choices and versions: what was asked for
      "input_hash": "…",        # of the input files, but for the POTCAR
      "files": {"INCAR": "…", …},              # hash of each
      "notes": []
    }

The one at the top of the tree (``"format": "exfolio-vasp-tree/1"``) has ``folders``: by path within the tree the
most telling of these, the candidates that wait for it now, and whether it is still due.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from .....models.calculation.inputs import PBE_INCAR
from .....stores.canonical import text_hash
from .....stores.errors import CannotRunError, ConfigurationError
from ..crawl import MANIFEST

Doc = dict[str, Any]
State = Literal["absent", "untouched", "begun", "edited", "foreign"]
"""What became of a folder: a calculation has begun in it, a person has changed or added a file, or it is not ours."""

FORMAT: Final = "exfolio-vasp/1"
TREE_FORMAT: Final = "exfolio-vasp-tree/1"
SCRIPT: Final = "run.sh"
_TEMPORARY: Final = ".exfolio-"
_BEGUN = re.compile(
    r"(OUTCAR|OSZICAR|CONTCAR|XDATCAR|CHGCAR|CHG|WAVECAR|EIGENVAL|DOSCAR|PROCAR|IBZKPT|vaspout\.h5|vasprun\.xml|"
    r"vasp\.out|STOPCAR|custodian\.json|error\.\d+\.tar)([._-].*)?"
)
"""Files that VASP, or custodian, makes; also with an ending such as .gz, .relax1 or .bz2."""
_MARK: Final = "# Written by exfolio"


@dataclass(frozen=True, slots=True)
class Present:
    """A folder of the tree as it lies there."""

    state: State
    manifest: Doc


class Tree:
    """A tree of calculations, to be used within `open_tree`.

    Parameters
    ----------
    root
        The folder at its top.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def look(self, folder: str) -> Present:
        """Look what a folder of the tree holds."""
        path = self.root / folder
        try:
            names = [entry.name for entry in os.scandir(path)]
        except FileNotFoundError:
            return Present("absent", {})
        except NotADirectoryError:
            return Present("foreign", {})
        manifest = _read_json(path / MANIFEST)
        if manifest.get("format") != FORMAT or not isinstance(manifest.get("files"), dict):
            return Present("foreign", {})
        if any(_BEGUN.fullmatch(name) for name in names):
            return Present("begun", manifest)
        files: dict[str, str] = manifest["files"]
        same = set(names) == {MANIFEST, *files} and all(
            _file_hash(path / name) == expected for name, expected in files.items()
        )
        return Present("untouched" if same else "edited", manifest)

    def put(self, folder: str, files: Mapping[str, str], manifest: Doc) -> None:
        """Write a folder, in place of an untouched one; it appears with all its files at once.

        Raises
        ------
        ConfigurationError
            It can't be written, or holds what must not be overwritten.
        """
        final = self.root / folder
        manifest = {**manifest, "files": {name: _hash(text.encode()) for name, text in sorted(files.items())}}
        with _writing(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=final.parent))
            for name, text in files.items():
                (unfinished / name).write_text(text, encoding="utf-8", newline="\n")
            (unfinished / MANIFEST).write_text(_json(manifest), encoding="utf-8", newline="\n")
            unfinished.chmod(0o777 & ~_umask())
            state = self.look(folder).state  # once more: a job may have begun since
            if state == "untouched":
                old = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=final.parent))
                final.rename(old / "replaced")
                unfinished.rename(final)
                shutil.rmtree(old)
            elif state == "absent":
                unfinished.rename(final)
            else:
                shutil.rmtree(unfinished)
                raise ConfigurationError(f"{final} has changed while it was to be written", "Run the export again.")

    def put_file(self, path: str, text: str, *, executable: bool = False) -> None:
        """Write one file of the tree, whole; nothing is done where it is the same already."""
        final = self.root / path
        with _writing(final):
            if final.is_file() and final.read_text(encoding="utf-8", errors="replace") == text:
                return
            handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=final.parent)
            with open(handle, "w", encoding="utf-8", newline="\n") as stream:  # noqa: PTH123 - a handle
                stream.write(text)
            Path(name).chmod((0o777 if executable else 0o666) & ~_umask())
            Path(name).replace(final)

    def put_script(self, folder: str, steps: list[tuple[str, str | None]]) -> None:
        """Write the script that runs the calculations of one structure in order, unless a person has put in their own.

        Parameters
        ----------
        folder
            Of the structure.
        steps
            Folders within it, each with the one it follows.
        """
        path = self.root / folder / SCRIPT
        if path.is_file() and _MARK not in path.read_text(encoding="utf-8", errors="replace"):
            return
        calls = "\n".join(f"run {name} {after or ''}".rstrip() for name, after in steps)
        self.put_file(f"{folder}/{SCRIPT}", f"{_SCRIPT_HEAD}\n{calls}\n", executable=True)

    def clear(self, folder: str) -> None:
        """Remove what an export that was killed has left half-written in the folder of a structure."""
        path = self.root / folder
        if path.is_dir():
            for entry in list(os.scandir(path)):
                if entry.name.startswith(_TEMPORARY) and entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path)
                elif entry.name.startswith(_TEMPORARY):
                    Path(entry.path).unlink()

    def folders(self) -> dict[str, Doc]:
        """Entries of the tree's manifest, by folder.

        Raises
        ------
        ConfigurationError
            There is one that can't be read.
        """
        path = self.root / MANIFEST
        if not path.exists():
            return {}
        manifest = _read_json(path)
        if manifest.get("format") != TREE_FORMAT or not isinstance(manifest.get("folders"), dict):
            raise ConfigurationError(
                f"{path} is no manifest of a tree of calculations", "Choose another folder, or move that file away."
            )
        return dict(manifest["folders"])

    def put_folders(self, folders: Mapping[str, Doc]) -> None:
        """Write the manifest of the tree."""
        self.put_file(MANIFEST, _json({"format": TREE_FORMAT, "folders": dict(sorted(folders.items()))}))


@contextmanager
def open_tree(root: Path) -> Iterator[Tree]:
    """Open a tree for writing, by one export at a time; made when it is not there.

    Raises
    ------
    ConfigurationError
        It can't be used as a folder.
    CannotRunError
        Another export is writing into it.
    """
    with _writing(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".exfolio.lock", timeout=0)
        try:
            lock.acquire()
        except Timeout as error:
            raise CannotRunError(f"another export is writing into {root}", "Wait for it to end.") from error
    try:
        yield Tree(root)
    finally:
        lock.release()


def folder_name(*parts: str, identity: str) -> str:
    """Folder name of plain letters, told apart by a hash of the identity.

    Examples
    --------
    >>> folder_name("MoS2", "2dmatpedia:2dm-1", identity="x")
    'MoS2_2dmatpedia-2dm-1_8e3f9b52'
    """
    name = "_".join(re.sub(r"[^A-Za-z0-9.+-]+", "-", part).strip("-.")[:80] for part in parts)
    return f"{name}_{text_hash(identity)[:8]}"


def files_hash(files: Mapping[str, str]) -> str:
    """Hash of a folder's input, but for its POTCAR, which not everybody has."""
    return text_hash(*(part for name in sorted(files) if not name.startswith("POTCAR") for part in (name, files[name])))


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigurationError(f"{path} can't be written: {error.strerror or error}") from error


def _read_json(path: Path) -> Doc:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}  # documented by who calls: such a folder is not ours
    return content if isinstance(content, dict) else {}


def _json(content: Doc) -> str:
    return json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _file_hash(path: Path) -> str | None:
    return _hash(path.read_bytes()) if path.is_file() and not path.is_symlink() else None


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


_SCRIPT_HEAD: Final = f"""\
#!/bin/sh
{_MARK}: runs the calculations of this folder in order, each from the structure the one before it ended with.
# VASP names the command, e.g.  VASP="srun vasp_std" sh run.sh
set -eu
: "${{VASP:?the command that runs VASP, such as VASP='mpirun vasp_std'}}"
cd "$(dirname "$0")"

run() {{ # folder, folder it follows
    [ -d "$1" ] || return 0
    if [ -e "$1/OUTCAR" ]; then echo "$1: has been run"; return 0; fi
    if [ ! -s "$1/POTCAR" ]; then echo "$1: no POTCAR; POTCAR.spec names what it is made of" >&2; exit 1; fi
    if [ -n "${{2-}}" ] && [ -d "${{2-}}" ]; then
        grep -q "reached required accuracy" "$2/OUTCAR" || {{ echo "$2: not converged" >&2; exit 1; }}
        same_vacuum "$2"
        cp "$2/CONTCAR" "$1/POSCAR"
    fi
    if [ -e "$1/{PBE_INCAR}" ]; then start_from_pbe "$1"; fi
    echo "$1"
    (cd "$1" && $VASP > vasp.out)
}}

same_vacuum() {{ # folder of a relaxation: the third cell vector stays where LATTICE_CONSTRAINTS holds it
    grep -q LATTICE_CONSTRAINTS "$1/INCAR" || return 0
    for file in POSCAR CONTCAR; do awk 'NR == 2 {{ scale = $1 }} NR == 5 {{ print scale * $3 }}' "$1/$file"; done |
        awk 'NR == 1 {{ before = $1 }} END {{ exit ($1 < before - 0.1 || $1 > before + 0.1) }}' || {{
        echo "$1: the vacuum was relaxed, as VASP before 6.5 does: export with --fixed-in-plane" >&2; exit 1; }}
}}

start_from_pbe() {{ # folder: its WAVECAR comes from a converged PBE run of the same input
    [ ! -s "$1/WAVECAR" ] || return 0
    echo "$1 (PBE)"
    mkdir -p "$1/PBE"
    cp "$1/POSCAR" "$1/KPOINTS" "$1/POTCAR" "$1/PBE/"
    cp "$1/{PBE_INCAR}" "$1/PBE/INCAR"
    (cd "$1/PBE" && $VASP > vasp.out)
    grep -q "EDIFF is reached" "$1/PBE/OUTCAR" || {{ echo "$1/PBE: not converged" >&2; exit 1; }}
    rm -f "$1/PBE/vasprun.xml" # no result of its own
    mv "$1/PBE/OUTCAR" "$1/PBE/pbe.outcar"
    mv "$1/PBE/WAVECAR" "$1/WAVECAR"
}}
"""
