"""Finds a trained model for whoever applies it: the one that was named, else the newest of its kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...models.learning.weights import WeightsError
from ...stores.bookkeeping import artefacts
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError

Model = TypeVar("Model")
Doc = dict[str, Any]
_LOADED: dict[tuple[str, str], Any] = {}
_MOST = 4


class NoModel(ConfigurationError):
    """No model of that kind or name has been trained."""


def find(connection: Connection, kind: str, model_id: str | None = None) -> Doc | None:
    """Give the document of the model of that id, or of the newest of its kind; None where there is none."""
    query: Doc = {"kind": kind, "deprecated": False, **({"model_id": model_id} if model_id else {})}
    found: Doc | None = connection.database["trained_models"].find_one(query, {"_id": 0}, sort=[("created_at", -1)])
    return found


def need(connection: Connection, kind: str, model_id: str | None = None) -> Doc:
    """Give the document of a model, as `find`.

    Raises
    ------
    NoModel
        There is none; says how to train one.
    """
    found = find(connection, kind, model_id)
    if found is None:
        named = f" {model_id}" if model_id else ""
        raise NoModel(f"there is no trained model{named} of kind {kind}", f"Train one: exfolio train {kind}")
    return found


def load(connection: Connection, kind: str, model_id: str, unpack: Callable[[bytes], Model]) -> Model:
    """Give a trained model ready for use; loaded once in a process, the last few are kept.

    Raises
    ------
    NoModel, ArtefactMissing
        It is not there.
    ConfigurationError
        Its weights are damaged or of another kind.
    """
    if (kind, model_id) not in _LOADED:
        weights = artefacts.get(connection, need(connection, kind, model_id)["weights"])
        try:
            loaded = unpack(weights)
        except WeightsError as error:
            raise ConfigurationError(f"{model_id}: {error}", f"Train it again: exfolio train {kind}") from None
        while len(_LOADED) >= _MOST:
            _LOADED.pop(next(iter(_LOADED)))
        _LOADED[kind, model_id] = loaded
    model: Model = _LOADED[kind, model_id]
    return model
