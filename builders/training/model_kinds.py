"""The kinds of model there are, by name; a kind is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from ...stores.errors import ConfigurationError
from .model_kind import Kind

KINDS: Final[dict[str, str]] = {
    "matgan": "matgan:MatGANKind",
    "classifier": "classifier:ClassifierKind",
    "roost": "roost:RoostKind",
    "crystal-gan": "crystal_gan:CrystalGanKind",
    "space-groups": "space_groups:SpaceGroupsKind",
    "space-groups-bulk": "space_groups:BulkSpaceGroupsKind",
}


def kind_of_model(name: str) -> type[Kind]:
    """Kind of model of that name.

    Raises
    ------
    ConfigurationError
        There is none; says what there is.
    """
    if name not in KINDS:
        raise ConfigurationError(f"no kind of model is called {name!r}", f"There are: {', '.join(KINDS)}.")
    module, _, attribute = KINDS[name].partition(":")
    kind: type[Kind] = getattr(import_module(f".{module}", __package__), attribute)
    return kind
