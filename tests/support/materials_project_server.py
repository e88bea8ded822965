"""The Materials Project's API on loopback: its questions, and documents in the shapes that emmet-core's models give."""

from datetime import UTC, datetime, timedelta
from typing import Any

from emmet.core.mpid import AlphaID
from loopback import Loopback
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry, ConstantEnergyAdjustment

KEY = "0123456789abcdef0123456789abcdef"
THERMO = "GGA_GGA+U"
_START = datetime(2024, 3, 1, tzinfo=UTC)
_MOST = 1000


def rock_salt(cation: str, a: float) -> Structure:
    """An oxide of the structure of MgO, in its primitive cell."""
    half = a / 2
    return Structure(Lattice([[0, half, half], [half, 0, half], [half, half, 0]]), [cation, "O"], [[0] * 3, [0.5] * 3])


def element(symbol: str, a: float) -> Structure:
    """An element with one atom in a cubic cell."""
    return Structure(Lattice.cubic(a), [symbol], [[0, 0, 0]])


class MaterialsProjectServer(Loopback):
    """Holds documents by the number of their id."""

    def __init__(self) -> None:
        super().__init__()
        self.release = "2024.11.14"
        self.summary: dict[int, dict[str, Any]] = {}
        self.thermo: dict[int, dict[str, Any]] = {}
        self._updates = 0

    def put(self, number: int, structure: Structure, *, energy: float = -8.0, **fields: Any) -> None:
        """Add or replace a material and its thermo document."""
        from emmet.core.summary import SummaryDoc  # a second of imports, for those who run these tests
        from emmet.core.thermo import ThermoDoc

        self._updates += 1
        at = _START + timedelta(minutes=self._updates)
        ident = AlphaID(f"mp-{number}")
        common: dict[str, Any] = {"material_id": ident, "last_updated": at, "deprecated": False}
        values = {
            "formation_energy_per_atom": -1.95,
            "energy_above_hull": 0.0,
            "band_gap": 0.4,
            "uncorrected_energy_per_atom": energy,
            "energy_per_atom": energy - 0.3,
            **fields,
        }
        summary = SummaryDoc.from_structure(structure, include_structure=True, **common, **values)
        self.summary[number] = summary.model_dump(mode="json")
        correction = ConstantEnergyAdjustment(-0.3 * len(structure), name="MP2020 anion correction (oxide)")
        entry = ComputedStructureEntry(
            structure,
            energy * len(structure),
            energy_adjustments=[correction],
            parameters={"run_type": "GGA+U", "is_hubbard": True, "hubbards": {"Mn": 3.9, "O": 0.0}},
            data={"oxide_type": "oxide", "material_id": f"mp-{number}"},
            entry_id=f"mp-{number}-GGA+U",
        )
        thermo = ThermoDoc.from_structure(
            structure,
            **common,
            thermo_type=THERMO,
            uncorrected_energy_per_atom=energy,
            energy_per_atom=energy - 0.3,
            energy_above_hull=0.0,
            energy_type="GGA+U",
            entry_types=["GGA+U"],
            entries={"GGA+U": entry},
        )
        self.thermo[number] = thermo.model_dump(mode="json")

    def remove(self, number: int) -> None:
        """Remove a material without a trace."""
        del self.summary[number], self.thermo[number]

    def withdraw(self, number: int, reason: str) -> None:
        """Deprecate a material, as the Materials Project does."""
        self.summary[number] |= {"deprecated": True, "deprecation_reasons": [reason]}
        del self.thermo[number]

    def answer(self, path: str, query: dict[str, str], key: str | None) -> tuple[int, Any]:
        """Answer as the API does."""
        if path == "/heartbeat":
            return 200, {"status": "OK", "db_version": self.release, "access_controlled_batch_ids": []}
        if key is None:
            return 401, {"message": "No API key found in request"}
        if key != KEY:
            return 403, {"message": "Invalid authentication credentials"}
        holdings = {"/materials/summary/": self.summary, "/materials/thermo/": self.thermo}
        if path not in holdings:
            return 404, {"detail": "Not Found"}
        wanted = {int(AlphaID(one)) for one in query["material_ids"].split(",")} if "material_ids" in query else None
        found = [(n, doc) for n, doc in sorted(holdings[path].items()) if wanted is None or n in wanted]
        docs = [doc for _, doc in found if _fits(doc, query)]
        skip, limit = int(query.get("_skip", 0)), min(int(query.get("_limit", 100)), _MOST)
        fields = query.get("_fields", "material_id").split(",")
        page = [{name: doc.get(name) for name in fields} for doc in docs[skip : skip + limit]]
        return 200, {"data": page, "meta": {"api_version": "0.87", "total_doc": len(docs)}}


def _fits(doc: dict[str, Any], query: dict[str, str]) -> bool:
    if "chemsys" in query and doc["chemsys"] not in query["chemsys"].split(","):
        return False
    if "deprecated" in query and str(doc["deprecated"]).lower() != query["deprecated"]:
        return False
    return "thermo_types" not in query or doc["thermo_type"] in query["thermo_types"].split(",")
