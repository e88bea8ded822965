"""VASP input of real compounds: MoS2 as layer and bulk, spinel MgMn2O4 with Hubbard terms."""

import pytest
from exfolio.models.calculation.inputs import Inputs, NoInput, inputs
from exfolio.models.calculation.plan import CALCULATED_FIELDS, Choices, Step, steps_for
from exfolio.models.energetics.pair_settings import DIFFERING_BY_NATURE
from pymatgen.core import Lattice, Structure
from pymatgen.io.vasp.inputs import Incar, Kpoints, Poscar
from pymatgen.io.vasp.sets import MPRelaxSet


@pytest.fixture(scope="module")
def bulk() -> Structure:
    """2H-MoS2, Wildervanck & Jellinek, Z. Anorg. Allg. Chem. 328, 309 (1964)."""
    third = 1 / 3
    sulphur = [(third, 2 * third, z) for z in (0.621, 0.879)] + [(2 * third, third, z) for z in (0.121, 0.379)]
    molybdenum = [(third, 2 * third, 0.25), (2 * third, third, 0.75)]
    return Structure(Lattice.hexagonal(3.16, 12.294), ["Mo"] * 2 + ["S"] * 4, molybdenum + sulphur)


@pytest.fixture(scope="module")
def layer() -> Structure:
    """One layer of it, low in a cell of 15 Å."""
    z = [1.585, 0.0, 3.17]
    xy = [(0.0, 0.0), (1 / 3, 2 / 3), (1 / 3, 2 / 3)]
    return Structure(Lattice.hexagonal(3.16, 15), ["Mo", "S", "S"], [(*p, h / 15) for p, h in zip(xy, z, strict=True)])


def step(name: str, role: str, dimension: int = 2, **choices: object) -> Step:
    found = steps_for(CALCULATED_FIELDS, dimension, Choices(**choices))
    return next(one for one in found if (one.name, one.role) == (name, role))


def incar(made: Inputs) -> Incar:
    return Incar.from_str(made.files["INCAR"])


def divisions(made: Inputs) -> tuple[int, ...]:
    return tuple(Kpoints.from_str(made.files["KPOINTS"]).kpts[0])


def test_a_crystal_gets_the_settings_of_materials_project_unchanged(bulk: Structure) -> None:
    made = inputs(bulk, step("PBE-relax", "crystal", 3))

    expected = MPRelaxSet(bulk)
    assert incar(made) == Incar.from_str(str(expected.incar))
    assert divisions(made) == tuple(expected.kpoints.kpts[0])
    assert made.potcar_symbols == ("Mo_pv", "S")
    assert made.potcar_functional == "PBE"
    assert made.files["POTCAR.spec"] == "Mo_pv\nS\n"
    assert made.functional == "PBE"


def test_a_layer_is_upright_in_the_chosen_vacuum_with_all_its_atoms(layer: Structure) -> None:
    made = inputs(layer, step("PBE-relax", "layer"), Choices(vacuum=18))

    written = Poscar.from_str(made.files["POSCAR"]).structure
    assert written.lattice.abc == pytest.approx((3.16, 3.16, 3.17 + 18))
    assert written.lattice.angles == pytest.approx((90, 90, 120))
    assert written.composition == layer.composition
    assert sorted(written.frac_coords[:, 2] * (3.17 + 18)) == pytest.approx([9, 10.585, 12.17])


def test_a_layer_has_one_k_point_along_the_vacuum_and_a_dipole_correction(layer: Structure) -> None:
    made = inputs(layer, step("PBE-static", "layer"))

    assert divisions(made)[2] == 1
    assert divisions(made)[0] == divisions(made)[1] > 6
    settings = incar(made)
    assert (settings["LDIPOL"], settings["IDIPOL"], settings["DIPOL"]) == (True, 3, [0.5, 0.5, 0.5])
    assert settings["ISMEAR"] == 0, "the tetrahedron method is for three dimensions"


def test_the_vacuum_is_not_relaxed_away(layer: Structure) -> None:
    relax = step("PBE-relax", "layer")

    free = inputs(layer, relax)
    assert (incar(free)["ISIF"], incar(free)["LATTICE_CONSTRAINTS"]) == (3, [True, True, False])
    assert any("VASP before 6.5" in note for note in free.notes)
    fixed = inputs(layer, relax, Choices(relax_in_plane=False))
    assert incar(fixed)["ISIF"] == 2
    assert "LATTICE_CONSTRAINTS" not in incar(fixed)
    assert any("in-plane cell" in note for note in fixed.notes)


@pytest.mark.parametrize(
    ("functional", "tags"),
    [
        ("optB88-vdW", {"GGA": "Bo", "LUSE_VDW": True, "PARAM1": 0.18333333, "PARAM2": 0.22, "AGGAC": 0.0}),
        ("r2SCAN+rVV10", {"METAGGA": "R2scan", "LUSE_VDW": True, "BPARAM": 11.95}),
    ],
)
def test_bulk_and_layer_of_an_exfoliation_energy_are_calculated_alike(
    bulk: Structure, layer: Structure, functional: str, tags: dict[str, object]
) -> None:
    name = f"{functional.replace('+', '-')}-static"
    of_bulk = inputs(bulk, step(name, "bulk", van_der_waals=functional))
    of_layer = inputs(layer, step(name, "layer", van_der_waals=functional))

    assert of_bulk.functional == of_layer.functional == functional
    assert of_bulk.potcar_symbols == of_layer.potcar_symbols
    assert tags.items() <= incar(of_bulk).items()
    ours, theirs = (
        {tag: value for tag, value in incar(made).items() if tag not in DIFFERING_BY_NATURE}
        for made in (of_layer, of_bulk)
    )
    assert ours == theirs
    assert divisions(of_bulk)[:2] == divisions(of_layer)[:2]
    assert divisions(of_bulk)[2] > divisions(of_layer)[2] == 1


def test_a_gap_is_calculated_with_hse06_on_a_mesh_that_holds_gamma_m_and_k(layer: Structure) -> None:
    made = inputs(layer, step("HSE06-static", "layer"))

    settings = incar(made)
    assert (settings["LHFCALC"], settings["HFSCREEN"], settings["NSW"], settings["LASPH"]) == (True, 0.2, 0, True)
    assert "ICHARG" not in settings, "no CHGCAR of an earlier run is needed"
    assert Kpoints.from_str(made.files["KPOINTS"]).style is Kpoints.supported_modes.Gamma
    assert all(n % 6 == 0 for n in divisions(made)[:2])
    assert made.functional == "HSE06"


def test_a_hybrid_run_starts_from_the_orbitals_of_a_pbe_run_of_the_same_input(bulk: Structure) -> None:
    made = inputs(bulk, step("HSE06-static", "crystal", 3))

    hybrid, before = incar(made), Incar.from_str(made.files["INCAR.PBE"])
    assert (hybrid["EDIFF"], hybrid["LREAL"], hybrid["PRECFOCK"]) == (1e-6, False, "Normal")
    assert (hybrid["ALGO"], hybrid["TIME"]) == ("Damped", 0.4)
    assert "NKRED" not in hybrid, "it leaves out k-points of the exchange"
    assert (before["LWAVE"], before["ALGO"], before["NSW"]) == (True, "Normal", 0)
    assert not {"LHFCALC", "HFSCREEN", "PRECFOCK", "LDAU"} & before.keys()
    same = {"ENCUT", "PREC", "EDIFF", "LREAL", "ISMEAR", "SIGMA", "ISPIN", "MAGMOM", "LASPH"}
    assert {tag: before[tag] for tag in same} == {tag: hybrid[tag] for tag in same}
    assert set(inputs(bulk, step("PBE-static", "crystal", 3)).files) == {"INCAR", "KPOINTS", "POSCAR", "POTCAR.spec"}


@pytest.mark.parametrize("functional", ["optB88-vdW", "r2SCAN+rVV10"])
def test_a_bulk_in_an_oblique_cell_has_the_in_plane_k_points_of_its_layer(layer: Structure, functional: str) -> None:
    """3R-MoS2, whose primitive cell has no vector in the plane (a = 3.16 Å, layers 6.15 Å apart)."""
    along = [[1.58, 0.912, 6.15], [4.74, 0.912, 6.15], [0.0, 3.649, 6.15]]
    sites = [[0, 0, 3], [1.58, 0.912, 4.59], [1.58, 0.912, 1.41]]
    oblique = Structure(along, ["Mo", "S", "S"], sites, coords_are_cartesian=True)

    name = f"{functional.replace('+', '-')}-static"
    of_bulk, of_layer = (
        inputs(crystal, step(name, role, van_der_waals=functional))
        for crystal, role in ((oblique, "bulk"), (layer, "layer"))
    )

    assert divisions(of_bulk)[:2] == divisions(of_layer)[:2]
    written = Poscar.from_str(of_bulk.files["POSCAR"]).structure
    assert written.lattice.abc[:2] == pytest.approx((3.16, 3.16), abs=1e-3)
    assert written.volume == pytest.approx(oblique.volume)


def test_hubbard_terms_show_in_the_name_of_the_functional() -> None:
    rock_salt = [[0, 0, 0], [0.5, 0.5, 0.5]]
    oxide = Structure(Lattice.from_parameters(3.14, 3.14, 3.14, 60, 60, 60), ["Mn", "O"], rock_salt)

    made = inputs(oxide, step("PBE-static", "crystal", 3))

    assert made.functional == "PBE+U"
    assert incar(made)["LDAUU"] == [3.9, 0], "Materials Project's U of Mn in oxides"


def test_magnetic_moments_are_kept_and_oxidation_states_left_out(bulk: Structure) -> None:
    decorated = bulk.copy(site_properties={"magmom": [1, -1, 0, 0, 0, 0], "label_of_source": list("abcdef")})
    decorated.add_oxidation_state_by_element({"Mo": 4, "S": -2})

    made = inputs(decorated, step("PBE-relax", "crystal", 3))

    assert incar(made)["MAGMOM"] == [1, -1, 0, 0, 0, 0]
    assert "4+" not in made.files["POSCAR"]


def test_what_has_no_input_is_refused_with_the_reason(bulk: Structure) -> None:
    with pytest.raises(NoInput, match="no vacuum"):
        inputs(bulk, step("PBE-relax", "layer"))
    mixed = Structure(Lattice.cubic(4), [{"Mo": 0.5, "W": 0.5}], [[0, 0, 0]])
    with pytest.raises(NoInput, match="disordered"):
        inputs(mixed, step("PBE-relax", "crystal", 3))
    with pytest.raises(NoInput, match="no POTCAR for Og"):
        inputs(Structure(Lattice.cubic(5), ["Og"], [[0, 0, 0]]), step("PBE-relax", "crystal", 3))


@pytest.mark.parametrize(("metal", "moment"), [("Gd", 7.0), ("U", 4.0), ("Pu", 6.0), ("Mn", 5.0), ("Zr", 0.6)])
def test_f_electrons_start_with_their_moment(metal: str, moment: float) -> None:
    oxide = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.4), [metal, "O"], [[0, 0, 0], [0.25, 0.25, 0.25]])

    for step in steps_for(["energy_above_hull", "band_gap"], 3):
        magnetic_moments = Incar.from_str(inputs(oxide, step).files["INCAR"])["MAGMOM"]
        assert magnetic_moments[:4] == [moment] * 4, step.name
