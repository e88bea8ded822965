"""``exfolio predict structure``: structures of one formula, from the registry's templates."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from exfolio import connect
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.sources.bundled.handbook import Handbook
from exfolio.builders.sources.bundled.known_monolayers import KnownMonolayers
from exfolio.builders.structures import bundled_templates
from exfolio.builders.structures.template_loading import predict_structures
from exfolio.builders.structures.template_structures_stage import TemplateStructuresStage
from exfolio.cli.commands.asking import predict
from exfolio.stores.connection import Connection
from exfolio.stores.errors import DatabaseUnavailable
from known_crystals import put
from layers_and_compositions import layers, material, put_compositions, salt
from pymatgen.core import Structure

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def registry(asked: Connection) -> Connection:
    """Four layers and rock salt; compositions with and without a template."""
    put(asked, [*layers(), material("NaCl", salt("Na", "Cl", 5.64), dimension=3)])
    put_compositions(asked, "WSe2", "SnGe")
    for stage in (TemplateStage(), TemplateStructuresStage()):
        run_stage(stage, asked)
    return asked


@pytest.mark.usefixtures("registry")
def test_without_a_registry_the_bundled_crystals_are_what_is_known(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_runs(_settings: object) -> None:
        raise DatabaseUnavailable("the embedded server does not run", "")

    monkeypatch.setattr(predict, "connect", none_runs)

    code, printed, _ = ask("predict", "structure", "MgMn2O4", "--dimension", "3", "--top", "2")

    assert code == 0
    known, spinel = [line for line in printed.splitlines() if "handbook:" in line]
    assert "known" in known
    assert "227" in spinel
    assert "the bundled crystals" in printed
    lists = (Handbook(), KnownMonolayers())
    rows = {f"{one.source}:{raw.payload['row']['id']}" for one in lists for raw in one.records(one.files()[0])}
    assert bundled_templates.bundled().keys() == rows, "gather_templates.py writes them again"


def test_the_likeliest_come_first(ask: Ask) -> None:
    code, printed, said = ask("predict", "structure", "WSe2", "--dimension", "2", "--no-relax")

    assert (code, said) == (0, "")
    first, second = (line for line in printed.splitlines() if "flat:1" in line)
    assert "flat:1H-MoS2" in first
    assert "187" in first
    assert "Mo > W, S > Se" in first
    assert "flat:1T-TiS2" in second


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(("formula", "dimension", "template"), [("NaCl", 3, "flat:NaCl"), ("TiS2", 2, "flat:1T-TiS2")])
def test_without_a_dimension_all_are_looked_at_and_what_is_known_comes_first(
    ask_json: Callable[..., Any], formula: str, dimension: int, template: str
) -> None:
    first, *_ = ask_json("predict", "structure", formula, "--no-relax")["structures"]

    assert (first["rank"], first["dimension"], first["template_id"]) == (1, dimension, template)
    assert first["known_as"] is not None


@pytest.mark.usefixtures("registry")
def test_json_holds_structures_and_all_that_is_known_of_them(ask_json: Callable[..., Any]) -> None:
    answer = ask_json("predict", "structure", "KBr", "--dimension", "3", "--top", "1", "--no-relax")

    assert (answer["formula"], answer["dimension"]) == ("KBr", 3)
    [prediction] = answer["structures"]
    assert (prediction["template_id"], prediction["space_group"], prediction["known_as"]) == ("flat:NaCl", 225, None)
    assert prediction["substitution"] == {"Na": "K", "Cl": "Br"}
    assert prediction["checks"]["charge"]["passed"] is True
    assert prediction["share"] == pytest.approx(1)
    assert 0.5 < prediction["probability"] < 0.96  # one relative is not much to go by
    assert Structure.from_dict(prediction["structure"]).composition.reduced_formula == "KBr"
    assert "relaxed" not in prediction


@pytest.mark.endurance
@pytest.mark.usefixtures("registry")
def test_the_first_are_relaxed_shortly_beside_what_was_predicted(ask: Ask, ask_json: Callable[..., Any]) -> None:
    pytest.importorskip("chgnet", reason="extra mlip")

    first, *others = ask_json("predict", "structure", "KBr")["structures"]
    _, printed, _ = ask("predict", "structure", "KBr", "--top", "1")

    relaxed = first["relaxed"]
    assert not others
    assert relaxed["energy"] < relaxed["energy_before"]
    volumes = (first["volume"], Structure.from_dict(relaxed["structure"]).volume)
    assert relaxed["volume_change"] == pytest.approx(volumes[1] / volumes[0])
    assert volumes[1] == pytest.approx(6.6**3 / 4, rel=0.06)  # R. W. G. Wyckoff, Crystal Structures, vol. 1 (1963)
    assert f"Relaxed by {relaxed['method']}" in printed


@pytest.mark.usefixtures("registry")
@pytest.mark.filterwarnings("ignore:Issues encountered while parsing CIF")  # pymatgen rounds 0.3333 to 1/3
@pytest.mark.parametrize(("format_", "ending"), [("cif", ".cif"), ("poscar", ".vasp")])
def test_files_are_named_after_rank_and_template(ask: Ask, tmp_path: Path, format_: str, ending: str) -> None:
    wanted = ("predict", "structure", "HfSe2", "--format", format_, "--out", str(tmp_path / "new"), "--no-relax")
    code, _, said = ask(*wanted)

    assert code == 0
    assert f"2 {format_} files in" in said
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert [name[:9] for name in names] == ["HfSe2-01-", "HfSe2-02-"]
    assert all(name.endswith(ending) for name in names)
    assert Structure.from_file(tmp_path / "new" / names[0]).composition.reduced_formula == "HfSe2"

    assert ask(*wanted)[0] == 2
    assert ask(*wanted, "--force")[0] == 0


@pytest.mark.usefixtures("registry")
def test_what_can_not_be_predicted_says_why(ask: Ask) -> None:
    code, printed, said = ask("predict", "structure", "Li7Mn3O11")
    assert (code, printed) == (1, "")
    assert "no two-dimensional template has the anonymous formula A3B7C11 of Li7Mn3O11" in said

    code, _, said = ask("predict", "structure", "Xy2")
    assert code == 2
    assert "there is no element 'Xy'" in said

    assert ask("predict", "structure", "WSe2", "--dimension", "1")[0] == 2
    assert ask("predict", "structure", "WSe2", "--format", "csv", "--out", "x")[0] == 2


def test_without_templates_it_says_how_to_get_some(registry: Connection, ask: Ask) -> None:
    registry.database["materials"].update_many({}, {"$rename": {"template_dimension": "kept"}})
    try:
        code, _, said = ask("predict", "structure", "WSe2")
    finally:
        registry.database["materials"].update_many({}, {"$rename": {"kept": "template_dimension"}})

    assert code == 1
    assert "no templates of dimension 2" in said
    assert "exfolio run templates" in said


@pytest.mark.usefixtures("registry", "ask")
def test_three_lines_of_python_do_the_same() -> None:
    with connect() as opened:
        predictions = predict_structures(opened, "WSe2", dimension=2)
    pairs = [(prediction.template_id, prediction.formula) for prediction in predictions]
    assert pairs == [("flat:1H-MoS2", "WSe2"), ("flat:1T-TiS2", "WSe2")]


@pytest.mark.usefixtures("registry")
def test_export_writes_the_structures_of_a_composition(ask: Ask, tmp_path: Path) -> None:
    code, printed, _ = ask(
        "export", "structures", 'formula_reduced = "WSe2" AND route = "template"', "--out", str(tmp_path)
    )

    assert code == 0
    assert "2 cif files" in printed
    assert len(list(tmp_path.glob("st-*.cif"))) == 2


@pytest.mark.usefixtures("registry")
def test_show_lists_the_structures_of_a_composition_best_first(ask: Ask, ask_json: Callable[..., Any]) -> None:
    code, printed, _ = ask("show", "WSe2")

    assert code == 0
    _, listed = printed.split("structures ", 1)
    assert listed.index("flat:1H-MoS2") < listed.index("flat:1T-TiS2")
    assert "Mo > W" in listed, printed
    assert [structure["rank"] for structure in ask_json("show", "WSe2")["structures"]] == [1, 2]

    reason = "no two-dimensional template has the anonymous formula AB of SnGe"
    assert ask_json("show", "SnGe")["document"]["template_refused"] == reason
    assert "template_refused" in ask("show", "SnGe")[1]
