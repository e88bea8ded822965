"""Reads the manifest that exported VASP input carries: which structure a calculation is for, and what for.

It is plain JSON of a few known texts; whatever else it holds is not looked at, and nothing it names is imported.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from ...sources.files.open_files import SourceFileError, quoted, read_whole

FIELDS: Final = (
    *("structure_id", "candidate_id", "campaign", "material_id", "bulk_of", "bulk_from"),
    *("purpose", "role", "functional", "task", "content_hash"),
)
"""What is taken of a manifest, each a text: the proposed structure, the candidate and campaign it was exported for, the
known material, what the calculation is for (relax, static, bulk, monolayer, gap …), the hash of the candidate's content
then, for a bulk the structure whose exfoliation energy it is needed for and, if no source has it, how it was made."""

MAX_BYTES: Final = 1 << 20
_LONGEST = 500


def read_manifest(path: Path) -> tuple[dict[str, Any], str | None]:
    """Read a manifest.

    Returns
    -------
    tuple
        Its known fields, and what is wrong with it (None when nothing is): a bad manifest makes no calculation bad.
    """
    try:
        content = json.loads(read_whole(path, limit=MAX_BYTES))
    except (SourceFileError, OSError) as error:
        return {}, f"the manifest can't be read: {error}"
    except (ValueError, RecursionError):
        return {}, f"the manifest {quoted(path)} is not JSON"
    if not isinstance(content, dict):
        return {}, f"the manifest {quoted(path)} is not an object"
    usable: dict[str, Any] = {}
    for name in FIELDS:
        value = content.get(name)
        if isinstance(value, str) and 0 < len(value) <= _LONGEST and value.isprintable():
            usable[name] = value
    odd = sorted(name for name in FIELDS if name in content and name not in usable and content[name] is not None)
    return usable, f"the manifest has no usable {', '.join(odd)}" if odd else None
