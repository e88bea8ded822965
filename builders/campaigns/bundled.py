"""A campaign as the bundled sources can feed it: models of seconds instead of hours, draws that fit them."""

from __future__ import annotations

from .campaign import Campaign
from .compositions import Compositions, ModelSettings

_DRAWS = 20_000
_P_2D = 0.9
"""A classifier that has seen some hundred compositions is seldom surer than this."""
_STRUCTURES = 5
_MODELS = {
    "matgan": ModelSettings(
        config={
            "width": 64,
            "critic_width": 64,
            "warm_up_batch_size": 64,
            "warm_up_epochs": 25,
            "adversarial_epochs": 1,
            "steps_per_epoch": 5,
            "validation_draws": 200,
            "report_draws": 5000,
        }
    ),
    "classifier": ModelSettings(config={"boosted_rounds": 100, "folds": 3}),
    "roost": ModelSettings(config={"epochs": 10, "batch_size": 64}),
}


def for_bundled_sources(campaign: Campaign) -> Campaign:
    """Give the campaign with small models, few draws, and a P(2D) that models of the bundled sources reach."""
    if campaign.compositions is None:
        return campaign
    gates = tuple(
        gate.model_copy(update={"at_least": _P_2D, "why": ""}) if gate.field == "p_2d" else gate
        for gate in campaign.compositions.gates
    )
    small: Compositions = campaign.compositions.model_copy(update={"draws": _DRAWS, "gates": gates, **_MODELS})
    routes = campaign.routes
    if routes.template is not None:
        template = routes.template.model_copy(update={"min_p_2d": _P_2D, "structures": _STRUCTURES})
        routes = routes.model_copy(update={"template": template})
    own = tuple(
        gate.model_copy(update={"at_least": _P_2D, "why": ""}) if gate.field == "p_2d" else gate
        for gate in campaign.gates
    )
    return campaign.model_copy(update={"compositions": small, "routes": routes, "gates": own})
