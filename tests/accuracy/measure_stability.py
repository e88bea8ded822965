"""Measure verdicts on dynamic stability by potentials that agree, on layers whose stability is published.

    python tests/accuracy/measure_stability.py chgnet sevennet-0 sevennet-l3i5 --keep FOLDER

Layers are built from prototypes, bonds as long as the covalent radii say, and relaxed by each potential within their
symmetry. FOLDER keeps what was calculated, some seconds a layer, so that a run goes on where one was cut off. What is
published stands in ``published_stability.csv``; each source says of its layers that their vibrations are real, or
that they are unstable as they stand.
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import combinations
from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
from exfolio.builders.properties.potential import known_potentials
from exfolio.builders.properties.stability.stability_values_stage import ALIKE
from exfolio.models.potential.stability.verdict import SOFT, UNSTABLE, Verdict, judged, verdict_on_frequency
from exfolio.models.potential.stability.vibrations import vibrations
from exfolio.models.structure.covalent_radii import covalent_radius
from pymatgen.core import Lattice, Structure

LIST = Path(__file__).with_name("published_stability.csv")
SOURCES = {
    "calandra-2013": "M. Calandra, arXiv 1312.1702: 1H of MoS2, and 1T strongly unstable",
    "duerloo-2014": "K.-A. N. Duerloo et al., doi:10.1038/ncomms5214: 1T of Mo and W distorts",
    "ersan-2016": "F. Ersan, E. Aktürk, S. Ciraci, Stable single-layer structure of group-V elements: washboards",
    "gu-2014": "X. Gu, R. Yang, arXiv 1407.3758: phonon transport in 1T of Zr and Hf",
    "kulish-2017": "V. V. Kulish, W. Huang, doi:10.1039/c7tc02664a: dihalides of 3d metals, dynamically stable",
    "li-2026": "Z.-H. Li et al., arXiv 2605.13458: 1T of VSe2 has several imaginary modes",
    "ono-2020": "S. Ono, arXiv 2007.06774, and what it cites: buckled honeycombs of groups 14 and 15",
    "poudel-2021": "S. P. Poudel, S. Barraza-Lopez, arXiv 2101.05736: buckled group-IV monochalcogenides",
    "sahin-2009": "H. Sahin et al., arXiv 0907.4350: honeycombs planar with B, C or N; else puckering keeps them",
    "singh-2017": "B. Singh et al., arXiv 1702.08329: 1T of TiSe2 is unstable towards 2x2",
    "thermal-2019": "doi:10.1038/s41598-019-40882-2: thermal transport in 1H of Mo and W",
}
VACUUM = 16.0  # Å
RIGHT = 0.95  # share of the verdicts that limits have to make right where they are chosen
LIMITS = [(soft, unstable) for soft in (-0.1, -0.3, -0.5, -0.8) for unstable in np.arange(-0.5, -2.6, -0.1).round(1)]
LIMITS = [(soft, float(unstable)) for soft, unstable in LIMITS if unstable <= soft]
Doc = dict[str, Any]


def honeycomb(first: str, second: str, *, height: float) -> Structure:
    """Two atoms, the second higher by a share of the bond."""
    bond = _bond(first, second)
    rise = height * bond
    side = sqrt(3 * (bond**2 - rise**2))
    return _hexagonal(side, [first, second], [(1 / 3, 2 / 3, rise / 2), (2 / 3, 1 / 3, -rise / 2)])


def octahedral(metal: str, other: str) -> Structure:
    """1T: a metal in an octahedron."""
    bond = 0.98 * _bond(metal, other)
    rise = bond / sqrt(3)
    places = [(0, 0, 0), (1 / 3, 2 / 3, rise), (2 / 3, 1 / 3, -rise)]
    return _hexagonal(bond * sqrt(2), [metal, other, other], places)


def prismatic(metal: str, other: str) -> Structure:
    """1H: a metal in a prism."""
    bond = 0.98 * _bond(metal, other)
    side = 1.32 * bond
    rise = sqrt(bond**2 - side**2 / 3)
    places = [(0, 0, 0), (1 / 3, 2 / 3, rise), (1 / 3, 2 / 3, -rise)]
    return _hexagonal(side, [metal, other, other], places)


def washboard(first: str, _second: str) -> Structure:
    """The layer of black phosphorus."""
    bond = _bond(first, first)
    height, y = 0.95 * bond, 0.09
    z = height / 2 / (VACUUM + height)
    lattice = Lattice.orthorhombic(1.48 * bond, 1.95 * bond, VACUUM + height)
    places = [(0, y, 0.5 + z), (0.5, 0.5 - y, 0.5 + z), (0.5, 0.5 + y, 0.5 - z), (0, 1 - y, 0.5 - z)]
    return Structure(lattice, [first] * 4, places)


def _bond(first: str, second: str) -> float:
    return covalent_radius(first) + covalent_radius(second)


def _hexagonal(side: float, species: list[str], places: list[tuple[float, float, float]]) -> Structure:
    """A layer in its vacuum; heights in Å about its middle."""
    heights = [place[2] for place in places]
    c = VACUUM + max(heights) - min(heights)
    return Structure(Lattice.hexagonal(side, c), species, [(x, y, 0.5 + z / c) for x, y, z in places])


PROTOTYPES: dict[str, Callable[[str, str], Structure]] = {
    "planar honeycomb": lambda first, second: honeycomb(first, second, height=0),
    "buckled honeycomb": lambda first, second: honeycomb(first, second, height=0.3),
    "deep honeycomb": lambda first, second: honeycomb(first, second, height=0.55),
    "1T": octahedral,
    "1H": prismatic,
    "washboard": washboard,
}


def published() -> list[Doc]:
    """The layers, with what is published of them."""
    with LIST.open(encoding="utf-8", newline="") as file:
        return [dict(row) for row in csv.DictReader(file)]


def calculated(layers: Iterable[Doc], name: str, file: Path) -> dict[str, Doc]:
    """What a potential says of each layer, by its name; goes on where the file ends."""
    known = {one["name"]: one for one in map(json.loads, file.open())} if file.exists() else {}
    potential = known_potentials.potential(name)
    for layer in layers:
        if (key := name_of(layer)) in known:
            continue
        structure = PROTOTYPES[layer["prototype"]](layer["first"], layer["second"])
        [found] = vibrations([structure], potential, monolayer=True)
        known[key] = {"name": key, "failure": found.failure}
        if found.failure is None:
            area = found.structure.volume / found.structure.lattice.c / len(found.structure)
            known[key] |= {"lowest": found.softest[0], "size": area}
        with file.open("a") as lines:
            lines.write(json.dumps(known[key]) + "\n")
    return known


def verdict(said: dict[str, Doc], soft: float = SOFT, unstable: float = UNSTABLE) -> Verdict:
    """What potentials say together of a layer, as the stage `stability-values` joins it; with other limits, in THz."""
    known = {name: one for name, one in said.items() if one["failure"] is None}
    if not known:
        return Verdict.UNKNOWN
    if len(known) == 1 == len(said):
        return verdict_on_frequency(next(iter(known.values()))["lowest"], soft=soft, unstable=unstable)
    sizes = [one["size"] for one in known.values()]
    if max(sizes) > (1 + ALIKE) * min(sizes):
        return Verdict.UNKNOWN
    said_by = {name: one["lowest"] for name, one in known.items()}
    by_limits = {
        name: (verdict_on_frequency(lowest, soft=soft, unstable=unstable), lowest) for name, lowest in said_by.items()
    }
    return judged(by_limits).verdict


def name_of(layer: Doc) -> str:
    """What a layer is called here."""
    return f"{layer['prototype']} {layer['first']} {layer['second']}"


def told(layers: list[Doc], said: dict[str, dict[str, Doc]]) -> str:
    """One line: how many of the verdicts are right, and what they leave open."""
    right, wrong, without = 0, [], 0
    for layer in layers:
        key = name_of(layer)
        found = verdict({name: one[key] for name, one in said.items()})
        if found is Verdict.UNKNOWN:
            without += 1
        elif found.value == layer["published"]:
            right += 1
        else:
            wrong.append(f"{key} ({found})")
    decided = right + len(wrong)
    share = f"{right / decided:.0%}" if decided else "none"
    line = f"{' and '.join(said)}: {right} of {decided} right ({share}), without verdict {without / len(layers):.0%}"
    return line + (f"; wrong: {', '.join(wrong)}" if wrong else "")


def chosen_limits(layers: list[Doc], said: dict[str, dict[str, Doc]]) -> tuple[float, float]:
    """Limits in THz that leave the fewest layers without a verdict, of those by which at least `RIGHT` are right."""
    best = (-1, 0.0, 0.0)
    for soft, unstable in LIMITS:
        found = [(verdict(_of(layer, said), soft, unstable), layer["published"]) for layer in layers]
        told = [(one.value, truth) for one, truth in found if one is not Verdict.UNKNOWN]
        if told and sum(one == truth for one, truth in told) >= RIGHT * len(told):
            best = max(best, (len(told), soft, unstable))
    return best[1:]


def told_left_out(layers: list[Doc], said: dict[str, dict[str, Doc]]) -> list[str]:
    """Verdicts by limits that were chosen without the layer, and without all layers of its prototype."""
    lines = []
    for what, alike in (("one layer", name_of), ("a prototype", lambda layer: layer["prototype"])):
        right, decided, limits = 0, 0, []
        for held in sorted({alike(layer) for layer in layers}):
            out = [layer for layer in layers if alike(layer) == held]
            limits.append(chosen_limits([layer for layer in layers if alike(layer) != held], said))
            found = [(verdict(_of(layer, said), *limits[-1]), layer["published"]) for layer in out]
            decided += sum(one is not Verdict.UNKNOWN for one, _ in found)
            right += sum(one.value == truth for one, truth in found)
        share = right / max(decided, 1)
        error = sqrt(share * (1 - share) / max(decided, 1))
        often = ", ".join(f"{limit} {times}x" for limit, times in Counter(limits).most_common(3))
        lines.append(
            f"{' and '.join(said)}, limits chosen without {what}: {right} of {decided} right "
            f"({share:.1%} ± {error:.1%}), without verdict {1 - decided / len(layers):.0%}; limits {often}"
        )
    return lines


def _of(layer: Doc, said: dict[str, dict[str, Doc]]) -> dict[str, Doc]:
    return {name: one[name_of(layer)] for name, one in said.items()}


def main() -> None:
    """Calculate and tell, of all layers and of either half."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("potentials", nargs="+")
    parser.add_argument("--keep", type=Path, required=True)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    layers = published()
    said = {name: calculated(layers, name, given.keep / f"{name}.jsonl") for name in given.potentials}
    for name, part in (("all", layers), ("first half", layers[::2]), ("second half", layers[1::2])):
        print(f"{name}, {len(part)} layers")
        for count in range(1, len(said) + 1):
            for some in combinations(said, count):
                print("  " + told(part, {one: said[one] for one in some}))
    for some in combinations(said, 2):
        print("\n".join(told_left_out(layers, {one: said[one] for one in some})))


if __name__ == "__main__":
    main()
