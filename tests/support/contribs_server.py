"""MPContribs' aqueous ions on loopback: its question, and records in the form that mp-api documents for them."""

from copy import deepcopy
from typing import Any

from loopback import Loopback
from materials_project_server import KEY


def contributed(formula: str, charge: float, element: str, gibbs: float, solid: str, solid_gibbs: float) -> Any:
    """An ion as `MPRester.get_ion_reference_data` describes it; energies in kJ/mol."""

    def quantity(value: float, unit: str) -> dict[str, Any]:
        return {"display": f"{value} {unit}".strip(), "value": value, "unit": unit}

    data = {
        "charge": quantity(charge, ""),
        "ΔGᶠ": quantity(gibbs, "kJ/mol"),
        "MajElements": element,
        "RefSolid": solid,
        "ΔGᶠRefSolid": quantity(solid_gibbs, "kJ/mol"),
        "reference": "H. E. Barner and R. V. Scheuerman, Handbook of thermochemical data, Wiley, New York (1978)",
    }
    return {"id": f"id-{formula}", "identifier": formula, "formula": formula, "data": data}


class ContribsServer(Loopback):
    """Gives the ions in pages of at most two."""

    def __init__(self, *ions: dict[str, Any]) -> None:
        super().__init__()
        self.ions = deepcopy(list(ions))

    def answer(self, path: str, query: dict[str, str], key: str | None) -> tuple[int, Any]:
        """Answer as the API does."""
        if key != KEY:
            return 403, {"message": "Invalid authentication credentials"}
        if path != "/contributions/" or query.get("project") != "ion_ref_data":
            return 404, {"message": "Not Found"}
        size = min(2, int(query["per_page"]))
        start = (int(query["page"]) - 1) * size
        names = query["_fields"].split(",")
        page = [{name: ion[name] for name in names} for ion in self.ions[start : start + size]]
        pages = -(-len(self.ions) // size)
        more = start + size < len(self.ions)
        return 200, {"data": page, "has_more": more, "total_count": len(self.ions), "total_pages": pages}
