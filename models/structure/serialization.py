"""Crystal structures as plain JSON-able dicts, and back: the one form in which structures are stored and exchanged.

It checks what it reads, because the dicts come from files and services of others. It must not know where they lie,
and it never lets a dict name a class to import ("@module" and "@class" are written for pymatgen, and ignored here).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition
from pymatgen.core.lattice import Lattice
from pymatgen.core.periodic_table import DummySpecies, Element, Species
from pymatgen.core.sites import PeriodicSite
from pymatgen.core.structure import Structure

from .atom_overlap import MIN_DISTANCE, cell_volume, overlap
from .json_values import is_storable_number, plain_properties

Isotopes = Literal["hydrogen", "keep", "refuse"]
"""What to do with deuterium and tritium, for which no model here has features of its own."""

MAX_SITES: Final = 1000
"""More sites than this are refused: the largest unit cells of the Materials Project have a few hundred."""
CELL_LENGTHS: Final = (0.5, 1000.0)
"""Å. Shortest and longest cell vector taken as meant; outside it a unit is wrong or the cell has collapsed."""
MIN_CELL_RATIO: Final = 1e-3
"""Volume over the product of the lengths; below it the three vectors lie in one plane for all purposes."""
MAX_FRACTIONAL: Final = 1000.0
"""Fractional coordinates beyond this have lost the digits that matter."""


class BadStructure(ValueError):
    """A dict or a structure that is no usable crystal structure; `reason` says why in one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def to_plain(structure: Structure) -> dict[str, Any]:
    """Write a structure as a compact dict of lists, strings and numbers, without loss.

    Takes 0.5 to 0.7 of the time of pymatgen's `Structure.as_dict`, which leaves in what JSON cannot hold.

    Parameters
    ----------
    structure
        Any pymatgen structure, ordered or not.

    Returns
    -------
    dict
        What `pymatgen.core.Structure.from_dict` reads too: "lattice" with "matrix" (3 x 3, Å, rows are the cell
        vectors) and "pbc", "sites" with "species", "abc" (fractional) and, where they say something, "label" and
        "properties". Properties that JSON cannot hold, and those that are not finite, are left out.

    Raises
    ------
    BadStructure
        When cell or coordinates are not finite: JSON has no such numbers.

    Examples
    --------
    >>> from pymatgen.core import Lattice, Structure
    >>> to_plain(Structure(Lattice.cubic(2.7), ["Po"], [[0, 0, 0]]))["sites"]
    [{'species': [{'element': 'Po', 'occu': 1}], 'abc': [0.0, 0.0, 0.0]}]
    """
    matrix, fractional = structure.lattice.matrix, structure.frac_coords
    if not (np.isfinite(matrix).all() and np.isfinite(fractional).all()):
        raise BadStructure("cell or coordinates hold a number that is not finite")
    sites: list[dict[str, Any]] = []
    for site, abc in zip(structure, fractional.tolist(), strict=True):
        plain: dict[str, Any] = {"species": _plain_species(site.species), "abc": abc}
        if (label := site._label) is not None and label != site.species_string:  # most have none
            plain["label"] = label
        if site.properties and (properties := plain_properties(site.properties)):
            plain["properties"] = properties
        sites.append(plain)
    charge = structure._charge
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": float(charge) if is_storable_number(charge) else None,
        "lattice": {"matrix": matrix.tolist(), "pbc": [bool(axis) for axis in structure.lattice.pbc]},
        "sites": sites,
        "properties": plain_properties(structure.properties),
    }


def from_plain(
    plain: Mapping[str, Any],
    *,
    max_sites: int = MAX_SITES,
    min_distance: float = MIN_DISTANCE,
    isotopes: Isotopes = "hydrogen",
    fault: Callable[[Arrays], str | None] | None = None,
) -> Structure:
    """Build a structure from a dict of `to_plain` or of pymatgen's `Structure.as_dict`, checking it.

    With all checks half the time of pymatgen's `Structure.from_dict`, which checks less and imports what a dict names.

    Parameters
    ----------
    plain
        The dict. Names of classes in it are ignored, and nothing it names is imported.
    max_sites
        Most sites accepted.
    min_distance
        Å. Atoms closer than this are refused; 0 leaves that check out (see `check_structure`).
    isotopes
        Deuterium and tritium become hydrogen ("hydrogen"), stay ("keep", which makes this the exact inverse of
        `to_plain`), or are refused ("refuse").
    fault
        What else is wrong with a crystal, in a line, or None, as `plausibility.implausible` says; not asked by default.

    Returns
    -------
    pymatgen.core.Structure
        Sites in the order given. Disordered sites are accepted: `structure.is_ordered` tells, and callers decide.

    Raises
    ------
    BadStructure
        With the reason, whatever is wrong with the dict.
    """
    arrays = arrays_of(plain, max_sites=max_sites, min_distance=min_distance, isotopes=isotopes)
    if fault is not None and (reason := fault(arrays)):
        raise BadStructure(reason)
    matrix, pbc, fractional, species = arrays
    sites = plain["sites"]
    charge = plain.get("charge")
    structure = Structure(
        Lattice(matrix, pbc=pbc),
        [],
        [],
        charge=float(charge) if is_storable_number(charge) else None,
        properties=plain_properties(plain.get("properties")),
    )
    # What Structure would check for each site is checked above, so the sites are made without.
    structure.sites = [
        PeriodicSite(
            mixture,
            abc,
            structure.lattice,
            properties=properties,
            label=label if isinstance(label := site.get("label"), str) else None,
            skip_checks=True,
        )
        for mixture, abc, properties, site in zip(species, fractional, _site_properties(sites), sites, strict=True)
    ]
    return structure


class Arrays(NamedTuple):
    """A crystal as arrays.

    Attributes
    ----------
    matrix
        Å, (3, 3): rows are the cell vectors.
    pbc
        Along which of them it is periodic.
    fractional
        (n, 3).
    species
        Who sits on each of the n sites.
    """

    matrix: NDArray[np.float64]
    pbc: tuple[bool, bool, bool]
    fractional: NDArray[np.float64]
    species: list[Composition]

    @classmethod
    def of(cls, structure: Structure | Arrays) -> Arrays:
        """Lay a pymatgen structure out as arrays; arrays are passed through."""
        if isinstance(structure, Arrays):
            return structure
        lattice = structure.lattice
        return cls(lattice.matrix, lattice.pbc, structure.frac_coords, structure.species_and_occu)


def arrays_of(
    plain: Mapping[str, Any],
    *,
    max_sites: int = MAX_SITES,
    min_distance: float = MIN_DISTANCE,
    isotopes: Isotopes = "hydrogen",
) -> Arrays:
    """Read a dict as `from_plain` does, into arrays: in half the time, a quarter without distances, of a Structure.

    Parameters
    ----------
    plain, max_sites, min_distance, isotopes
        As of `from_plain`.

    Raises
    ------
    BadStructure
        As `from_plain`.
    """
    matrix, pbc = _lattice(plain.get("lattice") if isinstance(plain, Mapping) else None)
    sites = plain.get("sites")
    if not isinstance(sites, Sequence) or isinstance(sites, str) or not sites:
        raise BadStructure("it has no sites")
    if len(sites) > max_sites:
        raise BadStructure(f"{len(sites)} sites are more than the limit of {max_sites}")
    if not all(isinstance(site, Mapping) for site in sites):
        raise BadStructure("a site is not an object with 'species' and 'abc'")
    fractional = _numbers([site.get("abc") for site in sites], "fractional coordinates ('abc')", (len(sites), 3))
    if np.abs(fractional).max() > MAX_FRACTIONAL:
        raise BadStructure(f"a fractional coordinate is beyond {MAX_FRACTIONAL:g}: {np.abs(fractional).max():g}")
    species = [_species(site.get("species"), isotopes) for site in sites]
    if min_distance > 0 and (reason := overlap(matrix, fractional, pbc, species, min_distance)):
        raise BadStructure(reason)
    return Arrays(matrix, pbc, fractional, species)


def check_structure(
    structure: Structure, *, min_distance: float = MIN_DISTANCE, max_sites: int = MAX_SITES, ordered: bool = False
) -> str | None:
    """Say in one line why a structure is not usable, or None when it is.

    Parameters
    ----------
    structure
        A structure from anywhere: a generator, a file, a calculation.
    min_distance
        Å between any two atoms, periodic images included.
    max_sites
        Most sites accepted.
    ordered
        Whether partly or mixedly occupied sites are a fault.
    """
    try:
        matrix, pbc = _lattice({"matrix": structure.lattice.matrix, "pbc": structure.lattice.pbc})
    except BadStructure as bad:
        return bad.reason
    if len(structure) == 0:
        return "it has no sites"
    if len(structure) > max_sites:
        return f"{len(structure)} sites are more than the limit of {max_sites}"
    fractional = structure.frac_coords
    if not np.isfinite(fractional).all():
        return "a coordinate is not finite"
    if np.abs(fractional).max() > MAX_FRACTIONAL:
        return f"a fractional coordinate is beyond {MAX_FRACTIONAL:g}: {np.abs(fractional).max():g}"
    species = [site.species for site in structure]
    if any(isinstance(member, DummySpecies) for mixture in set(species) for member in mixture):
        return "a site holds a dummy species, which is no element"
    if ordered and not structure.is_ordered:
        return "it is disordered: a site is partly or mixedly occupied"
    return overlap(matrix, fractional, pbc, species, min_distance) if min_distance > 0 else None


def _numbers(value: object, what: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Finite floats of the given shape, or BadStructure. Text that looks like a number is not one."""
    try:
        raw = np.asarray(value)
    except ValueError as error:
        raise BadStructure(f"{what} are not an array of shape {shape}: {error}") from error
    if raw.shape != shape or raw.dtype.kind not in "iuf":
        raise BadStructure(f"{what} are not numbers of shape {shape}, but {raw.dtype} of shape {raw.shape}")
    numbers = raw.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise BadStructure(f"{what} hold a number that is not finite")
    return numbers


def _lattice(lattice: object) -> tuple[NDArray[np.float64], tuple[bool, bool, bool]]:
    """Matrix and periodicity of a lattice dict that has passed the checks."""
    if not isinstance(lattice, Mapping):
        raise BadStructure("it has no lattice")
    matrix = _numbers(lattice.get("matrix"), "cell vectors ('matrix')", (3, 3))
    lengths = np.linalg.norm(matrix, axis=1)
    volume = cell_volume(matrix)
    shortest, longest = CELL_LENGTHS
    if lengths.min() < shortest or lengths.max() > longest:
        raise BadStructure(f"cell lengths {np.round(lengths, 4)} Å are not within {shortest:g} and {longest:g}")
    if volume < MIN_CELL_RATIO * float(lengths.prod()):
        raise BadStructure(f"the cell is flat: volume {volume:.4g} Å^3 for lengths {np.round(lengths, 4)} Å")
    pbc = lattice.get("pbc", (True, True, True))
    if not isinstance(pbc, Sequence) or len(pbc) != 3 or not all(isinstance(axis, bool | np.bool_) for axis in pbc):
        raise BadStructure(f"'pbc' is not three booleans: {pbc!r}")
    return matrix, (bool(pbc[0]), bool(pbc[1]), bool(pbc[2]))


def _plain_species(composition: Composition) -> list[dict[str, Any]]:
    """Who sits on a site, with occupancy and, where known, oxidation state and spin."""
    plain: list[dict[str, Any]] = []
    for member, occupancy in composition.items():
        # The value of an Element is its name; its symbol is "H" for deuterium too.
        element = member.element if isinstance(member, Species) else member
        name = member.symbol if isinstance(member, DummySpecies) else element.value
        entry: dict[str, Any] = {"element": name}
        if isinstance(member, Species | DummySpecies):
            entry["oxidation_state"] = member.oxi_state
            if member.spin is not None:
                entry["spin"] = member.spin
        entry["occu"] = int(occupancy) if occupancy == int(occupancy) else float(occupancy)
        plain.append(entry)
    return plain


def _species(entries: object, isotopes: Isotopes) -> Composition:
    """Read the mixture on one site; the mixtures themselves are shared, there are few of them."""
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        raise BadStructure("a site has no species")
    if len(entries) == 1 and type(entries[0]) is dict and len(entries[0]) == 2:  # by far the most frequent
        symbol, occupancy = entries[0].get("element"), entries[0].get("occu")
        if type(symbol) is str and type(occupancy) is int:
            return _composition(((symbol, occupancy, None, None),), isotopes)
    key: list[tuple[str, float, float | None, float | None]] = []
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("element"), str):
            raise BadStructure(f"a species is not an object with 'element' and 'occu': {entry!r}")
        numbers = entry.get("occu", 1), entry.get("oxidation_state"), entry.get("spin")
        if not all(n is None or is_storable_number(n) for n in numbers):
            raise BadStructure(f"a species holds what is not a finite number: {dict(entry)!r}")
        key.append((entry["element"], *numbers))
    return _composition(tuple(key), isotopes)


@lru_cache(maxsize=4096)
def _composition(key: tuple[tuple[str, float, float | None, float | None], ...], isotopes: Isotopes) -> Composition:
    amounts: dict[Element | Species, float] = {}
    for symbol, occupancy, oxidation_state, spin in key:
        if not Element.is_valid_symbol(symbol):
            raise BadStructure(f"{symbol!r} is not the symbol of an element")
        if occupancy is None or not 0 < occupancy <= 1 + Composition.amount_tolerance:
            raise BadStructure(f"{symbol} has occupancy {occupancy!r}, which is not within 0 and 1")
        element = Element(symbol)
        if symbol in ("D", "T") and isotopes != "keep":
            if isotopes == "refuse":
                raise BadStructure(f"it holds the hydrogen isotope {symbol}")
            element = Element("H")
        plain = oxidation_state is None and spin is None
        member = element if plain else Species(element.value, oxidation_state, spin=spin)
        amounts[member] = amounts.get(member, 0) + occupancy
    total = sum(amounts.values())
    if total > 1 + Composition.amount_tolerance:
        raise BadStructure(f"occupancies of a site sum to {total:g}, which is more than 1: {[k[0] for k in key]}")
    return Composition(amounts)


def _site_properties(sites: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Properties of each site; every site has every name, None where nothing was given."""
    if not any(site.get("properties") for site in sites):
        return [{} for _ in sites]
    given = [plain_properties(site.get("properties")) for site in sites]
    names = dict.fromkeys(name for properties in given for name in properties)
    return [{name: properties.get(name) for name in names} for properties in given]
