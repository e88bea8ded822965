"""Stages that read a part of a facet: how far they have come, and which of them do."""

import pytest
from exfolio.builders.compositions.novelty_stages import KnownCompositionsStage
from exfolio.builders.engine.channels import Channel, in_parts
from exfolio.builders.engine.stage import Stage
from exfolio.builders.materials.layering_stage import LayerStage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.properties.potential.layers.layer_energies_stage import LayerEnergiesStage
from exfolio.builders.properties.potential.potential_references_stage import PotentialReferencesStage
from exfolio.builders.structures.top_down_stage import TopDownStage

STRUCTURE = Channel("materials", "structure")


@pytest.mark.parametrize(
    "stage",
    [LayerStage(), TopDownStage(), TemplateStage(), KnownCompositionsStage(), LayerEnergiesStage(),
     PotentialReferencesStage()],
    ids=lambda stage: stage.name,
)  # fmt: skip
def test_what_needs_the_structure_alone_does_not_hear_of_values(stage: Stage) -> None:
    heard = [channel for channel in stage.reads() if channel.collection == "materials"]
    assert STRUCTURE in heard
    assert Channel("materials", "record") not in heard


def test_a_stage_that_read_the_whole_has_come_as_far_in_the_part() -> None:
    # Given how far a stage had come that read records
    state = {"consumed": {"materials:record": 7, "structures:proposal": 3}, "ahead": {"materials:record": [[9, 12]]}}

    # When it reads their structures alone, then nothing that it had seen is due again
    parted = in_parts(state, [STRUCTURE, Channel("structures", "proposal")])
    assert parted["consumed"] == {"materials:structure": 7, "structures:proposal": 3}
    assert parted["ahead"] == {"materials:structure": [[9, 12]]}

    # And what reads the whole beside it goes on to know of that; with nothing to replace it stays as it is
    both = in_parts(state, [STRUCTURE, Channel("materials", "record")])
    assert both["consumed"]["materials:record"] == both["consumed"]["materials:structure"] == 7
    assert in_parts(parted, [STRUCTURE]) is parted
