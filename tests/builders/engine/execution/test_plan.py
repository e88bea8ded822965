"""The plan: stages after those that write what they read, circles until they rest, and an error where they never do."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from exfolio.builders.engine.batches import Batch, Item, Outcome
from exfolio.builders.engine.channels import Channel
from exfolio.builders.engine.execution import plan
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.stage import Stage
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Material, ProposedStructure
from plans import names_in_order, run_all
from toy_compositions import Classify, Drawer, Energy, Screen
from toy_stages import Doubler, Judge, Linker, Summer, put_materials

RECORD = Channel("materials", "record")


class Step(Stage):
    """Reads and writes the channels it is told to."""

    writes: ClassVar[dict[Any, str]] = {}

    def __init__(
        self, name: str, reads: str = "", writes: str = "", looks: str = "", share: dict[str, Any] | None = None
    ) -> None:
        self.name = name
        self._reads, self._writes, self._looks = (
            [_channel(one) for one in said.split()] for said in (reads, writes, looks)
        )
        super().__init__(share=share)

    def reads(self) -> tuple[Channel, ...]:
        return tuple(self._reads)

    def looks_at(self) -> tuple[Channel, ...]:
        return tuple(self._looks)

    def written_channels(self) -> tuple[Channel, ...]:
        return tuple(self._writes)

    def fresh(self) -> "Step":
        return self

    def select(self) -> Iterator[Batch]:
        yield from ()

    def process(self, items: list[Item]) -> list[Outcome]:
        raise AssertionError(items)


def _channel(said: str) -> Channel:
    """A channel from e.g. ``properties.value:band_gap,energy``."""
    where, _, kinds = said.partition(":")
    collection, _, facet = where.partition(".")
    return Channel(collection, facet, frozenset(kinds.split(",")) if kinds else None)


def circles(*steps: Step) -> list[list[str]]:
    return [[stage.name for stage in circle] for circle in plan.ordered(steps)]


def test_stages_come_after_those_that_write_what_they_read_whatever_the_given_order() -> None:
    stages = [Judge(), Summer(), Energy(), Doubler(), Classify(), Screen(), Drawer()]

    for given in (stages, stages[::-1]):
        names = names_in_order(given)
        for earlier, later in (
            *(("drawer", "toy-screen"), ("toy-screen", "toy-classify"), ("toy-classify", "toy-energy")),
            *(("doubler", "toy-judge"), ("summer", "toy-judge")),
        ):
            assert names.index(earlier) < names.index(later)


def test_what_is_only_looked_at_comes_first_too() -> None:
    assert circles(Step("a", looks="materials.record"), Step("b", writes="materials.record")) == [["b"], ["a"]]


def test_kinds_of_one_facet_are_apart() -> None:
    gaps = Step("gaps", writes="properties.value:band_gap")
    energies = Step("energies", writes="properties.value:energy")
    hull = Step("hull", reads="properties.value:energy", writes="properties.value:energy_above_hull")

    assert circles(hull, energies, gaps) == [["energies"], ["hull"], ["gaps"]]
    assert circles(Step("any", reads="properties.value"), gaps, energies) == [["gaps"], ["energies"], ["any"]]


def test_where_nothing_decides_the_given_order_stays_and_a_name_comes_once() -> None:
    assert circles(Step("c"), Step("a"), Step("b"), Step("a")) == [["c"], ["a"], ["b"]]


def test_stages_that_read_each_other_are_one_circle_between_those_before_and_after() -> None:
    steps = [
        Step("after", reads="structures.novelty"),
        Step("two", reads="structures.proposal", writes="structures.novelty"),
        Step("one", reads="structures.novelty materials.record", writes="structures.proposal"),
        Step("before", writes="materials.record"),
    ]

    assert circles(*steps) == [["before"], ["two", "one"], ["after"]]


def test_a_stage_that_reads_its_own_writing_is_no_circle() -> None:
    assert circles(Step("own", reads="materials.links", writes="materials.links")) == [["own"]]


def test_a_circle_runs_until_nothing_is_due_in_it(registry: Connection) -> None:
    """Doubler makes structures of materials, Folder materials of structures, up to a size."""
    put_materials(registry, [{"material_id": "test:0", "nsites": 1}])

    run_all(registry, [Folder(most=50), Doubler()])

    assert {doc["nsites"] for doc in registry.database["materials"].find()} == {1, 2, 4, 8, 16, 32}
    assert {doc["nsites"] for doc in registry.database["structures"].find()} == {2, 4, 8, 16, 32, 64}


def test_a_circle_that_never_rests_is_stopped_and_named(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:0", "nsites": 1}])

    with pytest.raises(plan.Unsettled) as unsettled:
        run_all(registry, [Summer(), Folder(most=2**40), Doubler()])

    assert set(unsettled.value.names) == {"folder", "doubler"}


def test_a_stage_whose_run_left_something_undone_is_not_run_over_and_over(registry: Connection) -> None:
    put_materials(registry, [{"material_id": "test:0", "extra": {"fail": "always"}}])
    runs: list[str] = []

    def run(stage: Stage) -> None:
        runs.append(stage.name)
        run_stage(stage, registry)

    registry.database["failures"].delete_many({})
    plan.settle(plan.ordered([Linker(), Doubler()]), registry, run)

    assert sorted(runs) == ["doubler", "linker"]


class Folder(Doubler):
    """Makes a material of every structure that is no larger than `most` sites."""

    name = "folder"
    source = ProposedStructure  # type: ignore[assignment]
    facets = ("proposal",)
    fields = ("nsites",)
    writes: ClassVar = {Material: "record"}

    def __init__(self, most: int = 10, share: dict[str, Any] | None = None) -> None:
        self.most = most
        super().__init__(share=share)

    def arguments(self) -> dict[str, Any]:
        return {"most": self.most}

    def process(self, items: list[Item]) -> list[Outcome]:
        return [{"materials": self._folded(item)} for item in items]

    def _folded(self, item: Item) -> list[dict[str, Any]]:
        sites = item.content["nsites"]
        shared = {"source": "fold", "source_id": item.key, "formula_reduced": "NaCl"}
        return [{"material_id": f"fold:{item.key}", "nsites": sites, **shared}] if sites <= self.most else []


def test_a_stage_that_is_held_up_lets_those_pass_that_need_nothing_of_it(registry: Connection) -> None:
    # Given a training beside, whose energies two stages wait for: one altogether, one with what is fused with it
    steps = [
        Step("draw", writes="compositions.sample"),
        Step("energies", reads="compositions.sample trained_models.training", writes="compositions.energy"),
        Step("templates", reads="compositions.energy", writes="structures.proposal"),
        Step("references", reads="materials.structure", writes="reference_entries.record"),
    ]
    held = {"draw": plan.Held.IN_PART, "energies": plan.Held.ALTOGETHER}
    ran: list[str] = []

    # When they are run
    plan.settle(
        plan.ordered(steps),
        registry,
        lambda stage: ran.append(stage.name),
        lambda stage: stage.name not in ran,
        held_up=lambda stage: held.get(stage.name, plan.Held.NOT),
    )

    # Then what needs nothing of it comes first, then what can begin without, and in the end what has to wait
    assert ran == ["references", "draw", "energies", "templates"]
