"""What relaxing made of a model's crystals: one found again that was not known before it was relaxed."""

from typing import Any

import pytest
from exfolio.builders.reports.relaxed_figures import relaxed_figures, table
from exfolio.models.structure.serialization import to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Property, ProposedStructure
from filled_registry import put
from known_crystals import crystals
from known_crystals import put as put_known
from pymatgen.core import Lattice, Structure

METHOD = "CHGNet 0.3.0 relaxed"
SALT = Lattice([[0, 2.1, 2.1], [2.1, 0, 2.1], [2.1, 2.1, 0]])


def salt(middle: tuple[float, float, float] = (0.5, 0.5, 0.5)) -> dict[str, Any]:
    return to_plain(Structure(SALT, ["Mg", "O"], [[0, 0, 0], list(middle)]))


@pytest.fixture
def relaxed(registry: Connection) -> Connection:
    """Rock salt, the same again, and zinc blende, of which rock salt is known; a composition nothing is known of."""
    put_known(registry, crystals("MgO-rocksalt"))
    made = {"route": "crystal-gan", "parent_id": "crystal-gan-1", "valid": True}
    formulas = {"st-salt": "MgO", "st-again": "MgO", "st-blende": "MgO", "st-other": "MgO2"}
    put(
        registry,
        ProposedStructure,
        [{"structure_id": name, "formula_reduced": formula, **made} for name, formula in formulas.items()],
    )
    details = {
        "st-salt": {"structure": salt(), "converged": True},
        "st-again": {"structure": salt(), "converged": False},
        "st-blende": {"structure": salt((0.25, 0.25, 0.25)), "converged": True},
        "st-other": {"structure": salt(), "converged": True},
    }
    above = {"st-salt": 0.0, "st-again": 0.01, "st-blende": 0.15, "st-other": 0.3}
    same = {"method": METHOD, "basis": "potential", "unit": "eV/atom"}
    values: list[dict[str, Any]] = []
    for name, distance in above.items():
        values.append({"structure_id": name, "kind": "energy_above_hull", "value": distance, **same})
        values.append({"structure_id": name, "kind": "energy", "value": distance - 6, "details": details[name], **same})
    put(registry, Property, [{"property_id": f"{one['structure_id']}/{one['kind']}", **one} for one in values])
    return registry


def test_relaxed_structures_are_compared_with_each_other_and_with_known_ones(relaxed: Connection) -> None:
    oxide, other = relaxed_figures(relaxed, "crystal-gan-1")

    assert (oxide.formula, oxide.method, oxide.known) == ("MgO", METHOD, 1)
    assert (oxide.relaxed, oxide.converged, oxide.distinct) == (3, 2, 2)
    assert oxide.found == ["handbook:MgO-rocksalt"]
    assert oxide.within == {0.0: 1, 0.08: 2, 0.2: 3}
    assert oxide.new_within == {0.0: 0, 0.08: 0, 0.2: 1}  # zinc blende alone
    assert (other.known, other.relaxed, other.lowest) == (0, 1, 0.3)


def test_the_table_sums_compositions_of_known_materials_and_of_none(relaxed: Connection) -> None:
    told = table(relaxed_figures(relaxed, "crystal-gan-1"))

    assert f"| MgO | {METHOD} | 3 | 2 | 2 | 1 of 1 | 33% (0) | 67% (0) | 100% (1) | 0.000 |" in told
    assert f"| **1 compositions of none** | {METHOD} | 1 | 1 | 1 | – | 0% (0) | 0% (0) | 0% (0) | 0.300 |" in told
    assert table([]) == ""
