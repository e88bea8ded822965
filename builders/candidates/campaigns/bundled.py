"""A campaign as the bundled sources can feed it: models that come along or take seconds, few draws and structures."""

from __future__ import annotations

from .campaign import Campaign, Potential
from .composition_settings import Compositions, ModelSettings
from .crystal_gan_route import CrystalGanRoute

SUFFIX = "-demo"
"""Ends the names of such campaigns, so that they stand beside the whole ones."""
_DRAWS = 50_000
_STRUCTURES = 3
_MODELS = dict.fromkeys(("matgan", "classifier", "roost"), ModelSettings(train=False))
"""Those that come along: of the bundled sources none could learn what a composition worth a look is."""
_CELLS = ((1, 1, 2), (1, 1, 3), (2, 2, 6))
"""MgMnO2 and MgMnO3: of their kinds the bundled sources have most."""
_CRYSTALS = 3
_CRYSTALS_OF = 12
_CRYSTAL_DRAWS = 160
_POTENTIAL = Potential(relax=True, relax_lowest=_CRYSTALS, reference_window=0.0005, max_steps=60)
_CRYSTAL_GAN = {
    "profile": "diffusion",
    "width": 48,
    "message_width": 24,
    "layers": 2,
    "neighbours": 12,
    "atoms_per_batch": 400,
    "batches_per_epoch": 40,
    "epochs": 3,
    "average": 0.95,
    "learning_rate": 0.005,
    "steps": 20,
}


def for_bundled_sources(campaign: Campaign) -> Campaign:
    """The campaign with the models that come along, few draws and few structures of each composition; its gates stay.

    Stability is not looked at, as it takes longer than a demo, and two potentials.

    Crystals of a Crystal GAN are relaxed by the potential, where it is installed, for so long as a demo may take.
    """
    if (crystal_gan := campaign.routes.crystal_gan) is not None:
        few = campaign.routes.model_copy(update={"crystal_gan": _few_crystals(crystal_gan)})
        update = {"routes": few, "potential": _POTENTIAL}
        campaign = campaign.model_copy(update=update)
    campaign = campaign.model_copy(update={"name": f"{campaign.name}{SUFFIX}", "stability": None})
    if campaign.compositions is None:
        return campaign
    small: Compositions = campaign.compositions.model_copy(update={"draws": _DRAWS, **_MODELS})
    routes = campaign.routes
    if routes.template is not None:
        routes = routes.model_copy(update={"template": routes.template.model_copy(update={"structures": _STRUCTURES})})
    return campaign.model_copy(update={"compositions": small, "routes": routes})


def _few_crystals(route: CrystalGanRoute) -> CrystalGanRoute:
    few = {"cells": _CELLS, "structures": _CRYSTALS, "of": _CRYSTALS_OF, "max_draws": _CRYSTAL_DRAWS}
    return route.model_copy(update={**few, "model": ModelSettings(config=_CRYSTAL_GAN)})
