"""Which corrections a table of formation energies has, by the enthalpies of the bundled handbook."""

from exfolio.builders.properties.hulls.anion_scale import corrected_anions
from exfolio.stores.connection import Connection
from known_crystals import crystals, put

BROMIDES = ("MgBr2-CdI2", "MnBr2-CdI2", "FeBr2-CdI2", "CoBr2-CdI2", "CdBr2-CdCl2")
IODIDES = ("MgI2-CdI2", "CoI2-CdI2", "CdI2-CdI2", "PbI2-CdI2", "NiI2-CdCl2")
PER_BROMINE = 0.534
"""eV by which uncorrected energies lie too high."""


def test_measured_enthalpies_tell_of_each_anion_whether_a_table_is_corrected_for_it(registry: Connection) -> None:
    measured = crystals(*BROMIDES, *IODIDES)
    assert all("formation_energy" in bulk for bulk in measured)
    table = [
        {
            "material_id": f"table:{bulk['formula_reduced']}",
            "source": "table",
            "source_id": bulk["formula_reduced"],
            **{name: bulk[name] for name in ("formula", "formula_reduced", "chemsys", "elements", "nelements")},
            "formation_energy": bulk["formation_energy"] + (PER_BROMINE * 2 / 3 if "Br" in bulk["elements"] else 0.02),
            "methods": {"formation_energy": "PBE"},
        }
        for bulk in measured
    ]
    put(registry, [*measured, *table])

    assert corrected_anions(registry.database) == {"PBE": {"Br": False, "I": True}}
