"""What a relaxation made of predicted structures, as a table and as plain data: for ``exfolio predict --relax``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table

from ...display.cells import MARKS
from ...display.console import out
from ...display.tables import print_table

if TYPE_CHECKING:
    from ....builders.structures.relaxed_predictions import RelaxedPrediction
    from ....models.potential.interface import Potential
    from ....models.structure.cells.sanity_checks import Check

Doc = dict[str, Any]

MARK = {True: MARKS["passed"], False: MARKS["failed"], None: MARKS["unknown"]}
MEV = 1000.0


def relaxed_as_plain(one: RelaxedPrediction, potential: Potential) -> Doc:
    """Plain data of what became of a structure; energies in eV/atom, changes as ratios to before."""
    from ....models.structure.serialization import to_plain

    relaxed = one.relaxed
    return {
        "method": potential.name,
        "energy_before": one.energy_before,
        "energy": relaxed.energy_per_atom,
        "volume_change": relaxed.volume_change,
        "area_change": relaxed.area_change,
        "steps": relaxed.steps,
        "converged": relaxed.converged,
        "doubts": list(relaxed.doubts),
        "failure": relaxed.failure,
        "became": None if one.became is None else one.became + 1,
        "checks": checks_as_plain(one.checks),
        "structure": to_plain(relaxed.structure) if relaxed.failure is None else None,
    }


def checks_as_plain(checks: Sequence[Check]) -> Doc:
    """Plain data of checks, by name."""
    return {
        check.name: {name: getattr(check, name) for name in ("passed", "value", "limit", "most", "note")}
        for check in checks
    }


def print_relaxed(relaxed: Sequence[RelaxedPrediction], potential: Potential) -> None:
    """Print energies above the lowest, and by how much cells changed, by the ranks of the predictions."""
    energies = [one.relaxed.energy_per_atom for one in relaxed]
    lowest = min((energy for energy in energies if energy is not None), default=0.0)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("", "meV/atom above lowest", "gained", "cell", "became"):
        table.add_column(name, justify="right")
    table.add_column("checks", no_wrap=True)
    table.add_column("", overflow="fold")
    for rank, (one, energy) in enumerate(zip(relaxed, energies, strict=True), 1):
        result = one.relaxed
        change = result.area_change or result.volume_change
        gained = None if energy is None or one.energy_before is None else one.energy_before - energy
        notes = [result.failure, *result.doubts, None if result.converged or result.failure else "not converged"]
        table.add_row(
            str(rank),
            "" if energy is None else f"{(energy - lowest) * MEV:.0f}",
            "" if gained is None else f"{gained * MEV:.0f}",
            "" if change is None else f"{change - 1:+.1%}",
            "" if result.failure else "another" if one.became is None else str(one.became + 1),
            " ".join(MARK[check.passed] for check in one.checks),
            "; ".join(note for note in notes if note),
        )
    out.print(f"[bold]Relaxed by {potential.name}[/]", soft_wrap=True)
    print_table(table)
    checks = next((one.checks for one in relaxed if one.checks), ())
    names = ", ".join(check.name.replace("_", " ") for check in checks)
    out.print(
        "[dim]cell: change of volume, of monolayers of area; became: whose structure, as predicted above, it has now; "
        f"checks: {names}[/]",
        soft_wrap=True,
    )
