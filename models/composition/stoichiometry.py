"""What the numbers in a formula say, beside its elements: amounts, their spread, groups of the periodic table, charges.

Magpie's features are statistics of fractions and do not see that MoS2 has three atoms and Mo8O23 thirty-one; these do.
Knows formulas, not what the features are for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from .formula.elements import MAX_Z
from .formula.formula_arrays import Formulas
from .formula.parsing import parse
from .oxidation_state_names import OxidationStateSetName
from .screening import screen

#: Orders of the norms of the atomic fractions (Ward et al., npj Comput. Mater. 2, 16028 (2016)).
NORMS: Final = (2, 3, 5, 10)

#: Sets of oxidation states by which the charges are judged.
CHARGE_SETS: Final[tuple[OxidationStateSetName, ...]] = ("smact_default", "smact14")

#: So many amounts are given, largest first; 0 where there are fewer elements.
AMOUNTS: Final = 6

#: Groups 1 to 18 of the periodic table, then those that share none of these: hydrogen, the lanthanides, the actinides.
GROUP_NAMES: Final = (*(f"group {group}" for group in range(1, 19)), "hydrogen", "lanthanides", "actinides")


def _families() -> NDArray[np.uint8]:
    table = np.zeros(MAX_Z + 1, dtype=np.uint8)
    for number in range(1, MAX_Z + 1):
        element = Element.from_Z(number)
        if number == 1:
            name = "hydrogen"
        elif element.is_lanthanoid:
            name = "lanthanides"
        elif element.is_actinoid:
            name = "actinides"
        else:
            name = f"group {element.group}"
        table[number] = GROUP_NAMES.index(name)
    return table


#: Index in `GROUP_NAMES` of each element by atomic number (that of index 0 means nothing).
FAMILIES: Final = _families()


def feature_labels() -> list[str]:
    """Name the columns of `featurize`."""
    return [
        "elements",
        "atoms",
        *(f"amount {place}" for place in range(1, AMOUNTS + 1)),
        "smallest amount",
        *(f"{order}-norm of fractions" for order in NORMS),
        "entropy of fractions",
        *(f"{verdict} ({name})" for name in CHARGE_SETS for verdict in ("neutral", "balanced")),
        *(f"fraction of {name}" for name in GROUP_NAMES),
    ]


def featurize(formulas: Sequence[str] | Formulas) -> NDArray[np.float64]:
    """Compute the features of the reduced formulas.

    Returns
    -------
    ndarray, shape (n, len(feature_labels()))
        Amounts in atoms of the reduced formula, fractions and norms without unit, entropy in nats, verdicts 0 or 1.

    Raises
    ------
    UnparsableFormula, UnknownElement
        For the first bad formula.
    """
    parsed = parse(formulas)
    labels = feature_labels()
    features = np.zeros((len(parsed), len(labels)))
    for place, block in parsed.blocks():
        features[place] = _block(block.reduced(), len(labels))
    return features


def _block(reduced: Formulas, width: int) -> NDArray[np.float64]:
    n, rows, first = len(reduced), reduced.rows, reduced.offsets[:-1]
    amounts = reduced.amounts
    atoms = np.add.reduceat(amounts, first)
    fractions = amounts / atoms[rows]

    largest_first = np.lexsort((-amounts, rows))
    place = np.arange(len(rows)) - first[rows]
    kept = place < AMOUNTS
    ordered = np.zeros((n, AMOUNTS))
    ordered[rows[kept], place[kept]] = amounts[largest_first][kept]

    families = np.bincount(rows * len(GROUP_NAMES) + FAMILIES[reduced.numbers], fractions, n * len(GROUP_NAMES))
    verdicts = [verdict for name in CHARGE_SETS for verdict in screen(reduced, name)]
    columns = np.column_stack(
        [
            reduced.nelements,
            atoms,
            ordered,
            np.minimum.reduceat(amounts, first),
            *(np.add.reduceat(fractions**order, first) ** (1 / order) for order in NORMS),
            np.add.reduceat(-fractions * np.log(fractions), first),
            *verdicts,
            families.reshape(n, len(GROUP_NAMES)),
        ]
    )
    assert columns.shape[1] == width
    return columns.astype(np.float64)
