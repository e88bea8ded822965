"""Exfoliation energies of real layered materials, and the pairs that must be refused."""

import gzip
import itertools
import json
from pathlib import Path

import pytest
from exfolio.models.energetics.exfoliation import (
    ExfoliationRefused,
    LayeredCalculation,
    describes_van_der_waals,
    exfoliation_energy,
    in_plane_area,
)
from pymatgen.core import Lattice, Structure

SETTINGS: dict[str, object] = {"ENCUT": 520, "POTCAR": ("C",)}
GRAPHENE = Structure(Lattice.hexagonal(2.46, 20.0), ["C", "C"], [[0, 0, 0.5], [1 / 3, 2 / 3, 0.5]])
GRAPHITE = Structure(
    Lattice.hexagonal(2.46, 6.65),
    ["C"] * 4,
    [[0, 0, 0.25], [1 / 3, 2 / 3, 0.25], [0, 0, 0.75], [2 / 3, 1 / 3, 0.75]],
)


def layered(
    energy: float, structure: Structure, functional: str = "optB88-vdW", settings: dict[str, object] = SETTINGS
) -> LayeredCalculation:
    amounts = structure.composition.get_el_amt_dict()
    return LayeredCalculation(energy, amounts, functional, settings, area=in_plane_area(structure))


def pair(
    mono_settings: dict[str, object] | None = None, bulk_settings: dict[str, object] | None = None
) -> tuple[LayeredCalculation, LayeredCalculation]:
    # Energies per atom as optB88-vdW separates graphite: 69.5 meV/atom.
    mono = layered(2 * -9.1805, GRAPHENE, settings=SETTINGS | (mono_settings or {}))
    bulk = layered(4 * -9.25, GRAPHITE, settings=SETTINGS | (bulk_settings or {}))
    return mono, bulk


def test_graphene_per_atom_and_per_area() -> None:
    energy = exfoliation_energy(*pair())
    assert energy.per_atom == pytest.approx(0.0695)
    # 69.5 meV/atom and 2.62 Å^2 an atom: the 26.5 meV/Å^2 known for graphite.
    assert energy.per_area == pytest.approx(26.5, abs=0.05)
    assert energy.van_der_waals


def test_supercells_of_layer_or_bulk_give_the_same() -> None:
    once = exfoliation_energy(*pair())
    mono = layered(8 * -9.1805, GRAPHENE * (2, 2, 1))
    bulk = layered(12 * -9.25, GRAPHITE * (3, 1, 1))
    assert exfoliation_energy(mono, bulk)[:2] == pytest.approx(once[:2])


def test_the_plane_is_found_whichever_way_the_layer_lies() -> None:
    area = in_plane_area(GRAPHENE)
    assert area == pytest.approx(5.2408, abs=1e-4)
    for order in itertools.permutations(range(3)):
        turned = Structure(GRAPHENE.lattice.matrix[list(order)], GRAPHENE.species, GRAPHENE.frac_coords[:, list(order)])
        assert in_plane_area(turned) == pytest.approx(area)
    assert in_plane_area(GRAPHITE) is None


def test_area_and_atoms_can_be_given_without_a_structure() -> None:
    mono = LayeredCalculation(-18.361, "C2", "optb88-vdw", area=5.2408)
    bulk = LayeredCalculation(-37.0, {"C": 4}, "optB88-vdW")
    assert exfoliation_energy(mono, bulk).per_area == pytest.approx(26.5, abs=0.05)
    without_area = exfoliation_energy(LayeredCalculation(-18.361, "C2", "optB88-vdW"), bulk)
    assert without_area.per_area is None
    assert without_area.per_atom == pytest.approx(0.0695)


def test_records_of_2dmatpedia_give_their_own_exfoliation_energy_back(shared_data: Path) -> None:
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as file:
        records = [json.loads(line) for line in itertools.islice(file, 200)]
    usable = [r for r in records if r.get("exfoliation_energy_per_atom") and r.get("energy_vdw_per_atom")]
    assert len(usable) > 50
    for record in usable:
        structure = Structure.from_dict(record["structure"])
        mono = layered(record["energy_vdw_per_atom"] * len(structure), structure, "vdW-optB88", settings={})
        # The bulk as the record implies it, in a cell of three formula units.
        bulk_energy = record["energy_vdw_per_atom"] - record["exfoliation_energy_per_atom"]
        bulk = LayeredCalculation(
            bulk_energy * 3 * len(structure), (structure.composition * 3).get_el_amt_dict(), "vdW-optB88"
        )
        energy = exfoliation_energy(mono, bulk)
        assert energy.per_atom == pytest.approx(record["exfoliation_energy_per_atom"], abs=1e-9)
        assert energy.per_area is not None
        area = structure.volume / max(structure.lattice.abc)
        assert energy.per_area == pytest.approx(1000 * energy.per_atom * len(structure) / area, rel=0.1)


def test_every_reason_of_a_refusal_is_told() -> None:
    mono, _ = pair({"ENCUT": 400, "U": {"V": 3.25}})
    bulk = LayeredCalculation(-40.0, "BN", "PBE", SETTINGS)
    with pytest.raises(ExfoliationRefused) as refusal:
        exfoliation_energy(mono, bulk)
    text = "; ".join(refusal.value.reasons)
    assert len(refusal.value.reasons) == 4
    assert "compositions differ" in text
    assert "functionals differ: monolayer optB88-vdW, bulk PBE" in text
    assert "ENCUT differs: monolayer 400, bulk 520" in text
    assert "U differs: monolayer {'V': 3.25}, bulk not given" in text


def test_settings_that_a_vacuum_changes_may_differ() -> None:
    energy = exfoliation_energy(
        *pair({"KPOINTS": (15, 15, 1), "LDIPOL": True}, {"KPOINTS": (15, 15, 6), "ENCUT": 520.0})
    )
    assert energy.per_atom == pytest.approx(0.0695)


@pytest.mark.parametrize("energy", [float("nan"), float("-inf")])
def test_energies_that_are_no_numbers_are_refused(energy: float) -> None:
    with pytest.raises(ExfoliationRefused, match="energy of the bulk is"):
        exfoliation_energy(pair()[0], LayeredCalculation(energy, "C4", "optB88-vdW", SETTINGS))


@pytest.mark.parametrize(
    ("functional", "known"),
    [
        ("optB88-vdW", True),
        ("rVV10-r2SCAN", True),
        ("PBE-D3", True),
        ("PBE+D4", True),
        ("PBE", False),
        ("HSE06", False),
    ],
)
def test_functionals_with_van_der_waals_terms_are_known_by_name(functional: str, known: bool) -> None:
    assert describes_van_der_waals(functional) is known
