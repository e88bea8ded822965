"""The plain options that `query` and `export` share, and the conditions they come to."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

import typer

from ...stores.errors import ConfigurationError
from ...stores.query import conditions
from ...stores.query.fields import ALL_DOCUMENTS, Fields, fields_of

Condition = dict[str, Any]

DEFAULT_COLLECTION: Final = "candidates"
_PANEL: Final = "Conditions, all of which have to be met"


def _condition(name: str, shape: str | None, text: str) -> Any:
    return typer.Option(name, metavar=shape, help=text, rich_help_panel=_PANEL)


CollectionArgument = Annotated[
    str | None,
    typer.Argument(metavar="COLLECTION", help=f"{', '.join(ALL_DOCUMENTS)}; {DEFAULT_COLLECTION} when left out."),
]
FilterArgument = Annotated[
    str | None, typer.Argument(metavar="FILTER", help="Filter in OPTIMADE's language; --fields-help lists the names.")
]
ElementsOption = Annotated[str | None, _condition("--elements", "Mn,O", "Contains all of these, and maybe others.")]
OnlyElementsOption = Annotated[str | None, _condition("--only-elements", "Mn,O", "Contains none but these.")]
FormulaOption = Annotated[str | None, _condition("--formula", "MoS2", "Has this reduced formula, however written.")]
EhullMaxOption = Annotated[float | None, _condition("--ehull-max", "0.08", "Energy above hull at most this, eV/atom.")]
ExfoliationMaxOption = Annotated[
    float | None, _condition("--exfoliation-max", "0.2", "Exfoliation energy at most this, eV/atom.")
]
GapMinOption = Annotated[float | None, _condition("--gap-min", "1.6", "Band gap at least this, eV.")]
GapMaxOption = Annotated[float | None, _condition("--gap-max", "3.0", "Band gap at most this, eV.")]
StatusOption = Annotated[str | None, _condition("--status", "STATUS", "promoted, waiting or rejected.")]
CampaignOption = Annotated[str | None, _condition("--campaign", "NAME", "Judged by this campaign.")]
SourceOption = Annotated[str | None, _condition("--source", "NAME", "From this source, or made from a material of it.")]
LayeredOption = Annotated[bool | None, _condition("--layered/--not-layered", None, "By the layer analysis.")]
NsitesMaxOption = Annotated[int | None, _condition("--nsites-max", "12", "At most so many atoms in the cell.")]
DeprecatedOption = Annotated[bool, typer.Option("--deprecated", help="Deprecated documents too.")]


def sort_out(collection: str | None, filter_: str | None) -> tuple[str, str]:
    """Tell which argument is the collection and which the filter, where only one is given."""
    if (
        collection is not None
        and filter_ is None
        and collection not in ALL_DOCUMENTS
        and _looks_like_filter(collection)
    ):
        return DEFAULT_COLLECTION, collection
    return collection or DEFAULT_COLLECTION, filter_ or ""


def conditions_of(
    collection: str,
    *,
    elements: str | None = None,
    only_elements: str | None = None,
    formula: str | None = None,
    ehull_max: float | None = None,
    exfoliation_max: float | None = None,
    gap_min: float | None = None,
    gap_max: float | None = None,
    status: str | None = None,
    campaign: str | None = None,
    source: str | None = None,
    layered: bool | None = None,
    nsites_max: int | None = None,
) -> list[Condition]:
    """Give the conditions of the options that are set."""
    fields = fields_of(collection)
    wanted: list[Condition] = []
    if elements is not None:
        wanted.append(conditions.has_elements(fields, symbols_of(elements)))
    if only_elements is not None:
        wanted.append(conditions.only_elements(fields, symbols_of(only_elements)))
    if formula is not None:
        wanted.append(conditions.of_formula(fields, formula))
    for name, most in (
        ("energy_above_hull", ehull_max),
        ("exfoliation_energy", exfoliation_max),
        ("band_gap", gap_max),
        ("nsites", nsites_max),
    ):
        if most is not None:
            wanted.append(conditions.within(fields, name, "at most", most))
    if gap_min is not None:
        wanted.append(conditions.within(fields, "band_gap", "at least", gap_min))
    for name, value in (("status", status), ("campaign", campaign), ("layered", layered)):
        if value is not None:
            wanted.append(conditions.equal(fields, name, value))
    if source is not None:
        wanted.append(_of_source(fields, source))
    return wanted


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
