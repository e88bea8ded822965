"""Stage `sample-compositions`: draws compositions from the newest MatGAN and keeps each with how often it came."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from pymongo.client_session import ClientSession

from ...models.composition.formula.formulas import describe_all
from ...models.composition.formula.single_formula import FormulaError
from ...models.composition.matgan.model import MatGAN
from ...models.composition.matgan.sampling import Generator, Sample, sample, times_drawn
from ...models.composition.matgan.wish import BadWish, Wish
from ...models.composition.matgan.wishing_generator import UnmetWish, WishingGenerator
from ...stores.bookkeeping import stage_states
from ...stores.canonical import content_hash
from ...stores.documents import Composition
from ...stores.documents.base import labelled
from ...stores.errors import ConfigurationError
from ...stores.writes import first_filling
from ..candidates.composition_view import SAMPLE
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.stage import Stage
from ..training import trained
from .times_drawn import TimesDrawn

KIND = "matgan"
NAME = SAMPLE
_REMEDY = "Wish for less: compositions, wish in the campaign file."
_MANY = 100_000
"""From so many compositions on, indexes made at the end cost less than indexes kept while writing."""
_TIMES_AS_MANY = 4
"""As in a batch of other stages: a composition is little work, beside that of a transaction."""


class SampleStage(Stage):
    """Draws so many compositions; a model that is newer makes it due again, and more draws make those due that are new.

    What an earlier model drew stays. The same model, seed and number give the same compositions, so a run that was cut
    off draws again and goes on where it had stopped writing. Draws are numbered, and the state of the stage says up to
    which number they are counted in the registry; those of a larger number asked for before stay.

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
    wish
        What they are to be like: arguments of `wish.Wish`, and ``oxidation_states`` by which charges balance.
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
        wish: Doc | None = None,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.name = labelled(NAME, label)
        self.label = label
        self.request = request
        self.draws = draws
        self.seed = seed
        self.model = model
        self.wish = wish
        self._found: Doc | None = None
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Number, seed, model and label."""
        settings = {"draws": self.draws, "seed": self.seed, "model": self.model}
        return {**settings, **self._wished(), "request": self.request, "label": self.label}

    def config(self) -> Doc:
        """What decides which compositions come."""
        model = self._found["model_id"] if self._found else self.model
        return {"draws": self.draws, "seed": self.seed, "model": model, **self._wished()}

    def _wished(self) -> Doc:
        return {"wish": self.wish} if self.wish else {}

    def reads(self) -> tuple[Channel, ...]:
        """Trained models of its kind."""
        return (Channel("trained_models", "training", frozenset([KIND])),)

    def carried_over(self, state: Doc) -> Doc | None:
        """Where only the number of draws is another, what is drawn stays drawn."""
        asked = state.get("maker", {}).get("arguments", {}).get("draws")
        if asked is None or state["fingerprint"] != self._fingerprint_for(int(asked)):
            return None
        return {"partial": _told(state["partial"], int(asked))}

    def _fingerprint_for(self, draws: int) -> str:
        return content_hash([self.name, self.version, {**self.config(), "draws": draws}])

    @property
    def size(self) -> int:
        """Compositions in a batch."""
        return self.current_run.batch_size or _TIMES_AS_MANY * self.db.settings.batch_size

    def is_unfinished(self, state: Doc) -> bool:
        """Whether draws are not yet in the registry."""
        partial: Doc = state.get("partial") or {}
        return bool(partial) and int(_told(partial, self.draws).get("drawn", 0)) < self.draws

    def before_run(self) -> None:
        """Find the model."""
        self._found = trained.find(self.db, KIND, self.model, request=self.request)

    def select(self) -> Iterator[Batch]:
        """Yield what was drawn, a batch of compositions as one item."""
        self.total = 0
        if self._found is None:
            self.report.note = f"left out: no {KIND} has been trained"
            return
        at = _told(self.state.get("partial") or {}, self.draws)
        first: int = at["from"] if "from" in at else at.get("drawn", 0)
        last: int = at.get("to", self.draws)
        if first >= last:
            if first > last:
                self.report.note = f"{first:,} draws are there, and {last:,} asked for: the others stay"
            return
        model_id = self._found["model_id"]
        model = self._generator(trained.load(self.db, KIND, model_id, MatGAN.from_bytes))
        drawn = self._sample(model, last - first, first)
        if self.share is None and len(drawn.formulas) >= _MANY:
            first_filling.put_off_questions(self.db, Composition.collection_name())
        self.total = -(-len(drawn.formulas) // self.size)
        origin = [{"collection": "trained_models", "id": model_id}]
        earlier = TimesDrawn(
            self.db, self.name, model_id, lambda some: times_drawn(model, some, first, seed=self.seed).tolist()
        )
        for start in range(int(at.get("done", 0)), len(drawn.formulas), self.size):
            end = min(start + self.size, len(drawn.formulas))
            formulas, times = drawn.formulas[start:end], drawn.times_drawn[start:end].tolist()
            if first:
                times = [new + before for new, before in zip(times, earlier.of(formulas), strict=True)]
            item = Item(f"{model_id} {self.seed} {first} {start}", [formulas, times, model_id], origin)
            yield Batch(0, [item], mark={"from": first, "to": last, "done": end})
        yield Batch(0, [], mark={"drawn": last})

    def _generator(self, model: MatGAN) -> Generator:
        if not self.wish:
            return model
        said = self.wish
        try:
            wish = Wish(
                containing=tuple(said["containing"]),
                only=tuple(said["only"]),
                balanced=said["balanced"],
                near=said["near"],
                within=said["within"],
            )
            return WishingGenerator(model, wish, oxidation_states=said["oxidation_states"])
        except (BadWish, UnmetWish, FormulaError) as error:
            raise ConfigurationError(str(error), _REMEDY) from error

    def _sample(self, model: Generator, number: int, first: int) -> Sample:
        try:
            return sample(model, number, seed=self.seed, first=first)
        except UnmetWish as error:
            raise ConfigurationError(str(error), _REMEDY) from error

    def process(self, items: list[Item]) -> list[Outcome]:
        """Describe the compositions of each item."""
        return [_documents(*item.content) for item in items]

    def close(self) -> None:
        """Make the indexes that a first drawing has put off."""
        first_filling.catch_up(self.db)

    def apply_mark(self, mark: Doc, session: ClientSession) -> None:
        """Note how many compositions are written."""
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)


def _told(partial: Doc, draws: int) -> Doc:
    """Where the stage stands, in numbers of draws; earlier versions counted compositions, of all draws asked for."""
    if partial.get("complete"):
        return {"drawn": draws}
    if partial and "to" not in partial and "drawn" not in partial:
        return {"from": 0, "to": draws, "done": partial["done"]}
    return partial


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
