"""Words of what commands print: numbers of documents, formulas of verdicts."""

import pytest
from exfolio.cli.display.cells import plural
from exfolio.cli.views.layer_verdicts import print_layer_verdict


def test_one_document_is_named_in_the_singular() -> None:
    assert [plural(1, "reference_entries"), plural(1, "materials"), plural(2, "reference_entries")] == [
        "1 reference entry",
        "1 material",
        "2 reference entries",
    ]


def test_a_verdict_on_layers_has_the_formula_of_chemists(capsys: pytest.CaptureFixture[str]) -> None:
    print_layer_verdict(
        {"material_id": "lab:1", "formula_reduced": "Te2Mo", "layered": True, "layering": {"rules": "strength"}}
    )

    assert capsys.readouterr().out.startswith("lab:1  MoTe2: layered")
