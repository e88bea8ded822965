"""What a relaxation made of predicted structures, as a table and as plain data: for ``exfolio predict``."""

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
    from ....models.structure.templates import Prediction

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


def print_relaxed(
    predictions: Sequence[Prediction], relaxed: Sequence[RelaxedPrediction | None], potential: Potential
) -> None:
    """Print energies above the lowest of a dimension, and by how much cells changed, by rank."""
    lowest = _lowest(predictions, relaxed)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("", "meV/atom above lowest", "gained", "cell", "became"):
        table.add_column(name, justify="right")
    table.add_column("checks", no_wrap=True)
    table.add_column("", overflow="fold")
    for rank, (prediction, one) in enumerate(zip(predictions, relaxed, strict=True), 1):
        if one is None:
            continue
        result = one.relaxed
        energy = result.energy_per_atom
        change = result.area_change or result.volume_change
        gained = None if energy is None or one.energy_before is None else one.energy_before - energy
        notes = [result.failure, *result.doubts, None if result.converged or result.failure else "not at rest yet"]
        table.add_row(
            str(rank),
            "" if energy is None else f"{(energy - lowest[prediction.dimension]) * MEV:.0f}",
            "" if gained is None else f"{gained * MEV:.0f}",
            "" if change is None else f"{change - 1:+.1%}",
            "" if result.failure else "another" if one.became is None else str(one.became + 1),
            " ".join(MARK[check.passed] for check in one.checks),
            "; ".join(note for note in notes if note),
        )
    out.print(f"[bold]Relaxed by {potential.name}[/]", soft_wrap=True)
    print_table(table)
    checks = next((one.checks for one in relaxed if one and one.checks), ())
    names = ", ".join(check.name.replace("_", " ") for check in checks)
    left = sum(one is None for one in relaxed)
    out.print(
        "[dim]cell: change of volume, of monolayers of area; became: whose structure, as predicted above, it has now; "
        f"checks: {names}{f'; {left} more, and to rest: --relax' if left else ''}[/]",
        soft_wrap=True,
    )


def _lowest(predictions: Sequence[Prediction], relaxed: Sequence[RelaxedPrediction | None]) -> dict[int, float]:
    """eV/atom by dimension: a layer is no rival of a crystal."""
    lowest: dict[int, float] = {}
    for prediction, one in zip(predictions, relaxed, strict=True):
        if one and (energy := one.relaxed.energy_per_atom) is not None:
            lowest[prediction.dimension] = min(energy, lowest.get(prediction.dimension, energy))
    return lowest
