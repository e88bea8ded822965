"""SevenNet, universal interatomic potentials whose weights come with their package, as two of the family.

They were learnt from PBE(+U) energies without corrections, and get these. Needs the extra `sevennet`.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

from .ase_calculator import AseCalculator
from .corrected_potential import CorrectedPotential

REMEDY: Final = "pip install exfolio[sevennet]"
CITATION: Final = "Y. Park et al., J. Chem. Theory Comput. 20, 4857 (2024)"


class _Uncorrected(AseCalculator):
    """SevenNet as its package computes it, on the threads that torch has."""

    package = "sevenn"
    remedy = REMEDY
    citation = CITATION

    def __init__(self, name: str, slug: str, model: str) -> None:
        self.name, self.slug, self.model = name, slug, model

    def calculator(self) -> Any:
        """The package's own calculator."""
        with warnings.catch_warnings():  # of packages it uses
            warnings.simplefilter("ignore")
            from sevenn.calculator import SevenNetCalculator

            return SevenNetCalculator(self.model, device="cpu")


class SevenNet0(CorrectedPotential):
    """SevenNet-0, the one of July 2024."""

    name = "SevenNet-0 11Jul2024 MP2020"
    slug = "sevennet-0"
    package = "sevenn"
    remedy = REMEDY
    citation = CITATION
    uncorrected = _Uncorrected("SevenNet-0 11Jul2024", "sevennet-0-raw", "7net-0")


class SevenNetL3i5(CorrectedPotential):
    """SevenNet-l3i5, of higher angular order and about twice as dear."""

    name = "SevenNet-l3i5 MP2020"
    slug = "sevennet-l3i5"
    package = "sevenn"
    remedy = REMEDY
    citation = CITATION
    uncorrected = _Uncorrected("SevenNet-l3i5", "sevennet-l3i5-raw", "7net-l3i5")
