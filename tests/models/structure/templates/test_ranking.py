"""Which prototypes are likely for a composition, and which arrangement of its elements."""

import numpy as np
import pytest
from exfolio.models.structure.templates.library import TemplateLibrary
from exfolio.models.structure.templates.ranking import (
    NoTemplateError,
    PrototypeRanking,
    choices_by_distance,
    find_templates,
)
from pymatgen.core import Lattice, Structure


def perovskite(a_site, b_site, anion, a):
    sites = [[0.5, 0.5, 0.5], [0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]]
    return Structure(Lattice.cubic(a), [a_site, b_site, anion, anion, anion], sites)


def stacked(a_site, b_site, anion, a):
    """Invent an ABX3 structure that is no perovskite."""
    sites = [[0, 0, 0], [0.5, 0.5, 0.3], [0.5, 0.5, 0.75], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    return Structure(Lattice.tetragonal(a, 1.4 * a), [a_site, b_site, anion, anion, anion], sites)


STRUCTURES = {
    "SrTiO3": perovskite("Sr", "Ti", "O", 3.91),
    "BaTiO3": perovskite("Ba", "Ti", "O", 4.00),
    "KMgF3": perovskite("K", "Mg", "F", 3.99),
    "NaNbS3": stacked("Na", "Nb", "S", 4.1),
}


@pytest.fixture
def library():
    groups = [221, 221, 221, 99]
    return TemplateLibrary.build(list(STRUCTURES), list(STRUCTURES.values()), space_groups=groups)[0]


def ranking(formula, library, **options):
    return PrototypeRanking(find_templates(formula, library, 3), **options)


def test_the_likeliest_arrangement_puts_each_element_where_its_like_was(library):
    ranked = ranking("CaZrO3", library)
    best = next(ranked.candidates())
    choices = list(ranked.choices(best))
    assert choices[0].template.template_id == "SrTiO3"
    assert choices[0].mapping == {"Sr": "Ca", "Ti": "Zr", "O": "O"}
    assert {one.template.template_id for one in choices} == {"SrTiO3", "BaTiO3", "KMgF3"}


def test_probabilities_fall_and_add_up(library):
    shares = [one.probability for one in ranking("CaZrO3", library).candidates()]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1)
    assert len(shares) == 4  # two prototypes, two arrangements of Ca and Zr


def test_without_costs_prototypes_count_by_how_many_templates_have_them(library):
    alike = [one.probability for one in ranking("CaZrO3", library, costs=np.zeros((103, 103))).candidates()]
    assert alike == pytest.approx([3 / 8, 3 / 8, 1 / 8, 1 / 8])


def test_space_groups_weigh_templates_and_none_is_ruled_out(library):
    costs = np.zeros((103, 103))
    sure = [one.probability for one in ranking("CaZrO3", library, costs=costs, space_groups={99: 1.0}).candidates()]
    assert sure == pytest.approx([1 / 2.3, 1 / 2.3, 0.15 / 2.3, 0.15 / 2.3])


def test_the_compositions_own_templates_are_known_and_lend_nothing(library):
    ranked = ranking("SrTiO3", library)
    assert list(ranked.known) == ["SrTiO3"]
    best = next(ranked.candidates())
    assert best.known_as == "SrTiO3"
    assert [one.template.template_id for one in ranked.choices(best)] == ["BaTiO3", "KMgF3"]
    others = [one.known_as for one in ranked.candidates()][1:]
    assert set(others) == {None}


def test_by_distance_the_nearest_template_comes_first_with_the_least_mapping(library):
    choices = list(choices_by_distance(find_templates("CaTiO3", library, 3)))
    assert [one.template.template_id for one in choices][:2] == ["SrTiO3", "BaTiO3"]
    assert choices[0].mapping == {"Sr": "Ca", "Ti": "Ti", "O": "O"}


@pytest.mark.parametrize(
    ("formula", "reason"),
    [("NaCl", "no bulk template"), ("CaTiO2.9", "not whole"), ("LiNaKRbCsTlF", "720 ways|5040 ways")],
)
def test_what_has_no_template_is_told_why(library, formula, reason):
    with pytest.raises(NoTemplateError, match=reason):
        find_templates(formula, library, 3)
