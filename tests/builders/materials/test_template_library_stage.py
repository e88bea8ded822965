"""Stage `templates`: the library of template structures, kept up as materials come, change and go."""

from typing import Any

import pytest
from exfolio.builders.engine.execution.runner import run_stage
from exfolio.builders.materials.template_library_stage import MAX_SITES, TemplateStage
from exfolio.builders.structures.template_loading import load_templates
from exfolio.models.structure.templates import predict
from exfolio.models.structure.templates.library import TemplateLibrary
from exfolio.stores.bookkeeping.runs import StageReport
from exfolio.stores.connection import Connection
from known_crystals import one, put, retire, revisions
from layers_and_compositions import LAYERS, change, layer, layers, material, salt
from moves import check
from pymatgen.core import Lattice, Structure


def keep_up(registry: Connection) -> StageReport:
    return run_stage(TemplateStage(), registry)


def prototypes(registry: Connection) -> dict[str, str]:
    found = registry.database["materials"].find({"template_prototype": {"$exists": True}})
    return {doc["material_id"]: doc["template_prototype"] for doc in found}


def test_every_structure_is_a_template_of_its_prototype(registry: Connection) -> None:
    put(registry, [*layers(), material("NaCl", salt("Na", "Cl", 5.64), dimension=3)])

    report = keep_up(registry)

    assert (report.due, report.updated) == (2, 5), "anonymous formulas, materials"
    assert prototypes(registry) == {
        "flat:1H-MoS2": "flat:1H-MoS2",
        "flat:1H-NbSe2": "flat:1H-MoS2",
        "flat:1T-TiS2": "flat:1T-TiS2",
        "flat:1T-ZrSe2": "flat:1T-TiS2",
        "flat:NaCl": "flat:NaCl",
    }
    selenide = one(registry, "materials", material_id="flat:1H-NbSe2")
    assert selenide["template_dimension"] == 2
    assert (selenide["template"]["slots"], selenide["template"]["space_group"]) == (["Nb", "Se"], 187)
    assert one(registry, "materials", material_id="flat:NaCl")["template_dimension"] == 3


@pytest.mark.parametrize(("claimed", "dimension"), [(2, 2), (3, 3), (None, 2)])
def test_a_cell_with_a_vacuum_is_a_layer_unless_its_source_calls_it_a_crystal(
    registry: Connection, claimed: int | None, dimension: int
) -> None:
    [sulphide] = layers("1H-MoS2")
    put(registry, [sulphide | {"dimension_claimed": claimed}])

    keep_up(registry)

    assert one(registry, "materials")["template_dimension"] == dimension


def test_molecules_in_a_cell_with_vacuum_lend_their_shape_to_no_layer(registry: Connection) -> None:
    chlorine = Structure(Lattice.tetragonal(5.5, 22), ["Cl", "Cl"], [[0, 0, 0.455], [0, 0, 0.545]])  # 1.98 Å
    put(registry, [*layers(), material("Cl2", chlorine, dimension=2)])

    keep_up(registry)

    assert one(registry, "materials", material_id="flat:Cl2")["template_dimension"] == 0
    assert {template.formula for template in load_templates(registry, dimension=2).templates}.isdisjoint({"Cl2"})


def test_the_library_is_loaded_as_it_was_found(registry: Connection) -> None:
    put(registry, [*layers(), material("NaCl", salt("Na", "Cl", 5.64), dimension=3)])
    keep_up(registry)

    loaded = load_templates(registry, dimension=2)
    made, _ = TemplateLibrary.build(
        [f"flat:{name}" for name in LAYERS], list(LAYERS.values()), dimensions=[2] * len(LAYERS)
    )

    assert {one.template_id for one in loaded.templates} == {one.template_id for one in made.templates}
    for wanted in ("WSe2", "HfS2"):
        assert [(one.template_id, one.probability) for one in predict(wanted, loaded)] == [
            (one.template_id, pytest.approx(one.probability)) for one in predict(wanted, made)
        ]
    assert [one.template_id for one in load_templates(registry, dimension=3).templates] == ["flat:NaCl"]


def test_what_is_known_is_not_compared_again(registry: Connection) -> None:
    put(registry, layers())
    keep_up(registry)
    before = revisions(registry)

    assert keep_up(registry).due == 0
    change(registry, "flat:1H-MoS2", band_gap=1.8)
    after_the_gap = revisions(registry)["materials"]
    report = keep_up(registry)

    assert (report.due, report.updated) == (0, 0), "another band gap makes no other template"
    assert revisions(registry)["materials"] == after_the_gap == before["materials"] + 1


def test_a_new_template_joins_the_prototype_found_earlier(registry: Connection) -> None:
    put(registry, layers("1H-MoS2", "1T-TiS2"))
    keep_up(registry)

    put(registry, layers("1T-ZrSe2"))
    report = keep_up(registry)

    assert (report.due, report.updated) == (1, 1)
    assert prototypes(registry)["flat:1T-ZrSe2"] == "flat:1T-TiS2"


def test_when_the_founder_is_retired_another_of_its_kind_founds_the_prototype(registry: Connection) -> None:
    put(registry, layers())
    keep_up(registry)

    retire(registry, "flat:1H-MoS2")
    keep_up(registry)

    assert prototypes(registry)["flat:1H-NbSe2"] == "flat:1H-NbSe2"
    assert "flat:1H-MoS2" not in prototypes(registry)

    put(registry, layers("1H-MoS2"))
    keep_up(registry)
    assert prototypes(registry)["flat:1H-MoS2"] == "flat:1H-NbSe2"


def test_a_template_whose_structure_changes_is_looked_at_again(registry: Connection) -> None:
    put(registry, layers())
    keep_up(registry)

    octahedral = material("1H-MoS2", layer("Mo", "S", 3.18, prismatic=False))
    change(registry, "flat:1H-MoS2", structure=octahedral["structure"])
    keep_up(registry)

    assert prototypes(registry) == {
        "flat:1H-MoS2": "flat:1T-TiS2",
        "flat:1H-NbSe2": "flat:1H-NbSe2",
        "flat:1T-TiS2": "flat:1T-TiS2",
        "flat:1T-ZrSe2": "flat:1T-TiS2",
    }


def overlapping() -> Structure:
    return Structure(Lattice.cubic(5), ["Na", "Cl"], [[0, 0, 0], [0.02, 0, 0]])


def large() -> Structure:
    return Structure(Lattice.cubic(3.35), ["Po"], [[0, 0, 0]]) * (6, 6, 6)


def disordered() -> Structure:
    return Structure(Lattice.cubic(3.8), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]])


@pytest.mark.parametrize(
    ("name", "structure", "more", "reason"),
    [
        ("disordered", disordered(), {"disordered": True}, "disordered"),
        ("overlapping", overlapping(), {}, "atoms overlap"),
        ("large", large(), {}, f"216 atoms in its cell are more than {MAX_SITES}"),
        ("deuterated", salt("Li", "D", 4.07), {}, "hydrogen isotope D"),
        ("no-vacuum", salt("Na", "Cl", 5.64), {"dimension_claimed": 2}, "no vacuum"),
        ("molecule", salt("Na", "Cl", 5.64), {"dimension_claimed": 0}, "0-dimensional"),
        ("lawrencium", salt("Rf", "O", 5.0), {}, "Rf"),
    ],
)
def test_bad_input_goes_to_quarantine_and_the_others_become_templates(
    registry: Connection, name: str, structure: Structure, more: dict[str, object], reason: str
) -> None:
    put(registry, [material(name, structure, dimension=3) | more, *layers("1H-MoS2")])

    report = keep_up(registry)

    assert (report.failed, report.quarantined) == (0, 1)
    refused = one(registry, "materials", material_id=f"flat:{name}")
    complaint = one(registry, "quarantine", stage="templates")
    assert (complaint["file"], complaint["place"]) == ("materials", f"flat:{name}")
    assert reason in complaint["reason"] == refused["template_refused"]
    assert complaint["remedy"]
    assert prototypes(registry) == {"flat:1H-MoS2": "flat:1H-MoS2"}
    assert keep_up(registry).due == 0


def test_what_was_mended_leaves_the_quarantine(registry: Connection) -> None:
    put(registry, [material("NaCl", overlapping(), dimension=3)])
    keep_up(registry)

    change(registry, "flat:NaCl", structure=material("NaCl", salt("Na", "Cl", 5.64))["structure"])
    keep_up(registry)

    assert registry.database["quarantine"].count_documents({}) == 0
    assert prototypes(registry) == {"flat:NaCl": "flat:NaCl"}


def test_a_template_that_loses_its_structure_says_so(registry: Connection) -> None:
    put(registry, layers("1H-MoS2", "1H-NbSe2"))
    keep_up(registry)

    change(registry, "flat:1H-MoS2", structure=None)
    report = keep_up(registry)

    assert report.quarantined == 1
    assert one(registry, "materials", material_id="flat:1H-MoS2")["template_refused"] == "its structure is gone"
    assert prototypes(registry) == {"flat:1H-NbSe2": "flat:1H-NbSe2"}
    assert keep_up(registry).due == 0


def carbide(a: float = 3.1) -> Structure:
    """A flat layer of silicon carbide; `a` in Å."""
    return Structure(Lattice.hexagonal(a, 20), ["Si", "C"], [[1 / 3, 2 / 3, 0.5], [2 / 3, 1 / 3, 0.5]])


def test_a_template_that_moves_founds_nothing_where_it_was(registry: Connection) -> None:
    """It has founded a prototype of its anonymous formula, and is another one's now."""
    states = {"old": LAYERS["1H-MoS2"], "other": LAYERS["1T-TiS2"], "new": carbide()}
    check(
        registry,
        put=lambda state: put(
            registry, [*layers("1H-NbSe2", "1T-ZrSe2"), material("a", states[state]), material("zz", carbide(3.2))]
        ),
        retire=lambda: retire(registry, "flat:a"),
        stages=lambda: [TemplateStage()],
        compare=without_founders,
    )


def without_founders(contents: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Which templates are of one kind: whose name a prototype has depends on who came first, and on nothing else."""
    kinds: dict[str, list[str]] = {}
    for key, doc in contents["materials"].items():
        kinds.setdefault(doc.get("template_prototype", "none"), []).append(key)
    known = {one for one in kinds if one == "none" or one in contents["materials"]}
    return {"prototypes": {min(keys): {"kinds": sorted(keys), "known": name in known} for name, keys in kinds.items()}}
