"""`trained_models`: a trained model and all that it depends on; weights and training set lie in GridFS."""

from __future__ import annotations

from typing import ClassVar, Final

from mongoengine import DictField, FloatField, IntField, ListField, StringField

from .base import RegistryDocument, meta

SHIPPED: Final = "shipped-"
"""Begins the ids of models that come with the package, which no registry holds as documents."""


class TrainedModel(RegistryDocument):
    """A trained model, identified by what it was trained with and on."""

    KEY = "model_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"training": ()}
    UNHASHED: ClassVar[frozenset[str]] = frozenset({"seconds"})

    meta = meta(
        "trained_models",
        {"fields": ["model_id"], "unique": True},
        "kind",
        "facets.training.rev",
    )

    model_id = StringField(required=True, help_text="Identity: kind and a hash of config, seed, data and versions")
    kind = StringField(required=True, help_text="matgan, classifier, roost, crystal-gan …")
    config = DictField(required=True, help_text="Every setting of the training")
    seed = IntField(required=True, help_text="Seed of all random numbers")
    request = StringField(help_text="Hash of what was asked for: kind, config, seed and the queries of the data")
    data_hash = StringField(required=True, help_text="Hash of the frozen training set")
    data_query = DictField(help_text="The filters on `materials` that drew the training set")
    data = DictField(help_text="What the training set holds, in numbers")
    training_set = StringField(help_text="The frozen training set: artefact in GridFS, by its SHA-256")
    metrics = DictField(help_text="Figures of merit, with the split they were measured on")
    curve = ListField(DictField(), help_text="Figures of every epoch, in order")
    versions = DictField(help_text="Versions of the software that trained it")
    device = StringField(help_text="Where it was trained: cpu, or the name of the GPU")
    seconds = FloatField(help_text="Time of training", unit="s", min_value=0)
    weights = StringField(help_text="The weights: artefact in GridFS, by its SHA-256")
    tags = ListField(StringField(), help_text="Names given by people")
