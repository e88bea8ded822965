"""What the name of a method says: its level of theory, and whether it describes dispersion.

Names are parsed whole, never searched for a part: "ALIGNN trained on HSE06" is a model, no HSE06. Which level counts
before which is decided elsewhere; here are names only.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "Level",
    "Method",
    "parse_method",
    "potential_of",
    "settings_of",
    "with_dispersion",
    "with_settings",
    "without_settings",
]


class Level(StrEnum):
    """Levels of theory, by the names that rankings give them."""

    EXPERIMENT = "experiment"
    MANY_BODY = "many-body"
    HSE06 = "HSE06"
    HYBRID = "hybrid"
    META_GGA = "meta-GGA"
    CORRECTED_GGA = "corrected GGA"
    GGA_U = "GGA+U"
    GGA = "GGA"
    LDA = "LDA"
    VAN_DER_WAALS = "van der Waals"
    NOT_STATED = "not stated"
    POTENTIAL_DISPERSION = "potential + dispersion"
    RELAXED_POTENTIAL = "relaxed potential"
    POTENTIAL = "potential"
    MODEL = "model"


class Method(NamedTuple):
    """What a name says.

    levels
        Every level that it belongs to, the most telling first: optB88-vdW is "van der Waals" and "GGA".
    dispersion
        Whether it describes dispersion, as measurements do; None where the name does not tell.
    """

    levels: tuple[Level, ...]
    dispersion: bool | None


_LEARNT: Final = re.compile(
    r"\b(?:trained|learn\w*|predict\w*|regress\w*|ridge|network|forest|ML|ALIGNN|CGCNN|MEGNet|Roost|CrabNet|MODNet)\b",
    re.IGNORECASE,
)
"""Words of models learnt from values: whatever these were computed with, the method is the model."""
_SOURCE: Final = re.compile(r" of the bulk \+ .*$| \([^()]*, (?:same-structure|parent|composition)\)$")
"""What a value that was taken over says of where it comes from."""
_MIXING: Final = re.compile(r"\b(?:AEXX|HFSCREEN|AGGAX|AGGAC|ALDAC|GGA)\b|[=%]", re.IGNORECASE)
"""Settings of a functional that make it another one than its name says."""
_SETTINGS: Final = ", settings "
_COMMA: Final = re.compile(r",(?![^(]*\))")
_SCHEME: Final = re.compile(r" MP2020$")
_ADDED_TO_POTENTIAL: Final = r"(?P<dispersion> ?\+ ?D[34](?:\((?:BJ|zero|M|BJM)\))?)?"
_POTENTIAL: Final = re.compile(
    r"(?:CHGNet|SevenNet|MACE|M3GNet|MatterSim|Orb|GRACE|eqV2|TensorNet)\b(?:[- ](?!\+)[\w.+-]+)*?"
    rf"{_ADDED_TO_POTENTIAL}(?P<how> relaxed| static)?(?P<on_top> \+ D3\(BJ\))?",
    re.IGNORECASE,
)
_OTHER_POTENTIAL: Final = re.compile(
    rf"(?P<name>\w[\w.-]*(?: (?!\+)[\w.-]+)*?){_ADDED_TO_POTENTIAL}(?P<how> relaxed| static)(?P<on_top> \+ D3\(BJ\))?",
    re.IGNORECASE,
)
"""Of any name: stages of a potential say how a structure was taken."""
_AND: Final = " and "
_TOGETHER: Final = re.compile(rf"(?P<names>.+{_AND}.+?)(?P<how> relaxed| static)")
"""Several potentials, of whose values this is the mean."""
_DISPERSION: Final = (
    r"[-+ ](?:r?VV10L?|vdW(?:-(?!DF(?!T))[\w@-]+(?:\(\w+\))?)?|(?:DFT-)?D[234](?:[-(]?(?:BJM?|zero|M|S|ABC)\)?)?"
    r"|TS(?:-(?:HI|SCS))?|MBD(?:@\w+|-\w+)*|dDsC)"
)
_ADDED: Final = rf"(?P<added>(?:(?:\+|_)U(?:eff)?|\+SOC|{_DISPERSION})*)"
_U: Final = re.compile(r"[+_]U", re.IGNORECASE)
_WITH_U: Final = {Level.GGA: Level.GGA_U, Level.LDA: Level.GGA_U, Level.HSE06: Level.HYBRID}
"""Levels that U makes others of: on top of HSE06 it opens gaps further."""
_ADDS_DISPERSION: Final = re.compile(_DISPERSION, re.IGNORECASE)
_VAN_DER_WAALS: Final = re.compile(rf"(?:vdW-DF\d?(?:-\w+)?|rev-?vdW-DF2|rVV10|BEEF-vdW){_ADDED}", re.IGNORECASE)
_FUNCTIONALS: Final[tuple[tuple[Level, re.Pattern[str]], ...]] = tuple(
    (level, re.compile(rf"(?:{names}){_ADDED}", re.IGNORECASE))
    for level, names in (
        (Level.MANY_BODY, r"(?:(?:sc|qs|ev)?GW0?|G0W0|RPA|ACFDT-RPA|DMC|QMC|CCSD(?:\(T\))?)(?:@\w+)?"),
        (Level.HSE06, r"HSE-?06"),
        (Level.HYBRID, r"HSE(?:-?03|-?12|sol)?|PBE0|PBEO|PBEsol0|SCAN0|B3LYP|B3PW91|HF"),
        (Level.HYBRID, r"PBEO or other hybrid functional|hybrid(?: of [^+]+)?"),
        (Level.META_GGA, r"r2SCANL?|rSCAN|SCANL?|(?:TB-?)?L?mBJ|mBJLDA|(?:rev|R)?TPSS|M06-?L|MS[012]|MVS"),
        (Level.META_GGA, r"GGA_GGA\+U_r2SCAN|HLE17|LAK|TASK"),
        (Level.META_GGA, r"PBE\(\+U\)/r2SCAN"),
        (Level.GGA_U, r"PBE\(\+U\)|GGA\(\+U\)|(?:GGA|PBE)[/_](?:GGA|PBE)\+U"),
        (Level.GGA, r"GGA|PBE|PBEsol|revPBE(?:\+Pad[eé])?|RPBE|PW91|AM05|BLYP|optPBE|optB88|optB86b"),
        (Level.LDA, r"LDA|LSDA"),
    )
)


@lru_cache(maxsize=4096)
def parse_method(name: str) -> Method:
    """Level of theory of a method by its name, as values carry it.

    What follows a comma describes how the method was used and does not change it, unless it names settings of the
    functional. What is no known name is "not stated".

    Examples
    --------
    >>> [str(parse_method(name).levels[0]) for name in ("HSE06", "ALIGNN trained on HSE06", "r2SCAN, against known")]
    ['HSE06', 'model', 'meta-GGA']
    >>> parse_method("optB88-vdW (jarvis, composition)").dispersion, parse_method("PBE+U").dispersion
    (True, False)
    """
    if _LEARNT.search(name):
        return Method((Level.MODEL,), None)
    head, *further = _COMMA.split(_SOURCE.sub("", name).strip(), maxsplit=1)
    if head.casefold() in ("experiment", "experimental", "measured"):
        return Method((Level.EXPERIMENT,), dispersion=True)
    if together := _TOGETHER.fullmatch(head):
        return _of_several([f"{name}{together['how']}" for name in together["names"].split(_AND)])
    if potential := _POTENTIAL.fullmatch(head):
        return _of_potential(potential)
    if _VAN_DER_WAALS.fullmatch(head):
        return Method((Level.VAN_DER_WAALS, Level.GGA), dispersion=True)
    if further and _MIXING.search(further[0]):
        return Method((Level.NOT_STATED,), None)
    if (potential := _OTHER_POTENTIAL.fullmatch(head)) and _functional(potential["name"]).levels == (Level.NOT_STATED,):
        return _of_potential(potential)
    return _functional(head)


def with_settings(method: str, label: str) -> str:
    """Name of a method that was used by the settings of a label; the usual name without one.

    Examples
    --------
    >>> with_settings("CHGNet 0.3.0 relaxed", "a1b2c3"), with_settings("CHGNet 0.3.0 relaxed", "")
    ('CHGNet 0.3.0 relaxed, settings a1b2c3', 'CHGNet 0.3.0 relaxed')
    """
    return f"{method}{_SETTINGS}{label}" if label else method


_ON_TOP: Final = " + D3(BJ)"


def with_dispersion(method: str) -> str:
    """Name of a method of a potential to whose values D3(BJ) was added, and not to the energies they are made of.

    Examples
    --------
    >>> with_dispersion("CHGNet 0.3.0 relaxed, settings a1b2c3")
    'CHGNet 0.3.0 relaxed + D3(BJ), settings a1b2c3'
    """
    name, comma, label = method.partition(_SETTINGS)
    return f"{name}{_ON_TOP}{comma}{label}"


@lru_cache(maxsize=4096)
def without_settings(method: str) -> str:
    """Name of a method, by whatever settings it was used.

    Examples
    --------
    >>> without_settings("PBE(+U) MP2020, settings a1b2c3, against known")
    'PBE(+U) MP2020, against known'
    """
    return re.sub(rf"{_SETTINGS}[^,]*", "", method)


def settings_of(method: str) -> str:
    """Label of the settings by which a method was used; empty where it has none.

    Examples
    --------
    >>> settings_of("CHGNet 0.3.0 relaxed, settings a1b2c3"), settings_of("CHGNet 0.3.0 relaxed")
    ('a1b2c3', '')
    """
    return method.partition(_SETTINGS)[2].partition(",")[0]


def potential_of(method: str) -> str:
    """Name of the potential that took structures as a method says.

    Examples
    --------
    >>> potential_of("CHGNet 0.3.0 relaxed, settings a1b2c3")
    'CHGNet 0.3.0'
    >>> potential_of("CHGNet 0.3.0 static + D3(BJ), pH 0-14, 1.5 V vs RHE, 1e-06 mol/l")
    'CHGNet 0.3.0'
    """
    way = without_settings(method).partition(",")[0]
    return way.removesuffix(_ON_TOP).rpartition(" ")[0]


def _of_potential(name: re.Match[str]) -> Method:
    plain = Level.RELAXED_POTENTIAL if name["how"] == " relaxed" else Level.POTENTIAL
    dispersion = name["dispersion"] is not None or name["on_top"] is not None
    return Method((Level.POTENTIAL_DISPERSION, plain) if dispersion else (plain,), dispersion)


def _of_several(names: list[str]) -> Method:
    """Method of a mean: of the levels that all have, if they are potentials."""
    methods = [parse_method(name) for name in names]
    levels = tuple(level for level in methods[0].levels if all(level in method.levels for method in methods))
    if not set(levels) & {Level.POTENTIAL_DISPERSION, Level.RELAXED_POTENTIAL, Level.POTENTIAL}:
        return Method((Level.NOT_STATED,), None)
    return Method(levels, all(method.dispersion for method in methods))


def _functional(head: str) -> Method:
    plain = _SCHEME.sub("", head)
    for level, names in _FUNCTIONALS:
        functional = names.fullmatch(plain)
        if functional is None:
            continue
        levels = [_WITH_U.get(level, level) if _U.search(functional["added"]) else level]
        if plain != head and levels[0] in (Level.GGA_U, Level.GGA):
            levels.insert(0, Level.CORRECTED_GGA)
        # RPA and its kin hold the correlation that dispersion is.
        dispersion = level is Level.MANY_BODY or _ADDS_DISPERSION.search(functional["added"]) is not None
        if dispersion and level is not Level.MANY_BODY:
            levels.insert(0, Level.VAN_DER_WAALS)
        return Method(tuple(levels), dispersion)
    return Method((Level.NOT_STATED,), None)
