"""Times CHGNet through exfolio against CHGNet's own batched prediction and its StructOptimizer, on handbook crystals.

Run: python tests/benchmarks/bench_potential.py [structures to evaluate] [structures to relax]. All on one thread each,
so that processes are compared with processes.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
from exfolio.builders.sources.reader_kinds import reader_for
from exfolio.builders.sources.readers.reader import parse_many
from exfolio.builders.sources.records.raw_record import RawRecord
from exfolio.models.potential.family.chgnet import evaluate, potential, relax
from exfolio.models.structure.dimensionality.layering import DATABASE_RULES, analyse_layers
from exfolio.models.structure.layered.monolayer import monolayers
from exfolio.models.structure.serialization import from_plain
from pymatgen.core import Structure
from report import compare, seconds

STEPS = 100


def handbook() -> list[Structure]:
    """Crystals of the handbook."""
    reader = reader_for("handbook")
    rows = [raw for path in reader.files() for raw in reader.records(path) if isinstance(raw, RawRecord)]
    documents = [found for found in parse_many(reader, rows) if isinstance(found, dict)]
    return [from_plain(one["materials"][0]["structure"]) for one in documents if "structure" in one["materials"][0]]


def layers_of(crystals: list[Structure], count: int) -> list[Structure]:
    """Monolayers, cut from them."""
    found: list[Structure] = []
    for crystal in crystals:
        if len(crystal) <= 12 and analyse_layers(crystal, DATABASE_RULES).layered:
            found.append(monolayers(crystal)[0].structure)
        if len(found) == count:
            break
    return found


def in_processes(pool: ProcessPoolExecutor, structures: list[Structure], processes: int) -> list[object]:
    """Divide relaxation among processes."""
    shares = [structures[i::processes] for i in range(processes)]
    return [one for share in pool.map(_relax, shares) for one in share]


def _relax(structures: list[Structure]) -> list[object]:
    return list(relax(structures, max_steps=STEPS))


def main() -> None:
    """Print the figures."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    to_evaluate, to_relax = (int(one) for one in (sys.argv[1:] + ["120", "12"][len(sys.argv) - 1 :]))
    crystals = handbook()
    sample = crystals[:: max(1, len(crystals) // to_evaluate)][:to_evaluate]
    layers = layers_of(crystals, to_relax)
    model = potential()
    evaluate(sample[:2])
    compare(
        "static, energies forces stresses",
        lambda: evaluate(sample),
        lambda: model.predict_structure(sample, task="efs", batch_size=16),
        ours_n=len(sample),
        peer_name="CHGNet.predict_structure",
    )
    compare(
        "static, energies alone",
        lambda: evaluate(sample, forces=False),
        lambda: model.predict_structure(sample, task="e", batch_size=16),
        ours_n=len(sample),
        peer_name="CHGNet.predict_structure",
    )
    from chgnet.model import StructOptimizer

    with contextlib.redirect_stdout(io.StringIO()):
        optimizer = StructOptimizer(model=model, use_device="cpu")
    result = compare(
        f"relaxation of monolayers, at most {STEPS} steps",
        lambda: _relax(layers),
        lambda: [optimizer.relax(layer, steps=STEPS, verbose=False) for layer in layers],
        ours_n=len(layers),
        repeats=1,
        peer_name="StructOptimizer",
    )
    ours, theirs = (3600 * len(layers) / took for took in (result.ours_s, result.peer_s))
    print(f"  that is {ours:,.0f} structures/hour against {theirs:,.0f}")
    more = layers * 4
    for processes in (1, 2):
        with ProcessPoolExecutor(processes, mp_context=get_context("forkserver")) as pool:
            list(pool.map(_relax, [layers[:1]] * processes))  # imports and weights
            took = seconds(lambda p=pool, n=processes: in_processes(p, more, n))  # type: ignore[misc]
        rate = 3600 * len(more) / took
        print(f"relaxation in {processes} processes: {rate:,.0f} structures/hour ({took:.1f} s for {len(more)})")


if __name__ == "__main__":
    main()
