"""All that is chosen about a Crystal GAN, and the profiles: the paper's, its published code's, and one of our own.

Plain data; knows no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from math import isfinite
from typing import Any, Final, Literal, get_args

from ..structure.layouts import MG_MN_O, Layout, find_layout
from .augmentation import Augmentation

Networks = Literal["published", "dense"]
Conditions = Literal["data", "uniform"]

_WIDTHS: Final = (
    "generator_channels",
    "critic_channels",
    "critic_dense",
    "classifier_channels",
    "classifier_dense",
    "encoder_channels",
)
_MOST_NEIGHBOURS: Final = 26
_LEAST_PACK: Final = 2
_DENSE_ONLY: Final = ("distance_weight", "beside_weight", "likeness_weight", "code_weight")
_RATES: Final = ("learning_rate", "critic_learning_rate", "classifier_learning_rate", "decay")
_WEIGHTS: Final = (
    "gradient_penalty",
    "slots_weight",
    "generated_counts_weight",
    "generated_slots_weight",
    "adversarial_weight",
    "distance_weight",
    "beside_weight",
    "likeness_weight",
    "code_weight",
)


class BadConfig(ValueError):
    """A setting that is unknown or makes no sense; names it and what it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalGanConfig:
    """Settings of networks and training; the defaults are the profile `paper`.

    Sizes and rates without another source: Kim et al., ACS Cent. Sci. 6, 1412 (2020), Table S1.

    Attributes
    ----------
    layout
        Elements and slots.
    profile
        Name of the profile these settings started from.
    networks
        "published": rows of atoms through the same layers, a critic that averages over slots, a classifier of slots
        and counts. "dense": see `dense_networks`; there the composition asked for is the composition made.
    latent
        Numbers of noise.
    seed_channels, generator_channels, cell_hidden
        Widths of the published generator; `generator_channels` those of the layers of the dense one.
    critic_channels, critic_dense, classifier_channels, classifier_dense
        Widths of the critic and the published classifier.
    neighbours
        How many of each element the critic of dense networks sees around an atom.
    encoder_channels
        Widths of the encoder, which dense networks have.
    pack
        Cells of one composition that the critic of dense networks judges with a view to how they differ, which a
        generator that always makes the same crystal can't please (after Lin et al., NeurIPS 31 (2018)); divides batch.
    batch, learning_rate, critic_learning_rate, classifier_learning_rate, betas
        Of Adam; `learning_rate` is that of the generator (and the encoder).
    decay, decay_epochs
        The learning rates are multiplied by `decay` every so many epochs.
    critic_steps
        Steps of the critic (and of the classifier on real cells) for each of the generator.
    gradient_penalty
        Lambda of WGAN-GP.
    slots_weight
        lambda_c: weight of the classifier's loss over slots, that over counts having 1.
    generated_counts_weight, generated_slots_weight
        lambda_1, lambda_2: weights of the two for generated cells.
    empty_noise
        Whether the classifier sees small noise on the empty slots of real cells.
    conditions
        Compositions asked for in training: those of the real cells beside them, or any within the layout.
    adversarial_weight
        Weight of the critic's judgement in the generator's loss.
    distance_weight
        Weight of the generator's penalty on atoms too close (`environments.crowding`); dense networks only.
    beside_weight
        Weight, for cells of compositions beside those of the training set (an atom more or less of each element), of
        the penalty on atoms too close and of how much less they differ than real cells of one composition do.
    likeness_weight, code_weight
        Weights, in the loss of generator and encoder, of how unlike real cells come back (`losses.unlikeness`), and of
        how far their noise is from normally distributed.
    average
        Decay of the running average of the generator's weights, which then is the model; 0: none.
    augmentation
        What is done to the real cells. Dense networks learn from their canonical settings (`canonical`) instead.
    batches_per_epoch
        Batches of the critic in an epoch; 0: all of the epoch's cells.
    epochs
        How many are meant; the loop of training is told.
    """

    layout: Layout = MG_MN_O
    profile: str = "paper"
    networks: Networks = "published"
    latent: int = 512
    seed_channels: int = 128
    generator_channels: tuple[int, ...] = (256, 512, 256)
    cell_hidden: int = 30
    critic_channels: tuple[int, ...] = (512, 512, 256)
    critic_dense: tuple[int, ...] = (1000, 200)
    classifier_channels: tuple[int, ...] = (512, 256, 256)
    classifier_dense: tuple[int, ...] = (300, 100)
    neighbours: int = 6
    pack: int = 1
    encoder_channels: tuple[int, ...] = (320, 320)
    batch: int = 32
    learning_rate: float = 1e-4
    critic_learning_rate: float = 1e-4
    classifier_learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay: float = 1.0
    decay_epochs: int = 10
    critic_steps: int = 5
    gradient_penalty: float = 10.0
    slots_weight: float = 0.3
    generated_counts_weight: float = 1.0
    generated_slots_weight: float = 1.0
    empty_noise: bool = False
    conditions: Conditions = "data"
    adversarial_weight: float = 1.0
    distance_weight: float = 0.0
    beside_weight: float = 0.0
    likeness_weight: float = 0.0
    code_weight: float = 0.0
    average: float = 0.0
    augmentation: Augmentation = field(default_factory=Augmentation)
    batches_per_epoch: int = 0
    epochs: int = 501

    def __post_init__(self) -> None:
        self._whole("latent", "seed_channels", "cell_hidden", "critic_steps", "decay_epochs", "epochs", least=1)
        self._whole("batch", least=2)  # batch normalisation needs several cells
        self._whole("batches_per_epoch", least=0)
        self._whole("neighbours", "pack", least=1)
        if self.batch % self.pack:
            raise BadConfig(f"pack divides batch, which {self.pack} does not divide {self.batch}")
        if self.neighbours > _MOST_NEIGHBOURS:
            raise BadConfig(f"neighbours is {_MOST_NEIGHBOURS} at most, not {self.neighbours}")
        for name in _WIDTHS:
            sizes = getattr(self, name)
            if not sizes or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
                raise BadConfig(f"{name} are whole numbers from 1 on, not {sizes!r}")
        for name in _RATES:
            if not (isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise BadConfig(f"{name} is a positive number, not {getattr(self, name)!r}")
        for name in _WEIGHTS:
            if not (isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise BadConfig(f"{name} is 0 or more, not {getattr(self, name)!r}")
        if not 0 <= self.average < 1 or len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise BadConfig(f"average and both betas lie in [0, 1), not {self.average!r} and {self.betas!r}")
        for name, choices in (("networks", get_args(Networks)), ("conditions", get_args(Conditions))):
            if getattr(self, name) not in choices:
                raise BadConfig(f"{name} is one of {', '.join(choices)}, not {getattr(self, name)!r}")
        if self.beside_weight and self.pack < _LEAST_PACK:
            raise BadConfig(f"beside_weight needs a pack of {_LEAST_PACK} or more, not {self.pack}")
        if self.networks == "published" and any(getattr(self, name) for name in _DENSE_ONLY):
            raise BadConfig(f"{', '.join(_DENSE_ONLY)} are for networks 'dense'; set them to 0")

    def _whole(self, *names: str, least: int) -> None:
        for name in names:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise BadConfig(f"{name} is a whole number from {least} on, not {value!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `from_dict` reads it."""
        plain = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return plain | {"layout": self.layout.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CrystalGanConfig:
        """Read plain data: a `profile` and what differs from it; `layout` is a name or its data.

        Raises
        ------
        BadConfig
            A setting is unknown or makes no sense.
        BadLayout
            The layout is.
        """
        start = profile(str(data.get("profile", "paper")))
        known = {one.name for one in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise BadConfig(f"there is no setting {unknown[0]!r}; there are: {', '.join(sorted(known))}")
        changes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        if "layout" in changes:
            changes["layout"] = find_layout(changes["layout"])
        if isinstance(augmentation := changes.get("augmentation"), Mapping):
            strange = sorted(set(augmentation) - {one.name for one in fields(Augmentation)})
            if strange:
                raise BadConfig(f"there is no kind of augmentation {strange[0]!r}")
            changes["augmentation"] = replace(start.augmentation, **augmentation)
        return replace(start, **changes)


PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "paper": {},
    # Where the code published with the paper differs from its Table S1.
    "published-code": {
        "learning_rate": 5e-5,
        "critic_learning_rate": 5e-5,
        "classifier_learning_rate": 2.5e-5,
        "decay": 0.95,
        "decay_epochs": 10,
        "generated_slots_weight": 0.0,
        "conditions": "uniform",
        "empty_noise": True,
    },
    "improved": {
        "networks": "dense",
        "latent": 32,
        "generator_channels": (400, 400, 400),
        "encoder_channels": (320, 320),
        "critic_channels": (96, 96),
        "critic_dense": (192, 192),
        "pack": 4,
        "batch": 64,
        "learning_rate": 5e-4,
        "critic_learning_rate": 5e-4,
        "betas": (0.0, 0.9),
        "decay": 0.94,
        "decay_epochs": 1,
        "critic_steps": 1,
        "distance_weight": 1.0,
        "beside_weight": 2.0,
        "likeness_weight": 3.0,
        "code_weight": 0.06,
        "average": 0.99,
        "augmentation": Augmentation(per_composition=0, translations=False, swaps=False),
        "batches_per_epoch": 200,
        "epochs": 45,
    },
}
"""What each profile changes in the defaults, which are those of `paper`."""


def profile(name: str = "paper", layout: str | Mapping[str, Any] | Layout = MG_MN_O) -> CrystalGanConfig:
    """Give the settings of a profile: `paper`, `published-code` or `improved`.

    Raises
    ------
    BadConfig
        There is no such profile.
    """
    if name not in PROFILES:
        raise BadConfig(f"there is no profile {name!r}; there are: {', '.join(PROFILES)}")
    return CrystalGanConfig(**{**PROFILES[name], "profile": name, "layout": find_layout(layout)})
