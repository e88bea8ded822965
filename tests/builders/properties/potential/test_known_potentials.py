"""Which potentials there are, and what is said of packages whose potential can't be used."""

from pathlib import Path

import pytest
from exfolio.builders.extensions import ExtensionError
from exfolio.builders.properties.potential import known_potentials
from exfolio.builders.properties.potential.known_potentials import NoSuchPotential
from exfolio.models.potential.family.chgnet import Chgnet
from installed_packages import install

ENTRY = {"exfolio.potentials": {"flat": "flat_potential:Flat"}}
FLAT = """\
from exfolio.models.potential.interface import Potential
from exfolio.models.potential.results import Static

class Flat(Potential):
    name, slug = "Flat 2", "flat"
    version = "2"

    def evaluate(self, structures, *, forces=True):
        return [Static.of(0.0, len(structure)) for structure in structures]
"""
WRONG = {
    "no class": ("Flat = 5\n", "can't be made: TypeError: 'int' object is not callable"),
    "something else": ("class Flat: pass\n", "gives Flat, which is no Potential"),
    "no evaluate": (FLAT.replace("def evaluate", "def energies"), "can't be made: TypeError: .*abstract.*evaluate"),
    "no name": (FLAT.replace('name, slug = "Flat 2", "flat"', 'slug = "flat"'), "does not state its name"),
    "another slug": (FLAT.replace('"flat"', '"level"'), "the entry is called flat, its slug level"),
    "the name of exfolio's": (FLAT.replace("Flat 2", "CHGNet 0.3.0"), "is called CHGNet 0.3.0, as exfolio's own"),
    "what can't be imported": ("import no_such_library\n", "can't be imported: ModuleNotFoundError"),
}


def test_chgnet_is_there_and_made_once() -> None:
    assert known_potentials.names() == [
        *("chgnet", "sevennet-0", "sevennet-l3i5"),
        *("chgnet-d3", "sevennet-0-d3", "sevennet-l3i5-d3"),
    ]
    assert isinstance(known_potentials.potential("chgnet"), Chgnet)
    assert known_potentials.potential("chgnet") is known_potentials.potential("chgnet")
    assert (Chgnet().name, Chgnet().title, Chgnet().slug) == ("CHGNet 0.3.0", "CHGNet", "chgnet")


def test_one_of_a_package_is_found_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "flat-potential", modules={"flat_potential.py": FLAT}, entries=ENTRY)

    potential = known_potentials.potential("flat")

    assert {"flat", "flat-d3"} < set(known_potentials.names())
    assert (potential.name, potential.title) == ("Flat 2", "Flat")
    assert known_potentials.potential("flat-d3").name == "Flat 2 + D3(BJ)"
    with pytest.raises(NoSuchPotential, match=r"no potential is called 'flatt'; there are: chgnet, .*flat, "):
        known_potentials.potential("flatt")


@pytest.mark.parametrize(("text", "says"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_with_the_name_of_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    modules = {"flat_potential.py": text}
    install(tmp_path, monkeypatch, "flat-potential", modules=modules, entries=ENTRY, version="0.2.0")

    with pytest.raises(ExtensionError, match=f"package flat-potential 0.2.0 .*{says}"):
        known_potentials.potential("flat")


def test_a_name_that_looks_like_relaxed_entries_of_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"exfolio.potentials": {"chgnet-relaxed": "flat_potential:Flat"}}
    text = FLAT.replace('"flat"', '"chgnet-relaxed"')
    install(tmp_path, monkeypatch, "flat-potential", modules={"flat_potential.py": text}, entries=entry)

    with pytest.raises(ExtensionError, match="the slug is 'chgnet-relaxed'"):
        known_potentials.potential("chgnet-relaxed")


def test_two_packages_of_one_name_are_told_apart_by_neither(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("flat-potential", "level-potential"):
        install(tmp_path, monkeypatch, package, modules={"flat_potential.py": FLAT}, entries=ENTRY)

    with pytest.raises(ExtensionError, match="has a potential of this name already"):
        known_potentials.potential("flat")
