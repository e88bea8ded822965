"""``exfolio predict 2d | energy | oxidation``: answers of the models that come along, without any registry."""

from collections.abc import Callable
from typing import Any

import pytest
from exfolio.cli.commands.asking import predict_values

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a database was asked for")

    monkeypatch.setattr(predict_values, "connect", refused)


def test_layers_are_likelier_two_dimensional_than_salts(ask: Ask, ask_json: Callable[..., Any]) -> None:
    said = ask_json("predict", "2d", "W2Se4", "MgO", "Xe3Ag2Hg7")

    layer, salt, strange = said["compositions"]
    assert said["model"].startswith("shipped-classifier-")
    assert layer["p_2d"] > 0.9 > 0.5 > salt["p_2d"]
    assert (layer["formula"], layer["relatives"] > 5, strange["relatives"]) == ("W2Se4", True, 0)
    assert (layer["seen"], salt["seen"], strange["seen"]) == (True, True, False)
    code, printed, _ = ask("predict", "2d", "Xe3Ag2Hg7")
    assert code == 0
    assert "none known" in printed
    assert "±" in printed
    assert "Materials Project" in printed


def test_energies_come_with_what_the_network_expects_of_its_error(ask: Ask, ask_json: Callable[..., Any]) -> None:
    """Given an oxide that is bound strongly, one weakly, and an element nobody has a compound of."""
    alumina, silver, unknown = ask_json("predict", "energy", "Al2O3", "Ag2O", "OgF2")["compositions"]

    assert alumina["formation_energy"] < -2.5 < -1 < silver["formation_energy"] < 0.5
    assert min(alumina["deviation"], silver["deviation"]) > 0
    assert unknown["formation_energy"] is None
    assert (alumina["seen"], unknown["seen"]) == (True, False)
    assert "not learnt" in ask("predict", "energy", "OgF2")[1]


def test_oxidation_states_are_the_likely_ones_first(ask: Ask, ask_json: Callable[..., Any]) -> None:
    spinel, magnetite = ask_json("predict", "oxidation", "MgMn2O4", "Fe3O4")["compositions"]

    assert spinel["choices"][0]["ions"] == ["O2-", "Mg2+", "Mn3+"]
    assert sum(choice["share"] for choice in spinel["choices"]) == pytest.approx(1, abs=0.01)
    assert magnetite["choices"] == []  # of mixed valence
    assert "Mn3+" in ask("predict", "oxidation", "MgMn2O4")[1]


def test_what_is_no_formula_is_refused(ask: Ask) -> None:
    code, _, said = ask("predict", "2d", "MoS2", "Xx2")
    assert code == 2
    assert "Xx" in said
