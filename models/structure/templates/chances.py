"""How likely a suggested structure is a known one, by how often such suggestions were: the share put right.

A share alone says nothing of how much it rests on: it is 1 where the library knows one prototype, however unlike its
elements are. Knows numbers only.
"""

from __future__ import annotations

from math import exp, log, log1p
from typing import Final

CHANCES: Final = {2: (0.866, 0.715, -0.071, 0.483), 3: (-0.577, 0.414, -0.94, 0.201)}
"""By dimension: constant, and weights of the logarithms of the share, of what is left of it, and of the evidence.
Logistic regression of the first ten suggestions for 488 formulas of monolayers of 2DMatPedia (Zhou et al., Sci. Data 6,
86 (2019)), and for 1,754 of bulk crystals, of the bundled handbook and of Petretto et al. (Sci. Data 5, 180065 (2018)),
each formula left out with all its crystals (``tests/learnt/fit_chances.py``). Fitted to one half, what is said is
off by 0.02 to 0.03 in the mean in the other."""
_LEAST: Final = 1e-9
_MOST: Final = 0.97


def chance(share: float, evidence: float, dimension: int) -> float:
    """Probability that a crystal of this structure is known, as it was found for others.

    Parameters
    ----------
    share
        Of the structure among all that the library suggests for its composition.
    evidence
        Sum over all templates and arrangements of exp(-cost of substitution): how much there is to go by. One template
        of the same elements but one, replaced by another of its group, counts about 0.3.
    dimension
        2 or 3.

    Examples
    --------
    >>> chance(1.0, 0.01, 2) < 0.3 < 0.7 < chance(1.0, 1.0, 2)  # the only one, by far and by near relatives
    True
    """
    constant, by_share, by_rest, by_evidence = CHANCES[dimension]
    share = min(max(share, _LEAST), _MOST)
    score = constant + by_share * log(share) + by_rest * log1p(-share) + by_evidence * log(max(evidence, _LEAST))
    return 1 / (1 + exp(-score))
