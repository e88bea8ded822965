"""Well-known layers as templates, and compositions that wait for structures, put into a registry as their stages do."""

from typing import Any

from exfolio.models.composition.formula.formulas import describe_all
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Composition, Material
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from pymatgen.core import Lattice, Structure

Doc = dict[str, Any]


def layer(metal: str, anion: str, a: float, *, prismatic: bool) -> Structure:
    """A dichalcogenide: 1H (trigonal prisms, like MoS2) or 1T (octahedra, like TiS2); `a` in Å."""
    c, z = 23.13, 1.565 / 23.13
    lower = [1 / 3, 2 / 3] if prismatic else [2 / 3, 1 / 3]
    sites = [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + z], [*lower, 0.5 - z]]
    return Structure(Lattice.hexagonal(a, c), [metal, anion, anion], sites)


def salt(cation: str, anion: str, a: float) -> Structure:
    """Rock salt, the primitive cell; `a` of the cubic cell in Å."""
    h = a / 2
    return Structure(Lattice([[0, h, h], [h, 0, h], [h, h, 0]]), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


LAYERS = {
    "1H-MoS2": layer("Mo", "S", 3.18, prismatic=True),
    "1H-NbSe2": layer("Nb", "Se", 3.47, prismatic=True),
    "1T-TiS2": layer("Ti", "S", 3.41, prismatic=False),
    "1T-ZrSe2": layer("Zr", "Se", 3.77, prismatic=False),
}
"""Two prototypes with two templates each. Cells after Rasmussen, Thygesen, J. Phys. Chem. C 119, 13169 (2015)."""


def material(name: str, structure: Structure, *, dimension: int = 2, **more: Any) -> Doc:
    """The document of a structure, as ingestion gives it."""
    [facts] = describe_all([structure.composition.element_composition.formula])
    return {
        "material_id": f"flat:{name}",
        "source": "flat",
        "source_id": name,
        "formula": facts.reduced,
        "formula_reduced": facts.reduced,
        "formula_anonymous": facts.anonymous,
        "chemsys": facts.chemsys,
        "elements": facts.elements,
        "nelements": facts.nelements,
        "structure": to_plain(structure),
        "nsites": len(structure),
        "dimension_claimed": dimension,
        **more,
    }


def layers(*names: str) -> list[Doc]:
    """The documents of layers, all of them without names."""
    return [material(name, LAYERS[name]) for name in names or LAYERS]


def put_compositions(
    connection: Connection,
    *formulas: str,
    p_2d: float = 0.97,
    p_2d_model: str | None = None,
    energy: float = -0.5,
    balanced: bool = True,
) -> None:
    """Write compositions as their sampling, screening, classification and prediction do."""
    screens = {"charge_neutral": True, "electronegativity_balanced": balanced}
    given = {
        "sample": None,
        "screen": screens,
        "classify": {"p_2d": p_2d, "p_2d_model": p_2d_model},
        "energy": {"predicted_formation_energy": energy},
    }
    for facet, values in given.items():
        writer = FacetWriter(Composition, facet, f"test {facet}", "f1", "test")
        ready = [
            writer.prepare(_composition(facts) if values is None else {"formula_reduced": facts.reduced, **values}, [])
            for facts in describe_all(formulas)
        ]
        in_transaction(connection, lambda session, w=writer, r=ready: w.write(connection.database, r, session))


def _composition(facts: Any) -> Doc:
    return {
        "formula": facts.reduced,
        "formula_reduced": facts.reduced,
        "formula_anonymous": facts.anonymous,
        "chemsys": facts.chemsys,
        "elements": facts.elements,
        "nelements": facts.nelements,
        "times_drawn": 1,
    }


def change(connection: Connection, material_id: str, **values: Any) -> None:
    """Correct a material as a newer release of its source does; None takes a field away."""
    stored = connection.database["materials"].find_one({"material_id": material_id})
    assert stored is not None
    kept = {name: stored[name] for name in Material.fields_of("record") if name in stored} | {
        "material_id": material_id
    }
    writer = FacetWriter(Material, "record", f"ingest:{stored['source']}", "f1", "test")
    ready = [writer.prepare({**kept, **values}, [{"collection": "file", "id": "flat.json"}])]
    in_transaction(connection, lambda session: writer.write(connection.database, ready, session))
