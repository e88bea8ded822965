"""What an OPTIMADE structure means: its resource becomes a material, provider-specific values by a stated map.

Knows the specification (version 1.2, https://specs.optimade.org) and no server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..records.material_fields import (
    check_formula,
    check_value,
    extra_fields,
    formula_fields,
    read_structure,
    structure_fields,
)
from ..records.raw_record import BadRecord
from ..records.source_options import SourceOptionError
from ..records.units import UNITS_OF_FIELD, Conversion, UnitError, conversion

ATTRIBUTES: Final = (
    "lattice_vectors",
    "cartesian_site_positions",
    "species",
    "species_at_sites",
    "structure_features",
    "dimension_types",
    "nperiodic_dimensions",
    "chemical_formula_reduced",
    "chemical_formula_descriptive",
    "last_modified",
)
"""Properties of the specification that are asked for."""
TEXT_FIELDS: Final = ("prototype", "reference", "discovery", "parent_id")
"""Fields a property that is text may be given to."""
_INCOMPLETE: Final = frozenset({"unknown_positions", "implicit_atoms", "site_attachments"})
_NO_ATOM: Final = "vacancy"
_UNKNOWN_ATOM: Final = "X"
_SHEET: Final = 2
_SPACE: Final = 3
_LEAST_OCCUPANCY: Final = 1e-8


@dataclass(frozen=True, slots=True)
class Mapped:
    """A property of a provider that a field is taken from.

    Attributes
    ----------
    field
        Field of a material.
    path
        Name of the property, then the keys inside it where it is an object.
    unit, conversion
        As stated, and how a value becomes that of the field; None for text.
    """

    field: str
    path: tuple[str, ...]
    unit: str | None
    conversion: Conversion | None


def read_map(fields: Mapping[str, str]) -> tuple[Mapped, ...]:
    """Read a map such as ``{"band_gap": "_oqmd_band_gap:eV"}``.

    Parameters
    ----------
    fields
        By field, the property and its unit; ``_x_stability.gga.energy_above_hull:eV/atom`` looks inside an object.

    Raises
    ------
    SourceOptionError
        A field can't be given, or a unit lacks or is not that of the field.
    """
    return tuple(_mapped(field, given) for field, given in sorted(fields.items()))


def _mapped(field: str, given: str) -> Mapped:
    if field in TEXT_FIELDS:
        return Mapped(field, _path(given), None, None)
    if field not in UNITS_OF_FIELD:
        known = ", ".join((*UNITS_OF_FIELD, *TEXT_FIELDS))
        raise SourceOptionError(f"a property can't be {field!r}; it can be one of {known}")
    name, colon, unit = given.rpartition(":")
    if not colon or not name or not unit:
        raise SourceOptionError(
            f"{field}={given} states no unit; write e.g. {field}={given}:{UNITS_OF_FIELD[field][0]}"
        )
    try:
        how = conversion(field, unit)
    except UnitError as error:
        raise SourceOptionError(str(error)) from None
    if how.per_formula:
        raise SourceOptionError(f"{field}: {unit} leaves open which formula is meant; only values per atom are taken")
    return Mapped(field, _path(name), unit, how)


def _path(name: str) -> tuple[str, ...]:
    path = tuple(name.split("."))
    if not all(path):
        raise SourceOptionError(f"{name!r} is no property")
    return path


def material_fields(attributes: Mapping[str, Any], mapped: Sequence[Mapped], keep: Sequence[str]) -> dict[str, Any]:
    """Fields of a material that the attributes of a structure resource hold.

    Raises
    ------
    BadRecord
        The resource can't be used.
    """
    document = _what_it_is(attributes)
    if (periodic := _periodic(attributes)) == _SHEET:
        document["dimension_claimed"] = periodic
    for source_property in mapped:
        if (value := _look_up(attributes, source_property.path)) is None:
            continue
        place = ".".join(source_property.path)
        if source_property.conversion is None:
            if not isinstance(value, str):
                raise BadRecord(f"{place} is not a text but {value!r:.60}", remedy="correct the map of fields")
            document[source_property.field] = value
        else:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise BadRecord(f"{place} is not a number but {value!r:.60}", remedy="correct the map of fields")
            if not np.isfinite(value):
                raise BadRecord(f"{place} is {value}, which is not finite")
            document[source_property.field] = check_value(
                source_property.field, float(value) * source_property.conversion.factor
            )
    kept = {name: attributes[name] for name in keep if attributes.get(name) is not None}
    if extra := extra_fields(kept, used=frozenset()):
        document["extra"] = extra
    return document


def _what_it_is(attributes: Mapping[str, Any]) -> dict[str, Any]:
    formula = attributes.get("chemical_formula_reduced") or attributes.get("chemical_formula_descriptive")
    plain = _plain_structure(attributes)
    if plain is not None:
        structure = read_structure(plain)
        # Of a disordered crystal the specification leaves open what the formula counts.
        if formula is not None and structure.is_ordered:
            check_formula(formula, structure)
        return structure_fields(structure)
    if not isinstance(formula, str):
        raise BadRecord("it has neither a whole structure nor a chemical formula")
    return formula_fields(formula)


def _plain_structure(attributes: Mapping[str, Any]) -> dict[str, Any] | None:
    """Structure as pymatgen writes it; None where the resource does not hold all of it."""
    features = attributes.get("structure_features") or []
    cell, positions = attributes.get("lattice_vectors"), attributes.get("cartesian_site_positions")
    if cell is None or positions is None or not isinstance(features, list) or _INCOMPLETE & set(map(str, features)):
        return None
    if not isinstance(cell, list) or any(vector is None or None in vector for vector in cell if _is_list(vector)):
        return None  # not periodic in that direction
    try:
        matrix, cartesian = np.asarray(cell, dtype=float), np.asarray(positions, dtype=float)
        if matrix.shape != (_SPACE, _SPACE) or cartesian.ndim != 2 or cartesian.shape[1] != _SPACE:
            raise ValueError(f"shapes {matrix.shape} and {cartesian.shape}")
        fractional = np.linalg.solve(matrix.T, cartesian.T).T
    except (TypeError, ValueError, np.linalg.LinAlgError) as error:
        raise BadRecord(f"bad structure: cell or positions can't be read ({error})") from error
    at_sites = attributes.get("species_at_sites")
    if attributes.get("species") is None and isinstance(at_sites, list):  # then they can only be elements
        kinds: dict[str, Any] = {name: [{"element": name, "occu": 1}] for name in at_sites if isinstance(name, str)}
    else:
        kinds = _species(attributes.get("species"))
    if not isinstance(at_sites, list) or len(at_sites) != len(cartesian):
        raise BadRecord(f"bad structure: {len(cartesian)} positions and species for {at_sites!r:.60}")
    sites = []
    for name, abc in zip(at_sites, fractional.tolist(), strict=True):
        if not isinstance(name, str) or name not in kinds:
            raise BadRecord(f"bad structure: a site is of {name!r:.40}, which is not among its species")
        if kinds[name] is None:
            return None
        if kinds[name]:
            sites.append({"species": kinds[name], "abc": abc})
    return {"lattice": {"matrix": matrix.tolist()}, "sites": sites}


def _species(listed: object) -> dict[str, list[dict[str, Any]] | None]:
    """Elements on a site and their occupancy, by name of the species; None where not known, empty for a vacancy."""
    kinds: dict[str, list[dict[str, Any]] | None] = {}
    try:
        for species in listed:  # type: ignore[attr-defined]
            parts = list(zip(species["chemical_symbols"], map(float, species["concentration"]), strict=True))
            real = [{"element": el, "occu": x} for el, x in parts if el != _NO_ATOM and x > _LEAST_OCCUPANCY]
            kinds[str(species["name"])] = None if any(el == _UNKNOWN_ATOM for el, _ in parts) else real
    except (TypeError, KeyError, ValueError) as error:
        raise BadRecord(f"bad structure: its species can't be read ({error!r:.80})") from error
    return kinds


def _periodic(attributes: Mapping[str, Any]) -> int | None:
    number, types = attributes.get("nperiodic_dimensions"), attributes.get("dimension_types")
    if isinstance(number, int):
        return number
    if not isinstance(types, list) or not all(isinstance(flag, int) for flag in types):
        return None
    return sum(types)


def _look_up(attributes: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = attributes
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
