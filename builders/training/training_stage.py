"""Stage `train:<kind>`: trains a model where there is none yet that was asked for, and records all it depends on.

The training itself happens while the stage selects, because it keeps checkpoints in the database as it goes; what is
written is one document of `trained_models`.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, ClassVar

import zstandard

from ...models.learning.device import DeviceError, OutOfMemory, choose
from ...models.learning.loop import Diverged, Figures, seed_everything
from ...models.learning.threads import threads_of_torch
from ...models.learning.weights import WeightsError
from ...stores.bookkeeping import artefacts
from ...stores.canonical import canonical, content_hash
from ...stores.documents import Material, TrainedModel
from ...stores.documents.base import labelled
from ...stores.errors import ConfigurationError
from ..engine.batches import Batch, Doc, Item, Outcome
from ..engine.channels import Channel
from ..engine.stage import Stage
from ..engine.version import VERSION
from .model_kind import Desk, Stopped, TooLittleData, Trained, TrainingError, TrainingSet
from .model_kinds import kind_of_model

_LIBRARIES = ("torch", "numpy", "scikit-learn", "pymatgen", "matminer")
_SHOWN = 4
MUCH_DATA = 20_000
"""Materials from which a training that takes long is worth a process of its own, which takes seconds to start."""
_FOLDS_AT_ONCE = 4  # each holds its part of the training set in memory
_BEFORE_EPOCHS = 2**32 - 1
"""Number that sets what is drawn before the first epoch apart from the epochs."""


class TrainingStage(Stage):
    """Trains one kind of model with one config, unless that was done.

    Parameters
    ----------
    kind
        Kind of model.
    config, queries
        As `Kind` takes them.
    seed
        Seed of all random numbers.
    device
        Where to compute: auto, cpu or cuda. Results on a GPU may differ in the last digits.
    on_new_data
        Train again where the queries now draw other data than the newest such model has seen, and fail where they
        draw too little; else such a training is left out with a note.
    label
        Of these settings, beside others of the same kind.
    """

    version = 1
    writes: ClassVar = {TrainedModel: "training"}
    orphans = "kept"
    works_while_selecting = True

    def __init__(
        self,
        kind: str,
        *,
        config: Doc | None = None,
        queries: dict[str, str] | None = None,
        seed: int = 0,
        device: str = "auto",
        on_new_data: bool = False,
        label: str = "",
        share: Doc | None = None,
    ) -> None:
        self.kind = kind_of_model(kind)(config, queries)
        self.given = {"config": config or {}, "queries": queries or {}}
        self.seed = seed
        self.device = device
        self.on_new_data = on_new_data
        self.label = label
        self.name = labelled(f"train:{kind}", label)
        super().__init__(share=share)

    def arguments(self) -> Doc:
        """Kind, settings, seed and device."""
        named = {"kind": self.kind.name, **self.given, "seed": self.seed, "device": self.device}
        return {**named, "on_new_data": self.on_new_data, "label": self.label}

    def config(self) -> Doc:
        """What the model depends on beside the data."""
        named = {"kind": self.kind.name, "config": self.kind.config, "queries": self.kind.queries, "seed": self.seed}
        return named if self.kind.version == 1 else {**named, "version": self.kind.version}

    @property
    def request(self) -> str:
        """Hash of what is asked for, whatever the data are."""
        return content_hash([self.version, self.config()])

    @property
    def writes_kinds(self) -> tuple[str, ...]:  # type: ignore[override]  # by kind
        """The kind of model it trains."""
        return (self.kind.name,)

    def reads(self) -> tuple[Channel, ...]:
        """What training sets are drawn from."""
        return tuple(Channel(Material.collection_name(), facet) for facet in Material.FACETS)

    def runs_long_alone(self) -> bool:
        """Whether it is one that takes minutes on one core, of much data, and its model is not there yet."""
        if not self.kind.takes_long or self.on_new_data:
            return False
        same: Doc = {"request": self.request, "deprecated": False}
        if self.db.database["trained_models"].find_one(same, {"_id": 1}):
            return False
        return self.db.database["materials"].estimated_document_count() >= MUCH_DATA

    def select(self) -> Iterator[Batch]:
        """Train, and give the finished model as the one item."""
        self.total = 0
        trained_models = self.db.database["trained_models"]
        same: Doc = {"request": self.request, "deprecated": False}
        if not self.on_new_data and trained_models.find_one(same, {"_id": 1}):
            return
        try:
            drawn = self.kind.draw(self.db)
        except TooLittleData as error:
            if self.on_new_data:
                raise
            self.report.note = f"left out: {error.message}"  # a refresh of a registry that is still being filled
            return
        data_hash = content_hash(drawn.content)
        if trained_models.find_one({**same, "data_hash": data_hash}, {"_id": 1}):
            return
        doc = self._trained(drawn, data_hash)
        yield Batch(0, [Item(doc["model_id"], doc, [{"collection": "artefacts", "id": doc["training_set"]}])])

    def process(self, items: list[Item]) -> list[Outcome]:
        """The document as it was made."""
        return [{"trained_models": [item.content]} for item in items]

    def _trained(self, drawn: TrainingSet, data_hash: str) -> Doc:
        versions = {"exfolio": VERSION, "python": platform.python_version()} | {
            name: version(name) for name in _LIBRARIES
        }
        identity = content_hash([self.config(), data_hash, versions])
        model_id = f"{self.kind.name}-{identity[:12]}"
        compressed = zstandard.ZstdCompressor(level=9).compress(canonical(drawn.content))
        training_set = artefacts.put(self.db, compressed, what=f"training set of {model_id}, canonical JSON, zstd")
        trained = self._train(drawn, model_id)
        weights = artefacts.put(self.db, trained.weights, what=f"weights of {model_id}")
        artefacts.drop_checkpoints(self.db, model_id)
        return {
            "model_id": model_id,
            "kind": self.kind.name,
            "config": self.kind.config,
            "seed": self.seed,
            "request": self.request,
            "data_hash": data_hash,
            "data_query": self.kind.queries,
            "data": drawn.described,
            "training_set": training_set,
            "metrics": trained.metrics,
            "curve": trained.curve,
            "versions": versions,
            "device": str(choose(self.device)),
            "seconds": round(trained.seconds, 1),
            "weights": weights,
        }

    def _train(self, drawn: TrainingSet, model_id: str) -> Trained:
        desk = Desk(
            device=self.device,
            checkpoint=lambda data: self._keep(model_id, data),
            resume=artefacts.checkpoint(self.db, model_id),
            progress=self._say,
            stop=lambda: self.asked_to_stop(),
            threads=min(self.db.settings.processes, _FOLDS_AT_ONCE),
        )
        try:
            with threads_of_torch(self.db.settings.training_threads):
                # First weights come from the global generators, which the loop of epochs seeds only later.
                seed_everything(self.seed, _BEFORE_EPOCHS)
                return self.kind.train(drawn.content, self.seed, desk)
        except Stopped:
            raise KeyboardInterrupt(
                f"training of {model_id} stopped ({self.doing or 'before its first step'}); run again to go on"
            ) from None
        except DeviceError as error:
            raise ConfigurationError(str(error)) from None
        except OutOfMemory as error:
            raise TrainingError(f"{self.name}: {error}") from None
        except Diverged as error:
            raise TrainingError(
                f"{self.name}: {error}",
                f"The checkpoint after epoch {error.training.epochs_done} is kept; change the config and train again.",
            ) from None
        except WeightsError as error:
            artefacts.drop_checkpoints(self.db, model_id)
            raise TrainingError(
                f"{self.name}: its checkpoint can't be used: {error}", "It was dropped: run again to start anew."
            ) from None

    def _keep(self, model_id: str, data: bytes) -> None:
        self.current_run.check_lease()
        artefacts.put_checkpoint(self.db, model_id, data)

    def _say(self, done: int, of: int, figures: Figures) -> None:
        shown = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in list(figures.items())[:_SHOWN])
        self.steps = (done, of)
        self.doing = f"step {done:,} of {of:,}: {shown}" if shown else f"step {done:,} of {of:,}"
        self.tell()


def training_set_of(connection: Any, model: Doc) -> Doc:
    """Frozen training set of a trained model, as its kind drew it.

    Raises
    ------
    ArtefactMissing
        It is no longer in the database.
    """
    compressed = artefacts.get(connection, model["training_set"])
    content: Doc = json.loads(zstandard.ZstdDecompressor().decompress(compressed))
    return content
