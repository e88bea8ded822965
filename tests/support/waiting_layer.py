"""A registry in which the monolayer of MoS2 waits for calculations, and what an export of their input wrote."""

import json
from pathlib import Path
from typing import Any

from exfolio.builders.calculations.vasp.crawl import MANIFEST
from exfolio.builders.calculations.vasp.inputs.input_export import VaspExport
from pymatgen.core import Lattice, Structure
from small_registry import plain

CAMPAIGN = "two-dimensional"
LAYER, SUBSTITUTED = "st-1890e1f5735df206", "st-2222222222222222"
HULL, EXFOLIATION = ("formation_energy", "energy_above_hull"), ("exfoliation_energy",)


def mos2_bulk() -> Structure:
    """2H-MoS2, Wildervanck & Jellinek, Z. Anorg. Allg. Chem. 328, 309 (1964)."""
    third = 1 / 3
    sulphur = [(third, 2 * third, z) for z in (0.621, 0.879)] + [(2 * third, third, z) for z in (0.121, 0.379)]
    molybdenum = [(third, 2 * third, 0.25), (2 * third, third, 0.75)]
    return Structure(Lattice.hexagonal(3.16, 12.294), ["Mo"] * 2 + ["S"] * 4, molybdenum + sulphur)


def layer(metal: str = "Mo", chalcogen: str = "S", a: float = 3.16) -> Structure:
    heights = [(0, 0, 11.5 / 23), (1 / 3, 2 / 3, 9.9 / 23), (1 / 3, 2 / 3, 13.1 / 23)]
    return Structure(Lattice.hexagonal(a, 23), [metal, chalcogen, chalcogen], heights)


def candidate(structure_id: str, formula: str, unknown: tuple[str, ...], **more: Any) -> dict[str, Any]:
    gates = [
        {"name": field.replace("_", " "), "field": field, "condition": "", "verdict": "unknown"} for field in unknown
    ]
    elements = sorted({"MoS2": ["Mo", "S"], "WSe2": ["W", "Se"]}[formula])
    return {
        "candidate_id": f"{CAMPAIGN}/{structure_id}",
        "campaign": CAMPAIGN,
        "structure_id": structure_id,
        "formula_reduced": formula,
        "chemsys": "-".join(elements),
        "elements": elements,
        "nelements": 2,
        "dimension": 2,
        "route": "top-down",
        "parent_id": "bulk:mos2",
        "status": "waiting",
        "waiting_for": gates[0]["name"] if gates else None,
        "gates": gates,
        "gates_passed": 0,
        **more,
    }


def proposed(structure_id: str, formula: str, structure: Structure, **more: Any) -> dict[str, Any]:
    doc = candidate(structure_id, formula, ())
    names = ("structure_id", "formula_reduced", "chemsys", "elements", "nelements", "dimension", "route", "parent_id")
    return {**{name: doc[name] for name in names}, "structure": plain(structure), **more}


def folder_of(done: VaspExport, calculation: str, part: str = "") -> str:
    [found] = [path for path in done.new if path.endswith(f"/{calculation}") and part in path]
    return found


def manifest_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((path / MANIFEST).read_text())
    return content
