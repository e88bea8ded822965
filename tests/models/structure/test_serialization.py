"""Structures as plain dicts: nothing is lost on the way, and nothing bad gets in."""

import gzip
import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exfolio.models.structure.serialization import BadStructure, check_structure, from_plain, to_plain
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Species, Structure


@pytest.fixture
def rock_salt(crystal: Callable[[str], Structure]) -> Structure:
    return crystal("NaCl")


def round_trip(structure: Structure, **options: Any) -> Structure:
    return from_plain(json.loads(json.dumps(to_plain(structure), allow_nan=False)), **options)


def test_a_structure_comes_back_as_it_was(rock_salt: Structure) -> None:
    back = round_trip(rock_salt)
    assert back == rock_salt
    np.testing.assert_array_equal(back.lattice.matrix, rock_salt.lattice.matrix)
    np.testing.assert_array_equal(back.frac_coords, rock_salt.frac_coords)


def test_pymatgen_reads_what_is_written(rock_salt: Structure) -> None:
    rock_salt.add_site_property("magmom", [0.5] * 8)
    assert Structure.from_dict(to_plain(rock_salt)) == rock_salt


def test_what_pymatgen_writes_is_read(rock_salt: Structure) -> None:
    rock_salt.add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    assert from_plain(rock_salt.as_dict()) == rock_salt


def test_charge_labels_spins_and_properties_survive() -> None:
    spin_up = Species("Fe", 3, spin=5)
    magnetite = Structure(
        Lattice.cubic(4.2),
        [spin_up, "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5]],
        charge=3,
        labels=["Fe1", None],
        site_properties={"magmom": [4.1, None], "selective_dynamics": [[True, False, True], [True, True, True]]},
        properties={"source": "made up", "temperature": 300},
    )
    back = round_trip(magnetite)
    assert back[0].specie == spin_up
    assert back.labels == ["Fe1", "O"]
    assert back.charge == 3
    assert back.site_properties["magmom"] == [4.1, None]
    assert back.site_properties["selective_dynamics"][0] == [True, False, True]
    assert back.properties == {"source": "made up", "temperature": 300}


def test_mixed_occupancy_survives_and_shows() -> None:
    alloy = Structure(Lattice.cubic(3.0), [{"Cu": 0.5, "Au": 0.25}], [[0, 0, 0]])
    back = round_trip(alloy)
    assert back == alloy
    assert not back.is_ordered
    assert check_structure(back) is None
    assert "disordered" in (check_structure(back, ordered=True) or "")


def test_properties_that_json_cannot_hold_are_left_out(rock_salt: Structure) -> None:
    rock_salt.add_site_property("magmom", [float("nan")] * 8)
    rock_salt.add_site_property("thing", [object()] * 8)
    rock_salt.add_site_property("forces", list(np.zeros((8, 3))))
    plain = to_plain(rock_salt)
    assert plain["sites"][0]["properties"] == {"forces": [0.0, 0.0, 0.0]}


def test_deuterium_is_hydrogen_unless_asked_otherwise() -> None:
    heavy_ice = Structure(Lattice.cubic(3.3), ["D", "D", "O"], [[0.3, 0, 0], [0, 0.3, 0], [0, 0, 0]])
    assert round_trip(heavy_ice).composition.reduced_formula == "H2O"
    assert {site.specie.value for site in round_trip(heavy_ice)} == {"H", "O"}
    assert round_trip(heavy_ice, isotopes="keep") == heavy_ice
    with pytest.raises(BadStructure, match="isotope D"):
        round_trip(heavy_ice, isotopes="refuse")


def test_a_left_handed_cell_is_a_cell() -> None:
    left = Structure([[0, 3, 0], [3, 0, 0], [0, 0, 3]], ["Po"], [[0, 0, 0]])
    assert round_trip(left) == left


def broken(**changes: Any) -> dict[str, Any]:
    plain = to_plain(Structure(Lattice.cubic(4), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    for path, value in changes.items():
        *way, last = (int(step) if step.isdigit() else step for step in path.split("__"))
        place: Any = plain
        for step in way:
            place = place[step]
        place[last] = value
    return plain


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sites": []}, "no sites"),
        ({"sites": "CsCl"}, "no sites"),
        ({"sites__0": None}, "not an object"),
        ({"sites__0__abc": [0.1, float("nan"), 0]}, "not finite"),
        ({"sites__0__abc": [0.1, 0]}, "abc"),
        ({"sites__0__abc": ["0", "0", "0"]}, "not numbers"),
        ({"sites__0__abc": [1e12, 0, 0]}, "beyond"),
        ({"sites__1__abc": [0.0, 0.02, 0.99]}, "overlap"),
        ({"sites__0__species": []}, "no species"),
        ({"sites__0__species": [{"element": "Xx", "occu": 1}]}, "'Xx' is not"),
        ({"sites__0__species": [{"element": "Cs", "occu": 1.5}]}, "occupancy"),
        ({"sites__0__species": [{"element": "Cs", "occu": float("inf")}]}, "finite"),
        ({"sites__0__species": [{"element": "Cs", "occu": 0.7}, {"element": "K", "occu": 0.7}]}, "sum to 1.4"),
        ({"lattice": None}, "no lattice"),
        ({"lattice__matrix": [[4, 0, 0], [0, 4, 0]]}, "shape"),
        ({"lattice__matrix": [[4, 0, 0], [0, 4, 0], [4, 4, 0]]}, "flat"),
        ({"lattice__matrix": [[4, 0, 0], [0, 4, 0], [0, 0, 0]]}, "cell lengths"),
        ({"lattice__matrix": [[4e6, 0, 0], [0, 4, 0], [0, 0, 4]]}, "cell lengths"),
        ({"lattice__matrix": [[float("inf"), 0, 0], [0, 4, 0], [0, 0, 4]]}, "not finite"),
        ({"lattice__pbc": [1, 2]}, "pbc"),
    ],
)
def test_bad_dicts_are_refused_with_the_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadStructure, match=reason) as caught:
        from_plain(broken(**changes))
    assert reason in caught.value.reason


@pytest.mark.parametrize("nothing", [{}, None, [], "NaCl", 3])
def test_what_is_no_structure_at_all_is_refused(nothing: Any) -> None:
    with pytest.raises(BadStructure):
        from_plain(nothing)


def test_more_sites_than_the_limit_are_refused(rock_salt: Structure) -> None:
    with pytest.raises(BadStructure, match="8 sites are more than the limit of 7"):
        from_plain(to_plain(rock_salt), max_sites=7)


def test_a_dict_never_makes_the_reader_import(rock_salt: Structure) -> None:
    """What monty's decoder would call, is only data here."""
    hostile = to_plain(rock_salt)
    hostile["@module"], hostile["@class"] = "exfolio_no_such_module", "Trap"
    trap = {"@module": "os", "@callable": "system"}
    hostile["properties"] = {"trap": trap, "kept": 1}
    hostile["sites"][0]["properties"] = {"trap": trap, "nested": {"deep": trap}}
    structure = from_plain(hostile)
    assert structure.properties == {"kept": 1}
    assert structure[0].properties == {}


def test_atoms_overlapping_through_the_cell_wall_are_found() -> None:
    across = Structure(Lattice.cubic(5), ["Au", "Au"], [[0.01, 0, 0.5], [0.98, 0, 0.5]])
    assert "0.150 Å" in (check_structure(across) or "")
    assert check_structure(across, min_distance=0.1) is None


def test_a_skewed_cell_hides_no_overlap() -> None:
    """A short lattice translation that is none of the cell vectors: b - 2a is 0.3 Å long."""
    skewed = Structure([[3.0, 0, 0], [6.0, 0.3, 0], [0, 0, 4.0]], ["H"], [[0, 0, 0]])
    assert "0.300 Å" in (check_structure(skewed) or "")


def anything() -> st.SearchStrategy[Any]:
    scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just(10**400)
    return st.recursive(scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PLACES, inner, max_size=4))


PLACES = st.sampled_from(
    ["sites", "lattice", "matrix", "pbc", "species", "abc", "element", "occu", "properties", "charge", "label", "spin"]
)


@pytest.mark.endurance
@settings(max_examples=150, deadline=None)
@given(path=st.lists(PLACES | st.integers(0, 2), min_size=1, max_size=5), value=anything())
def test_whatever_stands_in_a_dict_gives_a_structure_or_a_reason(path: list[str | int], value: Any) -> None:
    plain = to_plain(Structure(Lattice.cubic(4), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]))
    place: Any = plain
    for step in path[:-1]:
        if holds(place, step):
            place = place[step]
    if isinstance(place, dict) or holds(place, path[-1]):
        place[path[-1]] = value
    try:
        structure = from_plain(plain)
    except BadStructure:
        return
    json.dumps(to_plain(structure), allow_nan=False)
    assert to_plain(from_plain(to_plain(structure))) == to_plain(structure)


def holds(place: Any, step: str | int) -> bool:
    if isinstance(place, dict):
        return step in place
    return isinstance(place, list) and isinstance(step, int) and step < len(place)


def test_real_structures_round_trip(shared_data: Path) -> None:
    with gzip.open(shared_data / "2dmatpedia_records.jsonl.gz", "rt") as lines:
        dicts = [json.loads(line)["structure"] for _, line in zip(range(60), lines, strict=False)]
    for foreign in dicts:
        ours = from_plain(foreign)
        assert ours == Structure.from_dict(deepcopy(foreign))
        assert to_plain(from_plain(to_plain(ours))) == to_plain(ours)
