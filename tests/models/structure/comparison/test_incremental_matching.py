"""Kinds among structures of one formula, and what a later time need not compare again."""

from collections.abc import Callable

import pytest
from exfolio.models.structure.comparison import incremental_matching
from exfolio.models.structure.comparison.cell_matching import Misfit
from exfolio.models.structure.comparison.incremental_matching import Link, fingerprint, link
from exfolio.models.structure.comparison.matching import Comparison, Prepared
from exfolio.models.structure.serialization import Arrays, arrays_of, to_plain
from pymatgen.core import Structure

Crystal = Callable[[str], Structure]


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Every comparison that is made, by the volumes of the cells, which tell the structures here apart."""
    pairs: list[tuple[str, str]] = []

    class Listening(Comparison):
        def misfit(self, known: Prepared, query: Prepared) -> Misfit | bool:
            pairs.append((known.arrays.matrix.tobytes().hex(), query.arrays.matrix.tobytes().hex()))
            return super().misfit(known, query)

    monkeypatch.setattr(incremental_matching, "Comparison", Listening)
    return pairs


def version(structure: Structure, strain: float) -> Arrays:
    copy = structure.copy()
    copy.apply_strain(strain)
    return arrays_of(to_plain(copy))


@pytest.fixture
def polytypes(crystal: Crystal) -> dict[str, Arrays]:
    return {
        "b 2H": version(crystal("MoS2 2H"), 0),
        "c 3R": version(crystal("MoS2 3R"), 0),
        "d 2H": version(crystal("MoS2 2H"), 0.01),
        "e 3R": version(crystal("MoS2 3R"), 0.01),
    }


def representatives(links: dict[str, Link]) -> dict[str, str]:
    return {name: one.representative for name, one in links.items()}


def test_the_first_by_name_stands_for_all_of_its_kind(polytypes: dict[str, Arrays]) -> None:
    expected = {"b 2H": "b 2H", "c 3R": "c 3R", "d 2H": "b 2H", "e 3R": "c 3R"}

    assert representatives(link(polytypes)) == expected
    assert representatives(link(dict(reversed(polytypes.items())))) == expected


def test_what_has_not_changed_is_not_compared_again(
    polytypes: dict[str, Arrays], compared: list[tuple[str, str]]
) -> None:
    first = link(polytypes)
    assert len(compared) == 1 + 1 + 2
    compared.clear()

    assert link(polytypes, first) == first
    assert compared == []


def test_a_new_one_is_compared_with_the_representatives_alone(
    polytypes: dict[str, Arrays], compared: list[tuple[str, str]], crystal: Crystal
) -> None:
    first = link(polytypes)
    compared.clear()

    second = link({**polytypes, "f 1T": version(crystal("MoS2 1T"), 0)}, first)

    assert len(compared) == 2
    assert second["f 1T"].representative == "f 1T"


def test_a_new_one_with_the_first_name_takes_over_as_if_it_had_been_there(
    polytypes: dict[str, Arrays], crystal: Crystal
) -> None:
    first = link(polytypes)
    all_of_them = {"a 2H": version(crystal("MoS2 2H"), 0.02), **polytypes}

    assert link(all_of_them, first) == link(all_of_them)
    assert link(all_of_them)["d 2H"].representative == "a 2H"


def test_a_representative_that_changed_or_went_leaves_its_kind_to_the_next(
    polytypes: dict[str, Arrays], crystal: Crystal
) -> None:
    first = link(polytypes)
    changed = {**polytypes, "b 2H": version(crystal("MoS2 1T"), 0)}
    gone = {name: one for name, one in polytypes.items() if name != "b 2H"}

    assert link(changed, first) == link(changed)
    assert representatives(link(gone, first)) == {"c 3R": "c 3R", "d 2H": "d 2H", "e 3R": "c 3R"}


def test_what_is_like_two_representatives_is_compared_with_the_second_when_the_first_goes(crystal: Crystal) -> None:
    # Volumes that differ by more than a quarter are not compared: "d" is like both, which are unlike each other.
    a, c, d = (version(crystal("NaCl"), volume ** (1 / 3) - 1) for volume in (1.0, 1.4, 1.2))
    first = link({"a": a, "c": c, "d": d})
    assert representatives(first) == {"a": "a", "c": "c", "d": "a"}

    moved = version(crystal("NaCl"), 2.0 ** (1 / 3) - 1)
    assert representatives(link({"c": c, "d": d}, first)) == {"c": "c", "d": "c"}
    assert representatives(link({"a": moved, "c": c, "d": d}, first)) == {"a": "a", "c": "c", "d": "c"}


def test_what_is_alike_is_a_structure_of_its_own_in_the_family(crystal: Crystal) -> None:
    cubic, tetragonal = crystal("NaCl"), _tetragonal(crystal("NaCl"))
    stored = {"a": cubic, "b": tetragonal, "c": tetragonal * [2, 1, 1], "d": cubic * [1, 1, 2]}
    structures = {name: arrays_of(to_plain(one)) for name, one in stored.items()}

    links = link(structures)

    assert {name: (one.family, one.representative) for name, one in links.items()} == {
        "a": ("a", "a"),
        "b": ("a", "b"),
        "c": ("a", "b"),
        "d": ("a", "a"),
    }
    assert links["a"].likeness is None
    assert [links[name].likeness and links[name].likeness.same for name in "bcd"] == [False, True, True]


@pytest.mark.parametrize("gone", ["a", "b", "c"])
def test_families_found_late_are_those_found_at_once(crystal: Crystal, gone: str) -> None:
    forms = (crystal("NaCl"), "ad"), (_tetragonal(crystal("NaCl")), "bce")
    structures = {name: version(form, number / 100) for form, names in forms for number, name in enumerate(names)}
    without = {name: one for name, one in structures.items() if name != gone}

    assert link(structures, link(without)) == link(structures)
    assert link(without, link(structures)) == link(without)


def _tetragonal(structure: Structure) -> Structure:
    structure.apply_strain([-0.02, -0.02, 0.04])
    return structure


def test_any_change_of_a_structure_changes_its_fingerprint(crystal: Crystal) -> None:
    salt = version(crystal("NaCl"), 0)
    potash = crystal("NaCl")
    potash.replace_species({"Na": "K"})

    assert fingerprint(salt) == fingerprint(version(crystal("NaCl"), 0))
    assert len({fingerprint(one) for one in (salt, version(crystal("NaCl"), 1e-9), version(potash, 0))}) == 3
