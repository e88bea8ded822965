"""Packages of others, installed into a folder as pip would: modules beside the metadata of a distribution."""

import importlib
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    folder: Path,
    patch: pytest.MonkeyPatch,
    name: str,
    *,
    modules: Mapping[str, str],
    entries: Mapping[str, Mapping[str, str]],
    version: str = "0.1.0",
) -> None:
    """Install a package, or another version of it, until the test ends.

    Parameters
    ----------
    folder
        Stands for site-packages.
    patch
        Puts the folder on the path.
    name, version
        Of the distribution.
    modules
        Text of each module, by file name.
    entries
        By group of entry points, values by name.
    """
    remove(folder, name)
    for file, text in modules.items():
        (folder / file).write_text(text)
        sys.modules.pop(file.removesuffix(".py"), None)
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"[{group}]\n" + "".join(f"{n} = {v}\n" for n, v in named.items()) for group, named in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines))
    if str(folder) not in sys.path:
        patch.syspath_prepend(folder)
    importlib.invalidate_caches()


def remove(folder: Path, name: str) -> None:
    """Take a package out again; its modules stay imported where they were."""
    for metadata in folder.glob(f"{name.replace('-', '_')}-*.dist-info"):
        for file in metadata.iterdir():
            file.unlink()
        metadata.rmdir()
    importlib.invalidate_caches()
