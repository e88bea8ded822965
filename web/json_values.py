"""Documents as everybody may see them in JSON: moments as text, no bookkeeping of stages, no folders of the machine."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any, Final

from ..models.composition.formula.chemists_formula import chemists_formula

Doc = dict[str, Any]

_FOR_STAGES: Final = frozenset({"_id", "facets"})
_OF_THE_MACHINE: Final = frozenset({"host", "pid", "error"})
"""Fields of a run, and of nothing else: where it ran, and what its failure said."""
_IN_WATER: Final = re.compile(r"([A-Z][A-Za-z0-9.()]*?)(\((?:s|aq)\)|\[\d*[+-]\])")
"""Species that a Pourbaix diagram names: ``Mg(HO)2(s)``, ``MnO4[-]``."""
_PATHS: Final = frozenset({"source_file", "directory", "path", "file"})
"""Fields of places on the machine: of these the last part is shown."""


def plain(value: Any) -> Any:
    """Value as JSON has it; numbers that are none are null."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value if value is None or isinstance(value, str | int) else str(value)


def without_folders(document: Mapping[str, Any]) -> Doc:
    """Document without bookkeeping of stages, and without the folders of the machine that its files lie in."""
    hidden = _FOR_STAGES | _OF_THE_MACHINE
    return {str(key): _shown(str(key), value) for key, value in document.items() if key not in hidden}


def public(document: Mapping[str, Any]) -> Doc:
    """Document as everybody may see it, its formulas also as chemists write them: ``formula_shown``."""
    shown: Doc = plain(without_folders(document))
    if isinstance(formula := shown.get("formula_reduced"), str):
        shown["formula_shown"] = chemists_formula(formula)
    for phase in shown.get("competing") or ():
        if isinstance(phase, dict) and isinstance(phase.get("formula"), str):
            phase["formula_shown"] = chemists_formula(phase["formula"])
        elif isinstance(phase, dict) and (species := _IN_WATER.fullmatch(str(phase.get("id")))):
            phase["formula_shown"] = chemists_formula(species[1]) + species[2]
    return shown


def _shown(key: str, value: Any) -> Any:
    if key in _PATHS and isinstance(value, str):
        return PurePath(value).name
    if key == "origins" and isinstance(value, list):
        return [_origin(origin) for origin in value]
    return value


def _origin(origin: Mapping[str, Any]) -> Doc:
    if origin.get("collection") == "file":
        return {**origin, "id": PurePath(str(origin.get("id", ""))).name}
    return dict(origin)
