"""What a person wants to see of each collection when no fields are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .language.fields import ALL_DOCUMENTS, fields_of

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "materials": (
        "material_id",
        "formula_reduced",
        "space_group.symbol",
        "nsites",
        "layered",
        "formation_energy",
        "energy_above_hull",
        "exfoliation_energy",
        "band_gap",
    ),
    "reference_entries": ("entry_id", "formula_reduced", "functional", "energy_per_atom", "correction", "nelements"),
    "trained_models": ("model_id", "kind", "seed", "tags", "created_at"),
    "compositions": (
        "formula_reduced",
        "times_drawn",
        "charge_neutral",
        "electronegativity_balanced",
        "novel",
        "p_2d",
        "predicted_formation_energy",
    ),
    "structures": (
        "structure_id",
        "formula_reduced",
        "route",
        "parent_id",
        "space_group.symbol",
        "nsites",
        "thickness",
        "valid",
        "novel",
    ),
    "calculations": ("calculation_id", "formula_reduced", "code", "functional", "task_type", "energy", "usable"),
    "properties": ("property_id", "kind", "method", "value", "unit", "stale"),
    "candidates": (
        "candidate_id",
        "formula_reduced",
        "status",
        "rejected_by",
        "novel",
        "formation_energy",
        "energy_above_hull",
        "exfoliation_energy",
        "band_gap",
    ),
    "runs": ("run_id", "job", "state", "started_at", "ended_at", "error"),
    "writers": ("number", "stage", "version", "run_id"),
    "stage_states": ("stage", "consumed", "updated_at"),
    "leases": ("job", "owner", "expires_at"),
    "failures": ("stage", "item", "attempts", "parked", "next_retry_at", "last_error"),
    "quarantine": ("stage", "file", "place", "reason", "remedy"),
    "scheduled_jobs": ("job", "cron", "state", "started_at", "next_due_at", "failures", "error"),
    "releases": ("number", "title", "created_at", "version", "digest"),
    "settings_claims": ("campaign", "stage", "label"),
    "resting_points": ("job", "campaigns", "at"),
    "source_records": ("stage", "record", "stamp", "withdrawn", "bad"),
    "pending_retirements": ("stage", "collection", "key", "reason", "held_by"),
    "source_pulls": ("stage", "release", "ended_at", "requests", "complete", "note"),
    "source_files": ("stage", "path", "records", "bad", "complete"),
}
"""The columns of a table, by collection."""

NEWEST_FIRST: Final[Mapping[str, tuple[str, ...]]] = {"runs": ("-started_at",), "failures": ("-last_failed_at",)}
"""The order where none is asked for, beside that of the keys."""


def columns_of(collection: str) -> tuple[str, ...]:
    """Fields to show of a collection."""
    return COLUMNS.get(collection, (fields_of(collection).key,))


def all_columns(collection: str) -> tuple[str, ...]:
    """Every field of a collection, parts of others left out, and ends of intervals, which come with the value."""
    known = fields_of(collection)
    ends = {end for field in known for end in (field.low, field.high) if field.kind != "object"}
    return tuple(field.path for field in known if "." not in field.path and field.path not in {"facets", *ends})


COLLECTIONS: Final = tuple(ALL_DOCUMENTS)
"""Every collection that can be asked."""
