"""The structure that an OPTIMADE resource states, all of it, or why it can't be kept.

Knows the specification (version 1.2, https://specs.optimade.org) and no server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element
from pymatgen.core.structure import Structure

from ....models.structure.vacuum import MIN_GAP, completed_cell, find_gap
from ..records.raw_record import BadRecord
from ..records.structure_fields import read_structure

Array = NDArray[np.float64]

STRUCTURE: Final = frozenset({"lattice_vectors", "cartesian_site_positions", "species_at_sites"})
"""Properties without which there is no structure."""
_UNDERSTOOD: Final = frozenset({"disorder"})
"""Features (``structure_features``) under which species and sites tell all of the structure."""
_INCOMPLETE: Final = frozenset({"unknown_positions", "implicit_atoms", "site_attachments"})
"""Features under which they lack atoms that the formula counts: such a structure is known by its formula."""
_NO_ATOM: Final = "vacancy"
_UNKNOWN_ATOM: Final = "X"
_SHEET: Final = 2
_SPACE: Final = 3
_LEAST_OCCUPANCY: Final = 1e-8
_ROUNDED: Final = 0.02
"""The concentrations of a species may miss 1 by this; spec. 1.2, "species": they sum to one but for rounding."""
_SAME_POSITION: Final = 0.01
"""Å. Cartesian and fractional positions of a site may be so far apart."""
_ISOTOPE: Final = 0.5
"""u. A mass that misses the standard weight of an element (pymatgen's table, IUPAC's) by more is that of an isotope."""
_WITHOUT_WEIGHT: Final = frozenset({43, 61, *range(84, 90), *range(93, 119)})
"""Atomic numbers of elements without a standard weight (IUPAC): tables give the mass of one isotope or another."""


def not_sent(attributes: Mapping[str, Any]) -> list[str]:
    """Properties of the structure that a resource came without, which is not to say that it has none."""
    given = set(attributes)
    if "fractional_site_positions" in given:
        given.add("cartesian_site_positions")
    return sorted(STRUCTURE - given)


def periodic_directions(attributes: Mapping[str, Any]) -> list[bool] | None:
    """Along which cell vectors a structure repeats; None where that is not said.

    Raises
    ------
    BadRecord
        It is said in two ways that contradict each other.
    """
    types, number = attributes.get("dimension_types"), attributes.get("nperiodic_dimensions")
    if number is not None and (isinstance(number, bool) or number not in range(_SPACE + 1)):
        raise BadRecord(f"nperiodic_dimensions is not 0 to {_SPACE} but {number!r:.60}")
    if types is None:
        return None
    if not isinstance(types, list) or len(types) != _SPACE or not all(flag in (0, 1) for flag in types):
        raise BadRecord(f"dimension_types is not three times 0 or 1 but {types!r:.60}")
    if isinstance(number, int) and number != sum(types):
        raise BadRecord(
            f"it repeats in {number} directions by nperiodic_dimensions, in {sum(types)} by dimension_types {types}",
            remedy="ask the provider which is right",
        )
    return [bool(flag) for flag in types]


def dimensions_of(attributes: Mapping[str, Any], periodic: Sequence[bool] | None) -> int | None:
    """In how many directions a structure repeats, where that is said."""
    number = attributes.get("nperiodic_dimensions")
    return sum(periodic) if periodic is not None else number if isinstance(number, int) else None


def _features(attributes: Mapping[str, Any]) -> set[str]:
    listed = attributes.get("structure_features")
    if attributes.get("assemblies"):
        listed = [*(listed or ()), "assemblies"]  # some providers do not list it
    if listed is None:
        return set()
    if not isinstance(listed, list) or not all(isinstance(feature, str) for feature in listed):
        raise BadRecord(f"structure_features is not a list of texts but {listed!r:.60}")
    if unknown := sorted(set(listed) - _UNDERSTOOD - _INCOMPLETE):
        raise BadRecord(
            f"its structure has features that are not understood: {', '.join(unknown)}",
            remedy="take such structures out by the filter, or from another source",
        )
    return set(listed)


def structure_of(attributes: Mapping[str, Any], periodic: Sequence[bool] | None) -> Structure | None:
    """Structure of a crystal or a sheet; None where the resource does not hold all of it.

    Parameters
    ----------
    attributes
        Of the resource.
    periodic
        Along which cell vectors it repeats, where that is said.

    Raises
    ------
    BadRecord
        What it says can't be kept, all of it.
    """
    partly = bool(_features(attributes) & _INCOMPLETE)
    cell = attributes.get("lattice_vectors")
    positions = attributes.get("cartesian_site_positions")
    if partly or cell is None or (positions is None and attributes.get("fractional_site_positions") is None):
        return None
    matrix = _array(cell, "lattice_vectors", number=_SPACE)
    whole = [bool(np.isfinite(vector).all()) for vector in matrix]
    if any(np.isfinite(vector).any() != there for vector, there in zip(matrix, whole, strict=True)):
        raise BadRecord("bad structure: a cell vector is null in part")
    flags = [bool(flag) for flag in (periodic if periodic is not None else whole)]
    if any(flag and not there for flag, there in zip(flags, whole, strict=True)):
        raise BadRecord(f"bad structure: it is periodic by dimension_types {flags} where its cell vectors are null")
    number = dimensions_of(attributes, periodic)
    if min(sum(flags), _SPACE if number is None else number) < _SHEET:
        return None  # a molecule or a chain is no crystal
    cartesian = _positions(attributes, matrix)
    sites = _sites(attributes, len(cartesian))
    if sites is None:
        return None
    there = [i for i, mixture in enumerate(sites) if mixture]
    mixtures = [sites[i] for i in there]
    if number == _SHEET < sum(flags) and not _has_vacuum(matrix, cartesian[there]):
        raise BadRecord(
            "it repeats in 2 directions by nperiodic_dimensions, and dimension_types does not say in which",
            remedy="ask the provider",
        )
    if sum(flags) == _SHEET:  # its third vector may be null
        try:
            matrix = completed_cell(matrix, cartesian[there], flags.index(False))
        except ValueError as error:
            raise BadRecord(f"bad structure: its cell can't be used ({error})") from error
    return _checked(matrix, flags, mixtures, _fractional(matrix, cartesian[there]))


def _has_vacuum(matrix: Array, cartesian: Array) -> bool:
    return find_gap(matrix, _fractional(matrix, cartesian)).thickness >= MIN_GAP


def _fractional(matrix: Array, cartesian: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(matrix.T, cartesian.T).T, dtype=np.float64)
    except np.linalg.LinAlgError as error:
        raise BadRecord(f"bad structure: its cell can't be used ({error})") from error


def _checked(
    matrix: Array, flags: Sequence[bool], mixtures: Sequence[dict[str, float]], fractional: Array
) -> Structure:
    sites = [
        {"species": [{"element": element, "occu": part} for element, part in mixture.items()], "abc": abc}
        for mixture, abc in zip(mixtures, fractional.tolist(), strict=True)
    ]
    return read_structure({"lattice": {"matrix": matrix.tolist(), "pbc": [bool(x) for x in flags]}, "sites": sites})


def _positions(attributes: Mapping[str, Any], matrix: Array) -> Array:
    """Positions of the sites, Å, (n, 3)."""
    stated = attributes.get("cartesian_site_positions")
    fractional = attributes.get("fractional_site_positions")
    cartesian = None if stated is None else _array(stated, "cartesian_site_positions")
    if cartesian is not None and not np.isfinite(cartesian).all():
        raise BadRecord("bad structure: not all positions are known, though structure_features does not say so")
    if fractional is None:
        assert cartesian is not None  # one of them is there
        return cartesian
    from_fractional = _array(fractional, "fractional_site_positions") @ matrix
    if cartesian is None:
        return from_fractional
    if len(cartesian) != len(from_fractional) or (
        np.linalg.norm(cartesian - from_fractional, axis=1).max(initial=0) > _SAME_POSITION
    ):
        raise BadRecord("bad structure: cartesian_site_positions and fractional_site_positions are not the same")
    return cartesian


def _array(value: object, name: str, number: int | None = None) -> Array:
    try:
        rows = [[np.nan] * _SPACE if row is None else row for row in value]  # type: ignore[attr-defined]
        array = np.asarray(rows, dtype=np.float64)
        if array.ndim != 2 or array.shape[1] != _SPACE or number not in (None, len(array)):
            raise ValueError(f"its shape is {array.shape}")
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRecord(f"bad structure: {name} can't be read ({error})") from error
    return array


def _sites(attributes: Mapping[str, Any], number: int) -> list[dict[str, float]] | None:
    """Occupancy of each site by element, empty for a vacancy; None where not all atoms are known."""
    at_sites = attributes.get("species_at_sites")
    if attributes.get("species") is None and isinstance(at_sites, list):  # then they can only be elements
        kinds: dict[str, dict[str, float] | None] = {name: {name: 1.0} for name in at_sites if isinstance(name, str)}
    else:
        kinds = _species(attributes.get("species"))
    if not isinstance(at_sites, list) or len(at_sites) != number:
        raise BadRecord(f"bad structure: {number} positions and species for {at_sites!r:.60}")
    sites = []
    for name in at_sites:
        if not isinstance(name, str) or name not in kinds:
            raise BadRecord(f"bad structure: a site is of {name!r:.40}, which is not among its species")
        if (kind := kinds[name]) is None:
            return None
        sites.append(kind)
    return sites


def _species(listed: object) -> dict[str, dict[str, float] | None]:
    """Elements on a site and their occupancy, by name of the species; None where not all of it is known."""
    kinds: dict[str, dict[str, float] | None] = {}
    try:
        for species in listed:  # type: ignore[attr-defined]
            name, mixture = str(species["name"]), _mixture(species)
            if kinds.setdefault(name, mixture) != mixture:
                raise BadRecord(f"bad structure: two of its species are called {name!r:.40}")
    except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, BadRecord):
            raise
        raise BadRecord(f"bad structure: its species can't be read ({error!r:.80})") from error
    return kinds


def _mixture(species: Mapping[str, Any]) -> dict[str, float] | None:
    name, symbols = species["name"], species["chemical_symbols"]
    parts = list(zip(symbols, map(float, species["concentration"]), strict=True))
    total = sum(part for _, part in parts)
    if not abs(total - 1) <= _ROUNDED:  # nan is not either
        raise BadRecord(
            f"bad structure: the concentrations of species {name} sum to {total:g}", remedy="say what the rest is"
        )
    attached = species.get("attached") or ()
    if any(amount for amount in species.get("nattached") or ()) or any(symbol != _NO_ATOM for symbol in attached):
        return None
    if any(symbol == _UNKNOWN_ATOM for symbol, _ in parts):
        return None
    _refuse_isotopes(str(name), symbols, species.get("mass"))
    mixture: dict[str, float] = {}
    for symbol, part in parts:
        if symbol != _NO_ATOM and part > _LEAST_OCCUPANCY:
            mixture[symbol] = mixture.get(symbol, 0.0) + part
    return mixture


def _refuse_isotopes(name: str, symbols: Sequence[str], masses: object) -> None:
    given = masses if isinstance(masses, list) else [] if masses is None else [masses]  # a number in version 1.0
    if len(given) != len(symbols):
        return
    for symbol, mass in zip(symbols, given, strict=True):
        if mass is None or symbol == _NO_ATOM or not Element.is_valid_symbol(symbol):
            continue
        element = Element(symbol)
        standard = float(element.atomic_mass)
        if element.Z not in _WITHOUT_WEIGHT and abs(float(mass) - standard) > _ISOTOPE:
            raise BadRecord(
                f"species {name} is {symbol} of mass {float(mass):g} u, an isotope (the element has {standard:g} u)",
                remedy="isotopes are not kept apart; take it from another source",
            )
