"""From structures of a system to crystals of wanted compositions; a network of a second stands for a trained one."""

from typing import Any

import filled_registry
import pytest
from exfolio.builders.candidates.campaigns.campaign_files import load
from exfolio.builders.candidates.campaigns.crystal_gan_route import CrystalGanRoute
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.reports.model_report import report
from exfolio.builders.structures.crystal_gan_stage import CrystalGanStage
from exfolio.builders.training import trained
from exfolio.builders.training.model_kind import TooLittleData
from exfolio.builders.training.trained import NoModel
from exfolio.builders.training.training_stage import TrainingStage, training_set_of
from exfolio.models.potential.family.chgnet import Chgnet, evaluate, is_installed
from exfolio.models.structure.serialization import from_plain, to_plain
from exfolio.stores.connection import Connection
from exfolio.stores.errors import ConfigurationError
from pymatgen.core.lattice import Lattice
from pymatgen.core.structure import Structure
from toy_stages import put_materials

needs_chgnet = pytest.mark.skipif(not is_installed(), reason="CHGNet is not installed (pip install exfolio[mlip])")
TINY: dict[str, Any] = {
    "profile": "diffusion",
    "width": 8,
    "message_width": 4,
    "layers": 1,
    "radial": 5,
    "atoms_per_batch": 20,
    "batches_per_epoch": 2,
    "epochs": 1,
    "steps": 3,
}
TINY_GAN: dict[str, Any] = {
    "profile": "paper",
    "latent": 8,
    "seed_channels": 4,
    **{f"{network}_channels": [4, 4, 4] for network in ("generator", "critic", "classifier")},
    **{f"{network}_dense": [8, 4] for network in ("critic", "classifier")},
    "augmentation": {"per_composition": 20},
    "critic_steps": 1,
    "batch": 2,
    "batches_per_epoch": 2,
    "epochs": 2,
}

SOUND: dict[str, Any] = {"width": 24, "message_width": 12, "atoms_per_batch": 100, "batches_per_epoch": 80, "steps": 10}
"""Of such a model some crystals are valid."""


def perovskite(a: str, b: str, length: float) -> Structure:
    species = [a, b, "O", "O", "O"]
    sites = [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.cubic(length), species, sites)


def put_structures(connection: Connection, structures: dict[str, Structure]) -> None:
    put_materials(
        connection,
        [
            {
                "material_id": name,
                "formula_reduced": one.composition.reduced_formula,
                "chemsys": one.composition.chemical_system,
                "elements": sorted(str(element) for element in one.composition.elements),
                "nelements": len(one.composition),
                "structure": to_plain(one),
            }
            for name, one in structures.items()
        ],
    )


@pytest.fixture
def oxides(registry: Connection) -> Connection:
    """One oxide of Mg and Mn, two of other metals, and one sulphide."""
    sulphide = perovskite("Ba", "Zr", 5.0)
    sulphide.replace_species({"O": "S"})
    put_structures(
        registry,
        {
            "t:MgMnO3": perovskite("Mg", "Mn", 3.8),
            "t:CaTiO3": perovskite("Ca", "Ti", 3.9),
            "t:SrTiO3": perovskite("Sr", "Ti", 3.9),
            "t:BaZrS3": sulphide,
        },
    )
    return registry


def tiny_model(connection: Connection, **config: Any) -> dict[str, Any]:
    run_stage(TrainingStage("crystal-gan", config={**TINY, **config}), connection)
    return trained.need(connection, "crystal-gan")


def test_it_learns_structures_of_the_system_and_of_other_oxides_with_its_elements_put_in(oxides: Connection) -> None:
    model = tiny_model(oxides)

    assert (model["data"]["structures"], model["data"]["substituted"]) == (1, 4)
    assert model["data"]["learnt"] == len(training_set_of(oxides, model)["cells"]) == 5
    assert 0 <= model["metrics"]["share_valid"] <= 1


@pytest.mark.parametrize("config", [TINY, TINY_GAN], ids=["diffusion", "gan"])
def test_the_same_data_settings_and_seed_give_the_same_model_byte_for_byte(
    oxides: Connection, config: dict[str, Any]
) -> None:
    run_stage(TrainingStage("crystal-gan", config=config), oxides)
    first = trained.need(oxides, "crystal-gan")
    oxides.database["trained_models"].delete_many({})
    run_stage(TrainingStage("crystal-gan", config=config), oxides)
    second = trained.need(oxides, "crystal-gan")

    assert second["weights"] == first["weights"]
    assert second["content_hash"] == first["content_hash"]


def test_other_systems_are_left_out_where_that_is_wanted(oxides: Connection) -> None:
    assert tiny_model(oxides, substitute=False)["data"]["learnt"] == 1


def test_a_composition_held_out_is_not_learnt(oxides: Connection) -> None:
    with pytest.raises(TooLittleData, match="none fits"):
        run_stage(TrainingStage("crystal-gan", config={**TINY, "held_out": ["MgMnO3"]}, on_new_data=True), oxides)


def test_crystals_of_each_composition_are_stored_with_model_seed_and_condition(oxides: Connection) -> None:
    model = tiny_model(oxides)
    stage = CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3], [2, 2, 6]], structures=3, max_draws=200, seed=4)

    done = run_stage(stage, oxides)

    found = list(oxides.database["structures"].find({}, {"_id": 0}))
    assert done.due == 2
    assert done.inserted == len(found)
    for doc in found:
        atoms = doc["condition"]
        assert sum(atoms.values()) == doc["nsites"]
        assert doc["formula_reduced"] == "MgMnO3"
        assert (doc["route"], doc["parent_id"], doc["seed"], doc["dimension"]) == (
            "crystal-gan",
            model["model_id"],
            4,
            3,
        )
        assert doc["origins"][0]["id"] == model["model_id"]


def test_a_model_of_another_layout_or_none_is_told_before_anything_is_made(oxides: Connection) -> None:
    model = tiny_model(oxides)["model_id"]
    titanates = {"name": "ca-ti-o", "slots": {"Ca": 8, "Ti": 8, "O": 24}}

    with pytest.raises(ConfigurationError, match=r"of layout mg-mn-o \(8 Mg, 8 Mn, 12 O\), the campaign's is ca-ti-o"):
        run_stage(CrystalGanStage(layout=titanates, cells=[[1, 1, 3]], model=model), oxides)
    with pytest.raises(NoModel, match="no trained model crystal-gan-0 of kind crystal-gan"):
        run_stage(CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3]], model="crystal-gan-0"), oxides)
    assert oxides.database["structures"].count_documents({}) == 0


@needs_chgnet
def test_the_lowest_in_energy_of_many_are_proposed_lowest_first(oxides: Connection) -> None:
    tiny_model(oxides, **SOUND)

    run_stage(CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3]], structures=4, max_draws=1000), oxides)
    run_stage(CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3]], structures=2, of=4, max_draws=1000), oxides)

    found = list(oxides.database["structures"].find().sort([("created_at", 1), ("rank", 1)]))
    energies = [one.energy_per_atom for one in evaluate([from_plain(one["structure"]) for one in found], forces=False)]
    assert [one["rank"] for one in found] == [1, 2, 3, 4, 1, 2]  # neither takes the place of what was made before
    assert energies[4:] == pytest.approx(sorted(energies[:4])[:2], abs=1e-4)


def test_without_the_potential_the_first_ones_are_proposed(oxides: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny_model(oxides, **SOUND)
    monkeypatch.setattr(Chgnet, "package", "no_such_package")

    report = run_stage(CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3]], structures=1, of=4, max_draws=200), oxides)

    assert report.inserted == 1
    assert "the first ones are kept, not the lowest" in report.note


def test_the_report_on_a_model_says_what_became_of_its_crystals(oxides: Connection) -> None:
    model = tiny_model(oxides)
    made = {"structure_id": "st-1", "formula_reduced": "MgMnO3", "valid": True, "drawn": 7, "drawn_valid": 6}
    filled_registry.put_structures(oxides, [{**made, "route": "crystal-gan", "parent_id": model["model_id"]}])

    text, _ = report(oxides, model)

    assert f"| {model['model_id']} | 1 | 7, 85.7% valid | 100.0% ± 0.0% | " in text
    assert "new, at most 0.2 eV/atom above hull: 368 (11.2%)" in text


def test_a_second_run_generates_nothing(oxides: Connection) -> None:
    tiny_model(oxides)
    arguments: dict[str, Any] = {"layout": "mg-mn-o", "cells": [[1, 1, 3]], "structures": 1, "max_draws": 50}
    run_stage(CrystalGanStage(**arguments), oxides)

    assert run_stage(CrystalGanStage(**arguments), oxides).due == 0


def test_without_a_model_it_stands_aside(registry: Connection) -> None:
    done = run_stage(CrystalGanStage(layout="mg-mn-o", cells=[[1, 1, 3]]), registry)
    assert done.note == "left out: no crystal-gan of layout mg-mn-o has been trained"


def test_the_rule_of_oxidation_says_which_compositions_are_asked_for() -> None:
    rule = {"element": "Mn", "least": 2, "most": 4, "states": {"Mg": 2, "O": -2}}

    wanted = CrystalGanStage(layout="mg-mn-o", rule=rule, reduced=True).wanted

    assert (1, 2, 4) in wanted  # MgMn2O4, Mn3+
    assert (2, 4, 8) not in wanted  # two formula units of it
    assert (1, 1, 4) not in wanted  # Mn6+


def test_another_layout_takes_a_few_lines_and_a_composition_outside_it_is_refused() -> None:
    layout = {"name": "ca-ti-o", "slots": {"Ca": 4, "Ti": 4, "O": 12}}

    assert CrystalGanStage(layout=layout, cells=[[1, 1, 3]]).name == "crystal-gan-structures:ca-ti-o"
    with pytest.raises(ValueError, match="13 atoms of O don't fit"):
        CrystalGanStage(layout=layout, cells=[[1, 1, 13]])


def test_the_shipped_campaign_takes_the_route() -> None:
    route = load("mg-mn-o-photoanode").routes.crystal_gan
    assert route is not None
    assert route.layout == "mg-mn-o"


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is no profile 'best'"):
        TrainingStage("crystal-gan", config={"profile": "best"})


MANGANESE = {"element": "Mn", "least": 2, "most": 4, "states": {"Mg": 2, "O": -2}}


@pytest.mark.parametrize(
    ("route", "message"),
    [
        ({"layout": "mg-mn-o", "cells": [[1, 1, 13]]}, "13 atoms of O don't fit"),
        ({"layout": "mg-mn-o", "oxidation": {**MANGANESE, "element": "Fe"}}, "has no Fe"),
        ({"layout": "mg-mn-o", "oxidation": {**MANGANESE, "least": 30, "most": 31}}, "no composition within layout"),
        ({"layout": "ca-ti-o"}, "no layout is called 'ca-ti-o'"),
    ],
)
def test_a_campaign_that_asks_for_what_does_not_fit_is_refused(route: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CrystalGanRoute.model_validate(route)
