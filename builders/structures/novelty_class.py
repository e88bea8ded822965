"""How new a proposed structure is, in classes, where known materials of its composition have been compared with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from ...models.calculation.methods import Level, parse_method
from ...stores.documents.structure import NOVELTY_CLASSES
from ..engine.batches import Doc
from .proposed_structure import LAYER

KNOWN, ALIKE, MAY_BE_KNOWN, LAYER_OF_KNOWN, ORDERED, KNOWN_COMPOSITION, SWAP, NEW = NOVELTY_CLASSES
_NAMED: Final = 5
"""How many materials a class names."""


def novelty_class(proposed: Doc, matches: Sequence[Doc], materials: Sequence[Doc]) -> Doc:
    """Class of a proposed structure, and the materials that put it there.

    The first that holds: known; alike; may be known (a monolayer whose composition a source knows to be
    two-dimensional, but gives no structure of); layer of a known crystal; ordered version of a known solid solution;
    known composition, or again may be known where no source gives a structure of it to compare with; same-group swap of
    what it was made from; new composition.

    Parameters
    ----------
    proposed
        The structure: dimension, route, parent_id, substitution.
    matches
        Known materials that are the same structure or alike, as `KnownStructures.matches` gives them.
    materials
        All known materials of the composition: material_id, whether with a structure, disordered, dimension_claimed,
        methods.

    Returns
    -------
    dict
        ``novelty_class``, and ``novelty_beside``: up to five ids.
    """
    if matches:
        same = [match["material_id"] for match in matches if match["same"]]
        return _told(KNOWN, same) if same else _told(ALIKE, [match["material_id"] for match in matches])
    if proposed.get("dimension") == LAYER and (claims := [doc["material_id"] for doc in materials if _claims(doc)]):
        return _told(MAY_BE_KNOWN, claims)
    if proposed.get("route") == "top-down":
        return _told(LAYER_OF_KNOWN, [proposed["parent_id"]])
    if mixed := [doc["material_id"] for doc in materials if doc.get("disordered")]:
        return _told(ORDERED, mixed)
    if materials:
        known = [doc["material_id"] for doc in materials]
        compared = any(doc.get("structure") is not None for doc in materials)
        return _told(KNOWN_COMPOSITION if compared or not any(map(_is_stated, materials)) else MAY_BE_KNOWN, known)
    if _within_groups(proposed.get("substitution") or {}):
        return _told(SWAP, [proposed["parent_id"]])
    return _told(NEW, [])


def _told(name: str, beside: Sequence[str]) -> Doc:
    return {"novelty_class": name, "novelty_beside": sorted(beside)[:_NAMED] if name != KNOWN else beside[:_NAMED]}


def _claims(material: Doc) -> bool:
    """Whether a material without structure is said to be two-dimensional."""
    if material.get("dimension_claimed") != LAYER or material.get("structure") is not None:
        return False
    return _is_stated(material)


def _is_stated(material: Doc) -> bool:
    """Whether a material is known by more than models learnt from others."""
    methods = set((material.get("methods") or {}).values())
    return not methods or any(parse_method(method).levels != (Level.MODEL,) for method in methods)


def _within_groups(substitution: Mapping[str, str]) -> bool:
    swapped = [(old, new) for old, new in substitution.items() if old != new]
    # Two elements that share the sites of one stand as "S/Se".
    parts = ([*old.split("/"), *new.split("/")] for old, new in swapped)
    return bool(swapped) and all(len({_group(symbol) for symbol in symbols}) == 1 for symbols in parts)


@cache
def _group(symbol: str) -> object:
    from pymatgen.core.periodic_table import Element

    element = Element(symbol)
    if element.is_lanthanoid or element.is_actinoid:
        return "lanthanoids" if element.is_lanthanoid else "actinoids"
    return int(element.group)
