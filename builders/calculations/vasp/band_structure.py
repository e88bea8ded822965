"""Band edges, total moment and filling of the highest band, read from a calculation's eigenvalues."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pymatgen.io.vasp.outputs import Vasprun

from ....models.calculation.band_edges import BandEdges, Channel, band_edges
from ....models.calculation.run_kind import LINE_KINDS
from ....models.calculation.vasp_tags import VaspTags
from ...engine.batches import Doc


def edges_of(vasprun: Vasprun, tags: VaspTags, doc: Doc) -> BandEdges | None:
    """Band edges, put into the document with what is to be said of them."""
    if not vasprun.eigenvalues:
        return None
    spins = {spin.value: values for spin, values in vasprun.eigenvalues.items()}
    if -1 in spins and len(vasprun.actual_kpoints_weights):
        doc["magnetization"] = _moment(spins[1][..., 1], spins[-1][..., 1], vasprun.actual_kpoints_weights)
    names: dict[Channel, int] = {"up": 1, "down": -1} if -1 in spins else {"both": 1}
    edges = band_edges(
        {name: spins[value][..., 0] for name, value in names.items()},
        {name: spins[value][..., 1] for name, value in names.items()},
        np.asarray(vasprun.actual_kpoints_weights, dtype=np.float64),
        tags.number("NELECT", 0.0),
        spinors=tags.on("LNONCOLLINEAR") or tags.on("LSORBIT"),
    )
    doc["warnings"] += edges.notes
    if edges.doubt:
        doc["warnings"].append(f"no band gap to rely on: {edges.doubt}")
    if edges.gap is None:
        return edges
    told = {"band_gap": edges.gap, "band_gap_direct": edges.direct, "cbm": edges.cbm, "vbm": edges.vbm}
    doc |= {name: value for name, value in told.items() if value is not None}
    doc["band_gap_from"] = (
        "one k-point" if doc["kpoints"]["count"] == 1 else "lines" if doc["task_type"] in LINE_KINDS else "mesh"
    )
    if edges.by_channel:
        doc["band_gap_by_spin"] = dict(edges.by_channel)
    return edges


def _moment(up: NDArray[np.float64], down: NDArray[np.float64], weights: Sequence[float]) -> float:
    """Total moment of a cell, µB: electrons of spin up less those of spin down, by occupations (k-points, bands)."""
    share = np.asarray(weights, dtype=np.float64) / np.sum(weights)
    return round(float(share @ (up - down).sum(axis=1)), 4)


def filling_of_highest(vasprun: Vasprun) -> float:
    """Largest occupation of the highest band over spins and k-points; 0 without eigenvalues."""
    levels = (vasprun.eigenvalues or {}).values()
    return max((float(values[:, -1, 1].max()) for values in levels if values.size), default=0.0)
