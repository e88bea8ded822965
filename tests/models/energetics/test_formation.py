"""Formation energies from corrected total energies of real entries."""

import gzip
import json
from pathlib import Path

import pytest
from exfolio.models.energetics.entry import MixedMethodsError
from exfolio.models.energetics.formation import Entry, MissingReferenceError, element_references, formation_energies
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.core.entries import ComputedStructureEntry


@pytest.fixture(scope="module")
def manganese_oxides(shared_data: Path) -> list[ComputedStructureEntry]:
    """90 Materials Project entries of Mn, O and Mn-O, corrected by MP2020."""
    with gzip.open(shared_data / "mp_entries_Mn-O.json.gz", "rt") as file:
        return [ComputedStructureEntry.from_dict(raw) for raw in json.load(file)]


def test_formation_energies_of_manganese_oxides_equal_pymatgens(
    manganese_oxides: list[ComputedStructureEntry],
) -> None:
    entries = [Entry(e.composition.get_el_amt_dict(), e.energy_per_atom, str(e.entry_id)) for e in manganese_oxides]
    diagram = PhaseDiagram(manganese_oxides)
    expected = [diagram.get_form_energy_per_atom(e) for e in manganese_oxides]
    assert formation_energies(entries, entries) == pytest.approx(expected, abs=1e-10)


def test_the_lowest_entry_of_an_element_is_its_reference(manganese_oxides: list[ComputedStructureEntry]) -> None:
    entries = [Entry(e.composition.get_el_amt_dict(), e.energy_per_atom, str(e.entry_id)) for e in manganese_oxides]
    found = element_references(entries)
    assert set(found) == {"Mn", "O"}
    lowest = min((e for e in manganese_oxides if e.reduced_formula == "Mn"), key=lambda e: e.energy_per_atom)
    assert found["Mn"].entry_id == lowest.entry_id


def test_an_element_without_reference_is_named() -> None:
    with pytest.raises(MissingReferenceError, match="no reference energy for Mn, Mo"):
        formation_energies([Entry("MnMoO4", -7.0)], [Entry("O2", -4.9)])


def test_an_entry_of_another_method_than_its_references_has_no_formation_energy() -> None:
    references = [Entry("Mg", -1.5, method="PBE MP2020"), Entry("O2", -4.9, method="PBE MP2020")]
    with pytest.raises(MixedMethodsError, match=r"'r2SCAN' \(MgO\), 'PBE MP2020' \(Mg\)"):
        formation_energies([Entry("MgO", -6.0, method="r2SCAN")], references)
