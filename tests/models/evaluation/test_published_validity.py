"""The rules of validity by which others report."""

import pytest
from exfolio.models.evaluation.published_validity import cdvae_composition, cdvae_structure


@pytest.mark.parametrize(
    ("shortest", "volume", "valid"), [(0.5, 20, True), (0.49, 20, False), (None, 20, True), (2, 0.05, False)]
)
def test_atoms_are_half_an_angstrom_apart(shortest: float | None, volume: float, valid: bool) -> None:
    assert cdvae_structure(shortest, volume) is valid


@pytest.mark.parametrize(
    ("nelements", "balanced", "metals", "valid"),
    [(2, True, False, True), (2, False, False, False), (2, False, True, True), (1, False, False, True)],
)
def test_alloys_and_elements_pass_unbalanced(nelements: int, balanced: bool, metals: bool, valid: bool) -> None:
    assert cdvae_composition(nelements, balanced=balanced, metals_alone=metals) is valid
