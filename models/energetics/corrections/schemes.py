"""Names of the correction schemes; `corrections` applies them, and takes seconds to import.

Knows no energies and no pymatgen, so that a campaign or a command can name a scheme at no cost.
"""

from __future__ import annotations

from enum import StrEnum

GGA_RUN_TYPES = ("GGA", "GGA+U")
R2SCAN_RUN_TYPES = ("r2SCAN", "R2SCAN")


class Scheme(StrEnum):
    """Correction schemes by name.

    NONE
        Energies as computed; nothing is refused.
    MP2020
        MaterialsProject2020Compatibility, GGA and GGA+U mixed: Wang et al., Sci. Rep. 11, 15496 (2021), with the U
        values of the Materials Project.
    MP2020_GGA
        The same without +U: whatever was run with a U is refused.
    R2SCAN_MIXING
        MaterialsProjectDFTMixingScheme, r2SCAN placed on the corrected GGA(+U) hull or the other way: Kingsbury et al.,
        npj Comput. Mater. 8, 195 (2022). It needs all entries of a chemical system at once, with structures.
    """

    NONE = "none"
    MP2020 = "MP2020"
    MP2020_GGA = "MP2020-GGA"
    R2SCAN_MIXING = "MP2020+r2SCAN"


class UnknownSchemeError(ValueError):
    """No scheme of that name."""
