"""Settings of a calculation that are kept with it: they decide whether two energies can be compared."""

from __future__ import annotations

import math
from typing import Any, Final

from ....models.calculation.functional import gga_tag
from ....models.calculation.vasp_tags import VaspTags
from ...engine.batches import Doc

ALWAYS_KEPT: Final = (
    *("ENCUT", "PREC", "EDIFF", "EDIFFG", "ISMEAR", "SIGMA", "ISPIN", "LASPH", "NSW", "IBRION", "ISIF"),
    *("NELECT", "NUPDOWN", "PSTRESS", "LSORBIT", "LNONCOLLINEAR"),
)
"""Settings that are kept also where the INCAR says nothing of them."""
_KEPT_WITH: Final = (("LHFCALC", ("AEXX", "HFSCREEN")), ("LUSE_VDW", ("AGGAC",)), ("LDAU", ("LDAUTYPE",)))

SETTINGS: Final = (
    *ALWAYS_KEPT,
    *("ADDGRID", "LREAL", "ALGO", "IALGO", "NELM", "KSPACING", "LDIPOL", "IDIPOL", "LATTICE_CONSTRAINTS", "PRECFOCK"),
    *("GGA", "METAGGA", "LHFCALC", "HFSCREEN", "AEXX", "AGGAX", "ALDAX", "ALDAC", "AMGGAX", "AMGGAC"),
    *("LDAU", "LDAUTYPE", "LDAUL", "LDAUU", "LDAUJ"),
    *("IVDW", "LVDW", "LUSE_VDW", "AGGAC", "PARAM1", "PARAM2", "PARAM3", "ZAB_VDW", "BPARAM", "CPARAM", "IVDW_NL"),
    *("GGA_COMPAT",),
    *("VDW_S6", "VDW_S8", "VDW_A1", "VDW_A2", "VDW_R0", "VDW_SR", "VDW_D", "VDW_C6", "VDW_RADIUS", "VDW_CNRADIUS"),
)
"""Tags that are kept: they decide whether two energies can be compared."""


def settings_of(tags: VaspTags) -> Doc:
    """Settings that are kept: what VASP took where it says so, else what the INCAR says."""
    settings: Doc = {}
    for tag in SETTINGS:
        kept = tag in tags.told or tag in ALWAYS_KEPT or any(tags.on(part) and tag in its for part, its in _KEPT_WITH)
        value = tags.get(tag) if kept else None
        if value is not None and _storable(value):
            settings[tag] = value
    if "PREC" in settings:
        first = str(settings["PREC"]).strip().upper()[:1]
        settings["PREC"] = {"A": "Accurate", "N": "Normal", "H": "High"}.get(first, settings["PREC"])
    if gga := gga_tag(tags):
        settings["GGA"] = gga
    else:
        settings.pop("GGA", None)
    if metagga := tags.word("METAGGA"):
        settings["METAGGA"] = metagga
    else:
        settings.pop("METAGGA", None)
    return settings


def _storable(value: Any) -> bool:
    if isinstance(value, list):
        return all(_storable(item) for item in value)
    return isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value))
