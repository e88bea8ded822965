"""Reads lists of formulas that a person gives, in a file or in a campaign, and says which line can't be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from ...models.composition.formula.formulas import FormulaFacts, describe
from ...models.composition.formula.single_formula import FormulaError
from ...stores.errors import ConfigurationError
from ..sources.files.open_files import SourceFileError, read_whole

_MOST: Final = 1_000_000
_TOLD: Final = 10
_LONGEST_NAME: Final = 100
_REMEDY: Final = "One formula a line, as Mn2O4, with whole numbers; what follows a # is a name or a comment."


class ListedFormula(NamedTuple):
    """A composition of a list, and where it stands there; `place` has its name too, what follows a #."""

    facts: FormulaFacts
    file: str
    place: str


def listed(formulas: Sequence[str], file: str | None = None) -> list[ListedFormula]:
    """Compositions of a campaign's own list and of a file, each once, where it stands first.

    Parameters
    ----------
    formulas
        Formulas as the campaign's file has them.
    file
        Path of a text file, compressed or not; none without.

    Raises
    ------
    ConfigurationError
        The file can't be read, holds no formula or too many, or a formula can't be read; names file and line of each.
    """
    lines = [("campaign", f"formula {number}", formula, "") for number, formula in enumerate(formulas, 1)]
    if file is not None:
        lines += [(file, f"line {number}", formula, name) for number, formula, name in _lines_of(file)]
    if not lines:
        raise ConfigurationError(f"{file or 'formulas'}: there is no formula in it", _REMEDY)
    if len(lines) > _MOST:
        raise ConfigurationError(f"{file}: {len(lines):,} formulas, and a list has at most {_MOST:,}", "Split it.")
    return _each_once(lines)


def one_system(compositions: Sequence[ListedFormula]) -> list[str]:
    """Elements of compositions of one chemical system, as a model that generates crystals of them needs.

    Raises
    ------
    ConfigurationError
        They are of several; names one of each of two.
    """
    first = compositions[0]
    for one in compositions:
        if one.facts.chemsys != first.facts.chemsys:
            raise ConfigurationError(
                f"{one.file}, {one.place}: {one.facts.reduced} is of {one.facts.chemsys}, and {first.facts.reduced} of "
                f"{first.facts.chemsys}: one model generates crystals of one chemical system",
                "A campaign for each chemical system, with a list each.",
            )
    return list(first.facts.elements)


def _lines_of(file: str) -> Iterable[tuple[int, str, str]]:
    try:
        text = read_whole(Path(file)).decode("utf-8-sig")
    except SourceFileError as error:
        raise ConfigurationError(f"{file}: can't be read: {error}", _REMEDY) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{file}: this is no text in UTF-8", _REMEDY) from None
    for number, line in enumerate(text.splitlines(), 1):
        formula, _, name = (part.strip() for part in line.partition("#"))
        if formula:
            yield number, formula, name[:_LONGEST_NAME]


def _each_once(lines: Iterable[tuple[str, str, str, str]]) -> list[ListedFormula]:
    first: dict[str, ListedFormula] = {}
    problems = []
    for file, place, formula, name in lines:
        try:
            facts = describe(formula)
            if "." in facts.anonymous:
                raise FormulaError(formula, "amounts have to be whole numbers")
        except FormulaError as error:
            problems.append(f"{file}, {place}: {error}")
        else:
            first.setdefault(facts.reduced, ListedFormula(facts, file, f"{place}, {name}" if name else place))
    if problems:
        more = [f"… and {len(problems) - _TOLD:,} more"] if len(problems) > _TOLD else []
        raise ConfigurationError("\n".join([*problems[:_TOLD], *more]), _REMEDY)
    return list(first.values())
