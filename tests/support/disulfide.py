"""2H-MoS2 and its monolayer, calculations of them, and whose these are found to be."""

from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from pymatgen.core import Lattice, Structure

# 2H-MoS2: a = 3.16 Å, c = 12.30 Å, z(S) = 0.621 (Bronsema et al., Z. anorg. allg. Chem. 540/541, 15 (1986)).
Z = 0.621
BULK = Structure(
    Lattice.hexagonal(3.16, 12.30),
    ["Mo", "S", "S", "Mo", "S", "S"],
    [
        *([1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, Z], [1 / 3, 2 / 3, 1.5 - Z]),
        *([2 / 3, 1 / 3, 0.75], [2 / 3, 1 / 3, 1 - Z], [2 / 3, 1 / 3, Z - 0.5]),
    ],
)


LAYER = Structure(
    Lattice.hexagonal(3.16, 25.0),
    ["Mo", "S", "S"],
    [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5635], [2 / 3, 1 / 3, 0.4365]],
)


def calculation(name: str, structure: Structure, energy: float, **more: object) -> dict[str, object]:
    return {
        "calculation_id": name,
        "formula_reduced": "MoS2",
        "chemsys": "Mo-S",
        "structure": to_plain(structure),
        "initial_structure": to_plain(structure),
        "composition": {el: float(n) for el, n in structure.composition.get_el_amt_dict().items()},
        "energy": energy,
        "functional": "optB88-vdW",
        "task_type": "Static",
        "converged": True,
        "set_aside": False,
        "settings": {"ENCUT": 520.0},
        "potcar_symbols": ["PAW_PBE Mo_pv", "PAW_PBE S"],
        **more,
    }


def matches(registry: Connection) -> dict[str, tuple[str | None, str | None, str | None]]:
    names = ("structure_id", "material_id", "matched_by")
    found = registry.database["calculations"].find()
    return {doc["calculation_id"]: tuple(doc.get(name) for name in names) for doc in found}  # type: ignore[misc]
