"""The house rules that no single module can keep: who may import whom, and that a wheel holds everything."""

import importlib
import pkgutil
import re
import subprocess
import sys
import tomllib
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import typer
from exfolio import __version__, builders
from exfolio.builders.engine.stage import Stage
from exfolio.cli.main import COMMANDS, build, run
from grimp import ImportGraph, build_graph

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("builders", "cli", "models", "stores", "web")
MAY_IMPORT = {
    "models": set(),
    "stores": set(),
    "builders": {"models", "stores"},
    "web": {"builders", "models", "stores"},
    "cli": {"builders", "models", "stores", "web"},
}
KEPT_OUT_OF_WHEELS = {"tests", "docs", "build", "docker"}


@pytest.fixture(scope="module")
def graph() -> ImportGraph:
    return build_graph("exfolio", cache_dir=None, exclude_type_checking_imports=True)


def sources() -> set[str]:
    """Every file of the package that a user needs, as git knows them."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not in a git repository, so what belongs to the project is not known")
    files = [Path(line) for line in listed.stdout.splitlines()]
    return {
        file.as_posix()
        for file in files
        if (ROOT / file).is_file()
        and (file.parts[0] in PACKAGES or file.name in ("__init__.py", "py.typed"))
        and file.parts[0] not in KEPT_OUT_OF_WHEELS
    }


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_lies_below_them(graph: ImportGraph, package: str) -> None:
    allowed = {f"exfolio.{name}" for name in (*MAY_IMPORT[package], package)} | {"exfolio"}
    inside = {f"exfolio.{package}", *graph.find_descendants(f"exfolio.{package}")}
    assert len(inside) > 3

    offending = {
        f"{importer} imports {imported}"
        for importer in inside
        for imported in graph.find_modules_directly_imported_by(importer)
        if imported.startswith("exfolio") and ".".join(imported.split(".")[:2]) not in allowed
    }

    assert offending == set()


def test_no_module_needs_itself_whichever_is_imported_first(graph: ImportGraph) -> None:
    """Imports inside functions count as well: a cycle through one is a cycle. Those for type checkers alone do not.

    What is imported runs the packages that it lies in first, which may need what imports it: that is a cycle as well.
    """
    needs = {
        module: {
            name
            for imported in graph.find_modules_directly_imported_by(module)
            for name in {imported, *packages_above(imported)} - set(packages_above(module)) | {imported}
            if name not in ("exfolio", module)
        }
        for module in graph.modules
    }

    TopologicalSorter(needs).prepare()  # raises CycleError, which tells the cycle


def packages_above(module: str) -> list[str]:
    """The packages that a module lies in, the nearest first."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(len(parts) - 1, 0, -1)]


ARROWS = {
    # builders: from sources to candidates; the engine knows nobody, and what makes a plan of stages knows their rooms
    "builders/sources": "engine extensions sources/files sources/readers sources/records sources/services",
    "builders/sources/files": "sources/records",
    "builders/sources/crystal_files": "sources/records",
    "builders/sources/readers": "sources/crystal_files sources/files sources/records",
    "builders/sources/databases": "sources/readers sources/files sources/records",
    "builders/sources/bundled": "sources/files sources/records",
    "builders/sources/services": "sources/readers sources/records",
    "builders/sources/optimade": "sources/services sources/records",
    "builders/sources/live": "engine sources sources/services sources/records",
    "builders/materials": "engine",
    "builders/training": "engine training/shipped",
    "builders/compositions": "engine materials training candidates candidates/campaigns sources/files training/shipped",
    "builders/structures": "engine materials training properties/potential properties/stability",
    "builders/calculations": "engine materials calculations/vasp",
    "builders/calculations/vasp": "engine sources/files sources/records",
    "builders/calculations/vasp/inputs": "calculations/vasp engine properties/hulls",
    "builders/properties": "engine materials properties/hulls sources/files",
    "builders/properties/hulls": "engine",
    "builders/properties/potential": "engine extensions properties/hulls properties",
    "builders/properties/potential/layers": "engine properties/potential properties/hulls",
    "builders/properties/stability": "engine properties/potential",
    "builders/candidates": (
        "engine materials properties/potential properties/stability candidates/campaigns "
        "properties/potential/layers calculations/vasp/inputs properties/hulls"
    ),
    "builders/candidates/campaigns": "extensions materials properties/potential properties/potential/layers properties",
    "builders/reports/routes": "engine properties/potential candidates materials structures",
    "builders/reports": (
        "engine reports/routes training training/shipped properties properties/hulls properties/potential "
        "properties/stability candidates candidates/campaigns properties/potential/layers"
    ),
    "builders/reports/campaign": (
        "candidates candidates/campaigns exports releases reports reports/routes training/shipped"
    ),
    "builders/recipe": (
        "engine extensions materials compositions structures calculations properties properties/hulls "
        "properties/potential properties/stability candidates candidates/campaigns properties/potential/layers"
    ),
    "builders/refresh": (
        "engine extensions recipe resting_point sources sources/live sources/services materials calculations "
        "candidates candidates/campaigns"
    ),
    "builders/resting_point": "engine extensions properties/potential candidates/campaigns",
    "builders/campaign_check": "training properties/potential recipe refresh candidates/campaigns compositions",
    "builders/dry_run": "engine refresh candidates candidates/campaigns",
    "builders/schedule": "engine refresh candidates",
    # models: formulas, then structures and energies, then what is learnt of them
    "models/composition": "composition/formula",
    "models/composition/classifier": "composition composition/formula learning",
    "models/composition/matgan": "composition composition/formula learning structure",
    "models/composition/roost": "composition composition/formula learning energetics/convex_hull",
    "models/structure": "composition/formula",
    "models/structure/validity": "structure structure/cells structure/sizes",
    "models/structure/cells": (
        "structure structure/comparison structure/dimensionality structure/sizes structure/symmetry"
    ),
    "models/structure/substitution": "structure structure/comparison structure/sizes structure/cells",
    "models/structure/comparison": "structure",
    "models/structure/sizes": "structure",
    "models/structure/symmetry": "structure composition composition/formula learning",
    "models/structure/dimensionality": "structure structure/symmetry",
    "models/structure/layered": "structure structure/comparison structure/dimensionality structure/symmetry",
    "models/structure/templates": (
        "structure structure/comparison structure/sizes structure/symmetry composition/formula "
        "structure/substitution structure/cells"
    ),
    "models/energetics": "composition/formula structure energetics/convex_hull",
    "models/energetics/convex_hull": "composition/formula",
    "models/energetics/reliability": "composition/formula energetics energetics/convex_hull composition",
    "models/energetics/corrections": "energetics structure/comparison",
    "models/energetics/diagrams": "composition/formula energetics",
    "models/potential": "structure structure/layered structure/sizes",
    "models/potential/family": "energetics/corrections learning potential",
    "models/potential/stability": "potential structure",
    "models/calculation": "structure structure/layered",
    "models/decision": "calculation composition/formula",
    "models/evaluation": "composition",
    "models/crystal_gan": (
        "crystal_gan/crystals crystal_gan/gan crystal_gan/diffusion learning structure structure/comparison "
        "structure/validity"
    ),
    "models/crystal_gan/crystals": "structure structure/cells structure/validity",
    "models/crystal_gan/gan": "crystal_gan/crystals learning structure",
    "models/crystal_gan/diffusion": "crystal_gan/crystals crystal_gan/gan learning structure",
    # stores: settings and server, the connection, documents, what jobs note and what people ask
    "stores/settings": "errors settings_tables",
    "stores/server": "errors settings driver_errors",
    "stores/connection": "errors settings server driver_errors limited registry_version",
    "stores/schema": "errors connection documents questions layout migrations registry_version",
    "stores/transactions": "connection",
    "stores/query": "connection documents questions schema writer_numbers query/language layout",
    "stores/query/language": "documents errors",
    "stores/bookkeeping": "errors canonical clock connection documents query schema driver_errors",
    "stores/maggma_store": "connection documents",
    "stores/python_api": "connection query query/language",
    "web/optimade": "json_values",
    "web/assistants": "json_values",
    # web: the server puts together what knows nothing of each other
    "web/api": "json_values own_process",
    "web/app": "api limits optimade pages feeds assistants",
    # cli: commands, and how things look
    "cli/main": "display completion",
    "cli/commands/asking": "display views commands/sharing completion",
    "cli/commands/filling": "display commands/running",
    "cli/commands/running": "commands/asking display views completion",
    "cli/views": "display completion",
    "builders/releases": "candidates candidates/campaigns exports sources training/shipped",
    "stores/backup": "connection errors schema registry_version disk_room",
    "stores/writes": (
        "bookkeeping canonical clock connection documents questions schema writer_numbers registry_version"
    ),
    "cli/commands/sharing": "display views completion",
    "stores/layout": "canonical documents questions",
    "stores/migrations": "canonical connection documents transactions writer_numbers errors registry_version",
    "stores/registry_version": "errors",
    "stores/disk_room": "connection errors",
}
"""Which room may import which other of the same package. A room is a folder, and at the
top of a package each module is one of its own."""


def room(module: str, graph: ImportGraph) -> str:
    parts = module.split(".")[1:]
    if parts[:2] == ["builders", "engine"]:
        return "builders/engine"
    is_package = bool(graph.find_children(module))
    return "/".join(parts if is_package or len(parts) == 2 else parts[:-1])


def arrows_between_rooms(graph: ImportGraph) -> set[tuple[str, str]]:
    found = set()
    for importer in graph.modules - {"exfolio"}:
        for imported in graph.find_modules_directly_imported_by(importer) - {"exfolio"}:
            a, b = room(importer, graph), room(imported, graph)
            if a != b and a.split("/")[0] == b.split("/")[0]:
                found.add((a, b))
    return found


def test_rooms_import_only_those_on_the_list(graph: ImportGraph) -> None:
    allowed = {(a, f"{a.split('/')[0]}/{b}") for a, others in ARROWS.items() for b in others.split()}

    assert arrows_between_rooms(graph) == allowed, "a new arrow is added here, or better done without"


def test_the_engine_selects_and_executes_in_rooms_that_its_base_does_not_know(graph: ImportGraph) -> None:
    inner = {"exfolio.builders.engine.selection", "exfolio.builders.engine.execution"}
    base = {module for module in graph.find_children("exfolio.builders.engine") if module not in inner}

    known = {i for module in base for i in graph.find_modules_directly_imported_by(module)}

    assert not {module for module in known if any(module.startswith(room) for room in inner)}


def test_the_engine_knows_no_room_and_rooms_form_no_circle() -> None:
    after = {a: {f"{a.split('/')[0]}/{b}" for b in others.split()} for a, others in ARROWS.items()}
    assert "builders/engine" not in after
    list(TopologicalSorter(after).static_order())  # raises CycleError


def all_stages() -> list[type[Stage]]:
    for module in pkgutil.walk_packages(builders.__path__, "exfolio.builders."):
        importlib.import_module(module.name)
    waiting: list[type[Stage]] = [Stage]
    stages: list[type[Stage]] = []
    while waiting:
        stages += (subclasses := waiting.pop().__subclasses__())
        waiting += subclasses
    return [stage for stage in stages if stage.__module__.startswith("exfolio.builders.")]


def test_stages_override_nothing_private_of_the_engine() -> None:
    stages = all_stages()
    assert len(stages) > 30

    overridden = {
        f"{stage.__name__}.{name} of {base.__name__}"
        for stage in stages
        if not stage.__module__.startswith("exfolio.builders.engine.")
        for name in vars(stage)
        if name.startswith("_") and not name.startswith("__") and not name.startswith("_abc")
        for base in stage.__mro__[1:]
        if base.__module__.startswith("exfolio.builders.engine.") and name in vars(base)
    }

    assert overridden == set()


def test_the_list_of_packages_is_whole() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        listed = set(tomllib.load(stream)["tool"]["setuptools"]["packages"])
    found = {".".join(["exfolio", *Path(file).parent.parts]) for file in sources() if file.endswith(".py")}

    assert listed == found


def test_tests_lie_where_what_they_test_lies() -> None:
    tested = {
        file.parent.relative_to(ROOT / "tests") for name in PACKAGES for file in (ROOT / "tests" / name).rglob("*.py")
    }

    assert {folder.as_posix() for folder in tested if not (ROOT / folder).is_dir()} == set()


def test_programs_that_measure_import_modules_that_are_there(graph: ImportGraph) -> None:
    """They are run by hand, so nobody else notices a module that has moved."""
    gone = [
        (str(file.relative_to(ROOT)), module)
        for room in ("benchmarks", "accuracy", "learnt", "faults")
        for file in sorted((ROOT / "tests" / room).glob("*.py"))
        for module in re.findall(r"^ *from (exfolio[\w.]*) import", file.read_text(), re.MULTILINE)
        if module not in graph.modules
    ]
    assert gone == []


def test_a_wheel_holds_every_module_and_data_file(tmp_path: Path) -> None:
    pytest.importorskip("setuptools", minversion="77", reason="building a wheel needs setuptools 77 or later")
    copy = tmp_path / "exfolio"
    for file in {*sources(), "pyproject.toml", "LICENSE", "README.md"}:
        if (ROOT / file).is_file():
            (copy / file).parent.mkdir(parents=True, exist_ok=True)
            (copy / file).write_bytes((ROOT / file).read_bytes())
    (copy / "README.md").touch()

    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    built = subprocess.run([*command, "-w", str(tmp_path), str(copy)], check=False, capture_output=True, text=True)

    assert built.returncode == 0, built.stderr
    [wheel] = tmp_path.glob("*.whl")
    assert wheel.name.split("-")[1] == __version__
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert inside == {f"exfolio/{file}" for file in sources()}


COMMAND_NAMES = [name for commands in COMMANDS.values() for name in commands]


def leaves(command: typer.core.TyperGroup | object, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = getattr(command, "commands", None)
    return [leaf for name, one in inner.items() for leaf in leaves(one, (*path, name))] if inner else [path]


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0

    shown = capsys.readouterr().out
    assert [name for name in COMMAND_NAMES if not re.search(rf"^\W+{name}\s", shown, re.MULTILINE)] == []


@pytest.mark.parametrize("path", leaves(typer.main.get_command(build())), ids=" ".join)
def test_the_help_of_every_command_has_an_example(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0

    assert f"exfolio {' '.join(path)}" in " ".join(capsys.readouterr().out.split("Usage:")[1].split("\n", 1)[1].split())
