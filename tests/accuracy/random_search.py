"""How much of what a Crystal GAN's crystals come to is relaxation: random crystals of the same compositions, relaxed.

Works on a registry in which a campaign has made crystals and relaxed its references (docs/measured/crystal-gan.md), for
the compositions it made them of. The control draws cells of random shape, of the volume that the known cells' elements
add up to, and puts atoms anywhere into them that least distances allow. Beside it: crystals that the newest model
draws. Of both the first ones and the lowest in energy of many are relaxed by CHGNet and put on the same hull.

    EXFOLIO_DATABASE=... python tests/accuracy/random_search.py [--each 2] [--of 500] [--max-steps 125]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
from exfolio.builders.properties.potential.element_energies import reference_elements
from exfolio.builders.training import trained
from exfolio.models.composition.formula.chemical_systems import sub_systems
from exfolio.models.crystal_gan.crystals.random_crystals import random_crystal
from exfolio.models.crystal_gan.generation import generate
from exfolio.models.crystal_gan.generators import CrystalGenerator, read_generator
from exfolio.models.energetics.hull import Entry, hull_positions
from exfolio.models.potential.family.chgnet import NAME, Chgnet, evaluate, relax
from exfolio.models.structure.point_cloud_layouts import Layout
from exfolio.models.structure.serialization import from_plain
from exfolio.stores.connection import Connection, connect
from numpy.typing import NDArray
from pymatgen.core.structure import Structure

Counts = tuple[int, ...]
LIMITS = (0.2, 0.08)


class RandomSearch:
    """Makes random crystals of a layout.

    Parameters
    ----------
    layout
        Elements.
    volumes
        Å^3 of an atom of each element.
    """

    def __init__(self, layout: Layout, volumes: NDArray[np.float64], seed: int) -> None:
        self.layout, self.volumes = layout, volumes
        self._random = np.random.default_rng(seed)

    def crystal(self, number: Counts) -> Structure:
        """Make one crystal whose atoms are not too close; few of them are valid."""
        symbols = np.repeat(self.layout.elements, number).tolist()
        return random_crystal(symbols, float(np.array(number) @ self.volumes), self._random)


class Hull:
    """CHGNet's hull of relaxed references of a registry."""

    def __init__(self, registry: Connection, system: str) -> None:
        query = {"functional": NAME, "scheme": "relaxed", "deprecated": False}
        docs = list(registry.database["reference_entries"].find({**query, "chemsys": {"$in": sub_systems(system)}}))
        docs += reference_elements(system, Chgnet(), relax=True)
        self._references = [Entry(doc["composition"], doc["energy_per_atom"], doc["entry_id"], NAME) for doc in docs]

    def above(self, structures: list[Structure], energies: list[float]) -> list[float]:
        """Give the distances, eV/atom."""
        entries = [
            Entry(one.composition.get_el_amt_dict(), energy, str(place), NAME)
            for place, (one, energy) in enumerate(zip(structures, energies, strict=True))
        ]
        return [one.energy for one in hull_positions(entries, self._references)]


def newest(registry: Connection) -> tuple[CrystalGenerator, list[Counts]]:
    """Give the newest model, and the compositions that it was asked for."""
    model = registry.database["trained_models"].find_one(
        {"kind": "crystal-gan", "deprecated": False}, sort=[("created_at", -1)]
    )
    if model is None:
        raise SystemExit("there is no Crystal GAN in this registry: refresh a campaign with one first")
    generator = trained.load(registry, "crystal-gan", model["model_id"], read_generator)
    query = {"parent_id": model["model_id"], "deprecated": False}
    conditions = registry.database["structures"].distinct("condition", query)
    return generator, sorted(generator.layout.counts(condition) for condition in conditions)


def volumes(registry: Connection, layout: Layout) -> NDArray[np.float64]:
    """Fit the volume of an atom of each element to the known crystals of the system."""
    query = {"chemsys": layout.chemical_system, "structure": {"$exists": True}, "deprecated": False}
    known = [from_plain(doc["structure"]) for doc in registry.database["materials"].find(query, {"structure": 1})]
    amounts = [[one.composition[element] for element in layout.elements] for one in known]
    return np.linalg.lstsq(np.array(amounts), np.array([one.volume for one in known]), rcond=None)[0]


def told(name: str, structures: list[Structure], hull: Hull, max_steps: int) -> None:
    """Relax, and print the shares near the hull."""
    start = time.perf_counter()
    results = relax(structures, monolayer=False, max_steps=max_steps)
    sane = [one for one in results if one.sane and one.energy_per_atom is not None]
    above = hull.above([one.structure for one in sane], [one.energy_per_atom or 0.0 for one in sane])
    shares = ", ".join(f"{sum(one <= limit for one in above) / len(results):.0%} within {limit:g}" for limit in LIMITS)
    print(f"{name}: {len(results)} relaxed, {sum(one.converged for one in results)} converged, {shares} eV/atom, "
          f"median {statistics.median(above):.3f}, {time.perf_counter() - start:.0f} s", flush=True)  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--each", type=int, default=2, help="relaxed of each composition")
    parser.add_argument("--of", type=int, default=500, help="crystals of which the lowest are relaxed as well")
    parser.add_argument("--max-steps", type=int, default=125)
    parser.add_argument("--compositions", type=int, help="only so many")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    registry = connect()
    model, asked = newest(registry)
    wanted, layout = asked[: options.compositions], model.layout
    hull = Hull(registry, layout.chemical_system)
    search = RandomSearch(layout, volumes(registry, layout), options.seed)
    ways: dict[str, Callable[[Counts], list[Structure]]] = {
        "random crystals": lambda number: [search.crystal(number) for _ in range(options.of)],
        "the model's": lambda number: generate(model, number, options.of, options.seed, distinct=False).structures,
    }
    for name, way in ways.items():
        first, lowest = [], []
        for number in wanted:
            crystals = way(number)
            energies = [one.energy_per_atom for one in evaluate(crystals, forces=False)]
            order = sorted((energy, place) for place, energy in enumerate(energies) if energy is not None)
            first += crystals[: options.each]
            lowest += [crystals[place] for _, place in order[: options.each]]
        told(f"{name}, the first {options.each}", first, hull, options.max_steps)
        told(f"{name}, the lowest {options.each} of {options.of}", lowest, hull, options.max_steps)


if __name__ == "__main__":
    main()
