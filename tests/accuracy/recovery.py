"""How often the template route finds a known structure again that was left out of its library.

Each target and its duplicates are left out, and it is predicted from the rest. A target counts as found when
StructureMatcher with its default tolerances matches one of the first k predictions. The weights of the substitution
costs are fitted to one half of the records and used for the other, so that no target is ranked by weights it took
part in. Which prototypes there are is found once, from all records.

    python tests/accuracy/recovery.py [2d|bulk] [--targets 300] [--as-stored] [--all-ways] [--fit]
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import pickle
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from exfolio.models.evaluation.held_out import kept_for_the_end
from exfolio.models.structure.cells import fragments
from exfolio.models.structure.cells.decorations import splits
from exfolio.models.structure.comparison import cell_matching, prototype_index, reduced_cells
from exfolio.models.structure.comparison.matching import prepare
from exfolio.models.structure.comparison.prototype_index import PrototypeIndex, slot_orders
from exfolio.models.structure.dimensionality.layering import analyse_layers
from exfolio.models.structure.pettifor import position
from exfolio.models.structure.serialization import from_plain
from exfolio.models.structure.substitution.element_mapping import radius_mismatches, substitution_features
from exfolio.models.structure.symmetry.symmetry_analysis import space_group
from exfolio.models.structure.templates import NoTemplateError, Prediction, predict
from exfolio.models.structure.templates.library import Bucket, Template, TemplateLibrary
from exfolio.models.structure.templates.ranking import related
from exfolio.models.structure.vacuum import set_vacuum, thickest_gap
from numpy.typing import NDArray
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Structure
from scipy.optimize import minimize
from scipy.special import logsumexp

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
PENALTY = 0.002  # on the squared weights, per target
SCALE_ALONE = 3.0  # cost of ten steps on the scale when nothing else counts; best of 0.3, 1 and 3
TOPS = (1, 5, 10)


@dataclass
class Records:
    """Structures with their library, and what is needed to leave one out."""

    ids: list[str]
    structures: dict[str, Structure]
    library: TemplateLibrary
    dimension: int


def load(kind: str, *, as_stored: bool = False) -> Records:
    """Read the 2DMatPedia records ("2d") or the bulk structures ("bulk"), and find their prototypes once.

    The vector that crosses a layer's vacuum is set upright, unless the records are wanted as stored: how it leans is
    nothing of the layer, and structures made from templates are upright, but StructureMatcher compares whole cells.
    """
    if kind == "2d":
        with gzip.open(DATA / "2dmatpedia_records.jsonl.gz", "rt") as lines:
            records = [json.loads(line) for line in lines]
        structures = {record["material_id"]: from_plain(record["structure"]) for record in records}
        # As stage `templates`, without molecules and chains in a cell with vacuum.
        structures = {name: one for name, one in structures.items() if is_layer(one)}
    else:
        with gzip.open(DATA / "matbench_phonons_structures.json.gz", "rt") as file:
            table = json.load(file)
        structures = {f"bulk-{number}": from_plain(row[0]) for number, row in enumerate(table["data"])}
    if kind == "2d" and not as_stored:
        structures = {name: set_vacuum(one, thickest_gap(one).thickness) for name, one in structures.items()}
    ids, dimension = list(structures), 2 if kind == "2d" else 3
    shaping = (prototype_index, cell_matching, reduced_cells, fragments)
    rules = b"".join(Path(module.__file__).read_bytes() for module in shaping)
    where = f"{Template.__module__} {prototype_index.__name__}".encode()  # a pickle names the classes in it so
    digest = hashlib.sha256(rules + where).hexdigest()[:12]
    name = f"exfolio-recovery-{kind}-{len(structures)}{'-as-stored' if as_stored else ''}-{digest}.pickle"
    cache = Path(tempfile.gettempdir()) / name
    if cache.exists():
        templates, known = pickle.loads(cache.read_bytes())
    else:
        start = time.perf_counter()
        groups = [space_group(one, tolerance=0.1).number for one in structures.values()]
        built, refused = TemplateLibrary.build(
            ids, list(structures.values()), space_groups=groups, dimensions=[dimension] * len(ids)
        )
        templates, known = built.templates, built.prototypes
        print(f"{len(known)} prototypes of {len(ids)} structures in {time.perf_counter() - start:.0f} s; {refused=}")
        cache.write_bytes(pickle.dumps((templates, known)))
    return Records(ids, structures, TemplateLibrary(templates, known, structures.__getitem__), dimension)


def is_layer(structure: Structure) -> bool:
    """Whether what lies in a cell with vacuum is a layer, and neither molecules nor chains."""
    dimensionality = analyse_layers(structure).dimensionality
    return dimensionality is None or dimensionality >= 2


# --- weights ---------------------------------------------------------------------------------------------------------


@dataclass
class Evidence:
    """One target: features (4 or 5, n) of all that might be predicted, and which of it is right."""

    template_id: str
    features: NDArray[np.float64]
    right: NDArray[np.bool_]


def evidence(records: Records) -> list[Evidence]:
    """Collect the targets that have a template of their prototype."""
    features = features_of(records.dimension)
    found: list[Evidence] = []
    for bucket in buckets(records.library):
        rows = np.repeat(np.arange(len(bucket.prototypes)), np.diff(bucket.starts))
        orders = slot_orders(bucket.amounts)
        for target, template in enumerate(bucket.templates):
            slots = template.membership.slots
            places = np.array([position(element) for element in slots])[np.array(orders, dtype=np.intp)]
            pairs = features[:, places[:, None, :], bucket.places[None, :, :]].sum(axis=3)
            exact = (places[:, None, :] == bucket.places[None, :, :]).all(axis=2)
            right = same_structure(bucket, rows[target], orders)[:, rows]
            own = (exact & right).any(axis=0)  # the target and its duplicates
            # Other structures of the same composition are known, so nothing like them is predicted.
            known = np.zeros(right.shape, dtype=bool)
            for order, other in np.argwhere(exact & ~right):
                known |= same_structure(bucket, rows[other], orders, orders[order])[:, rows]
            allowed = ~own[None, :] & (right | ~known) & ~exact
            if (right & allowed).any():
                found.append(Evidence(template.template_id, pairs[:, allowed], right[allowed]))
    return found


def features_of(dimension: int) -> NDArray[np.float64]:
    """How unlike two elements are, (4, 103, 103); of bulk crystals their sizes count as well, (5, 103, 103)."""
    if dimension == 2:
        return substitution_features()
    return np.concatenate([substitution_features(), radius_mismatches()[None]])


def buckets(library: TemplateLibrary) -> list[Bucket]:
    """Buckets of a library, one per anonymous formula and dimensionality."""
    keys = dict.fromkeys((library.amounts_of(one.template_id), one.dimension) for one in library.templates)
    return [bucket for key in keys if (bucket := library.bucket(*key)) is not None]


def same_structure(
    bucket: Bucket, row: int, orders: tuple[tuple[int, ...], ...], own: tuple[int, ...] | None = None
) -> NDArray[np.bool_]:
    """(orders, prototypes): which of them give the same structure as the prototype `row` with its elements as `own`."""
    own = orders[0] if own is None else own
    return np.array(
        [[related(bucket, row, own, other, order) for other in range(len(bucket.prototypes))] for order in orders]
    )


def fit(cases: list[Evidence]) -> NDArray[np.float64]:
    """Weights of greatest likelihood: the share of the right ones among all, on the scale of logarithms."""

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        total, slope = PENALTY * float(weights @ weights), 2 * PENALTY * weights
        for case in cases:
            logs = -weights @ case.features
            right = case.features[:, case.right]
            among_right, among_all = logsumexp(logs[case.right]), logsumexp(logs)
            total += (among_all - among_right) / len(cases)
            slope = slope + (
                right @ np.exp(logs[case.right] - among_right) - case.features @ np.exp(logs - among_all)
            ) / len(cases)
        return total, slope

    return minimize(loss, np.ones(len(cases[0].features)), jac=True, method="L-BFGS-B").x


# --- recovery --------------------------------------------------------------------------------------------------------


@dataclass
class Outcome:
    """Whether a target could be found, and the place of the first prediction that matches; 0 for none.

    Reachable: a template of its structure is left. Decorable: one of a simpler formula has it as a decoration.
    """

    n_elements: int
    reachable: bool
    decorable: bool
    scaled: int
    unscaled: int
    layer: int


class Judge:
    """Says which structures are the same, reducing each once."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.default, self.unscaled = StructureMatcher(), StructureMatcher(scale=False)
        self._reduced: dict[str, Structure] = {}

    def reduced(self, template_id: str) -> Structure:
        """Give the primitive cell of a record."""
        if template_id not in self._reduced:
            self._reduced[template_id] = primitive(self.records.structures[template_id])
        return self._reduced[template_id]

    def like(self, target: str, other: str) -> list[dict[str, str]]:
        """Give the mappings under which the other structure is that of the target."""
        one, two = self.reduced(target), self.reduced(other)
        if len(one) != len(two):
            return []
        library = self.records.library
        wanted, slots = library[target].membership.slots, library[other].membership.slots
        amounts = one.composition.get_el_amt_dict()
        found = []
        for order in slot_orders(tuple(int(amounts[e] / min(amounts.values())) for e in wanted)):
            mapping = {old: wanted[place] for old, place in zip(slots, order, strict=True)}
            renamed = Structure(two.lattice, [mapping[site.specie.symbol] for site in two], two.frac_coords)
            if self.default.fit(one, renamed, skip_structure_reduction=True):
                found.append(mapping)
        return found

    def places(self, target: str, predictions: list[Prediction]) -> tuple[int, int, int]:
        """Give the place of the first prediction that is the target, 0 for none, by three measures.

        By StructureMatcher's defaults; the same without scaling; and by its defaults with monolayers compared without
        most of their vacuum, where 1H and 1T differ.
        """
        true, true_layer = self.reduced(target), prepare(self.records.structures[target])
        made = [primitive(one.structure) for one in predictions]
        scaled = self._first(self.default, true, made)
        unscaled = self._first(self.unscaled, true, made)
        layers = [prepare(one.structure).reduced for one in predictions] if self.records.dimension == 2 else made
        return scaled, unscaled, self._first(self.default, true_layer.reduced, layers)

    @staticmethod
    def _first(matcher: StructureMatcher, true: Structure, made: list[Structure]) -> int:
        fits = (n for n, one in enumerate(made, 1) if matcher.fit(true, one, skip_structure_reduction=True))
        return next(fits, 0)


def decorable(records: Records) -> set[str]:
    """Give the records that would be of a prototype of the library were two of their elements one."""
    library, index = records.library, PrototypeIndex()
    for name, prototype in library.prototypes.items():
        index.restore(prototype, library[name].membership.slots, lambda name=name: records.structures[name])
    founded: dict[str, bool] = {}  # merged structures that are of no prototype of the library
    found: set[str] = set()
    for template in library.templates:
        target, elements = template.template_id, template.membership.slots
        structure = records.structures[target]
        size = len(prepare(structure).reduced)
        for split, _, amounts in splits(elements, library.amounts_of(target)):
            if library.bucket(amounts, records.dimension) is None:
                continue
            one, other = split.elements
            merged = structure.copy().replace_species({other: one})
            if len(prepare(merged).reduced) < size:
                continue  # its cell is a multiple of the template's
            name = f"{target} {split.name}"
            prototype = index.add(name, merged).prototype
            if prototype == name:
                founded[name] = not library.prototypes.keys().isdisjoint(index.prototypes[name].related)
            if founded.get(prototype, True):
                found.add(target)
    return found


def primitive(structure: Structure) -> Structure:
    """Give the primitive cell that StructureMatcher would make."""
    return structure.get_reduced_structure(reduction_algo="niggli").get_primitive_structure()


def leave_out(
    records: Records,
    judge: Judge,
    target: str,
    predictor: Callable[[str, TemplateLibrary], list[Prediction]],
    decorated: set[str],
) -> Outcome:
    """Predict one target without itself and its duplicates."""
    library = records.library
    template = library[target]
    wanted = template.membership.slots
    amounts = library.amounts_of(target)
    bucket = library.bucket(amounts, records.dimension)
    assert bucket is not None
    matches = {one.template_id: judge.like(target, one.template_id) for one in bucket.templates}
    own = {one for one, found in matches.items() if any(all(a == b for a, b in m.items()) for m in found)} | {target}
    reachable = any(found for one, found in matches.items() if one not in own)
    try:
        predictions = predictor(template.formula, library.without(own))
    except NoTemplateError:
        predictions = []
    return Outcome(len(wanted), reachable, target in decorated, *judge.places(target, predictions))


def report(name: str, outcomes: list[Outcome]) -> None:
    """Print the shares of one way of predicting: of all targets, and of those with a template of their structure."""
    if not outcomes:
        return
    reachable = sum(one.reachable for one in outcomes)
    decorated = sum(one.reachable or one.decorable for one in outcomes) / len(outcomes)
    print(f"{name}: {len(outcomes)} targets, ceiling {reachable / len(outcomes):.3f}, with decorations {decorated:.3f}")
    for measure in ("scaled", "unscaled", "layer"):
        places = [getattr(one, measure) for one in outcomes]
        counts = [sum(0 < place <= top for place in places) for top in TOPS]
        shares = "  ".join(f"top {top} {count / len(outcomes):.3f}" for top, count in zip(TOPS, counts, strict=True))
        within = [sum(one.reachable and 0 < getattr(one, measure) <= top for one in outcomes) for top in TOPS]
        of = "  ".join(f"{count / max(reachable, 1):.3f}" for count in within)
        print(f"  {measure:9s} {shares}   of the ceiling {of}", flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", default="2d", choices=["2d", "bulk"])
    parser.add_argument("--targets", type=int, default=300, help="how many, drawn at random; 0 for all")
    parser.add_argument("--as-stored", action="store_true", help="leave layers leaning in their cells as they do")
    parser.add_argument("--all-ways", action="store_true", help="the published route and what made it better, too")
    parser.add_argument("--fit", action="store_true", help="fit the weights to all records, print them, and stop")
    parser.add_argument("--final", action="store_true", help="the families kept for the final check, and no others")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    records = load(options.kind, as_stored=options.as_stored)
    kept = {name for name, one in records.structures.items() if kept_for_the_end(one.composition.reduced_formula)}
    cases = [case for case in evidence(records) if case.template_id not in kept]
    if options.fit:
        print(f"{len(cases)} targets with a template of their prototype; weights {fit(cases).round(3)}")
        return
    rng = np.random.default_rng(0)
    first_half = set(np.array(records.ids)[rng.random(len(records.ids)) < 0.5].tolist())
    features = features_of(records.dimension)
    crossed = [
        fit([case for case in cases if (case.template_id in first_half) != own_half]) for own_half in (True, False)
    ]
    print("weights for the one half and the other:", *(weights.round(2) for weights in crossed))
    costs = [np.tensordot(weights, features, axes=1) for weights in crossed]
    targets = [name for name in records.ids if (name in kept) == options.final]
    if options.targets:
        targets = rng.choice(targets, min(options.targets, len(targets)), replace=False).tolist()

    judge, decorated = Judge(records), decorable(records)
    dimension = records.dimension

    def with_options(**chosen: object) -> Callable[[str, TemplateLibrary], list[Prediction]]:
        return lambda formula, library: predict(formula, library, dimension=dimension, new=True, **chosen)

    def own_costs(target: str) -> NDArray[np.float64]:
        return costs[0 if target in first_half else 1]

    ways: dict[str, Callable[[str], Callable[[str, TemplateLibrary], list[Prediction]]]] = {
        "learned": lambda target: with_options(costs=own_costs(target)),
        "learned, distinct by prototype": lambda target: with_options(costs=own_costs(target), match_structures=False),
        "learned, not rescaled": lambda target: with_options(costs=own_costs(target), rescale=False),
        "prototypes, costs by scale distance alone": lambda _: with_options(costs=SCALE_ALONE * features[0] ** 2),
        "published": lambda _: with_options(ranking="elmd", rescale=False),
        "published, rescaled": lambda _: with_options(ranking="elmd"),
    }
    if not options.all_ways:
        ways = {"learned": ways["learned"]}
    for name, way in ways.items():
        start = time.perf_counter()
        outcomes = [leave_out(records, judge, target, way(target), decorated) for target in targets]
        report(name, outcomes)
        print(f"  {time.perf_counter() - start:.0f} s")
        for n in sorted({one.n_elements for one in outcomes}):
            report(f"  {n} elements", [one for one in outcomes if one.n_elements == n])
        report("  its prototype is in the library", [one for one in outcomes if one.reachable])
        report("  only as a decoration", [one for one in outcomes if one.decorable and not one.reachable])
        report("  not at all", [one for one in outcomes if not one.reachable and not one.decorable])


if __name__ == "__main__":
    main()
