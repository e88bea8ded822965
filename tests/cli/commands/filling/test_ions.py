"""``exfolio ions``: the Materials Project's aqueous ions become a file that Pourbaix diagrams read."""

import json
from pathlib import Path

import pytest
from contribs_server import ContribsServer, contributed
from exfolio.builders.properties.ion_file import load_ions
from loopback import Fault
from materials_project_server import KEY

# Li+ is the example of mp-api's documentation; the others are of the NBS tables.
IONS = [
    contributed("Li[+]", 1.0, "Li", -293.71, "Li2O", -561.2),
    contributed("Mg[2+]", 2.0, "Mg", -454.8, "MgO", -569.43),
    contributed("Mn[2+]", 2.0, "Mn", -228.1, "MnO2", -465.14),
]


@pytest.fixture
def contribs(monkeypatch: pytest.MonkeyPatch):
    with ContribsServer(*IONS) as server:
        monkeypatch.setenv("EXFOLIO_MP_API_KEY", KEY)
        monkeypatch.setenv("EXFOLIO_MP_CONTRIBS_ENDPOINT", server.url)
        monkeypatch.setenv("EXFOLIO_WEB_FIRST_WAIT_SECONDS", "0.01")
        yield server


def test_ions_of_all_pages_become_a_file_that_is_read(contribs: ContribsServer, ask, tmp_path: Path) -> None:
    file = tmp_path / "ions.json"

    code, _, said = ask("ions", str(file))

    assert (code, "3 ions" in said) == (0, True)
    assert [query["page"] for _, query in contribs.asked] == ["1", "2"]
    assert [(ion.formula, ion.gibbs, ion.reference_solid) for ion in load_ions(str(file))] == [
        ("Li[+]", -293.71, "Li2O"),
        ("Mg[2+]", -454.8, "MgO"),
        ("Mn[2+]", -228.1, "MnO2"),
    ]


def test_a_server_in_trouble_is_asked_again(contribs: ContribsServer, ask, tmp_path: Path) -> None:
    contribs.faults = [Fault(status=429, headers={"Retry-After": "0"}), Fault(status=500), Fault(cut=True)]

    code, printed, _ = ask("ions", str(tmp_path / "ions.json"), "--json")

    assert (code, json.loads(printed)["ions"]) == (0, 3)


def test_ions_that_contradict_themselves_are_not_kept(contribs: ContribsServer, ask, tmp_path: Path) -> None:
    contribs.ions[1]["data"]["charge"]["value"] = 3.0

    code, _, said = ask("ions", str(tmp_path / "ions.json"))

    assert (code, "Mg[2+]" in said, list(tmp_path.iterdir())) == (3, True, [])


def test_a_file_is_replaced_only_when_asked(contribs: ContribsServer, ask, tmp_path: Path) -> None:
    file = tmp_path / "ions.json"
    file.write_text("mine")

    code, _, said = ask("ions", str(file))

    assert (code, "--force" in said, file.read_text(), contribs.asked) == (2, True, "mine", [])
    assert ask("ions", str(file), "--force")[0] == 0
    assert len(load_ions(str(file))) == 3


def test_without_a_key_nothing_is_asked(contribs: ContribsServer, ask, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EXFOLIO_MP_API_KEY")

    code, _, said = ask("ions", str(tmp_path / "ions.json"))

    assert (code, "EXFOLIO_MP_API_KEY" in said, contribs.asked) == (2, True, [])
