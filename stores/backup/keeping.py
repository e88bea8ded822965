"""What goes with backups that are made time and again: the file of their passphrase, and how many are kept."""

from __future__ import annotations

import re
import shutil
import time
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from ..errors import ConfigurationError
from .backup import MANIFEST, UNFINISHED

_LEFT_BEHIND_SECONDS: Final = 86_400.0
"""Age from which on an unfinished backup is one that was cut off, not one that is being made."""


def read_passphrase(file: Path) -> SecretStr:
    """First line of a file.

    Raises
    ------
    ConfigurationError
        It can't be read, or is empty.
    """
    try:
        line = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{file} can't be read as the file of a passphrase", "Its first line is the passphrase, as UTF-8 text."
        ) from error
    if not line:
        raise ConfigurationError(f"{file}: its first line is empty", "Write the passphrase into the first line.")
    return SecretStr(line)


def set_aside(folder: Path) -> Path:
    """Rename a backup that is not whole, so that it does not count as one; it goes with those that were cut off."""
    return folder.rename(folder.with_name(f"{UNFINISHED}{folder.name}"))


def remove_older(folder: Path, database: str, keep: int) -> list[Path]:
    """Take older backups of a database away, but for so many, and what was left of those cut off long ago."""
    for path in folder.glob(f"{UNFINISHED}*"):
        if time.time() - path.stat().st_mtime > _LEFT_BEHIND_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    of_it = re.compile(re.escape(database) + r"-\d{8}T\d{6}Z")  # and not of a database whose name begins alike
    older = sorted(path.parent for path in folder.glob(f"*/{MANIFEST}") if of_it.fullmatch(path.parent.name))[:-keep]
    for path in older:
        shutil.rmtree(path)
    return older
