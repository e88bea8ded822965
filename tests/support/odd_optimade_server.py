"""An OPTIMADE server on loopback that keeps to the specification as far as a test lets it."""

import re
from collections.abc import Callable
from typing import Any

from loopback import Loopback
from materials_project_server import rock_salt
from optimade_server import as_resource, at

PAGE = 5


class Misbehaving(Loopback):
    """Serves `data` in pages of 5, by `page_offset`; of filters it knows ids."""

    def __init__(self) -> None:
        super().__init__()
        structures = [as_resource(f"m{n}", rock_salt("Mn", 4.4 + 0.005 * n), at(n), gap=0.5) for n in range(20)]
        self.data: list[Any] = [
            {"id": one.pop("task_id"), "type": "structures", "attributes": _attributes(one)} for one in structures
        ]
        self.count: int | None = len(self.data)
        self.meta: dict[str, Any] = {}
        """Of each answer, beside the counts; replaces these too."""
        self.link: Callable[[int, Any], Any] = lambda _start, usual: usual
        """What stands in `links.next` of the page that begins so, where there would usually be a given one."""
        self.sent: Callable[[int, dict[str, str], list[Any]], list[Any]] = lambda _start, _query, page: page
        """What is sent of the page that begins so, for a query."""
        self.info: dict[str, Any] | None = None

    def answer(self, path: str, query: dict[str, str], key: str | None) -> tuple[int, Any]:  # noqa: ARG002
        if path == "/v1/info" and self.info is not None:
            return 200, {"data": {"attributes": self.info}}
        if path != "/v1/structures":
            return 404, {"errors": [{"detail": "no such endpoint"}]}
        start = int(query.get("page_offset", 0))
        ids = re.findall(r'id="([^"]*)"', query.get("filter", ""))
        data = [one for one in self.data if isinstance(one, dict) and one.get("id") in ids] if ids else self.data
        more = start + PAGE < len(data)
        link = self.link(start, f"{self.url}/v1/structures?page_offset={start + PAGE}" if more else None)
        count = len(ids) if ids else self.count
        meta = {"more_data_available": more} | ({} if count is None else {"data_returned": count}) | self.meta
        page = self.sent(start, query, data[start : start + PAGE])
        return 200, {"data": page, "links": {"next": link}, "meta": meta}


def _attributes(stored: dict[str, Any]) -> dict[str, Any]:
    stamp = stored.pop("last_modified").isoformat()
    formula, gap = stored.pop("pretty_formula"), stored.pop("gap")
    formulas = {"chemical_formula_reduced": formula, "chemical_formula_descriptive": None}
    return {**stored, **formulas, "_exmpl_gap": gap, "last_modified": stamp}
