"""Cells in which structures are looked at."""

import small_registry
from exfolio.web.api.cells import in_cell


def test_a_layer_is_repeated_in_its_plane_and_a_crystal_in_all_directions() -> None:
    layer, bulk = small_registry.mos2_monolayer(), small_registry.mos2_bulk()

    assert len(in_cell(layer, "supercell")["symbols"]) == 9 * len(layer)
    assert len(in_cell(bulk, "supercell")["symbols"]) == 27 * len(bulk)
