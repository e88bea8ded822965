"""What other packages add to exfolio, found by their entry points: stages, kinds of source, properties, potentials.

Nothing of a package is imported before it is asked for, and nothing at all where none is installed. Knows no stage.
docs/extending.md shows how such a package is written.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, entry_points, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ..stores.documents import ProposedStructure
from ..stores.errors import ConfigurationError

STAGES: Final = "exfolio.stages"
"""Stage classes, or functions without arguments that return a stage or several."""
SOURCES: Final = "exfolio.sources"
"""Classes of readers of files; an entry's name is the kind of source."""
PROPERTIES: Final = "exfolio.properties"
"""Subclasses of `properties.structure_property.StructureProperty`; an entry's name is the kind of property."""
POTENTIALS: Final = "exfolio.potentials"
"""Subclasses of `models.potential.interface.Potential`; an entry's name is what campaigns call it."""
GROUPS: Final = (STAGES, SOURCES, PROPERTIES, POTENTIALS)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_OWN: Final = __name__.partition(".")[0]


class ExtensionError(ConfigurationError):
    """Something that another package adds can't be used; names the package."""


@dataclass(frozen=True, slots=True, order=True)
class Extension:
    """An entry point of another package.

    Attributes
    ----------
    group, name, value
        As the package's metadata state them; the value is ``module:object``.
    package, version
        The distribution it comes with.
    """

    group: str
    name: str
    value: str
    package: str
    version: str

    @property
    def module(self) -> str:
        """Name of the package as it is imported."""
        return self.value.partition(":")[0].partition(".")[0]

    def load(self) -> Any:
        """Import what the entry names.

        Raises
        ------
        ExtensionError
            That fails, whatever the reason.
        """
        [entry] = entry_points(group=self.group, name=self.name, value=self.value)
        try:
            return entry.load()
        except Exception as error:
            raise self.error(f"can't be imported: {type(error).__name__}: {error}") from error

    def error(self, problem: str) -> ExtensionError:
        """Error that names the package, what it was to add, and the way out."""
        return ExtensionError(
            f"package {self.package} {self.version} ({self.group}: {self.name}): {problem}",
            f"Mend or update the package, or do without it: pip uninstall {self.package}",
        )


def installed(*groups: str) -> list[Extension]:
    """Extensions of these groups, or of all, in the order of groups and names; imports none of them."""
    wanted = groups or GROUPS
    places = tuple((place, _last_change(place)) for place in sys.path)
    return [extension for extension in _found_in(places) if extension.group in wanted]


@lru_cache(maxsize=1)
def _found_in(places: tuple[tuple[str, int], ...]) -> list[Extension]:  # noqa: ARG001
    """Extensions there are while the places where packages lie are as they are: a refresh asks some thirty times."""
    everything = entry_points()
    return sorted(
        {
            Extension(group, entry.name, entry.value, entry.dist.name, entry.dist.version)
            for group in GROUPS
            for entry in everything.select(group=group)
            if entry.dist is not None
        }
    )


def _last_change(place: str) -> int:
    """When a folder had something added or taken out, in ns; 0 where there is none."""
    try:
        return Path(place).stat().st_mtime_ns
    except OSError:
        return 0


def installed_kinds() -> set[str]:
    """Kinds of property that other packages add; imports those whose stages have to be asked."""
    kinds = {extension.name for extension in installed(PROPERTIES)}
    for extension in installed(STAGES):
        with suppress(ExtensionError):  # a refresh says so
            kinds.update(getattr(extension.load(), "writes_kinds", None) or ())
    return kinds


def installed_routes() -> set[str] | None:
    """Routes that stages of other packages make structures by; None where one makes some without saying which.

    Imports the packages that add stages. A stage says so by a class attribute ``routes``.
    """
    routes: set[str] = set()
    for extension in installed(STAGES):
        try:
            stage = extension.load()
        except ExtensionError:  # a refresh says so
            continue
        stated = getattr(stage, "routes", None)
        makes = {document.collection_name() for document in getattr(stage, "writes", {ProposedStructure: ""})}
        if stated is not None:
            routes.update(stated)
        elif ProposedStructure.collection_name() in makes:  # so may a function that returns stages
            return None
    return routes


def owner(thing: object) -> Extension | None:
    """Extension of the package that an object's class comes from; None where that is exfolio itself."""
    module = type(thing).__module__.partition(".")[0]
    if module == _OWN:
        return None
    return next((extension for extension in installed() if extension.module == module), None)


def blamed(error: Exception, *things: object) -> ExtensionError:
    """Error that says whose package is to blame for another one.

    Raises
    ------
    Exception
        The error itself, where everything involved is exfolio's own.
    """
    for thing in things:
        if (extension := owner(thing)) is not None:
            return extension.error(f"{type(error).__name__}: {error}")
    raise error


def requirements() -> list[list[str | None]]:
    """Packages that these need, with the versions there are; None of one that is missing."""
    names = {
        match[0].lower()
        for extension in installed()
        for requirement in requires(extension.package) or ()
        if (match := _NAME.match(requirement))
    }
    return [[name, _version(name)] for name in sorted(names)]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def places() -> Iterator[tuple[list[str], Path | None]]:
    """Each extension as its metadata state it, with the file or folder of its code, which is not imported.

    None where there is no such place, or it is exfolio's own code.
    """
    for extension in installed():
        what = [extension.group, extension.name, extension.value, extension.package, extension.version]
        spec = None if extension.module == _OWN else find_spec(extension.module)
        if spec is None or not (spec.submodule_search_locations or spec.has_location):
            yield what, None
        else:
            yield what, Path([*(spec.submodule_search_locations or ()), spec.origin or ""][0])
