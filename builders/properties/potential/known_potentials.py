"""Which potentials there are, by the name that campaigns give them: exfolio's own, and those of other packages.

Imports none of them before it is asked for.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ....stores.errors import ConfigurationError
from ... import extensions

if TYPE_CHECKING:
    from ....models.potential.interface import Potential


class _Own(NamedTuple):
    """A potential that comes with exfolio: module and name of its class, and the package that it needs."""

    module: str
    class_name: str
    package: str


DEFAULT: Final = "chgnet"
"""The potential of campaigns that name none. Its stages, and what they write, carry no name of a potential."""
_OWN: Final = {
    DEFAULT: _Own("chgnet", "Chgnet", "chgnet"),
    "sevennet-0": _Own("sevennet", "SevenNet0", "sevenn"),
    "sevennet-l3i5": _Own("sevennet", "SevenNetL3i5", "sevenn"),
}
DISPERSION: Final = "-d3"
"""What a name of a potential ends with where D3(BJ) is added to it."""
_SLUG: Final = re.compile(r"(?!.*-(?:relaxed|element)$)[a-z][a-z0-9-]*")
"""What ends in these words would be taken for another potential's relaxed entries, or its elements."""


class NoSuchPotential(ConfigurationError):
    """A name that no potential has; lists those there are."""


def names() -> list[str]:
    """Names of all potentials, the default first, each alone and with dispersion added; imports none."""
    added = _added()
    alone = [*_OWN, *sorted(added - {*_OWN})]
    return [*alone, *(f"{name}{DISPERSION}" for name in alone if f"{name}{DISPERSION}" not in added)]


def packages() -> tuple[str, ...]:
    """Packages whose coming or going changes which potentials can be used, beside those that other packages name."""
    return (*sorted({own.package for own in _OWN.values()}), "dftd3", "ase", "phonopy")


def label(name: str) -> str:
    """What tells stages, and what they write, of a potential from those of the default: its name, or nothing."""
    return "" if name == DEFAULT else name


def potential(name: str) -> Potential:
    """The potential of a name, the same object for all who ask.

    Raises
    ------
    NoSuchPotential
        There is none.
    ExtensionError
        It is another package's, and can't be used.
    """
    if name in _OWN:
        return _own(name)
    if name not in _added() and name.endswith(DISPERSION) and name.removesuffix(DISPERSION) in names():
        return _with_dispersion(name.removesuffix(DISPERSION))
    added = [extension for extension in extensions.installed(extensions.POTENTIALS) if extension.name == name]
    if not added:
        raise NoSuchPotential(
            f"no potential is called {name!r}; there are: {', '.join(names())}",
            "Give one of these, or install the package that adds it (docs/extending.md).",
        )
    if len(added) > 1:
        raise added[1].error(f"package {added[0].package} has a potential of this name already")
    return _of_package(added[0])


@cache
def _with_dispersion(name: str) -> Potential:
    from ....models.potential.family.dispersion import DispersionD3
    from ....models.potential.family.sum_potential import SumPotential

    return SumPotential(potential(name), DispersionD3())


def _added() -> set[str]:
    return {extension.name for extension in extensions.installed(extensions.POTENTIALS)}


@cache
def _own(name: str) -> Potential:
    module = import_module(f"....models.potential.family.{_OWN[name].module}", __package__)
    made: Potential = getattr(module, _OWN[name].class_name)()
    return made


@cache
def _of_package(extension: extensions.Extension) -> Potential:
    from ....models.potential.interface import Potential

    maker: Any = extension.load()
    try:
        made = maker()
    except Exception as error:
        raise extension.error(f"can't be made: {type(error).__name__}: {error}") from error
    if not isinstance(made, Potential):
        raise extension.error(f"gives {type(made).__name__}, which is no Potential")
    stated = {what: getattr(made, what, None) for what in ("name", "slug")}
    if missing := [what for what, value in stated.items() if not isinstance(value, str) or not value]:
        raise extension.error(f"does not state its {' and '.join(missing)}")
    if made.slug != extension.name:
        raise extension.error(f"the entry is called {extension.name}, its slug {made.slug}")
    if not _SLUG.fullmatch(made.slug):
        raise extension.error(
            f"the slug is {made.slug!r}; write it in lower case letters, digits and dashes, without -relaxed at its end"
        )
    if made.name in {_own(own).name for own in _OWN}:
        raise extension.error(f"is called {made.name}, as exfolio's own, whose values would be taken for its")
    return made
