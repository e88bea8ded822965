"""The papers' funnels beside a campaign's own, counted with what intervals leave open."""

from typing import Any

from exfolio.builders.reports.campaign.models_used import models_of
from exfolio.builders.reports.campaign.page import part
from exfolio.builders.reports.campaign.published import beside_published
from exfolio.builders.training.shipped.shipped_models import card
from exfolio.stores.bookkeeping import settings_claims
from exfolio.stores.connection import Connection
from layers_and_compositions import put_compositions


def crystal(energy: float | None, low: float | None = None, high: float | None = None, **said: Any) -> dict[str, Any]:
    """A generated crystal's candidate, with its distance from the hull."""
    ends = {"lows": low, "highs": high}
    told = {name: {"energy_above_hull": end} for name, end in ends.items() if end is not None}
    known = {} if energy is None else {"energy_above_hull": energy}
    return {"route": "crystal-gan", "novel": True, "status": "waiting", **known, **told, **said}


def test_crystals_stand_beside_those_of_kim_with_what_is_certain(empty_registry: Connection) -> None:
    candidates = [
        crystal(0.05, 0.01, 0.07),  # within 0.08 whatever the error
        crystal(0.05, -0.05, 0.15),  # within 0.2 for certain, within 0.08 by its value alone
        crystal(0.3, 0.1, 0.5),
        crystal(None),
        crystal(0.01, novel=False),
        crystal(0.05, route="template"),
    ]

    campaign = {"name": "photo", "dimension": 3, "routes": {"crystal-gan": {}}}
    compared = beside_published(empty_registry, campaign, candidates)

    assert compared is not None
    assert compared.key == "kim2020"
    made, near, nearer, last = compared.steps
    assert (made.published, made.ours) == (6_000, 5)
    assert (near.published, near.ours, near.certain) == (753, 2, None)
    assert (nearer.published, nearer.ours, nearer.certain) == (113, 2, 1)
    assert (last.published, last.ours) == (23, 0)


def test_layers_stand_beside_those_of_song_one_composition_once(empty_registry: Connection) -> None:
    settings_claims.claim(empty_registry, "layers", "sample-compositions", "of these settings")
    for formula, p_2d in (("MoSCl", 0.3), ("HfSCl", 0.6), ("ZrSCl", 0.96)):
        put_compositions(empty_registry, formula, p_2d=p_2d)
    layer = {"route": "template", "formula_reduced": "ZrSCl", "status": "waiting"}
    energies = [
        layer | {"formation_energy": 0.1},
        layer | {"formation_energy": -0.2, "lows": {"formation_energy": -0.3}, "highs": {"formation_energy": -0.1}},
    ]

    campaign = {"name": "layers", "dimension": 2, "compositions": {"draws": 3}}
    compared = beside_published(empty_registry, campaign, energies)

    assert compared is not None
    assert [step.ours for step in compared.steps] == [3, 2, 1, 1, 1]
    assert [step.published for step in compared.steps] == [2_650_624, 267_489, 1_485, 101, 92]


def test_models_that_came_along_are_told_as_those_of_the_registry_are(empty_registry: Connection) -> None:
    settings_claims.claim(empty_registry, "layers", "sample-compositions", "of these settings")
    classifier = card("classifier")
    assert classifier is not None
    put_compositions(empty_registry, "HfSCl", p_2d_model=classifier["model_id"])

    [told] = models_of(empty_registry, "layers")

    assert (told["model_id"], told["kind"]) == (classifier["model_id"], "classifier")
    assert ("area under the ROC curve", f"{classifier['metrics']['auc']:.3f}") in told["figures"]


def test_a_campaign_of_other_ways_stands_beside_no_paper(empty_registry: Connection) -> None:
    assert beside_published(empty_registry, {"name": "own", "dimension": 2, "routes": {"top-down": {}}}, []) is None
    own_list = {"name": "own", "dimension": 2, "compositions": {"formulas": ["MoS2"]}}
    assert beside_published(empty_registry, own_list, []) is None


def test_small_shares_keep_three_digits() -> None:
    assert (part(101, 2_650_624), part(753, 6_000), part(0, 7), part(1, 0)) == ("0.00381", "12.6", "0", "")
