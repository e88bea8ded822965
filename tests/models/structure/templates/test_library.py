"""The library of templates: how it is laid out, and what it refuses."""

import pytest
from exfolio.models.structure.comparison.prototype_index import Membership
from exfolio.models.structure.pettifor import position
from exfolio.models.structure.templates.library import Template, TemplateLibrary
from pymatgen.core import Lattice, Structure


def cesium_chloride(cation, anion, a):
    return Structure(Lattice.cubic(a), [cation, anion], [[0, 0, 0], [0.5, 0.5, 0.5]])


def zinc_blende(cation, anion, a):
    return Structure(
        Lattice([[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]]), [cation, anion], [[0] * 3, [0.25] * 3]
    )


def fluorite(cation, anion, a):
    cell = Lattice([[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]])
    return Structure(cell, [cation, anion, anion], [[0] * 3, [0.25] * 3, [0.75] * 3])


STRUCTURES = {
    "CsCl": cesium_chloride("Cs", "Cl", 4.12),
    "ZnS": zinc_blende("Zn", "S", 5.41),
    "CsBr": cesium_chloride("Cs", "Br", 4.29),
    "GaAs": zinc_blende("Ga", "As", 5.65),
    "CaF2": fluorite("Ca", "F", 5.46),
}


@pytest.fixture
def library():
    return TemplateLibrary.build(list(STRUCTURES), list(STRUCTURES.values()), space_groups=[221, 216, 221, 216, 225])[0]


def test_templates_lie_by_anonymous_formula_those_of_a_prototype_side_by_side(library):
    bucket = library.bucket((1, 1), 3)
    assert [one.template_id for one in bucket.templates] == ["CsCl", "CsBr", "ZnS", "GaAs"]
    assert [one.prototype_id for one in bucket.prototypes] == ["CsCl", "ZnS"]
    assert bucket.starts.tolist() == [0, 2, 4]
    assert bucket.space_groups.tolist() == [221, 221, 216, 216]
    assert bucket.places[1].tolist() == [position("Cs"), position("Br")]


def test_arrangements_that_give_the_same_structure_are_one_class(library):
    # cations and anions may change places in both
    assert library.bucket((1, 1), 3).classes.tolist() == [[0, 0], [0, 0]]


def test_bulk_and_monolayers_and_stoichiometries_are_apart(library):
    assert library.bucket((1, 1), 2) is None
    assert library.bucket((1, 3), 3) is None
    assert len(library.bucket((1, 2), 3).templates) == 1


def test_templates_can_be_left_out(library):
    fewer = library.without(["CsCl", "GaAs"])
    assert [one.template_id for one in fewer.templates] == ["ZnS", "CsBr", "CaF2"]
    assert len(library) == 5
    # a prototype outlives the template that founded it
    assert fewer.bucket((1, 1), 3).prototypes[0].prototype_id == "CsCl"


def test_structures_are_asked_for_only_when_wanted(library):
    asked = []

    def structure_of(template_id):
        asked.append(template_id)
        return STRUCTURES[template_id]

    lazy = TemplateLibrary(library.templates, library.prototypes, structure_of)
    assert lazy.bucket((1, 1), 3) is not None
    assert lazy["ZnS"].formula == "ZnS"
    assert asked == []


def test_disordered_structures_are_kept_out_with_the_reason():
    mixed = Structure(Lattice.cubic(2.9), [{"Fe": 0.5, "Co": 0.5}], [[0, 0, 0]])
    library, refused = TemplateLibrary.build(["FeCo", "ZnS"], [mixed, STRUCTURES["ZnS"]])
    assert [one.template_id for one in library.templates] == ["ZnS"]
    assert list(refused) == ["FeCo"]
    assert "disordered" in refused["FeCo"]


def test_ids_that_come_twice_and_prototypes_that_are_missing_are_named(library):
    with pytest.raises(ValueError, match="'ZnS'"):
        TemplateLibrary([library["ZnS"], library["ZnS"]], library.prototypes, STRUCTURES.__getitem__)
    lost = Template("x", "ZnS", Membership("nowhere", ("Zn", "S")), None, 3)
    with pytest.raises(ValueError, match="'nowhere', which is not given"):
        TemplateLibrary([lost], library.prototypes, STRUCTURES.__getitem__)
