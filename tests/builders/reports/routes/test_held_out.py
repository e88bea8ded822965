"""Known structures that templates find again without their own composition, and without their family."""

from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import TemplateStage
from exfolio.builders.reports.routes.held_out import recovered
from exfolio.stores.connection import Connection
from known_crystals import put
from layers_and_compositions import layers


def test_a_layer_is_found_by_its_family_and_beyond_it_only_where_others_have_its_prototype(
    registry: Connection,
) -> None:
    """TiS2 and ZrSe2 are one family and the only 1T layers; MoS2 and NbSe2, both 1H, are two."""
    put(registry, layers())
    run_stage(TemplateStage(), registry)

    alone, by_family = recovered(registry, 10)

    assert (alone.left_out, by_family.left_out) == ("composition", "family")
    assert (alone.found[5].by_value, alone.found[5].total, alone.without) == (4, 4, 0)
    assert (by_family.found[5].by_value, by_family.found[5].total, by_family.without) == (2, 4, 0)
    assert [one.found[5].total for one in recovered(registry, 1)] == [1, 1]
