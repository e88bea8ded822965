"""The registry from Python: ask, and get plain documents, a table of pandas, or structures of pymatgen.

from exfolio import query

query("candidates", 'elements HAS "Mo"').to_pandas()
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from itertools import islice
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from .connection import Connection, connect
from .query.columns import all_columns, columns_of
from .query.html_table import MOST_ROWS, formula_html, table_html
from .query.language.fields import fields_of, value_at
from .query.language.intervals import names_of, row_of
from .query.search import Search

if TYPE_CHECKING:
    import pandas as pd
    from pymatgen.core.structure import Structure

Doc = dict[str, Any]


class Documents(list[Doc]):
    """What was found: a list of plain documents that a notebook shows as a table, and that can become one of pandas.

    Parameters
    ----------
    documents
        The documents.
    collection
        Where they come from.
    columns
        The fields that were asked for; none where whole documents were.
    """

    def __init__(self, documents: Sequence[Doc], collection: str, columns: Sequence[str] = ()) -> None:
        super().__init__(documents)
        self.collection = collection
        self.columns = tuple(columns)

    def to_pandas(self) -> pd.DataFrame:
        """Table with a row for each document, by its id, and a column for each field that has a value.

        The usual columns of the collection are there whether they have a value or not; of an empty answer all are, so
        that what follows need not ask. Numbers are numbers also where none is known.

        Beside a value that may be an interval stand its ends, as ``<field>_low`` and ``<field>_high``: both equal to
        the value where nothing is known of its error, NaN on the side where it is open. ``attrs["units"]`` of the
        table names the units.
        """
        import pandas as pd

        known = fields_of(self.collection)
        named = self.columns or all_columns(self.collection)
        usual = {known.key, *columns_of(self.collection)}
        fields = [known.get(name) for name in named]
        if not self.columns:
            fields = [
                field
                for field in fields
                if not self or field.path in usual or any(value_at(doc, field.path) is not None for doc in self)
            ]
        rows = [row_of(doc, fields) for doc in self]
        table = pd.DataFrame(rows, columns=names_of(fields))
        numbers = [name for field in fields if field.kind == "number" and not field.many for name in names_of([field])]
        table = table.astype(dict.fromkeys(numbers, float))
        if known.key in table:
            table = table.set_index(known.key)
        table.attrs["units"] = {name: field.unit for field in fields if field.unit for name in names_of([field])}
        return table

    def structures(self) -> Structures:
        """Crystal structures by the id of their document; documents without one are left out.

        They are a dict that a notebook shows in three dimensions: the first of them, and any other by its `view`.

        Raises
        ------
        KeyError
            ``fields`` were asked for, without the id and ``structure``.
        """
        from pymatgen.core.structure import Structure

        key = fields_of(self.collection).key
        if self.columns and not {key, "structure"} <= set(self.columns):
            raise KeyError(f"ask for {key!r} and 'structure' too, or for whole documents: fields={list(self.columns)}")
        return Structures((doc[key], Structure.from_dict(doc["structure"])) for doc in self if doc.get("structure"))

    def __repr__(self) -> str:
        return f"<{len(self):,} {self.collection}>"

    def _repr_html_(self) -> str:
        known = fields_of(self.collection)
        fields = [known.get(name) for name in self.columns or columns_of(self.collection)]
        return table_html(self, fields, f"{len(self):,} {self.collection}")


class Structures(dict[str, "Structure"]):
    """Crystal structures by id. A notebook shows the first in three dimensions, where weas-widget is installed."""

    def view(self, identity: str | None = None) -> Any:
        """Widget that shows one of them, to turn and to zoom; needs weas-widget, of the extra ``serve``.

        Parameters
        ----------
        identity
            Id of the structure; the first without.

        Raises
        ------
        ImportError
            weas-widget is not installed.
        KeyError
            There is no structure of that id, or none at all.
        """
        import weas_widget

        key = next(iter(self), "") if identity is None else identity
        return weas_widget.WeasWidget(from_pymatgen=self[key])

    def _repr_html_(self) -> str:
        rows = Markup("").join(
            Markup("<tr><td>{}</td><td>{}</td><td>{}</td></tr>").format(
                key, formula_html(structure.composition.reduced_formula), len(structure)
            )
            for key, structure in islice(self.items(), MOST_ROWS)
        )
        heads = Markup("<tr><th>id</th><th>formula</th><th>atoms</th></tr>")
        left = f", the first {MOST_ROWS} are listed" if len(self) > MOST_ROWS else ""
        table = Markup('<table class="dataframe"><thead>{}</thead><tbody>{}</tbody></table><p>{:,} structures{}</p>')
        return str(table.format(heads, rows, len(self), left))

    def _repr_mimebundle_(self, **_wishes: Any) -> dict[str, Any]:
        # The text is for where no widget can be: the frontend takes what it can show best.
        bundle = self.view()._repr_mimebundle_() if self and find_spec("weas_widget") else {}
        return {**bundle, "text/plain": f"<{len(self):,} structures>", "text/html": self._repr_html_()}


def query(
    collection: str = "candidates",
    filter: str = "",  # noqa: A002 - OPTIMADE's word
    *,
    fields: Sequence[str] = (),
    sort: Sequence[str] | str = (),
    limit: int | None = None,
    offset: int = 0,
    after: str | None = None,
    deprecated: bool = False,
    possible: bool = False,
    connection: Connection | None = None,
) -> Documents:
    """Ask a collection of the registry.

    Parameters
    ----------
    collection
        materials, candidates, structures, properties, compositions, reference_entries, calculations, failures …
    filter
        In OPTIMADE's language, with the fields of the collection as names; all without.
    fields
        Fields wanted; whole documents without.
    sort
        Fields to order by, ``-`` in front for descending; documents without a value come last.
    limit
        How many at most; 0 or None for all.
    offset
        How many to leave out before.
    after
        Id of the document behind which to begin, in the same order: the last one of the page before. Costs what the
        first page does, which ``offset`` does not.
    deprecated
        Deprecated documents too.
    possible
        Also what may meet the filter, where a value is a bound or an interval; else only what certainly does.
    connection
        An open connection; one is opened as the settings say, and closed, without.

    Returns
    -------
    Documents
        A list of dicts, with `to_pandas` and `structures`.

    Raises
    ------
    QueryError
        A name or the filter is wrong; points at the place. Or it takes longer than ``EXFOLIO_QUERY_SECONDS``.
    DatabaseUnavailable
        No server answers.

    Examples
    --------
    >>> found = query("materials", 'elements HAS ALL "Mo","S"', sort="band_gap")  # doctest: +SKIP
    >>> found.to_pandas()[["formula_reduced", "band_gap"]]  # doctest: +SKIP
    """
    asked = Search(
        collection,
        filter,
        fields=tuple(fields),
        sort=(sort,) if isinstance(sort, str) else tuple(sort),
        limit=limit,
        offset=offset,
        after=after,
        deprecated=deprecated,
        possible=possible,
    )
    columns = [column.path for column in asked.columns]
    if connection is not None:
        return Documents(list(asked.documents(connection)), collection, columns)
    with connect() as opened:
        return Documents(list(asked.documents(opened)), collection, columns)
