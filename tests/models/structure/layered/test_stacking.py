"""Bulk of a layer stacked on itself, beside the real one."""

import pytest
from exfolio.models.structure.layered.in_plane_cell import in_plane_cell
from exfolio.models.structure.layered.stacking import NotStackable, stacked_on_itself
from pymatgen.core import Lattice, Structure


@pytest.mark.parametrize(
    ("metal", "anion", "a", "height", "z", "spacing"),
    [
        ("Mo", "S", 3.160, 1.58, "prismatic", 6.15),  # 2H-MoS2, Bronsema et al., Z. anorg. allg. Chem. 540, 15 (1986)
        ("Cd", "I", 4.244, 1.72, "octahedral", 6.86),  # CdI2, Wyckoff, Crystal Structures 1, 239 (1963)
        ("Ti", "S", 3.407, 1.42, "octahedral", 5.70),  # 1T-TiS2, Chianelli et al., Physica B 80, 125 (1975)
    ],
)
def test_layers_lie_as_far_apart_as_in_the_real_crystal(
    metal: str, anion: str, a: float, height: float, z: str, spacing: float
) -> None:
    other = [1 / 3, 2 / 3] if z == "prismatic" else [2 / 3, 1 / 3]
    sites = [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5 + height / 25], [*other, 0.5 - height / 25]]
    layer = Structure(Lattice.hexagonal(a, 25.0), [metal, anion, anion], sites)

    bulk = stacked_on_itself(layer)

    cell = in_plane_cell(bulk)
    assert (cell.a, cell.b) == pytest.approx((a, a))
    assert bulk.composition == layer.composition
    assert bulk.volume / cell.area == pytest.approx(spacing, rel=0.05)


def test_what_has_no_vacuum_is_refused() -> None:
    salt = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0, 0]])
    with pytest.raises(NotStackable, match="no vacuum"):
        stacked_on_itself(salt)
