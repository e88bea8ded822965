"""A small registry for tests that ask: a few well-known compounds, written as the stages write them.

MoS2 goes the whole way: a bulk crystal from a file, its monolayer, two properties, a promoted candidate.
"""

from datetime import UTC, datetime
from typing import Any

from exfolio.stores.bookkeeping import failures, quarantine, runs
from exfolio.stores.connection import Connection
from exfolio.stores.documents import (
    REGISTRY,
    Candidate,
    Composition,
    Material,
    Property,
    ProposedStructure,
    RegistryDocument,
)
from exfolio.stores.documents.operation import OPERATIONS
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from pymatgen.core import Lattice, Structure

RUN = "20260701T080000-aaaaaaaa"
NEXT_RUN = "20260702T080000-bbbbbbbb"
FILE = "/data/bulk.json"


def mos2_bulk() -> Structure:
    """2H-MoS2, P6_3/mmc (lattice parameters: Wildervanck & Jellinek, Z. Anorg. Allg. Chem. 328, 309 (1964))."""
    return Structure.from_spacegroup(
        "P6_3/mmc", Lattice.hexagonal(3.16, 12.294), ["Mo", "S"], [[1 / 3, 2 / 3, 0.25], [1 / 3, 2 / 3, 0.621]]
    )


def mos2_monolayer() -> Structure:
    """One layer of it in a cell with 20 Å of vacuum."""
    bulk = mos2_bulk()
    layer = [site for site in bulk if site.frac_coords[2] % 1 < 0.5]
    cell = Lattice.hexagonal(3.16, 23.13)
    coords = [[site.coords[0], site.coords[1], site.coords[2]] for site in layer]
    return Structure(cell, [site.specie for site in layer], coords, coords_are_cartesian=True)


def plain(structure: Structure) -> dict[str, Any]:
    """The structure as it is stored."""
    return {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "charge": None,
        "lattice": {"matrix": structure.lattice.matrix.tolist(), "pbc": [True, True, True]},
        "sites": [
            {"species": [{"element": site.specie.symbol, "occu": 1}], "abc": site.frac_coords.tolist()}
            for site in structure
        ],
        "properties": {},
    }


def put(
    connection: Connection,
    document: type[RegistryDocument],
    docs: list[dict[str, Any]],
    origins: list[dict[str, Any]] | None = None,
    *,
    facet: str | None = None,
    stage: str = "test",
    run_id: str = RUN,
) -> None:
    """Write documents as a stage would."""
    writer = FacetWriter(document, facet or document.creating_facet(), stage, "f1", run_id)
    ready = [writer.prepare(doc, origins or []) for doc in docs]
    in_transaction(connection, lambda session: writer.write(connection.database, ready, session))


def material(key: str, formula: str, elements: str, **more: Any) -> dict[str, Any]:
    """A material of the made-up source `bulk`."""
    symbols = elements.split("-")
    return {
        "material_id": key,
        "source": key.partition(":")[0],
        "source_id": key.partition(":")[2],
        "formula": formula,
        "formula_reduced": formula,
        "chemsys": elements,
        "elements": symbols,
        "nelements": len(symbols),
        **more,
    }


def fill(connection: Connection) -> None:
    """Write everything into collections that exist and are empty."""
    mos2 = material(
        "bulk:mos2",
        "MoS2",
        "Mo-S",
        formula_anonymous="AB2",
        structure=plain(mos2_bulk()),
        nsites=6,
        volume=106.3,
        space_group={"number": 194, "symbol": "P6_3/mmc", "crystal_system": "hexagonal"},
        energy_above_hull=0.0,
        band_gap=1.23,
        methods={"band_gap": "PBE", "energy_above_hull": "PBE"},
        reference="Z. Anorg. Allg. Chem. 328, 309 (1964)",
    )
    others = [
        material("bulk:mno2", "MnO2", "Mn-O", formula_anonymous="AB2", nsites=6, energy_above_hull=0.03, band_gap=0.25),
        material("bulk:mno", "MnO", "Mn-O", formula_anonymous="AB", nsites=2, energy_above_hull=0.0),
        material("bulk:tio2", "TiO2", "O-Ti", formula_anonymous="AB2", nsites=6, band_gap=3.0),
        material("bulk:nacl", "NaCl", "Cl-Na", formula_anonymous="AB", nsites=2, band_gap=5.0, energy_above_hull=0.0),
        material(
            "bulk:limno2",
            "LiMnO2",
            "Li-Mn-O",
            formula_anonymous="ABC2",
            nsites=8,
            energy_above_hull=0.11,
            extra={"note": "50% (a.b)*c"},
        ),
    ]
    put(connection, Material, [mos2], [{"collection": "file", "id": FILE, "place": "line 1"}], stage="ingest:bulk")
    put(connection, Material, others, [{"collection": "file", "id": FILE, "place": "line 2"}], stage="ingest:bulk")
    layers = [{"material_id": "bulk:mos2", "layered": True, "dimensionality": 2}]
    layers += [{"material_id": key, "layered": False, "dimensionality": 3} for key in ("bulk:nacl", "bulk:mno")]
    put(connection, Material, layers, facet="layers", stage="layers")
    gone = FacetWriter(Material, "record", "ingest:bulk", "f1", RUN)
    put(connection, Material, [material("bulk:old", "FeS", "Fe-S", nsites=4)], stage="ingest:bulk")
    in_transaction(
        connection,
        lambda session: gone.deprecate(connection.database, {"bulk:old": "no longer in source bulk"}, session),
    )
    parent = connection.database["materials"].find_one({"material_id": "bulk:mos2"}) or {}
    structure = {
        "structure_id": "st-1890e1f5735df206",
        "route": "top-down",
        "parent_id": "bulk:mos2",
        "formula_reduced": "MoS2",
        "chemsys": "Mo-S",
        "elements": ["Mo", "S"],
        "nelements": 2,
        "structure": plain(mos2_monolayer()),
        "nsites": 3,
        "dimension": 2,
        "thickness": 3.17,
        "valid": True,
    }
    made_from = [{"collection": "materials", "id": "bulk:mos2", "hash": parent["content_hash"]}]
    put(connection, ProposedStructure, [structure], made_from, stage="top-down")
    value = {"structure_id": structure["structure_id"], "unit": "eV/atom", "method": "PBE"}
    properties = [
        {**value, "property_id": f"{structure['structure_id']}/{kind}/PBE", "kind": kind, "value": number}
        for kind, number in (("exfoliation_energy", 0.0765), ("energy_above_hull", 0.0012))
    ]
    from_structure = [{"collection": "structures", "id": structure["structure_id"]}]
    put(connection, Property, properties, from_structure, stage="known-values")
    put_candidates(connection)
    put(
        connection,
        Composition,
        [{"formula_reduced": "MoSe2", "elements": ["Mo", "Se"], "times_drawn": 3}],
    )
    put_trouble(connection)


def put_candidates(connection: Connection, *, run_id: str = RUN, **changed: Any) -> None:
    """Write the two candidates; `changed` fields replace those of the first."""
    gate = {"name": "exfoliable", "field": "exfoliation_energy", "condition": "<= 0.2"}
    first = {
        "candidate_id": "two-dimensional/st-1890e1f5735df206",
        "campaign": "two-dimensional",
        "structure_id": "st-1890e1f5735df206",
        "route": "top-down",
        "parent_id": "bulk:mos2",
        "formula_reduced": "MoS2",
        "chemsys": "Mo-S",
        "elements": ["Mo", "S"],
        "nelements": 2,
        "exfoliation_energy": 0.0765,
        "energy_above_hull": 0.0012,
        "methods": {"exfoliation_energy": "PBE", "energy_above_hull": "PBE"},
        "gates": [{**gate, "value": 0.0765, "verdict": "passed"}],
        "status": "promoted",
        "gates_passed": 1,
        **changed,
    }
    second = {
        "candidate_id": "two-dimensional/st-77aa00000000beef",
        "campaign": "two-dimensional",
        "structure_id": "st-77aa00000000beef",
        "route": "bottom-up",
        "formula_reduced": "MnO2",
        "chemsys": "Mn-O",
        "elements": ["Mn", "O"],
        "nelements": 2,
        "exfoliation_energy": 0.31,
        "gates": [{**gate, "value": 0.31, "verdict": "failed"}],
        "status": "rejected",
        "rejected_by": "exfoliable",
        "gates_passed": 0,
    }
    properties = [
        {"collection": "properties", "id": f"st-1890e1f5735df206/{kind}/PBE"}
        for kind in ("exfoliation_energy", "energy_above_hull")
    ]
    structures = [{"collection": "structures", "id": "st-1890e1f5735df206"}]
    put(connection, Candidate, [first], [*structures, *properties], stage="judge:two-dimensional", run_id=run_id)
    put(connection, Candidate, [second], stage="judge:two-dimensional")


def put_trouble(connection: Connection) -> None:
    """Write a run that ended partly, two failures, two pieces of bad input, and how far a stage has come."""
    runs.begin(connection, "refresh two-dimensional", version="0.1.0", run_id=RUN)
    runs.end(connection, RUN, "partial")
    database = connection.database

    def note(session: Any) -> None:
        failed = {
            "bulk:nacl": failures.Failure("no layers found within 5 tolerances"),
            "bulk:mos2": failures.Failure("told to fail", "look at it"),
        }
        failures.record(connection, "top-down", failed, run_id=RUN, session=session)
        refused = [
            quarantine.Refused(FILE, "line 7", "it has no sites", "mend the line"),
            quarantine.Refused(FILE, "line 9", "it has no sites", "mend the line"),
        ]
        quarantine.put(connection, "ingest:bulk", refused, run_id=RUN, session=session)

    in_transaction(connection, note)
    database["failures"].update_one({"item": "bulk:nacl"}, {"$set": {"parked": True, "attempts": 6}})
    database["stage_states"].insert_one(
        {
            "stage": "top-down",
            "fingerprint": "f1",
            "token": 1,
            "consumed": {"materials:record": 4},
            "ahead": {},
            "partial": {},
            "updated_at": datetime(2026, 7, 1, tzinfo=UTC),
        }
    )


def empty(connection: Connection) -> None:
    """Remove every document, and leave collections and indexes."""
    for document in (*REGISTRY, *OPERATIONS):
        connection.database[document._get_collection_name()].delete_many({})
