"""Faults of every kind in the middle of a refresh, each counted: nothing lost, nothing doubled, exit codes right.

    python tests/faults/faults.py FOLDER --kill-refresh 60 --kill-mongod 20 --primary 10 --cut 10

Without numbers each kind comes once or a few times. Faults come at random moments, by the CPU that the command has
used, so that a busy machine doesn't shift them. After each the work is finished by another refresh, and all documents
are compared with those of a run that nothing disturbed.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import kinds
from ground import Ground, Tally

SEED: Final = 20261130


def main() -> None:
    """Do the harm that is asked for, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path, nargs="?", help="where all files lie; a temporary one without")
    options.add_argument("--only", nargs="*", choices=[*kinds.KINDS], help="these kinds alone")
    options.add_argument("--layers-only", action="store_true", help="without drawn compositions: half as dear")
    options.add_argument("--cut-seconds", type=float, default=30, help="how long a connection is cut")
    for name, (_, number) in kinds.KINDS.items():
        options.add_argument(f"--{name}", type=int, default=number, help=f"how often (default {number})")
    asked = options.parse_args()
    folder = (asked.folder or Path(tempfile.mkdtemp(prefix="exfolio-faults-"))).absolute()
    chance = random.Random(SEED)
    ground = Ground(folder / "ground")
    if asked.layers_only:
        del ground.campaigns[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to stop"))
    wrong = 0
    try:
        ground.learn()
        for name, (harm, _) in kinds.KINDS.items():
            number = getattr(asked, name.replace("-", "_"))
            if not number or (asked.only is not None and name not in asked.only):
                continue
            tally, began = Tally(name), time.monotonic()
            try:
                harm(ground, number, chance, tally, asked.cut_seconds)
            except Exception as error:  # noqa: BLE001  the other kinds are still to come
                tally.wrong.append(f"{type(error).__name__}: {error}")
            finally:
                print(f"{tally.line()}\n    {time.monotonic() - began:.0f} s", flush=True)
                wrong += len(tally.wrong)
    finally:
        ground.stop()
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
