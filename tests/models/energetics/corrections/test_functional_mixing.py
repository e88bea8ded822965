"""Placing GGA(+U) and r2SCAN energies on one hull, with energies worked out by hand."""

import gzip
import json
from pathlib import Path

import pytest
from exfolio.models.energetics.corrections.corrected_energy import CorrectedEnergy
from exfolio.models.energetics.corrections.functional_mixing import Ready, mix
from exfolio.models.energetics.corrections.schemes import Scheme
from exfolio.models.energetics.entry import Entry
from exfolio.models.energetics.hull import energy_above_hull
from pymatgen.analysis.compatibility import MaterialsProject2020Compatibility
from pymatgen.core import Lattice, Structure
from pymatgen.core.entries import ComputedStructureEntry

MAGNESIUM = Structure(Lattice.hexagonal(3.21, 5.21), ["Mg"] * 2, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])
OXYGEN = Structure.from_spacegroup("Pa-3", Lattice.cubic(5.6), ["O"], [[0.062, 0.062, 0.062]])
ROCK_SALT = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.21), ["Mg", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
ZINCBLENDE = Structure.from_spacegroup("F-43m", Lattice.cubic(4.6), ["Mg", "O"], [[0, 0, 0], [0.25, 0.25, 0.25]])
PEROXIDE = Structure.from_spacegroup("Pa-3", Lattice.cubic(4.84), ["Mg", "O"], [[0, 0, 0], [0.411, 0.411, 0.411]])
FUNCTIONALS = {"gga": "GGA", "r2scan": "r2SCAN"}


def ready(name: str, structure: Structure, functional: str, per_atom: float) -> Ready:
    energy = per_atom * len(structure)
    entry = ComputedStructureEntry(
        structure, energy, parameters={"run_type": FUNCTIONALS[functional]}, entry_id=f"{name}-{functional}"
    )
    return entry, CorrectedEnergy(str(entry.entry_id), Scheme.R2SCAN_MIXING, energy, float(len(structure)))


# Formation energies: MgO -3.0 by GGA (its hull), -3.2 by r2SCAN; zincblende 0.10 and 0.06 eV/atom above.
GGA = {
    "Mg": ready("Mg", MAGNESIUM, "gga", -1.5),
    "O2": ready("O2", OXYGEN, "gga", -4.9),
    "MgO": ready("MgO", ROCK_SALT, "gga", -6.2),
    "zincblende": ready("zincblende", ZINCBLENDE, "gga", -6.1),
}
R2SCAN = {
    "Mg": ready("Mg", MAGNESIUM, "r2scan", -7.0),
    "O2": ready("O2", OXYGEN, "r2scan", -6.0),
    "MgO": ready("MgO", ROCK_SALT, "r2scan", -9.7),
    "zincblende": ready("zincblende", ZINCBLENDE, "r2scan", -9.64),
}


def distances(known: list[Ready], ours: list[Ready]) -> list[float | None]:
    """Distance of each of ours to the hull of what is known; None where it is refused."""
    of_known, of_ours = mix(known, ours)

    def entry(pair: Ready, answer: CorrectedEnergy) -> Entry:
        assert answer.energy_per_atom is not None
        return Entry(pair[0].composition.get_el_amt_dict(), answer.energy_per_atom)

    references = [entry(pair, answer) for pair, answer in zip(known, of_known, strict=True) if not answer.refusal]
    return [
        None if answer.refusal else float(energy_above_hull([entry(pair, answer)], references)[0])
        for pair, answer in zip(ours, of_ours, strict=True)
    ]


@pytest.mark.parametrize("difference", [-0.002, -0.001, 0.0, 0.001, 0.002])
@pytest.mark.parametrize("name", [*GGA])
@pytest.mark.parametrize("known", [[*GGA.values()], [*GGA.values(), *R2SCAN.values()]], ids=["GGA", "both"])
def test_a_run_of_a_known_compound_lies_where_its_energy_differs(
    known: list[Ready], name: str, difference: float
) -> None:
    entry = GGA[name][0]
    above = {"zincblende": 0.10 if len(known) == 4 else 0.06}.get(name, 0.0)
    ours = ready("ours", entry.structure, "gga", entry.energy_per_atom + difference)
    assert distances(known, [ours]) == pytest.approx([above + difference])


def test_known_energies_do_not_depend_on_ours() -> None:
    known = [*GGA.values(), R2SCAN["MgO"]]
    lower = [ready("ours", pair[0].structure, "gga", pair[0].energy_per_atom - 0.5) for pair in GGA.values()]
    lower += [ready("ours", R2SCAN["MgO"][0].structure, "r2scan", -12.0)]
    assert mix(known, lower)[0] == mix(known, [])[0]
    assert mix(known[:4], lower[:4])[0] == mix(known[:4], [])[0]


def test_r2scan_is_placed_by_the_stable_phase_of_its_composition() -> None:
    """The only r2SCAN energies are ours: of rock salt, which is stable, and of zincblende 60 meV/atom above it."""
    known = [*GGA.values()]
    assert distances(known, [R2SCAN["zincblende"], R2SCAN["MgO"]]) == pytest.approx([0.06, 0.0])
    assert mix(known, [R2SCAN["zincblende"], R2SCAN["MgO"]])[0] == mix(known, [])[0]


def test_of_two_r2scan_runs_of_a_known_phase_the_first_is_its_energy() -> None:
    again = [ready("again", ROCK_SALT, "r2scan", -9.7 + difference) for difference in (-0.002, 0.002)]
    assert distances([*GGA.values()], [R2SCAN["MgO"], *again]) == pytest.approx([0.0, -0.002, 0.002])


def test_an_r2scan_entry_that_is_known_is_what_runs_of_ours_are_compared_with() -> None:
    known = [*GGA.values(), *R2SCAN.values()]
    ours = [ready("ours", ROCK_SALT, "r2scan", -9.7 + difference) for difference in (-0.002, 0.0, 0.002)]
    assert distances(known, ours) == pytest.approx([-0.002, 0.0, 0.002])


def test_all_stable_phases_by_r2scan_place_a_new_composition() -> None:
    """MgO2 at -7.5 eV/atom: on the line from MgO to O2, r2SCAN's hull is -(2 x 9.7 + 1 x 6.0) / 3 = -8.4667."""
    new = ready("MgO2", PEROXIDE, "r2scan", -8.40)
    stable = [R2SCAN[name] for name in ("Mg", "O2", "MgO")]
    assert distances([*GGA.values()], [new, *stable]) == pytest.approx([8.4 / 126, 0.0, 0.0, 0.0], abs=1e-9)


def test_without_them_it_is_refused_and_they_are_named() -> None:
    _, (new, rock_salt) = mix([*GGA.values()], [ready("MgO2", PEROXIDE, "r2scan", -8.4), R2SCAN["MgO"]])
    assert rock_salt.refusal is None
    assert new.refusal is not None
    assert "Mg (Mg-gga), O2 (O2-gga) are missing" in new.refusal


def test_known_gga_entries_are_carried_to_the_r2scan_hull_that_ours_complete() -> None:
    stable = [R2SCAN[name] for name in ("Mg", "O2", "MgO")]
    answers = dict(zip(GGA, mix([*GGA.values()], stable)[0], strict=True))
    assert answers["MgO"].energy_per_atom == pytest.approx(-9.7)
    assert answers["zincblende"].energy_per_atom == pytest.approx(-9.7 + 0.10)  # as far above as by GGA
    assert "r2SCAN energy of MgO-r2scan" in answers["MgO"].adjustments[0].name


def test_a_missing_element_is_named() -> None:
    known, ours = mix([GGA["Mg"], GGA["MgO"]], [R2SCAN["MgO"]])
    reason = "no GGA(+U) reference entry of O can be used: the scheme needs one of each element, with its structure"
    assert {answer.refusal for answer in (*known, *ours)} == {reason}


def test_polymorphs_that_are_alike_keep_their_own_energies() -> None:
    """Two phases of BaTiO3 (G. H. Kwei et al., J. Phys. Chem. 97, 2368 (1993)), 0.02 by GGA, 0.07 by r2SCAN apart."""
    tetragonal = Structure(
        Lattice.tetragonal(3.997, 4.031),
        ["Ba", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.522], [0.5, 0.5, -0.024], [0.5, 0, 0.489], [0, 0.5, 0.489]],
    )
    cubic = Structure(
        Lattice.cubic(4.0),
        ["Ba", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]],
    )
    barium = Structure(Lattice.cubic(5.02), ["Ba"] * 2, [[0, 0, 0], [0.5, 0.5, 0.5]])
    titanium = Structure(Lattice.hexagonal(2.95, 4.68), ["Ti"] * 2, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]])
    phases = {"Ba": barium, "Ti": titanium, "O2": OXYGEN, "tetragonal": tetragonal, "cubic": cubic}
    energies = {
        "gga": {"Ba": -1.9, "Ti": -7.9, "O2": -4.9, "tetragonal": -8.0, "cubic": -7.98},
        "r2scan": {"Ba": -20.0, "Ti": -15.0, "O2": -6.0, "tetragonal": -13.6, "cubic": -13.53},
    }
    known = [ready(name, phases[name], run, value) for run, own in energies.items() for name, value in own.items()]
    ours = [
        ready("ours", phases[name], "gga", energies["gga"][name] + difference)
        for name in ("tetragonal", "cubic")
        for difference in (-0.002, 0.0, 0.002)
    ]
    assert distances(known, ours) == pytest.approx([-0.002, 0.0, 0.002, 0.068, 0.07, 0.072])


@pytest.fixture(scope="module")
def manganese_oxides(shared_data: Path) -> list[Ready]:
    """The Materials Project's entries of Mn, O and Mn-O, corrected."""
    with gzip.open(shared_data / "mp_entries_Mn-O.json.gz", "rt") as file:
        entries = [ComputedStructureEntry.from_dict(raw) for raw in json.load(file)]
    entries = MaterialsProject2020Compatibility(check_potcar=False).process_entries(entries)
    return [(e, CorrectedEnergy(e.entry_id, Scheme.R2SCAN_MIXING, e.energy, float(len(e.structure)))) for e in entries]


@pytest.mark.filterwarnings("ignore")
def test_our_runs_of_real_manganese_oxides_lie_where_their_energies_differ(manganese_oxides: list[Ready]) -> None:
    lowest: dict[str, ComputedStructureEntry] = {}
    for entry, _ in sorted(manganese_oxides, key=lambda pair: pair[0].energy_per_atom):
        lowest.setdefault(entry.reduced_formula, entry)
    references = [Entry(e.composition.get_el_amt_dict(), e.energy_per_atom) for e, _ in manganese_oxides]
    own = [Entry(e.composition.get_el_amt_dict(), e.energy_per_atom) for e in lowest.values()]
    ours, expected = [], []
    for difference in (-0.002, 0.0, 0.002):
        for entry in lowest.values():
            energy = entry.energy + difference * len(entry.structure)
            again = ComputedStructureEntry(entry.structure, energy, parameters=entry.parameters, entry_id="ours")
            ours.append((again, CorrectedEnergy("ours", Scheme.R2SCAN_MIXING, energy, float(len(entry.structure)))))
        expected += (energy_above_hull(own, references) + difference).tolist()
    assert distances(manganese_oxides, ours) == pytest.approx(expected, abs=1e-9)
    assert sum(distance < -0.001 for distance in expected) == 6, "one for each stable compound and element"
