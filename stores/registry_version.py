"""Version of the registry that this code reads and writes, and where a registry says its own."""

from __future__ import annotations

from typing import Any, Final

from .errors import ConfigurationError

CURRENT: Final = 8
"""Number of the last of the steps in `migrations.steps`; an older program refuses a newer registry."""
STAMP: Final = {"_id": "schema"}
"""The document of `counters` that says of which version the registry is."""
STEPS_DONE: Final = "steps_done"
"""Field of that document while steps are under way: the last that is done. Its version is the new one by then, so that
programs of before refuse the registry."""
OF_NEWER: Final = "Install the exfolio version that wrote it, or a newer one."


def refuse_newer(stamp: dict[str, Any] | None, where: str) -> None:
    """Refuse a registry of a newer program.

    Parameters
    ----------
    stamp
        What the registry says of itself; None where there is none.
    where
        Which database it is, for the message.

    Raises
    ------
    ConfigurationError
        It is one.
    """
    if stamp is not None and stamp.get("version", 0) > CURRENT:
        raise ConfigurationError(f"{where} has version {stamp['version']}, this exfolio knows {CURRENT}", OF_NEWER)
