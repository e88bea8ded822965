"""Prints what pyproject.toml asks for, with some extras, as a requirements file; needs the standard library only.

Usage: requirements.py pyproject.toml ase,mlip
"""

import sys
import tomllib
from pathlib import Path


def main() -> None:
    """Print one requirement a line."""
    project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
    extras = [name for name in sys.argv[2].split(",") if name]
    lines = list(project["dependencies"])
    for name in extras:
        lines += project["optional-dependencies"][name]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
