"""The house rules that no single module can keep: who may import whom, and that a wheel holds everything."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import typer
from exfolio import __version__
from exfolio.cli.main import COMMANDS, build, run
from grimp import ImportGraph, build_graph

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("builders", "cli", "models", "stores")
MAY_IMPORT = {
    "models": set(),
    "stores": set(),
    "builders": {"models", "stores"},
    "cli": {"builders", "models", "stores"},
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


def test_no_module_needs_itself(graph: ImportGraph) -> None:
    """Imports inside functions count as well: a cycle through one is a cycle. Those for type checkers alone do not."""
    in_cycles = {
        module
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if imported != "exfolio" and graph.find_shortest_chain(importer=imported, imported=module)
    }

    assert in_cycles == set()


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


def test_the_commands_in_the_documents_exist() -> None:
    known = {" ".join(path) for path in leaves(typer.main.get_command(build()))} | set(COMMAND_NAMES)
    documents = [file for file in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")) if file.is_file()]

    wrong = {
        f"{file.name}: exfolio {name}"
        for file in documents
        for block in re.findall(r"^```.*?^```", file.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        for name in re.findall(r"^\s*(?:\$ )?exfolio ([a-z]+)", block, re.MULTILINE)
        if name not in known
    }

    assert wrong == set()
