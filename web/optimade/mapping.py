"""Documents of the registry as OPTIMADE's structures: standard properties, then what exfolio knows beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any, Final

from optimade.models import StructureResource
from optimade.server.config import ServerConfig
from optimade.server.mappers.entries import BaseResourceMapper

from ...stores.query.language.fields import PREFIX, Field, Fields, fields_of
from ..json_values import plain, without_folders
from .derived import anonymous, spaced_symbol

Doc = dict[str, Any]

HIDDEN: Final = frozenset(
    {"structure", "facets", "template", "disordered", "formula_anonymous", "elements", "nelements"}
)
"""Fields that no property of exfolio's own shows: told by a standard property, or for the stages."""
_TYPES: Final = {
    "text": "string",
    "integer": "integer",
    "number": "float",
    "true or false": "boolean",
    "date": "timestamp",
    "list": "list",
    "list of objects": "list",
    "object": "dictionary",
    "any": "dictionary",
}


class RegistryMapper(BaseResourceMapper):
    """Maps documents of one collection to ``structures`` entries, and describes exfolio's own properties of them."""

    ENTRY_RESOURCE_CLASS = StructureResource

    def __init__(self, config: ServerConfig, collection: str) -> None:
        super().__init__(config)
        self.known: Fields = fields_of(collection)

    @cached_property
    def all_aliases(self) -> tuple[tuple[str, str], ...]:
        """Nothing is renamed field by field: `map_back` makes the whole entry."""
        return ()

    @cached_property
    def ALL_ATTRIBUTES(self) -> set[str]:  # noqa: N802 - the library's name
        """Every property that an entry may have."""
        return {*self.ENTRY_RESOURCE_ATTRIBUTES_MAP, *(f"{PREFIX}{field.path}" for field in own_fields(self.known))}

    def map_back(self, doc: Doc) -> Doc:
        """Entry of a document."""
        attributes = {**standard_attributes(doc), "last_modified": _moment(doc.get("updated_at"))}
        shown = without_folders(doc)
        for field in own_fields(self.known):
            attributes[f"{PREFIX}{field.path}"] = plain(shown.get(field.path))
        return {
            "id": str(doc[self.known.key]),
            "type": "structures",
            "attributes": attributes,
            "relationships": {"references": {"data": [{"type": "references", "id": doc["source"]}]}}
            if doc.get("source")
            else {},
        }


def own_fields(known: Fields) -> list[Field]:
    """Fields of a collection that become properties of exfolio's own: whole ones that no standard property tells."""
    return [field for field in known if "." not in field.path and field.path not in HIDDEN and field.path != known.key]


def descriptions(known: Fields) -> list[dict[str, Any]]:
    """Exfolio's own properties, as the info endpoint describes them."""
    return [
        {
            "name": field.path,
            "description": f"{field.description}{'. One of: ' + ', '.join(field.choices) if field.choices else ''}",
            "unit": field.unit or None,
            "type": _TYPES[field.kind],
            "sortable": field.sortable,
            "queryable": "optional",
        }
        for field in own_fields(known)
    ]


def standard_attributes(doc: Mapping[str, Any]) -> Doc:
    """OPTIMADE's properties of a document's formula and structure; None for what is not known.

    Source: OPTIMADE 1.2, structures entries.
    """
    none: Doc = {"nsites": doc.get("nsites"), "structure_features": []}
    return _of_formula(doc) | (_of_structure(doc["structure"]) if doc.get("structure") else none) | _of_symmetry(doc)


def _of_formula(doc: Mapping[str, Any]) -> Doc:
    stored = str(doc.get("formula_reduced") or "")
    amounts = _amounts(stored)
    total = sum(amounts.values())
    whole = bool(amounts) and all(amount == int(amount) for amount in amounts.values())
    symbols = sorted(amounts)
    return {
        "elements": symbols or None,
        "nelements": len(symbols) or None,
        "elements_ratios": [amounts[symbol] / total for symbol in symbols] or None,
        "chemical_formula_descriptive": doc.get("formula") or stored or None,
        "chemical_formula_reduced": _joined(symbols, amounts) if whole else None,
        "chemical_formula_anonymous": anonymous(list(amounts.values())) if whole else None,
    }


def _amounts(formula: str) -> dict[str, float]:
    """Amount of each element in a reduced formula, of which a group may stand in brackets: Mg(HO)2."""
    amounts: dict[str, float] = {}
    for group, times, alone in re.findall(r"\(([^)]*)\)([0-9.]*)|([A-Z][a-z]?[0-9.]*)", formula):
        for name, n in re.findall(r"([A-Z][a-z]?)([0-9.]*)", group or alone):
            amounts[name] = amounts.get(name, 0.0) + float(n or 1) * float(times or 1)
    return amounts


def _joined(symbols: list[str], amounts: Mapping[str, float]) -> str:
    return "".join(f"{symbol}{int(amounts[symbol]) if amounts[symbol] > 1 else ''}" for symbol in symbols)


def _of_structure(structure: Mapping[str, Any]) -> Doc:
    lattice, sites = structure["lattice"], structure["sites"]
    axes = [int(axis) for axis in lattice.get("pbc", (True, True, True))]
    species: dict[str, Doc] = {}
    names = []
    for site in sites:
        name, described = _species(site["species"])
        species.setdefault(name, described)
        names.append(name)
    disordered = any(len(one["chemical_symbols"]) > 1 for one in species.values())
    return {
        "dimension_types": axes,
        "nperiodic_dimensions": sum(axes),
        "lattice_vectors": lattice["matrix"],
        "cartesian_site_positions": [_position(site["abc"], lattice["matrix"]) for site in sites],
        "nsites": len(sites),
        "species_at_sites": names,
        "species": list(species.values()),
        "structure_features": ["disorder"] if disordered else [],
    }


def _position(fractions: Sequence[float], matrix: Sequence[Sequence[float]]) -> list[float]:
    """Cartesian position, Å."""
    return [sum(x * vector[axis] for x, vector in zip(fractions, matrix, strict=True)) for axis in range(3)]


def _species(occupants: list[Mapping[str, Any]]) -> tuple[str, Doc]:
    """Name of what a site holds, and OPTIMADE's description of it; empty shares are vacancies."""
    symbols = [str(occupant["element"]) for occupant in occupants]
    shares = [float(occupant.get("occu", 1)) for occupant in occupants]
    if (empty := 1 - sum(shares)) > 1e-6:
        symbols, shares = [*symbols, "vacancy"], [*shares, empty]
    if len(symbols) == 1:
        return symbols[0], {"name": symbols[0], "chemical_symbols": symbols, "concentration": [1.0]}
    name = "".join(f"{symbol}{share:.4g}" for symbol, share in zip(symbols, shares, strict=True))
    return name, {"name": name, "chemical_symbols": symbols, "concentration": shares}


def _of_symmetry(doc: Mapping[str, Any]) -> Doc:
    group = doc.get("space_group") or {}
    periodic = (doc.get("structure") or {}).get("lattice", {}).get("pbc", (True, True, True))
    if not all(periodic):  # the standard wants none of what is not periodic in three dimensions
        return {}
    return {
        "space_group_it_number": group.get("number"),
        "space_group_symbol_hermann_mauguin": spaced_symbol(group["symbol"]) if group.get("symbol") else None,
    }


def _moment(value: datetime | None) -> str | None:
    return value.strftime("%Y-%m-%dT%H:%M:%SZ") if value else None
