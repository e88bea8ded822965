"""Reads aqueous ions from a file of a user's, in the form of the Materials Project's ``aqueous_ions.json``."""

from __future__ import annotations

import json
from pathlib import Path

from ...models.energetics.ions import AqueousIon, IonDataError, bundled_ions, ions_from_records
from ...stores.errors import ConfigurationError
from ..sources.files.open_files import SourceFileError, read_whole


def load_ions(path: str | None) -> tuple[AqueousIon, ...]:
    """Ions of a file, or the bundled ones without.

    Raises
    ------
    ConfigurationError
        The file can't be read, or holds no ions; names it and the reason.
    """
    if path is None:
        return bundled_ions()
    try:
        records = json.loads(read_whole(Path(path)))
        if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
            raise ConfigurationError(f"{path}: a file of ions is a list of objects", "See docs/campaigns.md.")
        return ions_from_records(records)
    except (SourceFileError, IonDataError, ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path}: no ions can be read from it: {error}") from error
