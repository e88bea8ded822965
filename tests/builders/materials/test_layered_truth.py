"""Hard cases of layered or not by a chemist's judgement, and what the analysis says of them.

The list is ``layered_truth.csv`` beside this file; the 613 rows of the handbook are tested in `test_handbook`.
"""

import csv
import gzip
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest
from exfolio.builders.sources.bundled.aflow_prototypes import Prototypes
from exfolio.builders.sources.bundled.handbook import Handbook
from exfolio.models.structure.dimensionality.layering import DATABASE_RULES, LayerAnalysis, analyse_layers
from exfolio.models.structure.serialization import from_plain
from pymatgen.core import Composition, Structure

LIST = Path(__file__).with_name("layered_truth.csv")
KINDS = {
    "layers": {"layers"},
    "network": {"network", "bound layers"},
    "chains": {"chains"},
    "molecules": {"molecules"},
    "intercalated": {"intercalated layers"},
    "charged": {"charged layers"},
}
"""What the analysis may call a crystal of each kind of the list."""


class Crystal(NamedTuple):
    """A row of the list, with its structure."""

    identity: str
    layered: bool
    kind: str
    exception: str
    structure: Structure

    @property
    def analysis(self) -> LayerAnalysis:
        return analyse_layers(self.structure)


@pytest.fixture(scope="module")
def truth() -> list[Crystal]:
    lines = (line for line in LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#"))
    rows = {row["crystal"]: row for row in csv.DictReader(lines)}
    structures: dict[str, Structure] = {}
    for reader in (Handbook(), Prototypes()):
        for raw in reader.records(reader.files()[0]):
            label = raw.payload["row"]["id"] if isinstance(reader, Handbook) else None
            if label is not None and f"handbook:{label}" not in rows:
                continue
            [material] = reader.parse(raw)["materials"]
            if material["material_id"] in rows:
                structures[material["material_id"]] = from_plain(material["structure"])
    assert structures.keys() == rows.keys()
    return [
        Crystal(name, row["layered"] == "yes", row["kind"], row["exception"], structures[name])
        for name, row in rows.items()
    ]


def test_each_is_called_what_the_list_calls_it_or_says_why_not(truth: list[Crystal]) -> None:
    found = {crystal.identity: crystal.analysis for crystal in truth}
    wrong = {
        crystal.identity: f"{crystal.kind}, called {found[crystal.identity].kind}: {found[crystal.identity].reason}"
        for crystal in truth
        if found[crystal.identity].layered != crystal.layered or found[crystal.identity].kind not in KINDS[crystal.kind]
    }
    excepted = {crystal.identity for crystal in truth if crystal.exception}
    assert wrong.keys() == excepted, wrong
    assert len(excepted) <= 1


def test_the_list_holds_every_kind(truth: list[Crystal]) -> None:
    kinds = Counter(crystal.kind for crystal in truth)
    assert kinds.keys() == KINDS.keys()
    assert min(kinds[kind] for kind in ("layers", "network", "chains", "molecules", "intercalated")) >= 10


def test_dimensionalities_are_those_of_the_kinds(truth: list[Crystal]) -> None:
    of_kind = {"layers": 2, "network": 3, "chains": 1, "molecules": 0, "intercalated": 3, "charged": 3}
    found = {crystal.identity: crystal.analysis.dimensionality for crystal in truth if not crystal.exception}
    assert found == {crystal.identity: of_kind[crystal.kind] for crystal in truth if not crystal.exception}


def test_the_count_of_clusters_alone_is_wrong_far_more_often(truth: list[Crystal]) -> None:
    by_counts = sum(analyse_layers(crystal.structure, DATABASE_RULES).layered != crystal.layered for crystal in truth)
    assert by_counts > 10  # by strength one, which the list explains


def test_2dmatpedia_chose_many_of_the_others_too(truth: list[Crystal], shared_data: Path) -> None:
    """It holds molecules, chains and frameworks by the geometric rule; most layered ones are there as well."""
    with gzip.open(shared_data / "2dmatpedia_formulas.csv.gz", "rt") as lines:
        chosen = {Composition(row["formula"]).reduced_formula for row in csv.DictReader(lines)}
    there = {
        layered: [c.structure.composition.reduced_formula in chosen for c in truth if c.layered is layered]
        for layered in (True, False)
    }
    assert sum(there[True]) / len(there[True]) > 0.8
    assert 0.3 < sum(there[False]) / len(there[False]) < 0.8
