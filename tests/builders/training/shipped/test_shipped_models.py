"""Models that come with the package say where they come from, and serve a registry until it has its own."""

import shutil
from pathlib import Path

import pytest
from exfolio.builders.reports.model_report import report
from exfolio.builders.training import trained
from exfolio.builders.training.shipped import shipped_models
from exfolio.builders.training.shipped.shipped_models import (
    CARD_FIELDS,
    MOST_BYTES,
    DamagedModel,
    ShippedModel,
    card,
    find_document_or_card,
    shipped,
    shipped_kinds,
)
from exfolio.stores.connection import Connection
from exfolio.stores.query.lookup import NoSuchDocument

KINDS = {"classifier", "matgan", "roost", "space-groups", "space-groups-bulk"}


@pytest.fixture(scope="module")
def models() -> dict[str, ShippedModel]:
    return {kind: model for kind in shipped_kinds() if (model := shipped(kind)) is not None}


def test_all_come_with_a_card_and_are_small(models: dict[str, ShippedModel]) -> None:
    assert models.keys() >= KINDS
    folder = Path(shipped_models.__file__).parent
    assert sum(path.stat().st_size for path in folder.glob("*.zst")) <= MOST_BYTES
    for kind, model in models.items():
        assert model.card["kind"] == kind
        assert model.card.keys() == set(CARD_FIELDS)
        assert model.card["command"].endswith(f" {kind}")
        assert model.card["limits"]
        assert all(source["licence"] and source["citation"] for source in model.card["sources"])
        assert "Materials Project" in model.card["seen"]


def test_figures_have_their_standard_errors(models: dict[str, ShippedModel]) -> None:
    classifier, roost = models["classifier"].card["metrics"], models["roost"].card["metrics"]
    for protocol in ("cross_validation", "cross_validation_by_family"):
        judged = classifier[protocol]
        assert 0 < judged["standard_error"]["auc"] < 0.02 < judged["mean"]["auc"]
    assert 0 < roost["test_mae_standard_error"] < 0.004 < roost["test_mae"]


def test_a_registry_without_models_finds_them_but_where_a_training_was_asked_for(registry: Connection) -> None:
    found = trained.need(registry, "classifier")
    assert found == card("classifier")
    model = trained.packed(registry, "classifier", found["model_id"])
    assert model.weights == shipped("classifier").weights
    # A campaign that trains asks for what was trained so, which no shipped one was.
    assert trained.find(registry, "classifier", request="another") is None
    assert trained.find(registry, "classifier", "shipped-classifier-000000000000") is None


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_report_on_one_is_what_its_card_says(registry: Connection, kind: str) -> None:
    text, _ = report(registry, trained.need(registry, kind))

    assert "- seed: 0" in text
    assert "Where it fails" in text
    assert "Materials Project" in text
    assert ("by family: same amounts" in text) == (kind == "classifier")


def test_weights_that_are_not_those_of_the_card_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(Path(shipped_models.__file__).with_name("roost.json"), tmp_path)
    (tmp_path / "roost.weights.zst").write_bytes(b"other weights")
    monkeypatch.setattr(shipped_models, "files", lambda _package: tmp_path)
    with pytest.raises(DamagedModel, match="shipped-roost-"):
        shipped.__wrapped__("roost")


def test_of_several_models_that_begin_alike_all_are_named(connection: Connection) -> None:
    with pytest.raises(NoSuchDocument, match="several models begin with 'shipped-space-groups'") as refused:
        find_document_or_card(connection, "shipped-space-groups")

    assert refused.value.remedy.count("shipped-space-groups-") == 2
