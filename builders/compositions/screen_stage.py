"""Stage `screen-compositions`: charge neutrality and electronegativity balance of generated compositions."""

from __future__ import annotations

from ...models.composition.formula.formulas import parse
from ...models.composition.oxidation_state_names import OxidationStateSetName
from ...models.composition.oxidation_states import oxidation_state_set
from ...models.composition.screening import all_metals, screen
from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..candidates.composition_view import STAGES
from ..engine.batches import Doc, Item, Outcome
from ..engine.selection.map_stage import MapStage

NAME = STAGES["screen"]


class ScreenStage(MapStage):
    """Writes smact's verdicts for one set of oxidation states.

    Parameters
    ----------
    oxidation_states
        Name of the set.
    label
        Of these settings, beside others.
    """

    version = 1
    source = Composition
    facets = ("sample",)
    fields = ()

    def __init__(
        self,
        *,
        oxidation_states: OxidationStateSetName = "smact_default",
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.name = labelled(NAME, label)
        self.label = label
        self.writes = {Composition: labelled("screen", label)}  # type: ignore[misc]  # by label
        oxidation_state_set(oxidation_states)  # a name that there is not is refused before anything runs
        self.oxidation_states = oxidation_states
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Set of oxidation states, and the label."""
        return {"oxidation_states": self.oxidation_states, "label": self.label}

    def config(self) -> Doc:
        """Set of oxidation states."""
        return {"oxidation_states": self.oxidation_states}

    def process(self, items: list[Item]) -> list[Outcome]:
        """Screen a batch of compositions."""
        formulas = parse([item.key for item in items])
        neutral, balanced = screen(formulas, oxidation_states=self.oxidation_states)
        metals = all_metals(formulas)
        return [
            {
                "compositions": [
                    {
                        "formula_reduced": item.key,
                        "charge_neutral": bool(neutral[i]),
                        "electronegativity_balanced": bool(balanced[i]),
                        "all_metals": bool(metals[i]),
                        "screened_with": self.oxidation_states,
                    }
                ]
            }
            for i, item in enumerate(items)
        ]
