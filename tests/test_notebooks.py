"""The examples of docs/python.md and the notebooks run, and what they show is what a person should see."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest
import small_registry
from exfolio import Documents, funnel, query, why
from exfolio.stores.connection import Connection, connect
from exfolio.stores.documents import Candidate, Property
from exfolio.stores.errors import ConfigurationError
from exfolio.stores.schema import initialise
from exfolio.stores.server import embedded
from exfolio.stores.settings import Settings
from filled_registry import put_calculations, put_entries
from known_crystals import crystals, go, one, put

DOCS = Path(__file__).resolve().parents[1] / "docs"
NOTEBOOKS = sorted(DOCS.glob("notebooks/*.ipynb"))

pytestmark = pytest.mark.skipif(not DOCS.is_dir(), reason="only in the repository, not in a wheel")


@pytest.fixture(scope="module")
def judged(mongo_server: embedded.Server, mongod: Path) -> Iterator[Connection]:
    """Layers of MoS2, graphite and BN, judged; MoS2's energies are known, of BN a lower bound, and one calculation."""
    settings = Settings(
        home=mongo_server.home.folder.parent, mongod=mongod, database=f"test_{uuid.uuid4().hex[:12]}", processes=1
    )
    with connect(settings) as opened, pytest.MonkeyPatch.context() as patch:
        for name in ("home", "mongod", "database"):
            patch.setenv(f"EXFOLIO_{name.upper()}", str(getattr(settings, name)))
        mpl.use("Agg")
        initialise(opened)
        [mos2] = crystals("MoS2-2H")
        put(opened, [*crystals("C-graphite-2H", "BN-h"), {**mos2, "exfoliation_energy": 0.077}])
        go(opened)
        bn = one(opened, "structures", formula_reduced="BN")["structure_id"]
        bound = {"value": 0.05, "low": 0.05, "unit": "eV/atom", "basis": "potential", "method": "CHGNet"}
        key = {"property_id": f"{bn}/exfoliation_energy/CHGNet", "structure_id": bn, "kind": "exfoliation_energy"}
        small_registry.put(opened, Property, [{**key, **bound}])
        go(opened)
        phases = [("Mo", {"Mo": 1}, "Mo", -10.9), ("S", {"S": 1}, "S", -4.1), ("MoS2", {"Mo": 1, "S": 2}, "MoS2", -7.3)]
        put_entries(opened, phases)
        refused = {"calculation_id": "c1", "directory": "BN/static", "formula_reduced": "BN", "usable": False}
        put_calculations(opened, [{**refused, "unusable_because": ["ENCUT is 300 eV, 520 eV is wanted"]}], [bn])
        yield opened
        opened.client.drop_database(opened.name)


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_is_kept_without_its_results(judged: Connection, notebook: Path) -> None:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)

    names: dict[str, Any] = {}
    for cell in code:
        exec(compile("".join(cell["source"]), notebook.name, "exec"), names)
    found = [value for value in names.values() if isinstance(value, Documents)]
    assert all("<table" in value._repr_html_() for value in found)


def test_the_examples_of_the_page_run_in_their_order(judged: Connection) -> None:
    names: dict[str, Any] = {}

    for example in re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(example, "python.md", "exec"), names)

    names["registry"].close()
    assert "MoS2" in names["table"]["formula_reduced"].to_list()


def test_a_table_shows_units_bounds_and_formulas_and_is_no_markup(judged: Connection) -> None:
    found = query("candidates", 'formula_reduced = "BN"', possible=True, connection=judged)
    shown = found._repr_html_()
    assert "exfoliation_energy<br><small>eV/atom</small>" in shown
    assert "≥ 0.050" in shown
    assert "MoS<sub>2</sub>" in query("materials", 'formula_reduced = "MoS2"', connection=judged)._repr_html_()

    small_registry.put(judged, Candidate, [{"candidate_id": "odd/<b>x</b>", "campaign": "odd", "status": "waiting"}])
    odd = query("candidates", 'campaign = "odd"', connection=judged)._repr_html_()
    assert "<b>" not in odd
    assert "odd/&lt;b&gt;x" in odd


def test_a_table_without_rows_has_its_columns_and_they_are_numbers(judged: Connection) -> None:
    nothing = query("candidates", 'elements HAS "Og"', connection=judged)

    table = nothing.to_pandas()

    assert table.empty
    assert table["exfoliation_energy_high"].dtype == float
    assert table.attrs["units"]["band_gap"] == "eV"
    assert (table[["band_gap", "energy_above_hull"]].sum() == 0).all()
    assert "0 candidates" in nothing._repr_html_()


def test_funnel_and_verdicts_show_themselves(judged: Connection) -> None:
    gates = funnel(connection=judged)
    assert gates.campaign == "layers"
    assert gates.to_pandas().loc["exfoliable", "unknown"] == sum(row["unknown"] for row in gates[-1:])
    assert "exfoliable" in gates._repr_html_()

    verdict = why("BN", connection=judged)
    assert [doc["status"] for doc in verdict] == ["waiting"]
    assert "≥ 0.050" in verdict._repr_html_()
    assert "&lt;= 0.2" in verdict._repr_html_()
    with pytest.raises(ConfigurationError, match="three-dimensional"):
        funnel("three-dimensional", connection=judged)


def test_structures_show_themselves_in_three_dimensions_or_as_a_table(
    judged: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = query("structures", 'formula_reduced = "MoS2"', connection=judged).structures()
    monkeypatch.setattr("exfolio.stores.python_api.find_spec", lambda _name: None)

    plain = structures._repr_mimebundle_()

    assert set(plain) == {"text/plain", "text/html"}
    assert "MoS<sub>2</sub>" in plain["text/html"]
    monkeypatch.undo()
    pytest.importorskip("weas_widget")
    assert "application/vnd.jupyter.widget-view+json" in structures._repr_mimebundle_()
