"""Says how good a generator of compositions is, in the figures of the paper on MatGAN, beside the published ones.

All figures are of one and the same model. Knows generators as `sampling` does; where they come from is not its
business.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..formula.elements import ATOMIC_NUMBERS
from ..formula.formulas import Formulas, anonymous_formulas, parse, reduced_formulas
from ..one_hot import ELEMENTS
from ..oxidation_state_names import OxidationStateSetName
from ..screening import screen
from .sampling import Generator, Tally, drawn

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Dan et al., npj Comput. Mater. 6, 84 (2020): trained on the Materials Project, 83.5 / 79.3 % of which passed.
PUBLISHED_CHARGE_NEUTRAL: Final = 0.848
PUBLISHED_BALANCED: Final = 0.734
PUBLISHED_RATIOS: Final = (1.02, 0.93)
#: Trained on those of the ICSD alone that pass.
PUBLISHED_CHARGE_NEUTRAL_PASSING: Final = 0.921
PUBLISHED_BALANCED_PASSING: Final = 0.845
PUBLISHED_NOVEL: Final = 0.9253
PUBLISHED_DISTINCT: Final = {330_000: 0.86}
#: Share of compositions left out of the training that were found again, by number of elements.
PUBLISHED_FOUND_AGAIN: Final = {2: 0.827, 3: 0.312, 4: 0.052}

#: The commonest stoichiometries shown in the plot.
_STOICHIOMETRIES_SHOWN: Final = 20


@dataclass(frozen=True, slots=True, eq=False)
class Distributions:
    """How compositions divide; each mapping's shares sum to one (``elements``: of all occurrences of elements)."""

    numbers_of_elements: dict[int, float]
    elements: dict[str, float]
    stoichiometries: dict[str, float]


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of compositions that pass the screens with one set of oxidation states."""

    charge_neutral: float
    electronegativity_balanced: float


@dataclass(frozen=True, slots=True)
class Assessment:
    """The figures of one model.

    Attributes
    ----------
    draws, distinct
        Draws in all, and the distinct compositions of two or more elements among them.
    single_elements, empty
        Draws of one element alone, of none; neither counts as generated in the shares below.
    distinct_share
        Share of distinct compositions among so many first draws.
    drawn, among_distinct, training
        What passes, by set of oxidation states: of the draws, of the distinct compositions, of the training set
        (compositions of two or more elements).
    novel_drawn, novel_distinct
        Share of draws, and of distinct compositions, that are not in the training set.
    found_again
        Share of the compositions left out of the training that were drawn, by number of elements.
    left_out
        How many were left out.
    distances
        Total variation distance (0 the same, 1 nothing in common) between draws and training set.
    """

    draws: int
    distinct: int
    single_elements: int
    empty: int
    distinct_share: dict[int, float]
    drawn: dict[str, Shares]
    among_distinct: dict[str, Shares]
    training: dict[str, Shares]
    novel_drawn: float
    novel_distinct: float
    found_again: dict[int, float]
    left_out: dict[int, int]
    distances: dict[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Figures as plain data with texts as keys."""
        plain = asdict(self)
        return {
            name: {str(key): inner for key, inner in value.items()} if isinstance(value, dict) else value
            for name, value in plain.items()
        }

    def table(self) -> str:
        """Write the figures beside the published ones, as a table in Markdown."""
        rows = [("figure", "here", "published"), ("---", "---:", "---:")]
        for name, shares in self.drawn.items():
            base, distinct = self.training[name], self.among_distinct[name]
            default = name == "smact_default"
            for title, here, of_distinct, of_training, published, ratio in (
                ("charge neutral", shares.charge_neutral, distinct.charge_neutral, base.charge_neutral,
                 (PUBLISHED_CHARGE_NEUTRAL, PUBLISHED_CHARGE_NEUTRAL_PASSING), PUBLISHED_RATIOS[0]),
                ("electronegativity balanced", shares.electronegativity_balanced, distinct.electronegativity_balanced,
                 base.electronegativity_balanced, (PUBLISHED_BALANCED, PUBLISHED_BALANCED_PASSING),
                 PUBLISHED_RATIOS[1]),
            ):  # fmt: skip
                beside = f"{published[0]:.1%} ({published[1]:.1%} from passing ones)" if default else ""
                rows += [
                    (f"{title}, of draws ({name})", f"{here:.2%}", beside),
                    (f"{title}, of distinct ones ({name})", f"{of_distinct:.2%}", ""),
                    (f"{title}, draws over training set ({name})", _ratio(here, of_training), f"{ratio}"),
                ]
        for draws, share in self.distinct_share.items():
            published_share = PUBLISHED_DISTINCT.get(draws)
            beside = f"about {published_share:.0%}" if published_share else ""
            rows.append((f"distinct after {draws:,} draws", f"{share:.2%}", beside))
        rows.append((f"not in the training set, of the distinct after {self.draws:,}", f"{self.novel_distinct:.2%}",
                     f"{PUBLISHED_NOVEL:.2%}"))  # fmt: skip
        rows.append(("not in the training set, of draws", f"{self.novel_drawn:.2%}", ""))
        for count, share in self.found_again.items():
            published_share = PUBLISHED_FOUND_AGAIN.get(count)
            beside = f"{published_share:.1%}" if published_share else ""
            title = f"left-out compositions of {count} elements found again (of {self.left_out[count]:,})"
            rows.append((title, f"{share:.1%}", beside))
        rows += [(f"distance from the training set, {name}", f"{d:.3f}", "") for name, d in self.distances.items()]
        return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def assess(
    model: Generator,
    *,
    training: Sequence[str],
    left_out: Sequence[str],
    draws: int = 2_000_000,
    distinct_at: Sequence[int] = (330_000,),
    seed: int = 0,
    device: torch.device | str = "cpu",
    oxidation_states: Sequence[OxidationStateSetName] = ("smact_default", "smact14"),
) -> Assessment:
    """Draw, count, and work out the figures.

    Parameters
    ----------
    model
        What draws.
    training
        Formulas that the model learnt from.
    left_out
        Known formulas that it did not.
    draws
        How many; a composition may come several times.
    distinct_at
        Numbers of draws after which the distinct ones are counted; those beyond `draws` are left out.
    seed
        Of the draws.
    device
        Where the model draws.
    oxidation_states
        Sets by which what was drawn is screened.

    Raises
    ------
    ValueError
        When a formula is both in the training set and left out, or nothing was drawn.
    NotRepresentable, UnparsableFormula, UnknownElement
        For formulas that the 85 x 8 array does not hold.
    """
    known, hidden = set(reduced_formulas(training)), set(reduced_formulas(left_out))
    if both := known & hidden:
        raise ValueError(f"{len(both)} formulas are left out and in the training set too, e.g. {min(both)}")
    marks = sorted({mark for mark in distinct_at if mark < draws} | {draws})
    tally, distinct_share = Tally(), {}
    for amounts in drawn(model, 0, draws, seed=seed, device=device):
        reached = [mark for mark in marks if tally.draws < mark <= tally.draws + len(amounts)]
        for part in np.split(amounts, [mark - tally.draws for mark in reached]):
            tally.add(part)
            if tally.draws in reached:
                distinct_share[tally.draws] = tally.distinct / tally.draws
    compositions, times = tally.compositions()
    if not len(times):
        raise ValueError(f"none of {draws:,} draws has two or more elements: the model has learnt nothing")

    known_parsed, hidden_parsed = parse(sorted(known)), parse(sorted(hidden))
    known_times, hidden_times = tally.times_drawn(known_parsed), tally.times_drawn(hidden_parsed)
    counted = {int(k): hidden_parsed.nelements == k for k in np.unique(hidden_parsed.nelements) if k > 1}
    real = _of_two_or_more(known_parsed)
    evenly = np.ones(len(real), dtype=np.int64)
    return Assessment(
        draws=draws,
        distinct=len(times),
        single_elements=tally.single_elements,
        empty=tally.empty,
        distinct_share=distinct_share,
        drawn={name: _shares(compositions, times, name) for name in oxidation_states},
        among_distinct={name: _shares(compositions, np.ones_like(times), name) for name in oxidation_states},
        training={name: _shares(real, evenly, name) for name in oxidation_states},
        novel_drawn=1 - float(known_times.sum() / times.sum()),
        novel_distinct=1 - float(np.count_nonzero(known_times) / len(times)),
        found_again={k: float((hidden_times[mask] > 0).mean()) for k, mask in counted.items()},
        left_out={k: int(mask.sum()) for k, mask in counted.items()},
        distances=distances(distributions(compositions, times), distributions(real, evenly)),
    )


def distributions(compositions: Sequence[str] | Formulas, times: NDArray[np.int64] | None = None) -> Distributions:
    """Say how compositions divide by number of elements, element, and stoichiometry (anonymous formula).

    Parameters
    ----------
    times
        How often each counts, shape (n,); once without.
    """
    parsed = parse(compositions)
    weights = np.ones(len(parsed)) if times is None else times.astype(np.float64)
    counts = np.bincount(parsed.nelements, weights=weights)
    by_number = np.bincount(parsed.numbers, weights=weights[parsed.rows], minlength=max(ATOMIC_NUMBERS.values()) + 1)
    patterns, place = np.unique(np.array(anonymous_formulas(parsed)), return_inverse=True)
    by_pattern = np.bincount(place, weights=weights)
    order = np.argsort(-by_pattern, kind="stable")
    return Distributions(
        {k: float(n / weights.sum()) for k, n in enumerate(counts) if n},
        {symbol: float(by_number[ATOMIC_NUMBERS[symbol]] / by_number.sum()) for symbol in ELEMENTS},
        {str(patterns[i]): float(by_pattern[i] / weights.sum()) for i in order},
    )


def distances(generated: Distributions, training: Distributions) -> dict[str, float]:
    """Total variation distance of each distribution, half the sum of the differences."""
    return {
        "numbers of elements": _total_variation(generated.numbers_of_elements, training.numbers_of_elements),
        "elements": _total_variation(generated.elements, training.elements),
        "stoichiometries": _total_variation(generated.stoichiometries, training.stoichiometries),
    }


def plot_distributions(generated: Distributions, training: Distributions) -> Figure:
    """Draw the three distributions of generated compositions beside those of the training set."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 10), layout="constrained")
    axes = figure.subplots(3, 1)
    common = list(training.stoichiometries)[:_STOICHIOMETRIES_SHOWN]
    numbers = sorted(training.numbers_of_elements | generated.numbers_of_elements)
    panels: list[tuple[str, list[Any], dict[Any, float], dict[Any, float]]] = [
        ("number of elements", numbers, generated.numbers_of_elements, training.numbers_of_elements),
        ("element", list(ELEMENTS), generated.elements, training.elements),
        ("stoichiometry", common, generated.stoichiometries, training.stoichiometries),
    ]
    for axis, (title, keys, ours, theirs) in zip(axes, panels, strict=True):
        places = np.arange(len(keys))
        axis.bar(places - 0.2, [theirs.get(key, 0) for key in keys], 0.4, label="training set")
        axis.bar(places + 0.2, [ours.get(key, 0) for key in keys], 0.4, label="generated")
        axis.set_xticks(places, [str(key) for key in keys], rotation=90 if len(keys) > 10 else 0)
        axis.set_xlabel(title)
        axis.set_ylabel("share")
        axis.legend()
    return figure


def _of_two_or_more(parsed: Formulas) -> Formulas:
    kept = parsed.nelements > 1
    entries = kept[parsed.rows]
    return Formulas(
        parsed.numbers[entries],
        parsed.amounts[entries],
        np.concatenate([[0], np.cumsum(parsed.nelements[kept])]),
    )


def _shares(compositions: Formulas, times: NDArray[np.int64], oxidation_states: OxidationStateSetName) -> Shares:
    verdicts = screen(compositions, oxidation_states)
    total = max(int(times.sum()), 1)
    return Shares(
        float(times[verdicts.charge_neutral].sum() / total),
        float(times[verdicts.electronegativity_balanced].sum() / total),
    )


def _total_variation(first: dict[Any, float], second: dict[Any, float]) -> float:
    # Exactly rounded, so that the order in which a set of names comes, another one in every process, does not matter.
    return math.fsum(abs(first.get(key, 0) - second.get(key, 0)) for key in first.keys() | second.keys()) / 2


def _ratio(here: float, training: float) -> str:
    return f"{here / training:.3f}" if training else "-"
