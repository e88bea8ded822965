"""The registry from a notebook."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.python_api import query
from exfolio.stores.query.language.query_errors import FilterError
from small_registry import fill, mos2_monolayer


@pytest.fixture
def registry(empty_registry: Connection) -> Connection:
    fill(empty_registry)
    return empty_registry


def test_documents_tables_and_structures(registry: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = query("materials", 'elements HAS "Mn"', sort="-energy_above_hull", connection=registry)
    assert [doc["formula_reduced"] for doc in documents] == ["LiMnO2", "MnO2", "MnO"]
    assert repr(documents) == "<3 materials>"

    table = documents.to_pandas()
    assert list(table.index) == ["bulk:limno2", "bulk:mno2", "bulk:mno"]
    assert table.loc["bulk:mno2", "band_gap"] == 0.25
    assert table.attrs["units"]["band_gap"] == "eV"
    assert table["exfoliation_energy"].isna().all(), "a usual column, though nothing is known of it"
    assert "decomposition_energy" not in table, "nothing is known of it"

    named = query("materials", fields=["id", "space_group.number"], limit=4, connection=registry).to_pandas()
    assert list(named.columns) == ["space_group.number"]
    assert named.loc["bulk:mos2", "space_group.number"] == 194
    assert query("materials", "nsites > 99", connection=registry).to_pandas().empty

    structures = query("structures", connection=registry).structures()
    assert structures == {"st-1890e1f5735df206": mos2_monolayer()}
    with pytest.raises(KeyError, match="structure"):
        query("structures", fields=["id"], connection=registry).structures()
    with pytest.raises(FilterError):
        query("materials", "bandgap < 1", connection=registry)

    settings = registry.settings
    for name in ("home", "mongod", "database"):
        monkeypatch.setenv(f"EXFOLIO_{name.upper()}", str(getattr(settings, name)))
    assert len(query("candidates", 'elements HAS "Mo"')) == 1, "it connects by itself as the settings say"
