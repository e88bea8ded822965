"""`trained_models`: a trained model and all that it depends on; its weights lie in GridFS."""

from __future__ import annotations

from typing import ClassVar

from mongoengine import DictField, IntField, ListField, ObjectIdField, StringField

from .base import RegistryDocument, meta


class TrainedModel(RegistryDocument):
    """A trained model, identified by what it was trained with and on."""

    KEY = "model_id"
    FACETS: ClassVar[dict[str, tuple[str, ...]]] = {"training": ()}

    meta = meta(
        "trained_models",
        {"fields": ["model_id"], "unique": True},
        "kind",
        "facets.training.rev",
    )

    model_id = StringField(required=True, help_text="Identity: hash of kind, config, seed, data and versions")
    kind = StringField(required=True, help_text="matgan, classifier, roost, crystal-gan …")
    config = DictField(required=True, help_text="Every setting of the training")
    seed = IntField(required=True, help_text="Seed of all random numbers")
    data_hash = StringField(required=True, help_text="Hash of the frozen training set")
    data_query = DictField(help_text="The query that drew the training set")
    metrics = DictField(help_text="Figures of merit, with the split they were measured on")
    versions = DictField(help_text="Versions of the software that trained it")
    weights = ObjectIdField(help_text="GridFS file with the weights")
    tags = ListField(StringField(), help_text="Names given by people")
