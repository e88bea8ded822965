"""Finds a trained model for whoever applies it: the one that was named, else the newest of its kind, else the shipped.

A registry uses what comes with the package until it has trained a model of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from ...models.learning.weights import WeightsError
from ...stores.bookkeeping import artefacts
from ...stores.connection import Connection
from ...stores.errors import ConfigurationError
from .shipped.shipped_models import card, card_of, is_shipped, shipped

Model = TypeVar("Model")
Doc = dict[str, Any]
_LOADED: dict[tuple[str, str], Any] = {}
_MOST = 4


class NoModel(ConfigurationError):
    """No model of that kind or name has been trained."""


def find(connection: Connection, kind: str, model_id: str | None = None, *, request: str | None = None) -> Doc | None:
    """Document of a trained model, the newest there is, or the card of the shipped one; None where there is neither.

    Parameters
    ----------
    connection
        The registry.
    kind
        Kind of model.
    model_id
        Of this id only.
    request
        Of those only that were trained as this asks (`TrainingStage.request`), which no shipped one was; no matter
        where an id is given.
    """
    if model_id is not None and is_shipped(model_id):
        described = card_of(model_id)
        return described if described is not None and described["kind"] == kind else None
    query: Doc = {"kind": kind, "deprecated": False}
    if model_id:
        query["model_id"] = model_id
    elif request:
        query["request"] = request
    newest: Doc | None = connection.database["trained_models"].find_one(query, {"_id": 0}, sort=[("created_at", -1)])
    return newest if newest or model_id or request else card(kind)


def need(connection: Connection, kind: str, model_id: str | None = None) -> Doc:
    """Document of a model, as `find`.

    Raises
    ------
    NoModel
        There is none; says how to train one.
    """
    model = find(connection, kind, model_id)
    if model is None:
        named = f" {model_id}" if model_id else ""
        raise NoModel(f"there is no trained model{named} of kind {kind}", f"Train one: exfolio train {kind}")
    return model


@dataclass(frozen=True, slots=True)
class Packed:
    """A trained model as bytes, to be handed to another process."""

    kind: str
    model_id: str
    weights: bytes


def packed(connection: Connection, kind: str, model_id: str) -> Packed:
    """Read the weights of a trained model.

    Raises
    ------
    NoModel, ArtefactMissing
        It is not there.
    """
    if is_shipped(model_id) and (model := shipped(kind)) is not None and model.model_id == model_id:
        return Packed(kind, model_id, model.weights)
    return Packed(kind, model_id, artefacts.get(connection, need(connection, kind, model_id)["weights"]))


def unpacked(model: Packed, unpack: Callable[[bytes], Model]) -> Model:
    """Make a trained model ready for use; once in a process, the last few are kept.

    Raises
    ------
    ConfigurationError
        Its weights are damaged or of another kind.
    """
    key = model.kind, model.model_id
    if key not in _LOADED:
        try:
            loaded = unpack(model.weights)
        except WeightsError as error:
            remedy = f"Train it again: exfolio train {model.kind}"
            raise ConfigurationError(f"{model.model_id}: {error}", remedy) from None
        while len(_LOADED) >= _MOST:
            _LOADED.pop(next(iter(_LOADED)))
        _LOADED[key] = loaded
    ready: Model = _LOADED[key]
    return ready


def load(connection: Connection, kind: str, model_id: str, unpack: Callable[[bytes], Model]) -> Model:
    """Read a trained model and make it ready for use, as `packed` and `unpacked`.

    Parameters
    ----------
    connection
        The registry.
    kind
        Kind of model.
    model_id
        Its id.
    unpack
        Makes a model of its weights.
    """
    if (kind, model_id) in _LOADED:
        ready: Model = _LOADED[kind, model_id]
        return ready
    return unpacked(packed(connection, kind, model_id), unpack)
