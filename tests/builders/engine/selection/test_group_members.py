"""Groups that members leave are told of it, and every stage names its groups by what is told."""

from collections.abc import Iterator
from inspect import isabstract

import pytest
from exfolio.builders.candidates.campaigns.campaign_files import load, shipped
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.engine.selection.group_members import Members
from exfolio.builders.engine.selection.group_stage import GroupStage
from exfolio.builders.recipe import stages_of
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Property
from exfolio.stores.transactions import in_transaction
from exfolio.stores.writes.writing import FacetWriter
from known_crystals import campaign
from moves import WAYS, check
from toy_stages import Linker, Summer, put_materials, retire_materials

FORMULAS = {"old": "MgO", "other": "KCl", "new": "NaF"}
FOLLOWS = {("materials", "template", "formula_anonymous"): "record"}
"""Facets that are written anew whenever a group field changes that another facet owns."""


@pytest.mark.endurance
def test_whatever_way_a_member_goes_no_group_keeps_what_was_made_with_it(registry: Connection) -> None:
    check(
        registry,
        put=lambda state: put_materials(
            registry,
            [
                {"material_id": "test:0", "formula_reduced": "MgO", "nsites": 1},
                {"material_id": "test:1", "formula_reduced": "NaF", "nsites": 2},
                {"material_id": "test:x1", "formula_reduced": FORMULAS[state], "nsites": 4},
            ],
        ),
        retire=lambda: retire_materials(registry, ["test:x1"]),
        stages=lambda: [Summer(), Linker()],
        ways=WAYS,
    )


def test_what_a_former_version_made_item_by_item_goes_with_it(registry: Connection) -> None:
    """It names no group, so that no group would ever miss it."""
    put_materials(registry, [{"material_id": "test:0", "formula_reduced": "MgO", "nsites": 1}])
    run_stage(Summer(), registry)
    writer = FacetWriter(Property, "value", "summer", "an earlier version", "test")
    values = {"kind": "sum", "method": "toy", "unit": "1", "value": 1.0}
    made = writer.prepare(
        {"property_id": "test:0/sum/toy", "structure_id": "test:0", **values},
        [{"collection": "materials", "id": "test:0"}],
    )
    in_transaction(registry, lambda session: writer.write(registry.database, [made], session))

    class Later(Summer):
        version = Summer.version + 1
        once_by_item = True

    report = run_stage(Later(), registry)

    current = registry.database["properties"].find({"deprecated": False})
    assert [doc["property_id"] for doc in current] == ["MgO/sum/toy"]
    assert report.deprecated == 1
    assert not Later().is_due(registry)


class Killed(BaseException):
    """What stands for a kill: nothing catches it."""


def test_a_member_that_moves_on_while_a_pass_is_cut_off_is_missed_in_no_group(registry: Connection) -> None:
    """It has left B since the pass before, and leaves C between the two halves of the pass at hand."""

    def put(formula: str) -> None:
        others = [{"material_id": f"test:{name}", "formula_reduced": name, "nsites": 1} for name in "AB"]
        put_materials(registry, [*others, {"material_id": "test:x1", "formula_reduced": formula, "nsites": 4}])

    def kill(*_: object) -> None:
        raise Killed

    def sums() -> dict[str, float]:
        found = registry.database["properties"].find({"deprecated": False})
        return {doc["structure_id"]: doc["value"] for doc in found}

    put("B")
    run_stage(Summer(), registry)
    assert sums() == {"A": 1, "B": 5}

    put_materials(registry, [{"material_id": "test:A", "formula_reduced": "A", "nsites": 2}])
    put("C")
    put_materials(registry, [{"material_id": "test:A", "formula_reduced": "A", "nsites": 3}])
    summer = Summer()
    summer.groups_per_batch = 1  # type: ignore[misc]
    with pytest.raises(Killed):
        run_stage(summer, registry, progress=kill)
    assert sums() == {"A": 3, "B": 5}, "the pass has come as far as A"
    put_materials(registry, [{"material_id": "test:x1", "formula_reduced": "D", "nsites": 4}])
    run_stage(Summer(), registry)
    run_stage(Summer(), registry)

    assert sums() == {"A": 3, "B": 1, "D": 4}


def all_members() -> Iterator[tuple[str, Members]]:
    campaigns = [load(name) for name in sorted(shipped())]
    with_potential = {**campaign().model_dump(mode="json", by_alias=True), "potential": {"relax": True}}
    campaigns.append(type(campaign()).model_validate(with_potential))
    stages = {stage.name: stage for one in campaigns for stage in stages_of(one)}
    for name, stage in stages.items():
        if isinstance(stage, GroupStage):
            yield from ((name, members) for members in stage.sources_of_members())


def test_every_kind_of_group_stage_is_looked_at() -> None:
    def below(kind: type) -> Iterator[type]:
        for one in kind.__subclasses__():
            yield one
            yield from below(one)

    stages = {stage for _, stage in _shipped_stages()}
    own = {
        one
        for one in below(GroupStage)
        if one.__module__.startswith("exfolio.") and "process" in vars(one) and not isabstract(one)
    }

    assert own <= stages


def _shipped_stages() -> Iterator[tuple[str, type]]:
    relaxing = campaign().model_dump(mode="json", by_alias=True) | {"potential": {"relax": True}}
    for one in [*map(load, sorted(shipped())), type(campaign()).model_validate(relaxing)]:
        for stage in stages_of(one):
            yield stage.name, type(stage)


def test_groups_are_named_by_fields_whose_changes_are_told() -> None:
    for name, members in all_members():
        document, field = members.document, members.group_field
        if not members.facets:
            continue
        assert field in (document.KEY, *document.GROUP_FIELDS), f"{name}: {members.collection}.{field}"
        owner = document.owner_of(field)
        followed = [FOLLOWS.get((members.collection, facet, field)) for facet in members.facets]
        in_part = any(field in document.PARTS.get(facet, ()) for facet in members.facets)
        told = owner is None or owner in members.facets or owner in followed or in_part
        assert told, f"{name}: nobody tells of {members.collection}.{field}, which {owner} owns, by {members.facets}"
