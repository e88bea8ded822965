"""What an OPTIMADE structure means: its resource becomes a material, provider-specific values by a stated map.

Knows the specification (version 1.2, https://specs.optimade.org) and no server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..records.material_fields import formula_fields
from ..records.raw_record import BadRecord
from ..records.record_values import check_value, extra_fields, number
from ..records.source_options import SourceOptionError
from ..records.structure_fields import check_formula, structure_fields
from ..records.units import UNITS_OF_FIELD, Conversion, UnitError, conversion
from .optimade_structure import dimensions_of, not_sent, periodic_directions, structure_of

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
_SPACE: Final = 3


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
    periodic = periodic_directions(attributes)
    document = _what_it_is(attributes, periodic)
    if (dimensions := dimensions_of(attributes, periodic)) is not None and dimensions != _SPACE:
        document["dimension_claimed"] = dimensions
    for source_property in mapped:
        if (value := _look_up(attributes, source_property.path)) is None:
            continue
        place = ".".join(source_property.path)
        if source_property.conversion is None:
            if not isinstance(value, str):
                raise BadRecord(f"{place} is not a text but {value!r:.60}", remedy="correct the map of fields")
            document[source_property.field] = value
        else:
            stated = number({place: value}, place) or 0.0
            document[source_property.field] = check_value(
                source_property.field, stated * source_property.conversion.factor
            )
    kept = {name: attributes[name] for name in keep if attributes.get(name) is not None}
    if periodic is not None and not all(periodic):
        kept["dimension_types"] = [int(flag) for flag in periodic]
    if extra := extra_fields(kept, used=frozenset()):
        document["extra"] = extra
    return document


def _what_it_is(attributes: Mapping[str, Any], periodic: Sequence[bool] | None) -> dict[str, Any]:
    if lacking := not_sent(attributes):
        raise BadRecord(
            f"it came without {', '.join(lacking)}, though that was asked for",
            remedy="nothing to do: the next pull asks for it again",
        )
    formula = attributes.get("chemical_formula_reduced") or attributes.get("chemical_formula_descriptive")
    structure = structure_of(attributes, periodic)
    if structure is not None:
        # Of a disordered crystal the specification leaves open what the formula counts, not which elements it has.
        if formula is not None and structure.is_ordered:
            check_formula(formula, structure)
        elif formula is not None and formula_fields(formula)["chemsys"] != structure.chemical_system:
            raise BadRecord(f"the formula is {formula}, and the structure of {structure.chemical_system}")
        return structure_fields(structure)
    if not isinstance(formula, str):
        raise BadRecord("it has neither a whole structure nor a chemical formula")
    return formula_fields(formula)


def _look_up(attributes: Mapping[str, Any], path: Sequence[str]) -> Any:
    value: Any = attributes
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value
