"""Does what a record states of its structure - sites, volume, elements - agree with the structure that it holds."""

from collections.abc import Mapping
from typing import Any, Final

from ....models.structure.stated_contents import DENSITY_SHARE, VOLUME_SHARE
from .raw_record import BadRecord

_COUNTS: Final = ("nsites", "nelements", "chemsys")


def check_agreement(record: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """Check that numbers beside a structure are those of the structure; the names are emmet-core's.

    Parameters
    ----------
    record
        With ``nsites``, ``chemsys``, ``nelements``, ``volume`` (Å^3) and ``density`` (g/cm^3), where it states them.
    fields
        Those that follow from its structure.

    Raises
    ------
    BadRecord
        They disagree: both figures of each.
    """
    faults = [
        f"its {name} is stated as {record[name]!r:.60}, its structure has {fields[name]!r}"
        for name in _COUNTS
        if record.get(name) not in (None, fields[name])
    ]
    # Of a layer volume and density are those of a vacuum, which may be set anew; deuterium is stored as hydrogen.
    compared = {"volume": ("Å^3", VOLUME_SHARE), "density": ("g/cm^3", DENSITY_SHARE)}
    if "dimension_claimed" in fields:
        compared = {}
    elif "H" in fields["elements"]:
        del compared["density"]
    for name, (unit, share) in compared.items():
        stated, here = record.get(name), fields[name]
        if isinstance(stated, int | float) and not abs(stated - here) <= share * here:
            faults.append(f"its {name} is stated as {stated:g} {unit}, its structure has {here:.6g} {unit}")
    if faults:
        raise BadRecord("; ".join(faults), remedy="correct the record")
