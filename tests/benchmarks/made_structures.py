"""Many structures made from real ones, of which it is known by construction which are copies of the same.

Elements of a group of real polymorphs are replaced together, which gives a formula that nothing else has; each
polymorph then comes in one to five copies, strained, rattled, shifted, turned, in other cells and site orders, as if
several sources had it. Seeded.
"""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.models.structure.comparison.matching import Prepared, prepare
from exfolio.models.structure.comparison.reduced_cells import name_of
from exfolio.models.structure.covalent_radii import COVALENT_RADII
from exfolio.models.structure.serialization import Arrays, BadStructure, arrays_of
from exfolio.models.structure.vacuum import MIN_GAP, find_gap, set_vacuum_of_arrays
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core.composition import Composition
from pymatgen.core.periodic_table import Element

Doc = dict[str, Any]

SOURCES: Final = ("alpha", "beta", "gamma", "delta", "epsilon")
COPIES: Final = (0.55, 0.25, 0.12, 0.05, 0.03)
"""How often a structure comes from one, two … sources."""
STRAIN: Final = 0.007
"""Standard deviation of the strain along each axis; functionals differ by about 1 % in lattice parameters."""
RATTLE: Final = 0.02
"""Å, standard deviation of each atom's displacement along each axis."""
MOST_SITES: Final = 200
_UNCLEAR_GAP: Final = (5.0, 8.0)  # Å: after scaling it may be a vacuum or not
_CELLS: Final = (
    [[2, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [0, 2, 0], [0, 0, 1]],
    [[1, 1, 0], [-1, 1, 0], [0, 0, 1]],
    [[1, 0, 0], [1, 1, 0], [0, 0, 1]],
    [[0, 1, 0], [1, 0, 0], [0, 0, -1]],
)
"""Other cells, the first three twice as large; all keep the third vector, along which a monolayer has its vacuum."""


@dataclass(frozen=True, slots=True)
class Base:
    """A real structure: cell vectors (Å), fractional coordinates, symbols."""

    number: int
    matrix: np.ndarray
    fractional: np.ndarray
    symbols: tuple[str, ...]
    flat: bool

    @property
    def formula(self) -> str:
        return Composition("".join(self.symbols)).reduced_formula


@dataclass(frozen=True, slots=True)
class Made:
    """A document of `materials` and the number of the base it was made from, for those who check."""

    document: Doc
    base: int


def read_bases(folder: Path) -> list[list[Base]]:
    """Read the ordered real structures of a folder of data, polymorphs together."""
    groups: dict[str, list[Base]] = defaultdict(list)
    number = 0
    for plain in _plain_structures(folder):
        try:
            matrix, pbc, fractional, species = arrays_of(plain)
        except BadStructure:
            continue
        symbols = [name_of(one) for one in species]
        gap = find_gap(matrix, fractional)
        usable = all(pbc) and gap.axis == 2 or gap.thickness < _UNCLEAR_GAP[0]  # noqa: RUF021
        if None in symbols or len(symbols) > MOST_SITES or not usable:
            continue
        if _UNCLEAR_GAP[0] <= gap.thickness < _UNCLEAR_GAP[1] or any(_radius(str(one)) is None for one in symbols):
            continue
        base = Base(number, matrix, fractional, tuple(map(str, symbols)), gap.thickness >= MIN_GAP)
        groups[base.formula].append(base)
        number += 1
    return [groups[formula] for formula in sorted(groups)]


def _plain_structures(folder: Path) -> Iterator[Doc]:
    with gzip.open(folder / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        yield from (json.loads(line)["structure"] for line in lines)
    with gzip.open(folder / "matbench_phonons_structures.json.gz", "rt") as file:
        yield from (row[0] for row in json.load(file)["data"])
    for name in ("mp_entries_Mn-O", "mp_entries_Fe-Li-O-P"):
        with gzip.open(folder / f"{name}.json.gz", "rt") as file:
            yield from (entry["structure"] for entry in json.load(file))
    for kind in ("prototypes", "handbook"):
        reader = reader_for(kind)
        found = [one for path in reader.files() for one in reader.records(path) if isinstance(one, RawRecord)]
        for parsed in parse_many(reader, found):
            if isinstance(parsed, dict):
                yield from (doc["structure"] for doc in parsed["materials"] if "structure" in doc)


def make(groups: Sequence[Sequence[Base]], count: int, *, seed: int) -> Iterator[Made]:
    """Make `count` structures, family by family; no two families have the same formula."""
    rng = np.random.default_rng(seed)
    taken: set[str] = set()
    made = 0
    while made < count:
        group = groups[rng.integers(len(groups))]
        names = _replacement(group[0], rng)
        formula = Composition("".join(names[symbol] for symbol in group[0].symbols)).reduced_formula
        if formula in taken:
            continue
        taken.add(formula)
        for base in group:
            for source in range(1 + rng.choice(len(COPIES), p=COPIES)):
                yield Made(_document(base, names, formula, f"{SOURCES[source]}:{seed}-{made:07d}", rng), base.number)
                made += 1
                if made == count:
                    return


def _replacement(base: Base, rng: np.random.Generator) -> dict[str, str]:
    """Replace each element by one of its group of the periodic table, or leave it."""
    names: dict[str, str] = {}
    for symbol in sorted(set(base.symbols)):
        free = [one for one in _relatives(symbol) if one not in names.values()] or [
            one for one in _all_symbols() if one not in names.values()
        ]
        names[symbol] = free[rng.integers(len(free))]
    return names


def _all_symbols() -> list[str]:
    return [Element.from_Z(z).symbol for z in range(1, 95) if _radius(Element.from_Z(z).symbol) is not None]


_RELATIVES: dict[str, list[str]] = {}


def _relatives(symbol: str) -> list[str]:
    if symbol not in _RELATIVES:
        own = Element(symbol)
        _RELATIVES[symbol] = [
            one
            for one in _all_symbols()
            if abs(Element(one).group - own.group) <= 1 or (Element(one).is_lanthanoid and own.is_lanthanoid)
        ]
    return _RELATIVES[symbol]


def _radius(symbol: str) -> float | None:
    z = Element(symbol).Z
    radius = float(COVALENT_RADII[z]) if z < len(COVALENT_RADII) else float("nan")
    return None if np.isnan(radius) else radius


def _document(base: Base, names: dict[str, str], formula: str, key: str, rng: np.random.Generator) -> Doc:
    symbols = np.array([names[symbol] for symbol in base.symbols])
    ratio = np.mean([_radius(new) for new in symbols]) / np.mean([_radius(old) for old in base.symbols])
    matrix = base.matrix * float(np.clip(ratio, 0.9, 1.2))
    fractional = base.fractional
    if base.flat:
        matrix, fractional = set_vacuum_of_arrays(matrix, fractional, rng.uniform(12, 25))
    if len(symbols) <= MOST_SITES / 2 and rng.random() < 0.3:
        larger = np.array(_CELLS[rng.integers(len(_CELLS))])
        matrix, fractional, symbols = _in_cell(matrix, fractional, symbols, larger)
    strain = np.eye(3) + np.diag(rng.normal(0, STRAIN, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    fractional = fractional + rng.normal(0, RATTLE, fractional.shape) @ np.linalg.inv(matrix) + rng.random(3)
    order = rng.permutation(len(symbols))
    matrix, fractional, symbols = matrix @ strain @ turn, (fractional % 1)[order], symbols[order]
    source = key.split(":")[0]
    return {
        "material_id": key,
        "source": source,
        "source_id": key.split(":")[1],
        "formula": formula,
        "formula_reduced": formula,
        "nsites": len(symbols),
        "structure": {
            "charge": None,
            "lattice": {"matrix": matrix.tolist(), "pbc": [True, True, True]},
            "sites": [
                {"species": [{"element": str(symbol), "occu": 1}], "abc": abc}
                for symbol, abc in zip(symbols, fractional.tolist(), strict=True)
            ],
            "properties": {},
        },
    }


def _in_cell(
    matrix: np.ndarray, fractional: np.ndarray, symbols: np.ndarray, cell: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    number = round(abs(np.linalg.det(cell)))
    inverse = np.linalg.inv(cell)
    corners = np.array([[i, j, k] for i in range(-2, 3) for j in range(-2, 3) for k in range(-2, 3)]) @ inverse
    inside = ((corners > -1e-9) & (corners < 1 - 1e-9)).all(axis=1)
    shifts = corners[inside]
    if len(shifts) != number:
        raise RuntimeError(f"{len(shifts)} instead of {number} points in the cell {cell.tolist()}")
    places = (fractional @ inverse)[:, None, :] + shifts[None, :, :]
    return cell @ matrix, places.reshape(-1, 3), np.repeat(symbols, number)


class Truth:
    """Which bases are the same: the verdict of pymatgen's StructureMatcher alone on the real structures."""

    def __init__(self, groups: Sequence[Sequence[Base]]) -> None:
        self._bases = {base.number: base for group in groups for base in group}
        self._prepared: dict[int, Prepared] = {}
        self._same: dict[tuple[int, int], bool] = {}
        self._matcher = StructureMatcher()

    def same(self, a: int, b: int) -> bool:
        """Say whether copies of two bases are the same; densities count as in exfolio."""
        pair = min(a, b), max(a, b)
        if pair not in self._same:
            self._same[pair] = a == b or self._ask(*pair)
        return self._same[pair]

    def _ask(self, a: int, b: int) -> bool:
        first, second = self._prepare(a), self._prepare(b)
        near = max(first.extent, second.extent) <= 1.25 * min(first.extent, second.extent)
        return (
            first.key == second.key
            and near
            and len(first.reduced) == len(second.reduced)
            and bool(self._matcher.fit(first.reduced, second.reduced, skip_structure_reduction=True))
        )

    def _prepare(self, number: int) -> Prepared:
        if number not in self._prepared:
            base = self._bases[number]
            species = [Composition({symbol: 1}) for symbol in base.symbols]
            self._prepared[number] = prepare(Arrays(base.matrix, (True, True, True), base.fractional, species))
        return self._prepared[number]
