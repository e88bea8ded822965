"""Stage `sample-compositions`: draws compositions from the newest MatGAN and keeps each with how often it came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pymongo.client_session import ClientSession

from ...models.composition.formula.formulas import describe_all
from ...models.composition.matgan.model import MatGAN
from ...models.composition.matgan.sampling import Sample, sample
from ...stores.bookkeeping import stage_states
from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ..candidates.composition_view import SAMPLE
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.stage import Stage
from ..training import trained

KIND = "matgan"
NAME = SAMPLE


class SampleStage(Stage):
    """Draws so many compositions; a model that is newer, or more draws, make it due again.

    What an earlier model drew stays. The same model, seed and number give the same compositions, so a run that was cut
    off draws again and goes on where it had stopped writing.

    Parameters
    ----------
    draws
        How often to draw; a composition may come several times.
    seed
        Seed of the draws.
    model
        Id of the model; the newest there is without.
    request
        Of the newest models that only which was trained as this asks.
    label
        Of these settings, beside others.
    """

    version = 2  # a seed stands for other draws than before
    writes: ClassVar = {Composition: "sample"}
    orphans = "kept"
    selects_ahead = True

    def __init__(
        self,
        *,
        draws: int,
        seed: int = 0,
        model: str | None = None,
        request: str | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.name = labelled(NAME, label)
        self.label = label
        self.request = request
        self.draws = draws
        self.seed = seed
        self.model = model
        self._found: Doc | None = None
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Number, seed, model and label."""
        settings = {"draws": self.draws, "seed": self.seed, "model": self.model}
        return {**settings, "request": self.request, "label": self.label}

    def config(self) -> Doc:
        """What decides which compositions come."""
        model = self._found["model_id"] if self._found else self.model
        return {"draws": self.draws, "seed": self.seed, "model": model}

    def reads(self) -> tuple[Channel, ...]:
        """Trained models of its kind."""
        return (Channel("trained_models", "training", frozenset([KIND])),)

    def is_unfinished(self, state: Doc) -> bool:
        """Whether a pass was cut off before all was written."""
        return bool(state.get("partial")) and not state["partial"].get("complete")

    def before_run(self) -> None:
        """Find the model."""
        self._found = trained.find(self.db, KIND, self.model, request=self.request)

    def select(self) -> Iterator[Batch]:
        """Yield what was drawn, a batch of compositions as one item."""
        self.total = 0
        if self._found is None:
            self.report.note = f"left out: no {KIND} has been trained"
            return
        partial = self.state.get("partial") or {}
        if partial.get("complete"):
            return
        model_id = self._found["model_id"]
        drawn = self._drawn(model_id)
        self.total = -(-len(drawn.formulas) // self.size)
        origin = [{"collection": "trained_models", "id": model_id}]
        for start in range(int(partial.get("done", 0)), len(drawn.formulas), self.size):
            end = min(start + self.size, len(drawn.formulas))
            content = [drawn.formulas[start:end], drawn.times_drawn[start:end].tolist(), model_id]
            yield Batch(0, [Item(f"{model_id} {self.seed} {start}", content, origin)], mark={"done": end})
        yield Batch(0, [], mark={"done": len(drawn.formulas), "complete": True})

    def _drawn(self, model_id: str) -> Sample:
        model = trained.load(self.db, KIND, model_id, MatGAN.from_bytes)
        return sample(model, self.draws, seed=self.seed)

    def process(self, items: list[Item]) -> list[Outcome]:
        """Describe the compositions of each item."""
        return [_documents(*item.content) for item in items]

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how many compositions are written."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)


def _documents(formulas: list[str], times: list[int], model_id: str) -> dict[str, list[dict[str, Any]]]:
    return {
        "compositions": [
            {
                "formula_reduced": facts.reduced,
                "formula_anonymous": facts.anonymous,
                "chemsys": facts.chemsys,
                "elements": facts.elements,
                "nelements": facts.nelements,
                "times_drawn": number,
                "generator": model_id,
            }
            for facts, number in zip(describe_all(formulas), times, strict=True)
        ]
    }
