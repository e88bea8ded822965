"""Campaign files: the shipped ones load, and every mistake is named with file, line and what would be right."""

import re
import tracemalloc
from pathlib import Path

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import CampaignError, load, parse, shipped
from exfolio.builders.candidates.known import load_campaigns
from exfolio.stores.documents import Candidate
from exfolio.stores.errors import ConfigurationError

GOOD = """\
name: wide-gap
gates:
  - name: valid
    field: valid
    is: true
  - name: gap
    field: band_gap
    at_least: 3
"""

WISHING = """name: wishing
compositions:
  gates: [{name: new, field: novel, is: true}]
  wish: WISH
routes: {template: {}}
gates: [{name: valid, field: valid, is: true}]
"""

MISTAKES = {
    "unknown field": (GOOD + "vaccum: 20\n", 9, "vaccum: no such field; there are: name, description, dimension"),
    "unknown field of a gate": (
        GOOD + "    atmost: 5\n",
        9,
        "no such field; there are: name, field, element, is, at_most",
    ),
    "two conditions": (GOOD + "    below: 5\n", 6, "a gate has exactly one condition"),
    "no condition": (GOOD.replace("    at_least: 3\n", ""), 6, "this one has 0"),
    "unknown field of candidates": (GOOD.replace("band_gap", "bandgap"), 6, "did you mean band_gap?"),
    "nothing like it": (GOOD.replace("band_gap", "colour"), 6, "no field 'colour'; there are: among_lowest, band_gap"),
    "field without order": (
        GOOD.replace("band_gap", "elements"),
        6,
        "elements is compared by include, exclude or only",
    ),
    "no element": (GOOD.replace("band_gap", "elements").replace("at_least: 3", "include: [Xx]"), 6, "no element 'Xx'"),
    "element of a plain field": (GOOD + "    element: Co\n", 6, "band_gap is compared by at_most"),
    "state of no element": (GOOD.replace("band_gap", "oxidation_state"), 6, "compared by element: ELEMENT and"),
    "yes in place of true": (
        GOOD.replace("true", "yes"),
        3,
        "valid is compared by is: true or is: false, not by 'yes'",
    ),
    "number for yes or no": (GOOD.replace("is: true", "at_most: 1"), 3, "valid is compared by is: true or is: false"),
    "text for a number": (GOOD.replace("at_least: 3", "is: wide"), 6, "band_gap is compared by at_most"),
    "wrong type": (GOOD.replace("at_least: 3", "at_least: much"), 8, "a valid number.*'much'"),
    "not a number": (GOOD.replace("at_least: 3", "at_least: .nan"), 8, "finite number"),
    "bounds the wrong way": (GOOD.replace("at_least: 3", "between: [3, 1]"), 6, "the first number is the lower one"),
    "one bound": (GOOD.replace("at_least: 3", "between: [3]"), 8, "this field is needed"),
    "two gates of one name": (GOOD.replace("name: gap", "name: valid"), 6, "two gates are called 'valid'"),
    "unknown route of a gate": (
        GOOD + "    routes: [topdown]\n",
        6,
        "no route is called 'topdown'; there are: bottom-up",
    ),
    "unknown route": (GOOD + "routes:\n  topdown: {}\n", 10, "no such field; there are: top-down, bottom-up"),
    "unknown rules": (GOOD + "routes:\n  top-down:\n    rules: mine\n", 11, "'database' or 'paper' \\(is 'mine'\\)"),
    "too little vacuum": (GOOD + "routes: {top-down: {vacuum: 2}}\n", 9, "greater than 5 \\(is 2\\)"),
    "empty routes": (GOOD + "routes:\n", 9, "has to be a mapping"),
    "unknown field of the potential": (
        GOOD + "potential:\n  modell: chgnet\n",
        10,
        "no such field; there are: .*model",
    ),
    "unknown potential": (
        GOOD + "potential:\n  model: mace\n",
        10,
        "potential.model: no potential is called 'mace'; there are: chgnet",
    ),
    "unknown route to judge": (
        GOOD + "judges: [topdown]\n",
        9,
        "judges.0: no route is called 'topdown'; there are: bottom-up, crystal-gan, distorted, template, top-down",
    ),
    "unknown basis": (GOOD + "ranking: {bases: [calculations]}\n", 9, "'calculations'; did you mean calculation"),
    "unknown level": (
        GOOD + "ranking:\n  methods:\n    band_gap: [HSE]\n",
        10,
        "no level of theory is called 'HSE'; did you mean HSE06",
    ),
    "level of theory twice": (GOOD + "ranking: {methods: {band_gap: [GGA, GGA]}}\n", 9, "GGA stands there twice"),
    "unknown kind of a ranking": (
        GOOD + "ranking: {methods: {bandgap: [HSE06]}}\n",
        9,
        "no kind of property is called 'bandgap'; did you mean band_gap",
    ),
    "unknown field of the ranking": (GOOD + "ranking: {sources: [mp]}\n", 9, "no such field; .*: bases, methods"),
    "no budget": (GOOD + "budgets: {candidates: 0}\n", 9, "greater than or equal to 1"),
    "bad name": (GOOD.replace("wide-gap", "Wide Gap"), 1, "lower case letters, digits and dashes"),
    "no name": (GOOD.replace("name: wide-gap\n", ""), 1, "name: this field is needed"),
    "no gates": ("name: all\ngates: []\n", 2, "gates: a campaign has at least one gate"),
    "gates without dashes": ("name: all\ngates: {name: valid}\n", 2, "gates: has to be a list"),
    "bad YAML": (GOOD + "  x: [1\n", 9, "not valid YAML"),
    "tab": ("name: a\n\tgates: 1\n", 2, "not valid YAML: found character '\\\\t'"),
    "field given twice": (GOOD + "    at_least: 4\n", 9, 'duplicate key "at_least"'),
    "binary": ("name: a\n\x00\n", 2, "not valid YAML"),
    "two documents": (GOOD + "---\nname: b\n", 9, "another document"),
    "empty file": ("", 1, "the file is empty"),
    "comments only": ("# name: a\n", 1, "the file is empty"),
    "a list": ("- name: a\n", 1, "this is a list"),
    "a text": ("two-dimensional\n", 1, "this is a str"),
    "a wish for no element": (WISHING.replace("WISH", "{containing: [Xx]}"), 4, "wish: Xx: not among the 85 elements"),
    "a wish near no formula": (WISHING.replace("WISH", "{near: Foo}"), 4, "wish: 'Foo': there is no element"),
    "a wish of a list": (WISHING.replace("WISH", "{near: NaCl}\n  formulas: [MoS2]"), 2, "a wish is of what is drawn"),
}


@pytest.mark.parametrize(("text", "line", "says"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_file_line_and_remedy(tmp_path: Path, text: str, line: int, says: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(CampaignError) as caught:
        load(str(file))

    [message] = caught.value.message.splitlines()
    assert message.startswith(f"{file}, line {line}: ")
    assert re.search(says, message)
    assert "docs/campaigns.md" in caught.value.remedy
    assert caught.value.exit_code == 2


def test_all_mistakes_are_named_at_once() -> None:
    text = GOOD.replace("band_gap", "bandgap").replace("is: true", "at_most: 1") + "vaccum: 3\n"

    with pytest.raises(CampaignError) as caught:
        parse(text, "mine.yaml")

    assert [line.split(":")[0] for line in caught.value.message.splitlines()] == [
        "mine.yaml, line 3",
        "mine.yaml, line 6",
        "mine.yaml, line 9",
    ]


def test_a_campaign_that_is_nowhere_or_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        CampaignError, match=r"no campaign is called 'two-dim'.*\n.*Shipped campaigns: .*two-dimensional"
    ):
        load("two-dim")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("name: größe\n".encode("latin-1"))
    with pytest.raises(CampaignError, match=r"latin.yaml: can't be read: .*utf-8"):
        load(str(latin))


@pytest.mark.parametrize("name", shipped())
def test_shipped_campaigns_load_and_look_at_fields_that_candidates_have(name: str) -> None:
    campaign = load(name)

    assert campaign.name == name
    assert campaign.description
    assert campaign.routes.names or campaign.judges
    assert all(gate.field in Candidate._fields for gate in campaign.gates)


def test_the_campaign_for_two_dimensional_materials_has_the_published_thresholds() -> None:
    campaign = load("two-dimensional")

    conditions = {gate.name: gate.condition for gate in campaign.gates}
    assert campaign.routes.names == ("top-down", "bottom-up", "template")
    assert conditions["exfoliation energy"] == "<= 0.2"
    assert conditions["energy above hull"] == "<= 0.2"
    assert conditions["probability of 2D"] == ">= 0.95"
    assert conditions["novel"] == "yes"


def test_a_campaign_stays_the_same_on_its_way_through_the_database() -> None:
    campaign = load("two-dimensional")

    assert type(campaign).model_validate(campaign.model_dump(mode="json", by_alias=True)) == campaign


BOMB = "".join(
    f"{name}: &{name} [{', '.join(9 * [(before and f'*{before}') or 'lol'])}]\n"
    for before, name in zip(["", *"abcdefgh"], "abcdefghi", strict=True)
)
"""Nine lines that stand for 9^9 values."""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (BOMB, "line 6: stands for more than 100,000 values"),
        (f"name: {5000 * '['}{5000 * ']'}\n", "line 1: nested more than 40 levels deep"),
        (f"name: {5000 * '['}", "line 1: nested more than 40 levels deep"),
        ("name: &me [*me]\n", "line 1: *me stands for what it is part of"),
        ("name: &me {a: *me}\n", "line 1: *me stands for what it is part of"),
        ("a: &a {x: 1}\nb: &b {<<: *a, y: 2}\n", "name: this field is needed"),
        (f"# {1_000_000 * '-'}\n", "larger than 1,000,000 characters"),
    ],
)
def test_a_file_that_is_too_much_is_refused_before_anything_is_made_of_it(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "bomb.yaml").write_text(text)

    tracemalloc.start()
    with pytest.raises(CampaignError, match=re.escape(says)):
        load(str(tmp_path / "bomb.yaml"))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 20e6


def test_two_files_with_one_name_are_refused(tmp_path: Path) -> None:
    for file in ("a.yaml", "b.yaml"):
        (tmp_path / file).write_text(GOOD)

    with pytest.raises(ConfigurationError, match="two campaigns are called 'wide-gap'"):
        load_campaigns([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])


def test_the_campaign_for_photoanodes_has_the_published_thresholds() -> None:
    campaign = load("mg-mn-o-photoanode")

    conditions = {gate.name: gate.condition for gate in campaign.gates}
    assert conditions["oxidation state of manganese"] == "2 to 4"
    assert (conditions["metastable"], conditions["synthesisable"]) == ("<= 0.2", "<= 0.08")
    assert (conditions["worth a hybrid calculation"], conditions["lasts in water"]) == ("<= 0.8", "<= 0.59")
    assert conditions["absorbs visible light"] == "1.6 to 3"
    assert campaign.pourbaix is not None
    assert campaign.pourbaix.conditions == "pH 0-14, 1.5 V vs RHE, 1e-06 mol/l"


def test_paths_begin_at_the_folder_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sources = "sources: [{kind: structures, options: {paths: [mine, /all]}}]\n"
    listed = "compositions: {formulas_from: list.txt, gates: [{name: new, field: novel, is: true}]}\n"
    (tmp_path / "wide-gap.yaml").write_text(GOOD + sources + listed)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)

    campaign = load("../wide-gap.yaml")

    assert campaign.compositions is not None
    assert campaign.compositions.formulas_from == str(tmp_path / "list.txt")
    assert campaign.sources[0].options["paths"] == [str(tmp_path / "mine"), "/all"]
