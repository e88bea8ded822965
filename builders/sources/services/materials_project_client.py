"""The way into the services of the Materials Project: a client with the user's key."""

from __future__ import annotations

from typing import Final

from ....stores.errors import ConfigurationError
from ....stores.settings import Settings
from .http_client import WebClient

KEY_LENGTH: Final = 32
"""Characters of a key of the API; those of the API before 2022 have 16."""


def open_client(settings: Settings, address: str) -> WebClient:
    """Open a client of one of the Materials Project's services, with the key of the settings.

    Raises
    ------
    ConfigurationError
        No key is set, or it can't be one.
    """
    where = (
        "Get one at https://materialsproject.org/api and set EXFOLIO_MP_API_KEY, or mp_api_key in the settings file."
    )
    if settings.mp_api_key is None:
        raise ConfigurationError("the Materials Project is asked with a key, and none is set", where)
    key = settings.mp_api_key.get_secret_value().strip()
    if len(key) != KEY_LENGTH or not key.isalnum():
        raise ConfigurationError(
            f"mp_api_key has {len(key)} characters; a key of the Materials Project has {KEY_LENGTH} letters and digits",
            where,
        )
    return WebClient(
        address,
        headers={"x-api-key": key},
        timeout=settings.web_timeout_seconds,
        attempts=settings.web_attempts,
        first_wait=settings.web_first_wait_seconds,
        denied=f"The key may have expired or been replaced. {where}",
    )
