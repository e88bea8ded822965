"""Reads the models that come with the package: weights made from public data, and a card that says all about each.

A card is what `trained_models` holds of a model, with the sources of its data and their licences, where it fails, and
the command that makes it again. The weights' hash stands in the card and is checked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import zstandard

from ....stores.connection import Connection
from ....stores.documents.trained_model import SHIPPED
from ....stores.errors import ConfigurationError
from ....stores.query.language.query_errors import NoSuchDocument
from ....stores.query.lookup import StoredDocument, find_document

Doc = dict[str, Any]

MOST_BYTES: Final = 25_000_000
"""All weights together are no larger, as they come along."""
_ENDING: Final = ".weights.zst"
_LEVEL: Final = 12

CARD_FIELDS: Final = (
    *("model_id", "kind", "config", "seed", "data_query", "data", "metrics", "versions", "seconds"),
    *("sources", "seen", "limits", "command", "sha256"),
)
"""What a card says: as in `trained_models`, and ``sources`` (name, licence, citation of each), ``seen`` (what of the
Materials Project it has learnt from), ``limits`` (where it fails), ``command`` (makes it again), ``sha256`` of the
weights."""


class DamagedModel(ConfigurationError):
    """Weights in the package are not those that its card tells of."""


@dataclass(frozen=True, slots=True)
class ShippedModel:
    """A model that comes with the package.

    Attributes
    ----------
    card
        What there is to say of it, see `CARD_FIELDS`.
    weights
        Its packed weights.
    """

    card: Doc
    weights: bytes

    @property
    def model_id(self) -> str:
        """Its id."""
        return str(self.card["model_id"])


def shipped_kinds() -> list[str]:
    """Kinds of models that come with the package, sorted."""
    return sorted(Path(entry.name).stem for entry in files(__package__).iterdir() if entry.name.endswith(".json"))


def card(kind: str) -> Doc | None:
    """Card of the shipped model of a kind; None where none is shipped."""
    path = files(__package__) / f"{kind}.json"
    if not path.is_file():
        return None
    read: Doc = json.loads(path.read_text(encoding="utf-8"))
    return read


def card_of(model_id: str) -> Doc | None:
    """Card of the shipped model of an id; None where no model of this version has it."""
    if not model_id.startswith(SHIPPED):
        return None
    return next((told for kind in shipped_kinds() if (told := card(kind)) and told["model_id"] == model_id), None)


def find_document_or_card(connection: Connection, name: str, *, collection: str | None = None) -> StoredDocument:
    """Find the document of an id or of its beginning, as `find_document`; a shipped model's card as if it were stored.

    Parameters
    ----------
    connection
        The database.
    name
        Id of a document of any collection or of a shipped model, or its first letters.
    collection
        Look only there.

    Raises
    ------
    NoSuchDocument
        None is found, or several; says which are near.
    """
    if name.startswith(SHIPPED) and collection in (None, "trained_models"):
        told = [found for kind in shipped_kinds() if (found := card(kind)) and found["model_id"].startswith(name)]
        if len(told) == 1:
            return StoredDocument("trained_models", told[0]["model_id"], told[0])
        if told:
            ids = ", ".join(sorted(found["model_id"] for found in told))
            raise NoSuchDocument(f"several models begin with {name!r}", f"Name one: {ids}")
    return find_document(connection, name, collection=collection)


@cache
def shipped(kind: str) -> ShippedModel | None:
    """Shipped model of a kind, read once; None where none is shipped.

    Raises
    ------
    DamagedModel
        The weights are not there, or not what the card says.
    """
    described = card(kind)
    if described is None:
        return None
    path = files(__package__) / f"{kind}{_ENDING}"
    try:
        weights = zstandard.ZstdDecompressor().decompress(path.read_bytes()) if path.is_file() else b""
    except zstandard.ZstdError:
        weights = b""
    if hashlib.sha256(weights).hexdigest() != described["sha256"]:
        raise DamagedModel(f"the shipped model {described['model_id']} is damaged", "Install exfolio again.")
    return ShippedModel(described, weights)


def is_shipped(model_id: str) -> bool:
    """Whether an id is that of a shipped model, of this version or another one."""
    return model_id.startswith(SHIPPED)


def write(folder: Path, trained: Mapping[str, Any], weights: bytes, told: Mapping[str, Any]) -> Path:
    """Write weights and card of a trained model, as this package reads them.

    Parameters
    ----------
    folder
        Where to.
    trained
        Its document of `trained_models`.
    weights
        Its packed weights.
    told
        ``sources``, ``seen``, ``limits`` and ``command`` of the card.

    Returns
    -------
    Path
        The card.
    """
    digest = hashlib.sha256(weights).hexdigest()
    kind = trained["kind"]
    described = {**trained, **told, "model_id": f"{SHIPPED}{kind}-{digest[:12]}", "sha256": digest}
    (folder / f"{kind}{_ENDING}").write_bytes(zstandard.ZstdCompressor(level=_LEVEL).compress(weights))
    path = folder / f"{kind}.json"
    kept = {name: described[name] for name in CARD_FIELDS if name in described}
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path
