"""Which rooms of the package import which: ``python tests/support/rooms.py`` prints it as docs/development.md draws it.

A room is a folder directly in `builders`, `models` or `stores`, or a module there; `cli` is one.
"""

from __future__ import annotations

from grimp import ImportGraph, build_graph

Arrow = tuple[str, str]

ONE_ROOM = "cli"


def import_graph() -> ImportGraph:
    """Imports of the whole package, those inside functions too, those for type checkers alone not."""
    return build_graph("exfolio", cache_dir=None, exclude_type_checking_imports=True)


def room(module: str) -> str:
    """Room of a module by its dotted name: ``builders.sources``, ``stores.settings``, ``cli``."""
    parts = module.split(".")[1:]
    return ONE_ROOM if parts[:1] == [ONE_ROOM] else ".".join(parts[:2])


def arrows(graph: ImportGraph) -> set[Arrow]:
    """Pairs of rooms of which the first imports the second."""
    pairs = {
        (room(module), room(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    return {(importer, imported) for importer, imported in pairs if importer != imported and importer and imported}


def arrows_within(package: str, among: set[Arrow]) -> list[str]:
    """The arrows between the rooms of one package, each a line of a mermaid drawing."""
    inside = f"{package}."
    return sorted(
        f"{importer.removeprefix(inside)} --> {imported.removeprefix(inside)}"
        for importer, imported in among
        if importer.startswith(inside) and imported.startswith(inside)
    )


if __name__ == "__main__":
    found = arrows(import_graph())
    for package in ("builders", "models", "stores"):
        print(f"{package}\n    " + "\n    ".join(arrows_within(package, found)))
    print("cli\n    " + "\n    ".join(sorted(f"cli --> {other}" for importer, other in found if importer == ONE_ROOM)))
