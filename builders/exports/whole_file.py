"""Files that appear under their name when they are complete, and replace no other unless forced."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from ...stores.errors import ConfigurationError


@contextmanager
def whole_file(path: Path, *, force: bool) -> Iterator[IO[str]]:
    """Write text into a file that appears under its name when it is complete.

    Raises
    ------
    ConfigurationError
        It is there already and is not to be replaced, or can't be written.
    """
    with whole_path(path, force=force) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream


@contextmanager
def whole_path(path: Path, *, force: bool) -> Iterator[Path]:
    """Name a file beside `path` for whoever writes files by name; it takes that name when the block has ended well.

    Raises
    ------
    ConfigurationError
        As `whole_file`.
    """
    if path.exists() and not force:
        raise _there_already(path)
    try:
        handle, name = tempfile.mkstemp(prefix=".exfolio-", suffix=path.suffix, dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise ConfigurationError(f"nothing can be written into {path.parent}: {error.strerror}") from error
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        if force:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # unlike a rename, it refuses to replace
            temporary.unlink()
    except FileExistsError as error:
        temporary.unlink(missing_ok=True)
        raise _there_already(path) from error
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ConfigurationError(f"{path} can't be written: {error.strerror}") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def _there_already(path: Path) -> ConfigurationError:
    return ConfigurationError(f"{path} is there already", "Choose another name, or replace it with --force.")
