"""Reader of OQMD's records, saved as JSON: pages of its API (/oqmdapi/formationenergy), or lists of records.

Fields and units as in qmpy's FormationEnergySerializer; see Kirklin et al., npj Comput. Mater. 1, 15010 (2015).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

from pymatgen.core.structure import Lattice, Structure
from pymatgen.symmetry.groups import SpaceGroup

from ..files.json_file_reader import JsonFileReader
from ..files.json_stream import load
from ..records.material_fields import formula_fields, identity, space_group
from ..records.raw_record import BadRecord, Documents, RawRecord
from ..records.record_values import check_value, extra_fields, number, text
from ..records.structure_fields import check_formula, checked, structure_fields

REFERENCE = "S. Kirklin et al., OQMD, npj Comput. Mater. 1, 15010 (2015)"
LICENSE = "CC BY 4.0"
METHOD = "PBE (+U)"
SAME_VOLUME = 0.01  # as a fraction; it is stated with six digits, and typed by hand with fewer

# Energies eV/atom; `stability` is the distance to the hull, 0 on it; gap eV.
_NUMBERS = {"delta_e": "formation_energy", "stability": "energy_above_hull", "band_gap": "band_gap"}
_USED = frozenset(
    {"entry_id", "name", "composition", "composition_generic", "unit_cell", "sites", "ntypes", "natoms", "volume"}
    | {"spacegroup", "prototype", *_NUMBERS}
)


@dataclass(frozen=True, kw_only=True)
class Oqmd(JsonFileReader):
    """Materials of OQMD: formation energies, hull distances, gaps; structures where those fields were asked for."""

    kind: ClassVar[str] = "oqmd"
    version: ClassVar[int] = 1
    file_kinds: ClassVar[str] = "JSON files (.json, .jsonl)"
    default_source: ClassVar[str] = "oqmd"

    def parse(self, raw: RawRecord) -> Documents:
        """Make the document of one record.

        Raises
        ------
        BadRecord
            The record can't be used.
        """
        record = load(raw.payload)
        if not isinstance(record, Mapping) or record.get("entry_id") is None:
            raise BadRecord("it has no entry_id", remedy="give records of OQMD's API")
        formula = text(record, "name") or text(record, "composition")
        structure = _structure(record)
        if structure is not None:
            fields = structure_fields(structure)
            if formula is not None:
                check_formula(formula, structure)
            _check_volume(number(record, "volume"), structure)
        elif formula is not None:
            fields = formula_fields(formula)
        else:
            raise BadRecord("it has neither name nor composition", remedy="ask OQMD for the field name")
        document: dict[str, Any] = {
            **identity(self.source, str(record["entry_id"]), self.source_version),
            **fields,
            "dimension_claimed": 3,
            "reference": REFERENCE,
        }
        stated = {
            field: check_value(field, value)
            for name, field in _NUMBERS.items()
            if (value := number(record, name)) is not None
        }
        document |= stated
        document["methods"] = dict.fromkeys(stated, METHOD)
        if prototype := text(record, "prototype"):
            document["prototype"] = prototype
        if (symbol := text(record, "spacegroup")) and (group := _number(symbol)):
            document["space_group"] = space_group(group, symbol)
        document["extra"] = {**extra_fields(record, used=_USED), "license": LICENSE}
        return {"materials": [document]}


@lru_cache(maxsize=512)
def _number(symbol: str) -> int | None:
    """Number of a space group by its Hermann-Mauguin symbol, which is all that OQMD states; None for an unusual one."""
    try:
        return int(SpaceGroup(symbol).int_number)
    except ValueError:
        return None


def _check_volume(stated: float | None, structure: Structure) -> None:
    if stated is not None and abs(stated - structure.volume) > SAME_VOLUME * structure.volume:
        raise BadRecord(
            f"the volume is stated as {stated:.4g} Å^3, that of its cell is {structure.volume:.4g}",
            remedy="take the record from OQMD again",
        )


def _structure(record: Mapping[str, Any]) -> Structure | None:
    """Structure of ``unit_cell`` (Å) and ``sites`` (``Si @ 0.125 0.125 0.125``, fractions of the cell)."""
    cell, sites = record.get("unit_cell"), record.get("sites")
    if cell is None or sites is None:
        return None
    try:
        parts = [str(site).partition("@") for site in sites]
        symbols = [symbol.strip() for symbol, _, _ in parts]
        places = [[float(x) for x in place.split()] for _, _, place in parts]
        return checked(Structure(Lattice(cell), symbols, places))
    except BadRecord:
        raise
    except (TypeError, ValueError, IndexError) as error:
        raise BadRecord(f"its sites can't be read: {error}", remedy="take the record from OQMD again") from error
