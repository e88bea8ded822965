"""A small generator of compositions and the stages that follow it: real collection, arithmetic instead of science."""

import multiprocessing
import os
import signal
from collections.abc import Iterator
from typing import Any, ClassVar

from exfolio.builders.engine.batches import Batch, Failure, Item, Outcome, Refused
from exfolio.builders.engine.selection.map_stage import MapStage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.bookkeeping import stage_states
from exfolio.stores.documents import Composition
from pymongo.client_session import ClientSession


def formula(number: int) -> str:
    """Name the composition of a draw; its number can be read from it."""
    return f"Mg{number + 1}O{number % 7 + 1}"


class Drawer(Stage):
    """Draws `chunks` times `per_chunk` compositions; every item is a chunk, and gives many documents."""

    name = "drawer"
    writes: ClassVar = {Composition: "sample"}
    orphans = "kept"
    selects_ahead = True

    def __init__(
        self, chunks: int = 4, per_chunk: int = 25, times: int = 1, share: dict[str, Any] | None = None
    ) -> None:
        self.chunks = chunks
        self.per_chunk = per_chunk
        self.times = times
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"chunks": self.chunks, "per_chunk": self.per_chunk, "times": self.times}

    def config(self) -> dict[str, Any]:
        return {"per_chunk": self.per_chunk, "times": self.times}

    def select(self) -> Iterator[Batch]:
        origins = [{"collection": "trained_models", "id": "toy"}]
        for chunk in range(self.state["partial"].get("done", 0), self.chunks):
            yield Batch(0, [Item(f"chunk {chunk}", chunk, origins)], mark={"done": chunk + 1})

    def apply_mark(self, mark: dict[str, Any], session: ClientSession) -> None:
        stage_states.set_partial(self.db, self.name, mark, token=self.current_run.token, session=session)

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"compositions": [self._draw(n) for n in self._numbers(item.content)]} for item in items]

    def _numbers(self, chunk: int) -> range:
        return range(chunk * self.per_chunk, (chunk + 1) * self.per_chunk)

    def _draw(self, number: int) -> dict[str, Any]:
        # The seventh changes with `times`, the others stay as they are.
        times = self.times if number % 7 == 0 else 1
        return {"formula_reduced": formula(number), "nelements": 2, "times_drawn": times, "elements": ["Mg", "O"]}


class Screen(MapStage):
    """Says of every fifth that it is not neutral; of those drawn more than once, nothing is said but neutrality."""

    name = "toy-screen"
    source = Composition
    facets = ("sample",)
    fields = ("nelements", "times_drawn")
    writes: ClassVar = {Composition: "screen"}
    orphans = "by key"

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"compositions": [self._one(item)]} for item in items]

    def _one(self, item: Item) -> dict[str, Any]:
        number = int(item.key[2:].split("O")[0]) - 1
        verdict: dict[str, Any] = {"formula_reduced": item.key, "charge_neutral": number % 5 != 0}
        if item.content["times_drawn"] == 1:
            verdict |= {"all_metals": number % 3 == 0, "screened_with": "toy"}
        return verdict


class Classify(MapStage):
    """Gives neutral ones a probability; fails, refuses or kills its worker process where `bad` says so."""

    name = "toy-classify"
    source = Composition
    facets = ("screen",)
    fields = ("screened_with",)
    criteria: ClassVar = {"charge_neutral": True, "all_metals": {"$in": [True, False]}}
    writes: ClassVar = {Composition: "classify"}
    orphans = "by key"

    def __init__(
        self, model: float = 100.0, bad: dict[str, str] | None = None, share: dict[str, Any] | None = None
    ) -> None:
        self.model = model
        self.bad = bad or {}
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"model": self.model, "bad": self.bad}

    def config(self) -> dict[str, Any]:
        return {"model": self.model}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [self._one(item) for item in items]

    def _one(self, item: Item) -> Outcome:
        match self.bad.get(item.key):
            case "raises":
                raise ValueError("told to raise")
            case "fails":
                return Failure("told to fail")
            case "refuses":
                return Refused("compositions", item.key, "told to refuse")
            case "nan":
                return {"compositions": [{"formula_reduced": item.key, "p_2d": float("nan")}]}
            case "nothing":
                return {}
            case "dies" if multiprocessing.parent_process() is not None:
                os.kill(os.getpid(), signal.SIGKILL)
        assert set(item.content) == {"formula_reduced", "screened_with"}
        p_2d = round(len(item.key) / self.model, 6)
        return {"compositions": [{"formula_reduced": item.key, "p_2d": p_2d}]}


class Energy(MapStage):
    """Gives those that look two-dimensional an energy, from fields of two facets."""

    name = "toy-energy"
    source = Composition
    facets = ("sample", "classify")
    fields = ("times_drawn", "p_2d")
    criteria: ClassVar = {"p_2d": {"$gte": 0.06}}
    writes: ClassVar = {Composition: "energy"}
    orphans = "by key"

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"compositions": [self._one(item)]} for item in items]

    def _one(self, item: Item) -> dict[str, Any]:
        energy = -item.content["p_2d"] * item.content["times_drawn"]
        return {"formula_reduced": item.key, "predicted_formation_energy": energy}
