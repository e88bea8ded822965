"""Values move with their calculations when these, or what they are of, become another compound."""

import pytest
from disulfide import BULK, LAYER, calculation
from exfolio.builders.calculations.match_stage import MatchStage
from exfolio.builders.engine.stage import Stage
from exfolio.builders.properties.band_gap_stage import BandGapStage
from exfolio.builders.properties.exfoliation_stage import ExfoliationStage
from exfolio.builders.properties.hulls.hull_stage import HullStage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Calculation, Material, ProposedStructure
from filled_registry import put, put_entries, put_materials, put_structures, retire
from moves import TELLING, check
from pymatgen.core import Structure

NIOBIUM = {"Mo": "Nb", "S": "Se"}


TUNGSTEN = {"Mo": "W"}


STATES = {"old": {}, "other": TUNGSTEN, "new": NIOBIUM}


def of(name: str, structure: Structure, elements: dict[str, str], energy: float, **more: object) -> dict[str, object]:
    """A calculation of a folder, of the crystal with other elements in it."""
    crystal = structure.copy()
    crystal.replace_species(elements)
    symbols = sorted({site.specie.symbol for site in crystal})
    changed = {
        "formula_reduced": crystal.composition.reduced_formula,
        "chemsys": "-".join(symbols),
        "potcar_symbols": [f"PAW_PBE {symbol}" for symbol in symbols],
        "energy_per_atom": energy / len(crystal),
    }
    return calculation(name, crystal, energy, **changed, **more)


def known_layers(*states: str) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The bulk and its monolayer of each compound."""
    materials, structures = [], []
    for state in states:
        bulk, layer = (of("", one, STATES[state], 0.0) for one in (BULK, LAYER))
        shared = {name: bulk[name] for name in ("formula_reduced", "chemsys")}
        material = f"test:2H-{bulk['formula_reduced']}"
        materials.append({"material_id": material, **shared, "structure": bulk["structure"]})
        proposed = {"structure_id": f"st-{layer['formula_reduced']}", "structure": layer["structure"], "dimension": 2}
        structures.append({**proposed, **shared, "parent_id": material, "route": "top-down"})
    return materials, structures


def calculated_stages() -> list[Stage]:
    return [MatchStage(), HullStage("none"), ExfoliationStage(), BandGapStage()]


@pytest.mark.endurance
@pytest.mark.parametrize("others", [False, True], ids=["alone", "among others"])
def test_folders_used_again_for_another_compound_leave_no_value_in_force(registry: Connection, others: bool) -> None:
    entries = [(element, {element: 1}, element, -1.0) for element in ("Mo", "S", "W", "Nb", "Se")]

    def fill(state: str) -> None:
        materials, structures = known_layers("old", "other", "new")
        put_materials(registry, materials)
        put_structures(registry, structures)
        put_entries(registry, entries, scheme=None, functional="optB88-vdW")
        gap = {"band_gap": 1.7}
        calculations = [of("layer", LAYER, STATES[state], -21.0, **gap), of("bulk", BULK, STATES[state], -42.5)]
        if others:
            calculations += [of("layer-2", LAYER, {}, -20.9, **gap), of("bulk-2", BULK, {}, -42.4)]
        put(registry, Calculation, calculations)

    check(
        registry,
        put=fill,
        retire=lambda: retire(registry, Calculation, ["layer", "bulk"]),
        stages=calculated_stages,
        ways=TELLING if others else TELLING[:1],
    )


def test_calculations_of_what_was_corrected_to_another_compound_are_matched_anew(registry: Connection) -> None:
    """The bulk in the source and with it the layer that was cut from it become another compound, not the folders."""

    def fill(state: str) -> None:
        materials, structures = known_layers(state)
        put_materials(registry, [{**materials[0], "material_id": "test:x1"}])
        put_structures(registry, [{**structures[0], "structure_id": "st-x1", "parent_id": "test:x1"}])
        gap = {"band_gap": 1.7}
        put(registry, Calculation, [of("layer", LAYER, {}, -21.0, **gap), of("bulk", BULK, {}, -42.5)])
        put(registry, Calculation, [of("layer-n", LAYER, NIOBIUM, -20.0, **gap), of("bulk-n", BULK, NIOBIUM, -40.5)])

    def retire_both() -> None:
        retire(registry, Material, ["test:x1"])
        retire(registry, ProposedStructure, ["st-x1"])

    check(registry, put=fill, retire=retire_both, stages=calculated_stages)
