"""Names of the sets of oxidation states, apart from the sets: who only names one need not wait for smact."""

from __future__ import annotations

from typing import Literal, TypeAlias

OxidationStateSetName: TypeAlias = Literal["smact_default", "icsd24", "icsd16", "smact14", "pymatgen_sp", "wiki"]
"""Named sets.

smact_default
    What ``smact.screening.smact_validity`` takes when no set is named: states reported at least three times in the
    ICSD of 2024.
icsd24, icsd16
    States in the ICSD of 2024 (more than five reports) and of 2016.
smact14
    smact's own list of 2014, its default before version 3.
pymatgen_sp
    States known to pymatgen's structure predictor.
wiki
    Wikipedia's list. It has the state 0 for most elements, so that nearly everything is neutral: rarely what one wants.
"""
