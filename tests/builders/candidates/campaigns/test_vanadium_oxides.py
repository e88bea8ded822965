"""The campaign for oxides of one metal: what it trains and asks for, of vanadium, and with another metal put in."""

from importlib.resources import files

import pytest
from exfolio.builders import candidates
from exfolio.builders.candidates.campaigns.campaign import Campaign
from exfolio.builders.candidates.campaigns.campaign_files import load, parse
from exfolio.builders.recipe import stages_of
from exfolio.builders.structures.crystal_gan_stage import CrystalGanStage
from exfolio.builders.training.training_stage import TrainingStage

SHIPPED = "vanadium-oxides"


def of_niobium() -> Campaign:
    """Put niobium in, as the file says."""
    text = files(candidates).joinpath("campaigns", f"{SHIPPED}.yaml").read_text(encoding="utf-8")
    lines = [line.replace("V", "Nb") if line.rstrip().endswith("# the metal") else line for line in text.splitlines()]
    return parse("\n".join(lines).replace(SHIPPED, "niobium-oxides"), "niobium-oxides.yaml")


@pytest.mark.parametrize(("campaign", "metal"), [(load(SHIPPED), "V"), (of_niobium(), "Nb")])
def test_crystals_of_one_metal_and_oxygen_are_learnt_and_asked_for(campaign: Campaign, metal: str) -> None:
    by_kind = {type(stage): stage for stage in stages_of(campaign)}

    crystals, training = by_kind[CrystalGanStage], by_kind[TrainingStage]
    assert isinstance(crystals, CrystalGanStage)
    assert isinstance(training, TrainingStage)
    assert crystals.layout.elements == (metal, "O")
    assert {(3, 4), (6, 7)} <= set(crystals.wanted)  # V3O4 and V6O7, which Noh et al. found low
    assert (training.kind.name, training.kind.config["layout"]["slots"]) == ("crystal-gan", {metal: 8, "O": 14})
    assert crystals.request == training.request
    assert campaign.elements == (metal, "O")
    assert [gate.element for gate in campaign.gates if gate.field == "oxidation_state"] == [metal]


def test_the_models_of_two_metals_are_not_the_same() -> None:
    requests = [
        next(stage.request for stage in stages_of(campaign) if isinstance(stage, TrainingStage))
        for campaign in (load(SHIPPED), of_niobium())
    ]

    assert requests[0] != requests[1]
