"""The bundled ions against an independent compilation, and their placing beside computed solids."""

import json
import re
from pathlib import Path

import pytest
from exfolio.models.energetics.ions import (
    KJ_PER_MOL_PER_EV,
    IonDataError,
    MissingReferenceSolidError,
    bundled_ions,
    ion_formation_energies,
    ions_from_records,
    ions_of,
)

MANGANESE = {
    "formula": "Mn[2+]",
    "charge": 2.0,
    "major_elements": "Mn",
    "gibbs_formation_kj_mol": -228.1,
    "reference_solid": "MnO2",
    "gibbs_formation_reference_solid_kj_mol": -465.14,
    "reference": "NBS",
}


def test_the_table_holds_the_elements_of_common_electrodes_with_a_reference_each() -> None:
    ions = bundled_ions()
    wanted = "Mg Mn Fe Co Ni Cu Zn Ti V Cr Al Ca Na K Li Bi W Mo Sn"
    assert not set(wanted.split()) - {ion.element for ion in ions}
    assert len({ion.formula for ion in ions}) == len(ions) == 90
    for ion in ions:
        assert re.search(r"\((?:19|20)\d\d\)$", ion.reference), ion.reference


def test_free_energies_agree_with_an_independent_compilation(shared_data: Path) -> None:
    other = {ion.formula: ion for ion in ions_from_records(json.loads((shared_data / "aqueous_ions.json").read_text()))}
    # Two species the compilations disagree on, see `bundled_ions`.
    common = [ion for ion in bundled_ions() if ion.formula in other.keys() - {"HCoO2[-]", "BiOH[2+]"}]
    assert len(common) == 81
    for ion in common:
        # Distance to the metal, kJ per mol of metal atoms: sources differ by a few.
        difference = (ion.gibbs - other[ion.formula].gibbs) / ion.composition[ion.element]
        assert abs(difference) < 8.5, ion.formula
        assert ion.reference_solid == other[ion.formula].reference_solid


def test_manganese_ions_give_the_measured_electrode_potentials() -> None:
    energies = {ion.formula: ion.gibbs / KJ_PER_MOL_PER_EV for ion in bundled_ions()}
    water = -237.13 / KJ_PER_MOL_PER_EV
    # MnO4- + 8 H+ + 5 e- -> Mn2+ + 4 H2O, 1.51 V; Fe3+ / Fe2+, 0.77 V; Cr2O7 2- / Cr3+, 1.36 V by the newer tables.
    assert (energies["MnO4[-]"] - energies["Mn[2+]"] - 4 * water) / 5 == pytest.approx(1.51, abs=0.01)
    assert energies["Fe[3+]"] - energies["Fe[2+]"] == pytest.approx(0.77, abs=0.005)
    assert (energies["Cr2O7[2-]"] - 2 * energies["Cr[3+]"] - 7 * water) / 6 == pytest.approx(1.36, abs=0.05)


def test_an_ion_takes_over_the_error_of_its_reference_solid() -> None:
    (ion,) = ions_from_records([MANGANESE])
    experiment = -465.14 / KJ_PER_MOL_PER_EV
    (exact,) = ion_formation_energies([ion], {"MnO2": experiment / 3})
    assert exact == pytest.approx(-228.1 / KJ_PER_MOL_PER_EV)
    # A solid computed 0.1 eV/atom too high lifts the ion by the 0.3 eV of its formula unit.
    (lifted,) = ion_formation_energies([ion], {"Mn2O4": experiment / 3 + 0.1})
    assert lifted - exact == pytest.approx(0.3)
    # Of several polymorphs the lowest counts.
    assert ion_formation_energies([ion], {"MnO2": experiment / 3, "Mn2O4": 0.0}) == pytest.approx([exact])


@pytest.mark.parametrize(
    ("formula", "charge", "lift"), [("Cr[3+]", 3.0, 0.25), ("CrO4[2-]", -2.0, 0.25), ("Cr2O7[2-]", -2.0, 0.5)]
)
def test_the_error_of_the_solid_is_shared_by_its_metal_atoms(formula: str, charge: float, lift: float) -> None:
    record = MANGANESE | {"formula": formula, "charge": charge, "major_elements": "Cr", "reference_solid": "Cr2O3"}
    ions = ions_from_records([record | {"gibbs_formation_reference_solid_kj_mol": -1058.1}])
    low, high = (ion_formation_energies(ions, {"Cr2O3": energy})[0] for energy in (-2.3, -2.2))
    # 0.1 eV/atom of Cr2O3 are 0.5 eV of its five atoms, of which each of the two chromium atoms has half.
    assert high - low == pytest.approx(lift)


def test_what_water_itself_gives_is_no_ion_of_a_metal() -> None:
    water = MANGANESE | {"major_elements": "H", "reference_solid": "H2O"}
    hydroxide, proton = water | {"formula": "OH[-]", "charge": -1.0}, water | {"formula": "H[+]", "charge": 1.0}
    ions = ions_from_records([hydroxide, MANGANESE, proton])
    assert [ion.formula for ion in ions_of(ions, ["Mn"])] == ["Mn[2+]"]
    assert ions_of(ions, ["Fe"]) == ()


def test_ions_without_their_solid_are_named() -> None:
    with pytest.raises(MissingReferenceSolidError, match=r"MgO \(for Mg\[2\+\], MgOH\[\+\]\)"):
        ion_formation_energies(ions_of(bundled_ions(), ["Mg", "Mn"]), {"MnO2": -1.8})


def test_the_form_of_the_api_gives_the_same_ion() -> None:
    nested = {
        "identifier": "Mn[2+]",
        "formula": "Mn[2+]",
        "data": {
            "charge": {"value": 2.0, "unit": ""},
            "ΔGᶠ": {"value": -0.2281, "unit": "MJ/mol"},
            "MajElements": "Mn",
            "RefSolid": "MnO2",
            "ΔGᶠRefSolid": {"value": -465.14, "unit": "kJ/mol"},
            "reference": "NBS",
        },
    }
    assert ions_from_records([nested]) == ions_from_records([MANGANESE])


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"charge": 3.0}, "charge is given as 3, the formula says 2"),
        ({"gibbs_formation_kj_mol": None}, "gibbs_formation_kj_mol is None"),
        ({"gibbs_formation_kj_mol": float("nan")}, "is nan"),
        ({"reference_solid": "MgO"}, "'Mn' is not in both"),
        ({"formula": "Qq[2+]"}, "cannot be read|not in both"),
    ],
)
def test_bad_records_are_refused_with_the_reason(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(IonDataError, match=complaint):
        ions_from_records([MANGANESE | change])


def test_one_ion_with_two_energies_is_refused() -> None:
    with pytest.raises(IonDataError, match=r"is there twice, with -228\.1 and -328\.1 kJ/mol"):
        ions_from_records([MANGANESE, MANGANESE | {"gibbs_formation_kj_mol": -328.1}])
    assert len(ions_from_records([MANGANESE, MANGANESE | {"gibbs_formation_kj_mol": -228.0}])) == 2


def test_energies_in_another_unit_are_noticed_at_the_reference_solid() -> None:
    in_ev = {"gibbs_formation_kj_mol": -2.364, "gibbs_formation_reference_solid_kj_mol": -4.821}
    ions = ions_from_records([MANGANESE | in_ev])

    with pytest.raises(IonDataError, match=r"-4.821 kJ/mol of its reference solid MnO2 is 1.6 eV/atom off"):
        ion_formation_energies(ions, {"MnO2": -1.607})
