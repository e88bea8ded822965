"""Similar elements stand in for each other; amounts and the order of writing stay."""

import torch
from exfolio.models.composition.matgan.element_replacement import REACH, replace_some
from exfolio.models.composition.matgan.sequential import END, SequentialGenerator
from exfolio.models.composition.one_hot import decode, encode
from exfolio.models.structure.pettifor import position
from pymatgen.core import Composition


def written(formulas: list[str]) -> torch.Tensor:
    return SequentialGenerator(4).as_written(torch.from_numpy(encode(formulas)))


def formulas(cells: torch.Tensor) -> list[str]:
    return decode(SequentialGenerator(4).as_array(cells).numpy())


def test_a_share_of_zero_changes_nothing() -> None:
    cells = written(["LiFePO4", "MoS2"])
    assert torch.equal(replace_some(cells, 0.0), cells)


def test_replaced_elements_are_near_and_amounts_stay() -> None:
    torch.manual_seed(0)
    changed = replace_some(written(["SrTi2O5"]).repeat(300, 1), 0.5)
    assert (changed.diff(dim=1)[changed[:, 1:] < END] > 0).all()
    drawn = {formula: Composition(formula) for formula in formulas(changed)}
    assert len(drawn) > 20
    assert all(sorted(c.get_el_amt_dict().values()) == [1, 2, 5] for c in drawn.values())
    of_one = {str(max(c, key=lambda el: c[el])) for c in drawn.values()}
    assert "O" in of_one
    # Elements that the array leaves out (He, At) count as no step.
    assert all(abs(position(symbol) - position("O")) <= REACH + 1 for symbol in of_one)


def test_two_elements_never_become_one() -> None:
    torch.manual_seed(1)
    changed = formulas(replace_some(written(["CaSr"]).repeat(200, 1), 1.0))
    assert all(len(Composition(formula)) == 2 for formula in changed)
