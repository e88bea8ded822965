"""Names of files: plain letters, no folder, told apart, and none that another program takes for another format."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

_NAME_LENGTH: Final = 150
_NAMES_OF_FORMATS: Final = re.compile(
    r"(?:POS|CONT|CENT|OUT|XDAT|CHG|POT|IN)(?=CAR)|LOC(?=POT)|vas(?=p)|CON(?=FIG)", re.IGNORECASE
)
"""Words in a name by which ASE or pymatgen would take a file for another format than its ending says."""


def file_names(keys: list[str], ending: str) -> dict[str, str]:
    """File name of each id: plain letters, no folder, told apart even where case is not.

    The only dot is that of the ending, by which other programs know the format: some take ``a.cif.vasp`` for a CIF.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for key in keys:
        plain = re.sub(r"[^A-Za-z0-9_+-]", "_", key).lstrip("_-")[:_NAME_LENGTH]
        name = _NAMES_OF_FORMATS.sub(lambda found: f"{found[0]}_", plain) or "_"
        if f"{name}{ending}".casefold() in taken:
            name = f"{name}-{blake2b(key.encode(), digest_size=4).hexdigest()}"
        taken.add(f"{name}{ending}".casefold())
        names[key] = f"{name}{ending}"
    return names
