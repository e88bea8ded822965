"""What the settings of all models share: plain data and back, and the refusal of what can't be.

Knows no model; what a setting means stands with the model's own config.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import Any, Self


class BadConfig(ValueError):
    """A setting that there is none of, or a value that it can't have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """Settings of a model; each kind of model adds its own, with their defaults, and checks them when it is made."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `from_dict` reads it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """Read settings; what is not among them has its default.

        Raises
        ------
        BadConfig
            For one that there is none of, or a value that it can't have.
        """
        cls.refuse_unknown(settings)
        return cls(**settings)

    @classmethod
    def refuse_unknown(cls, settings: Iterable[str]) -> None:
        """Refuse names that are no settings.

        Raises
        ------
        BadConfig
            For all such.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(settings) - set(known)):
            raise BadConfig(f"no such setting: {', '.join(unknown)}; there are {', '.join(known)}")

    def require_whole(self, least: int, *names: str) -> None:
        """Refuse settings that are no whole numbers, or smaller than the least.

        Raises
        ------
        BadConfig
            For the first such.
        """
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadConfig(f"{name} is a whole number of at least {least}, not {value!r}")

    def require_shares(self, *names: str) -> None:
        """Refuse settings that are no numbers above 0 and at most 1.

        Raises
        ------
        BadConfig
            For the first such.
        """
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
                raise BadConfig(f"{name} is above 0 and at most 1, not {value!r}")

    def require_numbers(self, *names: str, zero: bool = False) -> None:
        """Refuse settings that are no positive numbers, or, where zero will do, negative.

        Raises
        ------
        BadConfig
            For the first such.
        """
        for name in names:
            value = getattr(self, name)
            if not (isfinite(value) and (value > 0 or (zero and value == 0))):
                raise BadConfig(f"{name} is {'0 or more' if zero else 'a positive number'}, not {value!r}")
