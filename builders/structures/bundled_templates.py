"""Templates of the bundled crystals and layers, for those who predict structures and keep no registry.

They are what stage `templates` makes of the two bundled lists; `tests/learnt/gather_templates.py` writes them.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

import zstandard

Doc = dict[str, Any]

FILE: Final = "bundled_templates.json.zst"
FIELDS: Final = (
    *("material_id", "formula_reduced", "formula_anonymous", "structure"),
    *("template_prototype", "template_dimension", "template"),
)
"""What is kept of each material."""


@cache
def bundled() -> dict[str, Doc]:
    """Materials that serve as templates, as the registry has them, by id."""
    packed = files(__package__).joinpath(FILE).read_bytes()
    read: list[Doc] = json.loads(zstandard.ZstdDecompressor().decompress(packed))
    return {doc["material_id"]: doc for doc in read}


def find(dimension: int, anonymous_formula: str | None = None) -> list[Doc]:
    """Templates of a dimensionality, and of an anonymous formula where one is given."""
    return [
        doc
        for doc in bundled().values()
        if doc["template_dimension"] == dimension and anonymous_formula in (None, doc["formula_anonymous"])
    ]
