"""Correction schemes on real entries and real runs, against pymatgen, and their refusals."""

import gzip
import json
import warnings
from pathlib import Path

import pytest
from exfolio.models.energetics.corrections import correct
from exfolio.models.energetics.schemes import Scheme, UnknownSchemeError
from pymatgen.analysis.compatibility.mixing_scheme import MaterialsProjectDFTMixingScheme
from pymatgen.core.entries import ComputedEntry, ComputedStructureEntry
from pymatgen.io.vasp import Vasprun


@pytest.fixture(scope="module")
def manganese_oxides(shared_data: Path) -> list[ComputedStructureEntry]:
    """90 Materials Project entries of Mn, O and Mn-O with the adjustments of MP2020."""
    with gzip.open(shared_data / "mp_entries_Mn-O.json.gz", "rt") as file:
        return [ComputedStructureEntry.from_dict(raw) for raw in json.load(file)]


def run(folder: Path) -> ComputedStructureEntry:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        vasprun = Vasprun(folder / "vasprun.xml.gz", parse_dos=False, parse_eigen=False, parse_potcar_file=False)
    return vasprun.get_computed_entry(inc_structure=True)


def test_mp2020_gives_the_energies_that_the_materials_project_publishes(
    manganese_oxides: list[ComputedStructureEntry],
) -> None:
    given = [(entry.energy, entry.correction) for entry in manganese_oxides]
    corrected = correct(manganese_oxides)
    assert [answer.refusal for answer in corrected] == [None] * 90
    assert [answer.energy for answer in corrected] == pytest.approx([energy for energy, _ in given], abs=1e-9)
    assert [answer.correction for answer in corrected] == pytest.approx([c for _, c in given], abs=1e-9)
    per_atom = [entry.energy / len(entry.structure) for entry in manganese_oxides]
    assert [answer.energy_per_atom for answer in corrected] == pytest.approx(per_atom, abs=1e-9)
    assert [(entry.energy, entry.correction) for entry in manganese_oxides] == given


def test_each_adjustment_has_its_name_and_size(manganese_oxides: list[ComputedStructureEntry]) -> None:
    entry = next(e for e in manganese_oxides if e.reduced_formula == "MnO2")
    (answer,) = correct([entry])
    names = {adjustment.name: adjustment.energy for adjustment in answer.adjustments}
    # Wang et al. 2021: -0.687 eV per oxide O, -1.668 eV per Mn with U.
    assert names["MP2020 anion correction (oxide)"] == pytest.approx(-0.687 * entry.composition["O"])
    assert names["MP2020 GGA/GGA+U mixing correction (Mn)"] == pytest.approx(-1.668 * entry.composition["Mn"])


def test_no_scheme_leaves_the_energy_as_computed(manganese_oxides: list[ComputedStructureEntry]) -> None:
    corrected = correct(manganese_oxides, "none")
    assert [answer.energy for answer in corrected] == [entry.uncorrected_energy for entry in manganese_oxides]
    assert all(answer.adjustments == () for answer in corrected)


def test_the_scheme_without_u_refuses_oxides_run_with_u(manganese_oxides: list[ComputedStructureEntry]) -> None:
    for entry, answer in zip(manganese_oxides, correct(manganese_oxides, Scheme.MP2020_GGA), strict=True):
        if len(entry.composition) == 2:
            assert answer.refusal == "U(Mn) is 3.9 eV, the scheme takes 0 eV"
            assert answer.energy is None
        else:
            assert answer.energy == pytest.approx(entry.uncorrected_energy)


def of_manganese(formula: str, potcars: str, **u: float) -> ComputedEntry:
    parameters = {
        "run_type": "GGA+U" if u else "GGA",
        "hubbards": u,
        "potcar_symbols": [f"PBE {symbol}" for symbol in potcars.split()],
    }
    return ComputedEntry(formula, -15.0, parameters=parameters, entry_id=formula)


@pytest.mark.parametrize(
    ("entry", "refusal"),
    [  # the Materials Project takes U(Mn) = 3.9 eV in oxides and fluorides alone
        (of_manganese("MnO", "Mn_pv O", Mn=3.9), None),
        (of_manganese("MnO", "Mn_pv O", Mn=3.8), "U(Mn) is 3.8 eV, the scheme takes 3.9 eV"),
        (of_manganese("MnO", "Mn_pv O"), "U(Mn) is 0 eV, the scheme takes 3.9 eV"),
        (of_manganese("MnF2", "Mn_pv F", Mn=3.9), None),
        (of_manganese("MnS", "Mn_pv S"), None),
        (of_manganese("MnS", "Mn_pv S", Mn=3.9), "U(Mn) is 3.9 eV, the scheme takes 0 eV"),
        (of_manganese("Mn", "Mn_pv"), None),
        (of_manganese("Mn", "Mn_pv", Mn=3.9), "U(Mn) is 3.9 eV, the scheme takes 0 eV"),
        (of_manganese("MnO", "Mn_pv", Mn=3.9), "POTCARs are Mn_pv, the scheme takes Mn_pv, O"),
        (of_manganese("MnO", "Mn_pv O Mg_pv", Mn=3.9), "POTCARs are Mg_pv, Mn_pv, O, the scheme takes Mn_pv, O"),
    ],
)
def test_u_and_potcars_must_be_those_of_the_scheme_and_not_about_those(
    entry: ComputedEntry, refusal: str | None
) -> None:
    (answer,) = correct([entry])
    assert answer.refusal == refusal


def test_lithium_iron_phosphate_with_another_u_is_refused_with_that_reason(shared_data: Path) -> None:
    (answer,) = correct([run(shared_data / "vasp" / "LiFePO4_GGA_U")])
    assert answer.refusal is not None
    assert "U(Fe) is 4.3 eV, the scheme takes 5.3 eV" in answer.refusal
    assert "POTCARs are Fe, Li, O, P, the scheme takes Fe_pv, Li_sv, O, P" in answer.refusal
    assert answer.energy is None
    assert answer.energy_per_atom is None
    assert answer.uncorrected_energy == pytest.approx(-773.13023947)


def test_another_functional_is_refused_by_its_name(shared_data: Path) -> None:
    (answer,) = correct([run(shared_data / "vasp" / "Al_R2SCAN")])
    assert answer.refusal == "run type is R2SCAN, the scheme takes GGA or GGA+U"
    (mixed,) = correct([run(shared_data / "vasp" / "LiFe4P4O16_HSE06")], "MP2020+r2SCAN")
    assert mixed.refusal == "run type is HSE06, the scheme takes GGA, GGA+U or r2SCAN"


def as_r2scan(entry: ComputedStructureEntry, energy_per_atom: float) -> ComputedStructureEntry:
    return ComputedStructureEntry(
        entry.structure,
        energy_per_atom * len(entry.structure),
        parameters={"run_type": "r2SCAN", "potcar_symbols": ["PBE Mn_pv", "PBE O"]},
        entry_id=f"{entry.entry_id}-r2SCAN",
    )


@pytest.mark.filterwarnings("ignore")
def test_the_mixing_scheme_places_r2scan_as_pymatgen_does(manganese_oxides: list[ComputedStructureEntry]) -> None:
    by_formula: dict[str, ComputedStructureEntry] = {}
    for entry in sorted(manganese_oxides, key=lambda e: e.energy_per_atom):
        by_formula.setdefault(entry.reduced_formula, entry)
    few = [by_formula[formula] for formula in ("Mn", "O2", "MnO", "MnO2", "Mn2O3")]
    both = [*few, as_r2scan(by_formula["MnO"], -20.1), as_r2scan(by_formula["Mn2O3"], -19.8)]
    expected = MaterialsProjectDFTMixingScheme().process_entries(both, inplace=False)

    answers = {answer.entry_id: answer for answer in correct(both, Scheme.R2SCAN_MIXING)}

    assert len(answers) == 7
    kept = {str(e.entry_id): e.energy for e in expected}
    assert {name: a.energy for name, a in answers.items() if a.refusal is None} == pytest.approx(kept)
    assert len(kept) < 7
    for name in answers.keys() - kept.keys():
        assert "matching r2SCAN material" in (answers[name].refusal or "") or "ground state" in (
            answers[name].refusal or ""
        )


@pytest.mark.filterwarnings("ignore")
def test_the_mixing_scheme_refuses_a_second_entry_of_one_name(manganese_oxides: list[ComputedStructureEntry]) -> None:
    first, second = manganese_oxides[:2]
    second = ComputedStructureEntry.from_dict(second.as_dict() | {"entry_id": first.entry_id})
    answers = correct([first, second], Scheme.R2SCAN_MIXING)
    assert "needs one of its own for each entry" not in (answers[0].refusal or "")
    assert answers[1].refusal == f"entry_id is {first.entry_id!r}: the scheme needs one of its own for each entry"


def test_entries_that_say_too_little_are_refused_not_dropped() -> None:
    silent = ComputedEntry("MnO", -15.0, entry_id="a")
    without_structure = ComputedEntry("MnO", -15.0, parameters={"run_type": "r2SCAN"}, entry_id="b")
    (answer,) = correct([silent])
    assert answer.refusal is not None
    assert answer.refusal.startswith("run type is not given")
    assert "does not say which POTCARs" in answer.refusal
    (mixed,) = correct([without_structure], "MP2020+r2SCAN")
    assert mixed.refusal == "the scheme matches structures, and the entry has none"


def test_an_unknown_scheme_names_those_there_are() -> None:
    with pytest.raises(UnknownSchemeError, match=r"'none', 'MP2020', 'MP2020-GGA', 'MP2020\+r2SCAN'"):
        correct([], "MP2030")
