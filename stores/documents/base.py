"""What every document of the registry carries, whatever it describes.

A document's fields are written in *facets*: a facet is the set of fields one writer owns (`materials` has
`record`, written by ingestion, `layers`, by the layer analysis, and so on). Each facet has its own revision and
content hash, so that a stage sees a document as changed only when something it reads has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    Document,
    IntField,
    ListField,
    LongField,
    StringField,
)

HISTORY = "history"
"""The field that holds the earlier values of the `REMEMBERED` fields; the writer keeps it, a stage never gives it."""
LEFT = "left"
"""In the note of a facet: by group field, pairs of a group that the document has left and the revision it did so at."""
LABEL = "@"
"""Stands between the name of a facet and the label of settings."""
ALIAS = "exfolio"
"""The mongoengine connection all documents use."""


def meta(collection: str, *indexes: Any) -> dict[str, Any]:
    """Options for mongoengine of a concrete document: its collection and its indexes.

    Indexes are made by ``exfolio db init``, never on first use: one that cannot be made must stop the program.
    """
    return {
        "collection": collection,
        "indexes": list(indexes),
        "strict": False,
        "db_alias": ALIAS,
        "auto_create_index": False,
        "auto_create_index_on_save": False,
        "index_cls": False,
    }


def labelled(name: str, label: str) -> str:
    """Name of a facet or a stage with a label of settings; the name alone where there is none.

    Examples
    --------
    >>> labelled("screen", "a1b2c3"), labelled("screen", "")
    ('screen@a1b2c3', 'screen')
    """
    return f"{name}{LABEL}{label}" if label else name


class RegistryDocument(Document):
    """The fields that every registry document has, all written by the stage engine."""

    KEY: ClassVar[str]
    """Name of the field that identifies a document."""
    FACETS: ClassVar[dict[str, tuple[str, ...]]]
    """The facets and the fields each owns; the first is the creator's and owns every field no other one names."""
    PARTS: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Parts of the creator's facet that have a revision of their own, each with its fields; named as facets are. A
    stage that reads a part hears of its changes alone. The note of a part holds its revision, and no hash."""
    REMEMBERED: ClassVar[tuple[str, ...]] = ()
    """Fields of the creator's facet whose earlier values are kept in `history` when they change."""
    UNHASHED: ClassVar[frozenset[str]] = frozenset()
    """Fields that say how long it took to make, not what came out; a change in them alone is none."""

    GROUP_FIELDS: ClassVar[tuple[str, ...]] = ()
    """Fields by which stages group documents. A document whose value changes has left a group:
    the facet's note names it under `LEFT`, so that whoever works on that group hears of it."""
    SHARED: ClassVar[bool] = False
    """Whether several stages, of other settings each, may make the same document; `made_by` names them."""
    ORIGIN_FIELD: ClassVar[tuple[str, str] | None] = None
    """A field that names what a document was made from, and the collection that lies in: where `origins` would say
    nothing else they are left out, and `origins_of` says them. A million documents are a tenth smaller for it."""

    INTERVALS: ClassVar[dict[str, tuple[str, str]]] = {}
    """Fields whose values may be intervals: where the low and the high end stand; of a map by kind, their maps."""

    LABELLED: ClassVar[dict[str, str]] = {}
    """Facets that stages of several settings may write side by side, each with the field that holds what those with a
    label have written, by label. The facet is then called ``facet@label``."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    schema_version = IntField(required=True, default=1, help_text="Version of this collection's schema")
    rev = LongField(required=True, help_text="Revision of the collection at which the document last changed")
    content_hash = StringField(required=True, help_text="Hash of all content, combined from the facets' hashes")
    run_id = StringField(required=True, help_text="Run that last changed the document")
    created_at = DateTimeField(required=True, help_text="When the document was first written (UTC)")
    updated_at = DateTimeField(required=True, help_text="When the document last changed (UTC)")
    origins = ListField(DictField(), help_text="What it was made from: collection or file, id and content hash")
    deprecated = BooleanField(required=True, default=False, help_text="No longer current; kept for the record")
    deprecation_reasons = ListField(StringField(), help_text="Why it is deprecated, newest last")
    made_by = ListField(StringField(), help_text="Stages that make it, where several of other settings may; sorted")
    facets = DictField(
        required=True,
        help_text="By facet: its revision, the hash of its content, by which of the `writers` and, where that is not "
        "when the document was made, when it was written",
    )

    @classmethod
    def origin_named(cls, content: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Origins that `ORIGIN_FIELD` tells of a document, none where it does not."""
        if cls.ORIGIN_FIELD is None:
            return []
        name, collection = cls.ORIGIN_FIELD
        return [{"collection": collection, "id": content[name]}] if content.get(name) else []

    @classmethod
    def origins_of(cls, stored: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a stored document was made from, whether its `origins` say so or another field."""
        return stored["origins"] if "origins" in stored else cls.origin_named(stored)

    @classmethod
    def creating_facet(cls) -> str:
        """Name of the facet that is written when a document is made."""
        return next(iter(cls.FACETS))

    @classmethod
    @cache
    def fields_of(cls, facet: str) -> frozenset[str]:
        """Names of the content fields that a facet owns (the key is content of none)."""
        if facet in cls.PARTS:
            return frozenset(cls.PARTS[facet])
        name, _, label = facet.partition(LABEL)
        if label:
            return frozenset([f"{cls.LABELLED[name]}.{label}"])
        if facet != cls.creating_facet():
            return frozenset(cls.FACETS[facet])
        others = {name for names in cls.FACETS.values() for name in names}
        kept_by_writer = {HISTORY} if cls.REMEMBERED else set()
        kept_by_writer |= set(cls.LABELLED.values())
        return frozenset(cls._fields) - others - set(RegistryDocument._fields) - {"id", cls.KEY} - kept_by_writer

    @classmethod
    def owner_of(cls, group_field: str) -> str | None:
        """Facet that owns a group field; None of another field, and of the key, which never changes."""
        owners = (facet for facet in cls.FACETS if group_field in cls.fields_of(facet))
        return next(owners, None) if group_field in cls.GROUP_FIELDS else None

    @classmethod
    @cache
    def said_in(cls, facet: str) -> frozenset[str]:
        """Names of the fields that a facet says something in, whether or not they are kept under a label."""
        return cls.fields_of(facet.partition(LABEL)[0])

    @classmethod
    def paths_of(cls, facets: Iterable[str]) -> dict[str, str]:
        """Where the fields of labelled facets are kept, by their usual names.

        Examples
        --------
        A composition's ``p_2d`` by ``classify@a1b2c3`` lies in ``classifications.a1b2c3.p_2d``.
        """
        labelled = [facet for facet in facets if LABEL in facet]
        kept_in = [(path, facet) for facet in labelled for path in cls.fields_of(facet)]
        return {name: f"{path}.{name}" for path, facet in kept_in for name in cls.said_in(facet)}

    @classmethod
    @cache
    def collection_name(cls) -> str:
        """Name of the MongoDB collection."""
        return str(cls._get_collection_name())
