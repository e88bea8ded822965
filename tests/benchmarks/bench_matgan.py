"""Times the drawing of compositions: network, decoding, reduction and counting, beside the plain way of doing each.

Run as ``python tests/benchmarks/bench_matgan.py [weights] [draws]``; without weights the network is not trained, which
takes as long but draws fewer alike. The plain way passes each draw through the network by itself, decodes the 85 x 8
arrays to texts and counts those.
"""

import sys
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from exfolio.models.composition.matgan.model import MatGAN, MatGANConfig
from exfolio.models.composition.matgan.sampling import Tally, drawn, sample
from exfolio.models.composition.matgan.sequential import END, MAX_ELEMENTS, SequentialGenerator
from exfolio.models.composition.one_hot import decode
from numpy.typing import NDArray
from report import compare, peak_memory_mb, seconds

#: What the plain way gets, since it takes several times as long.
PEER_DRAWS = 20_000
DRAWS = 500_000
CHUNK = 4096


@torch.no_grad()
def plainly(generator: SequentialGenerator, draws: int) -> Counter[str]:
    counted: Counter[str] = Counter()
    for start in range(0, draws, CHUNK):
        n = min(CHUNK, draws - start)
        written = torch.full((n, MAX_ELEMENTS), END)
        going, sums, last = torch.arange(n), torch.zeros(n, generator.width), torch.full((n,), -1)
        for step in range(MAX_ELEMENTS):
            cells = torch.multinomial(torch.softmax(generator.logits(sums, last), dim=1), 1).squeeze(1)
            written[going, step] = cells
            kept = cells < END
            going, cells = going[kept], cells[kept]
            if not len(going):
                break
            sums, last = sums[kept] + generator.cells(cells), cells // 8
        counted.update(decode(generator.as_array(written).numpy()))
    return counted


def main() -> None:
    """Print the ratio, the parts, and the time and memory of many draws."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = MatGAN.from_bytes(Path(sys.argv[1]).read_bytes()) if len(sys.argv) > 1 else MatGAN(MatGANConfig())
    draws = int(sys.argv[2]) if len(sys.argv) > 2 else DRAWS
    generator = model.generator
    assert isinstance(generator, SequentialGenerator)
    compare(
        "draws counted",
        lambda: sample(model, 1 << 17, seed=1),
        lambda: plainly(generator, PEER_DRAWS),
        ours_n=1 << 17,
        peer_n=PEER_DRAWS,
        peer_name="one by one",
    )
    amounts = np.concatenate(list(drawn(model, 0, 1 << 17, seed=1)))
    compare(
        "counting alone",
        lambda: Tally().add(amounts),
        lambda: Counter(decode(one_hot(amounts[:PEER_DRAWS]))),
        ours_n=len(amounts),
        peer_n=PEER_DRAWS,
        peer_name="texts",
    )
    before = peak_memory_mb()
    result = []
    taken = seconds(lambda: result.append(sample(model, draws, seed=2)))
    print(
        f"{draws:,} draws in {taken:.1f} s: {len(result[0].formulas):,} distinct compositions, "
        f"peak memory {peak_memory_mb():,.0f} MB ({before:,.0f} MB before)"
    )


def one_hot(amounts: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Fill the 85 x 8 arrays."""
    return amounts[:, :, None] == np.arange(1, 9)


if __name__ == "__main__":
    main()
