"""Correction schemes on real entries and real runs, against pymatgen, and their refusals."""

import gzip
import json
import warnings
from pathlib import Path

import pytest
from exfolio.models.energetics.corrections.corrected_energy import Adjustment, CorrectedEnergy
from exfolio.models.energetics.corrections.entry_corrections import correct, correct_alike
from exfolio.models.energetics.corrections.schemes import Scheme, UnknownSchemeError
from pymatgen.analysis.compatibility.mixing_scheme import MaterialsProjectDFTMixingScheme
from pymatgen.core import Lattice, Structure
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


BARITE = Structure.from_spacegroup(
    "Pnma",
    Lattice.orthorhombic(8.884, 5.457, 7.157),
    ["Ba", "S", "O", "O", "O"],
    [
        *([0.8154, 0.75, 0.8414], [0.5625, 0.25, 0.8091], [0.413, 0.25, 0.895]),
        *([0.682, 0.25, 0.949], [0.5806, 0.4707, 0.6876]),
    ],
)
"""BaSO4, M. Miyake et al., Am. Mineral. 63, 506 (1978)."""


def calcium_carbide_like(metal: str, a: float, c: float, bond: float) -> Structure:
    """Molecules of O2 along the axis: peroxides and superoxides of the CaC2 type."""
    half = bond / 2 / c
    return Structure.from_spacegroup("I4/mmm", Lattice.tetragonal(a, c), [metal, "O"], [[0, 0, 0], [0, 0, 0.5 - half]])


PEROXIDE = calcium_carbide_like("Ba", 3.815, 6.85, 1.49)
SUPEROXIDE = calcium_carbide_like("K", 4.03, 6.70, 1.28)
OXIDE = Structure.from_spacegroup("Fm-3m", Lattice.cubic(5.51), ["Ba", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
POTCARS = {"Ba": "Ba_sv", "K": "K_sv", "Li": "Li_sv", "Na": "Na_pv"}


def by_gga(composition: Structure | str, name: str = "known", **data: object) -> ComputedEntry:
    """An entry of -6 eV/atom by PBE with the pseudopotentials of the Materials Project."""
    structure = composition if isinstance(composition, Structure) else None
    entry = ComputedEntry(composition if structure is None else structure.composition, 0.0)
    symbols = [f"PBE {POTCARS.get(element.symbol, element.symbol)}" for element in entry.composition.elements]
    common = {"parameters": {"run_type": "GGA", "potcar_symbols": symbols}, "data": data, "entry_id": name}
    energy = -6.0 * entry.composition.num_atoms
    if structure is None:
        return ComputedEntry(composition, energy, **common)
    return ComputedStructureEntry(structure, energy, **common)


def alike(known: ComputedEntry, ours: ComputedEntry) -> tuple[CorrectedEnergy, CorrectedEnergy]:
    of_known, of_ours = correct_alike([known], [ours])
    return of_known[0], of_ours[0]


@pytest.mark.parametrize(
    ("structure", "per_oxygen"),
    # Wang et al. 2021; a sulfate gets no term for its sulfur
    [(BARITE, -0.687), (OXIDE, -0.687), (PEROXIDE, -0.465), (SUPEROXIDE, -0.161)],
    ids=["sulfate", "oxide", "peroxide", "superoxide"],
)
def test_a_calculation_of_a_known_structure_is_corrected_as_that_is(structure: Structure, per_oxygen: float) -> None:
    expected = per_oxygen * structure.composition["O"]
    known, ours = alike(by_gga(structure), by_gga(structure * (1, 1, 2), "ours"))
    assert known.correction == pytest.approx(expected)
    assert ours.correction == pytest.approx(2 * expected)
    assert ours.energy_per_atom == pytest.approx(known.energy_per_atom)
    assert known.doubts == ours.doubts == ()


@pytest.mark.parametrize(("stated", "per_oxygen"), [("oxide", -0.687), ("superoxide", -0.161), ("peroxide", -0.465)])
def test_what_is_stated_of_a_known_entry_holds_for_a_calculation_of_its_structure(
    stated: str, per_oxygen: float
) -> None:
    known, ours = alike(by_gga(PEROXIDE, oxide_type=stated), by_gga(PEROXIDE, "ours"))
    assert known.correction == pytest.approx(per_oxygen * PEROXIDE.composition["O"])
    assert ours.energy_per_atom == pytest.approx(known.energy_per_atom)


def test_what_was_corrected_at_its_source_holds_for_a_calculation_of_its_structure() -> None:
    given = {"known": [Adjustment("MP2020 anion correction (superoxide)", -0.161 * PEROXIDE.composition["O"])]}
    (known,), (ours,) = correct_alike([by_gga(PEROXIDE)], [by_gga(PEROXIDE * (2, 1, 1), "ours")], given=given)
    assert known.adjustments == tuple(given["known"])
    assert ours.correction == pytest.approx(2 * known.correction)
    assert "corrected as known is, which has the same structure" in ours.notes


def test_another_structure_is_corrected_by_itself() -> None:
    _, ours = alike(by_gga(SUPEROXIDE), by_gga(calcium_carbide_like("K", 3.2, 9.5, 1.49), "ours"))
    assert ours.correction == pytest.approx(-0.465 * SUPEROXIDE.composition["O"])


def test_the_nearest_of_several_structures_of_one_formula_decides() -> None:
    stretched = calcium_carbide_like("Ba", 3.9, 7.0, 1.46)
    known = [by_gga(PEROXIDE, "a", oxide_type="oxide"), by_gga(stretched, "b", oxide_type="superoxide")]
    _, (a, b) = correct_alike(known, [by_gga(PEROXIDE, "ours-a"), by_gga(stretched, "ours-b")])
    assert a.correction == pytest.approx(-0.687 * PEROXIDE.composition["O"])
    assert b.correction == pytest.approx(-0.161 * stretched.composition["O"])


def test_a_warning_to_programmers_is_no_note_on_an_energy() -> None:
    # spglib 2.8 tells its callers, pymatgen among them, of settings that are to go.
    (answer,) = correct([by_gga(BARITE)])
    assert answer.notes == ()


def test_sulfur_without_a_structure_is_told_by_its_oxidation_state() -> None:
    sulfate, sulfide = correct([by_gga("BaSO4"), by_gga("Na2S")])
    assert sulfate.correction == pytest.approx(-0.687 * 4)
    assert sulfide.correction == pytest.approx(-0.503)
    assert sulfate.doubts == sulfide.doubts == ()


def test_a_stated_kind_of_oxide_that_there_is_not_is_passed_over() -> None:
    (answer,) = correct([by_gga(OXIDE, oxide_type="None")])
    assert answer.correction == pytest.approx(-0.687 * OXIDE.composition["O"])


def borate_chloride(**data: object) -> ComputedEntry:
    """Its reduced formula is beyond what oxidation states are guessed of."""
    return by_gga("Li10B14Cl2O25", **data)


def test_an_anion_that_cannot_be_decided_gives_an_interval() -> None:
    (answer,) = correct([borate_chloride(oxide_type="oxide")])
    # Wang et al. 2021: -0.614 eV per chloride; of the 51 atoms 2 are Cl.
    assert [(doubt.about, doubt.energy) for doubt in answer.doubts] == [("Cl", pytest.approx(-1.228))]
    assert answer.spread == pytest.approx((-1.228 / 51, 0.0))
    assert answer.correction == pytest.approx(-0.687 * 25)
    assert "can't be guessed" in answer.doubts[0].reason


def test_without_structure_and_oxidation_states_the_kind_of_oxide_is_open_too() -> None:
    (answer,) = correct([borate_chloride()])
    assert answer.spread == pytest.approx((-1.228 / 51, (0.687 - 0.161) * 25 / 51))


def test_an_element_among_stronger_ones_alone_is_no_anion() -> None:
    """Silicon among O in a silicate, whatever the oxidation states of Mn; chlorine among Li is in doubt."""
    cell = Lattice.cubic(4.0)
    silicate = Structure(cell, ["Si", *"OOOO"], [[0, 0, 0], [0.4, 0, 0], [0.6, 0, 0], [0, 0.4, 0], [0, 0, 0.4]])
    (of_silicon,) = correct([by_gga(silicate, oxidation_states={})])
    assert of_silicon.doubts == ()
    chloride = Structure(Lattice.cubic(5.1), ["Li", "Cl", "O"], [[0, 0, 0], [0.5, 0, 0], [0.5, 0.5, 0.5]])
    (of_chlorine,) = correct([by_gga(chloride, oxidation_states={})])
    assert [doubt.about for doubt in of_chlorine.doubts] == ["Cl"]


def test_what_others_of_the_formula_were_decided_to_be_settles_a_doubt() -> None:
    terms = {"oxide": -0.687 * 25, "Cl": -0.614 * 2}
    as_chloride = [Adjustment(f"MP2020 anion correction ({kind})", energy) for kind, energy in terms.items()]
    ours = by_gga("Li10B14Cl2O25", "ours", oxide_type="oxide")
    _, (settled,) = correct_alike([borate_chloride()], [ours], given={"known": as_chloride})
    assert settled.doubts == ()
    assert settled.correction == pytest.approx(-17.175 - 1.228)
    _, (as_none,) = correct_alike([borate_chloride()], [ours], given={"known": as_chloride[:1]})
    assert as_none.doubts == ()
    assert as_none.correction == pytest.approx(-17.175)


def test_entries_of_the_materials_project_calculated_again_get_their_published_corrections(shared_data: Path) -> None:
    """Its peroxides, superoxides and ozonides are not always those that pymatgen finds in their structures."""
    with gzip.open(shared_data / "mp_entries_Fe-Li-O-P.json.gz", "rt") as file:
        everything = [ComputedStructureEntry.from_dict(raw) for raw in json.load(file)]
    formulas = {"LiFeO3", "FeP3O11", "P2O9", "Fe4O13", "LiO2"}
    entries = [entry for entry in everything if entry.reduced_formula in formulas]
    given = {e.entry_id: [Adjustment(a.name, a.value) for a in e.energy_adjustments] for e in entries}
    ours = [
        ComputedStructureEntry(e.structure, e.uncorrected_energy, parameters=e.parameters, entry_id=f"our-{e.entry_id}")
        for e in entries
    ]
    _, answers = correct_alike(entries, ours, given=given)
    assert [answer.correction for answer in answers] == pytest.approx([entry.correction for entry in entries])
    by_structure = correct(ours)
    assert sum(abs(a.correction - e.correction) > 1 for a, e in zip(by_structure, entries, strict=True)) == 3
