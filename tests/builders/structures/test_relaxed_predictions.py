"""Predicted structures relaxed by a potential, each beside the one that it started from."""

from dataclasses import replace

import pytest
from exfolio.builders.structures.relaxed_predictions import FIRST, first_few, relax_predictions
from exfolio.models.structure.templates import predict
from exfolio.models.structure.templates.library import TemplateLibrary
from pymatgen.core import Lattice, Structure
from toy_potential import Elastic

SALTS = {
    "KCl": Structure.from_spacegroup("Fm-3m", Lattice.cubic(6.29), ["K", "Cl"], [[0, 0, 0], [0.5] * 3]),
    "CsCl": Structure.from_spacegroup("Pm-3m", Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5] * 3]),
}


def test_each_keeps_what_was_predicted_beside_what_it_became() -> None:
    library, _ = TemplateLibrary.build(list(SALTS), list(SALTS.values()))
    predictions = predict("NaBr", library, dimension=3)
    volumes = [prediction.structure.volume for prediction in predictions]

    relaxed = relax_predictions(predictions, Elastic())

    assert [prediction.structure.volume for prediction in predictions] == volumes
    for number, (prediction, one) in enumerate(zip(predictions, relaxed, strict=True)):
        assert one is not None
        result = one.relaxed
        assert result.converged
        assert result.energy_per_atom is not None
        assert one.energy_before is not None
        assert result.energy_per_atom <= one.energy_before
        assert result.volume_change == pytest.approx(result.structure.volume / prediction.structure.volume)
        assert one.became == number
        assert {check.name for check in one.checks} == {
            check.name for check in prediction.checks if check.name != "coordination"
        }


def test_what_the_potential_does_not_know_fails_alone() -> None:
    class Bromides(Elastic):
        elements = frozenset({"K", "Br"})

    library, _ = TemplateLibrary.build(list(SALTS), list(SALTS.values()))
    [one, *_] = relax_predictions(predict("NaBr", library, dimension=3), Bromides())

    assert one is not None
    assert (one.checks, one.became) == ((), None)
    assert one.relaxed.failure == "Elastic does not know Na"


def test_of_many_the_first_of_each_dimension_that_are_not_large() -> None:
    library, _ = TemplateLibrary.build(list(SALTS), list(SALTS.values()))
    salt, other = predict("NaBr", library, dimension=3)
    large = replace(salt, structure=salt.structure.copy().make_supercell([3, 3, 3], in_place=False))
    layer = replace(salt, dimension=2)
    listed = [large, *[salt] * FIRST, other, layer, large]

    assert first_few(listed) == {*range(1, FIRST + 1), FIRST + 2}

    skipped, first, second = relax_predictions([large, salt, other], Elastic(), chosen={1, 2})
    assert skipped is None
    assert first is not None
    assert second is not None
    assert (first.became, second.became) == (0, 2)  # the supercell is the same structure and comes before
