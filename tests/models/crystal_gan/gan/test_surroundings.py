"""What the compact critic sees of a crystal: the same in every setting, and what crowded atoms cost."""

import numpy as np
import pytest
import torch
from exfolio.models.crystal_gan.crystals.cell_augmentation import swapped, translated
from exfolio.models.crystal_gan.crystals.distances import least_distances
from exfolio.models.crystal_gan.gan.config import CrystalGanConfig
from exfolio.models.crystal_gan.gan.networks import Generator
from exfolio.models.crystal_gan.gan.surroundings import Surroundings, crowding, surroundings
from exfolio.models.learning.config import BadConfig
from exfolio.models.structure.point_cloud import Floats, counts, decode_many, encode_many
from exfolio.models.structure.point_cloud_layouts import MG_MN_O
from pymatgen.core import Lattice, Structure


def seen(cells: Floats, neighbours: int = 4) -> Surroundings:
    number = torch.from_numpy(counts(cells, MG_MN_O))
    return surroundings(torch.as_tensor(cells, dtype=torch.float64), number, MG_MN_O, neighbours)


def test_distances_are_those_of_the_structure(oxides: list[Structure]) -> None:
    around = seen(encode_many(oxides, MG_MN_O))

    for number, structure in enumerate(oxides):
        atom = structure.indices_from_symbol("Mn")[0]
        oxygen = sorted(
            float(near.nn_distance) for near in structure.get_neighbors(structure[atom], 6) if near.specie.symbol == "O"
        )[:4]
        assert around.distances[number, 8, 2].tolist() == pytest.approx(oxygen, abs=1e-4)  # the first slot of Mn
        assert float(around.volume[number]) == pytest.approx(structure.volume / len(structure))


def test_origin_and_axes_make_no_difference(cells: Floats) -> None:
    moved = swapped(translated(cells, np.full((len(cells), 3), 0.37)), np.tile([2, 1, 0], (len(cells), 1)))

    before, after = seen(cells), seen(moved)
    assert torch.allclose(before.distances[before.filled], after.distances[after.filled], atol=1e-6)


def test_crowded_atoms_cost_and_others_do_not(oxides: list[Structure]) -> None:
    least = torch.tensor(least_distances(MG_MN_O), dtype=torch.float64)
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.2, 0.2, 0.2], [0, 0, 0.5]]
    crowded = Structure(Lattice.tetragonal(3.0, 4.3), ["Mg", "Mn", "O", "O"], sites)

    assert float(crowding(seen(encode_many(oxides, MG_MN_O)), least, MG_MN_O)) == pytest.approx(0, abs=1e-3)
    assert float(crowding(seen(encode_many([crowded], MG_MN_O)), least, MG_MN_O)) > 0.05


def test_what_is_made_holds_the_atoms_asked_for(tiny_compact: CrystalGanConfig) -> None:
    asked = torch.tensor([[1, 1, 2], [2, 4, 8], [8, 8, 12]])
    generator = Generator(tiny_compact).eval()

    made = generator(torch.randn(3, tiny_compact.latent), asked).detach().double().numpy()

    assert counts(made, MG_MN_O).tolist() == asked.tolist()
    assert len(decode_many(made, MG_MN_O)) == 3


def test_a_penalty_on_crowding_wants_distances() -> None:
    with pytest.raises(BadConfig, match="needs neighbours"):
        CrystalGanConfig.from_dict({"profile": "paper", "crowding_weight": 1.0})
