"""Which documents a command is about: the arguments and plain options of `query` and `export`, as one search."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, Final, get_type_hints

import typer

from ...stores.errors import ConfigurationError
from ...stores.query.language import conditions
from ...stores.query.language.fields import ALL_DOCUMENTS, Fields, fields_of
from ...stores.query.search import Search
from .. import completion
from .of_formula import reduced_formula

Condition = dict[str, Any]

DEFAULT_COLLECTION: Final = "candidates"
_PANEL: Final = "Conditions, all of which have to be met"


def _condition(name: str, shape: str | None, text: str) -> Any:
    return typer.Option(name, metavar=shape, help=text, rich_help_panel=_PANEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Documents of a collection as the command line names them: its arguments and plain options, all of which hold."""

    collection: Annotated[
        str | None,
        typer.Argument(
            metavar="COLLECTION",
            help=f"{', '.join(ALL_DOCUMENTS)}; {DEFAULT_COLLECTION} when left out.",
            autocompletion=completion.collections,
        ),
    ] = None
    filter_: Annotated[
        str | None,
        typer.Argument(metavar="FILTER", help="Filter in OPTIMADE's language; --fields-help lists the names."),
    ] = None
    elements: Annotated[str | None, _condition("--elements", "Mn,O", "Contains all of these, and maybe others.")] = None
    only_elements: Annotated[str | None, _condition("--only-elements", "Mn,O", "Contains none but these.")] = None
    formula: Annotated[str | None, _condition("--formula", "MoS2", "Has this reduced formula, however written.")] = None
    ehull_max: Annotated[
        float | None, _condition("--ehull-max", "0.08", "Energy above hull at most this, eV/atom.")
    ] = None
    exfoliation_max: Annotated[
        float | None, _condition("--exfoliation-max", "0.2", "Exfoliation energy at most this, eV/atom.")
    ] = None
    gap_min: Annotated[float | None, _condition("--gap-min", "1.6", "Band gap at least this, eV.")] = None
    gap_max: Annotated[float | None, _condition("--gap-max", "3.0", "Band gap at most this, eV.")] = None
    status: Annotated[str | None, _condition("--status", "STATUS", "promoted, waiting or rejected.")] = None
    campaign: Annotated[str | None, _condition("--campaign", "NAME", "Judged by this campaign.")] = None
    source: Annotated[
        str | None, _condition("--source", "NAME", "From this source, or made from a material of it.")
    ] = None
    layered: Annotated[bool | None, _condition("--layered/--not-layered", None, "By the layer analysis.")] = None
    nsites_max: Annotated[int | None, _condition("--nsites-max", "12", "At most so many atoms in the cell.")] = None
    possible: Annotated[
        bool,
        typer.Option(
            "--possible",
            help="What may meet the conditions too, where a value is a bound or an interval; else what certainly does.",
        ),
    ] = False
    deprecated: Annotated[bool, typer.Option("--deprecated", help="Deprecated documents too.")] = False

    @property
    def asked(self) -> str:
        """Name of the collection; where only one argument is given, it may be the filter."""
        return DEFAULT_COLLECTION if self._only_a_filter else self.collection or DEFAULT_COLLECTION

    def search(self, **how: Any) -> Search:
        """Search for these documents.

        Parameters
        ----------
        how
            ``fields``, ``sort``, ``limit``, ``offset`` and ``after`` of `Search`.

        Raises
        ------
        ConfigurationError
            The collection has no such field, or a value or the filter is wrong.
        """
        text = self.collection if self._only_a_filter else self.filter_
        conditions = list(self._conditions(fields_of(self.asked)))
        how |= {"deprecated": self.deprecated, "possible": self.possible}
        return Search(self.asked, text or "", conditions=conditions, **how)

    @property
    def _only_a_filter(self) -> bool:
        text = self.collection
        return text is not None and self.filter_ is None and text not in ALL_DOCUMENTS and _looks_like_filter(text)

    def _conditions(self, known: Fields) -> Iterator[Condition]:
        if self.elements is not None:
            yield conditions.has_elements(known, symbols_of(self.elements))
        if self.only_elements is not None:
            yield conditions.only_elements(known, symbols_of(self.only_elements))
        if self.formula is not None:
            yield conditions.of_formula(known, reduced_formula(self.formula) or self.formula)
        for name, most in (
            ("energy_above_hull", self.ehull_max),
            ("exfoliation_energy", self.exfoliation_max),
            ("band_gap", self.gap_max),
            ("nsites", self.nsites_max),
        ):
            if most is not None:
                yield conditions.within(known, name, "at most", most, possible=self.possible)
        if self.gap_min is not None:
            yield conditions.within(known, "band_gap", "at least", self.gap_min, possible=self.possible)
        for name, value in (("status", self.status), ("campaign", self.campaign), ("layered", self.layered)):
            if value is not None:
                yield conditions.equal(known, name, value)
        if self.source is not None:
            yield _of_source(known, self.source)


def takes_selection(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command with a parameter ``selection`` be called with the arguments and options of a `Selection` instead.

    Typer reads a command's options from its signature and knows no groups of them.
    """
    own = signature(command, eval_str=True).parameters.values()
    hints = get_type_hints(Selection, include_extras=True)
    shared = [
        Parameter(option.name, Parameter.KEYWORD_ONLY, default=option.default, annotation=hints[option.name])
        for option in fields(Selection)
    ]
    options = [*shared, *(parameter for parameter in own if parameter.name != "selection")]

    @wraps(command)
    def called(**values: Any) -> None:
        command(selection=Selection(**{option.name: values.pop(option.name) for option in shared}), **values)

    called.__signature__ = Signature(options)  # type: ignore[attr-defined]
    called.__annotations__ = {option.name: option.annotation for option in options}
    return called


def symbols_of(text: str) -> list[str]:
    """Split a list of elements such as ``Mn,O``.

    Raises
    ------
    ConfigurationError
        Something in it is no symbol of an element.
    """
    from pymatgen.core.periodic_table import Element  # half a second, for those who use the option

    symbols = [part for part in re.split(r"[\s,;-]+", text) if part]
    wrong = [symbol for symbol in symbols if not Element.is_valid_symbol(symbol)]
    if wrong or not symbols:
        raise ConfigurationError(
            f"{', '.join(wrong) or 'an empty list'} is no symbol of an element", "Write for example: --elements Mn,O"
        )
    return symbols


def _of_source(fields: Fields, source: str) -> Condition:
    if "source" in fields.by_path or "parent_id" not in fields.by_path:
        return conditions.equal(fields, "source", source)
    return {"parent_id": {"$regex": f"^{re.escape(source)}:"}}  # what was made from a material of the source


def _looks_like_filter(text: str) -> bool:
    return any(letter in text for letter in ' =<>"(')
