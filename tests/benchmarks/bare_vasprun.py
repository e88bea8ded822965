"""Parses vasprun.xml files by pymatgen alone, on several processes: the peer that `bench_vasp` times ingestion against.

    ls */vasprun.xml.gz | python tests/benchmarks/bare_vasprun.py 2

Files come on standard input; seconds go to standard output, as JSON: those of parsing once the processes are there.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor

from pymatgen.io.vasp.outputs import Vasprun


def parse(path: str) -> float:
    """Energy of a run, in eV, read with pymatgen's defaults but for POTCARs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(Vasprun(path, parse_potcar_file=False).final_energy)


def main() -> None:
    """Parse what standard input names."""
    paths, processes = sys.stdin.read().splitlines(), int(sys.argv[1])
    with ProcessPoolExecutor(processes) as pool:
        list(pool.map(parse, paths[: 2 * processes]))
        started = time.perf_counter()
        list(pool.map(parse, paths))
        print(json.dumps({"files": len(paths), "seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
