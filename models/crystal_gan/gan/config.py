"""All that is chosen about a Crystal GAN, and its profiles: the paper's, its published code's, and a compact one.

Plain data; knows no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Literal, get_args

from ...learning.config import BadConfig, ModelConfig
from ...structure.point_cloud_layouts import MG_MN_O, Layout, find_layout
from ..crystals.cell_augmentation import Augmentation

Conditions = Literal["data", "uniform"]
Precision = Literal["float32", "bfloat16"]

MOST_NEIGHBOURS: Final = 26
"""Of each element: the images of one atom that are looked at, without the nearest."""
_WIDTHS: Final = (
    "generator_dense",
    "generator_channels",
    "critic_channels",
    "critic_dense",
    "classifier_channels",
    "classifier_dense",
)
_RATES: Final = ("learning_rate", "critic_learning_rate", "classifier_learning_rate", "decay")
_WEIGHTS: Final = (
    "gradient_penalty",
    "slots_weight",
    "generated_counts_weight",
    "generated_slots_weight",
    "adversarial_weight",
    "crowding_weight",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CrystalGanConfig(ModelConfig):
    """Settings of networks and training; the defaults are the profile `paper`.

    Sizes and rates without another source: Kim et al., ACS Cent. Sci. 6, 1412 (2020), Table S1.

    Attributes
    ----------
    layout
        Elements and slots.
    profile
        Name of the profile these settings started from.
    latent
        Numbers of noise.
    generator_dense, seed_channels, generator_channels, cell_hidden
        Widths of the generator; `generator_dense` come first, and the published one has none.
    critic_channels, critic_dense, classifier_channels, classifier_dense
        Widths of the critic and the classifier.
    batch, learning_rate, critic_learning_rate, classifier_learning_rate, betas
        Of Adam; `learning_rate` is that of the generator.
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
    neighbours
        0: the networks as published, which see places of atoms and learn which slots are empty. Else the critic sees
        how far each atom is from so many nearest atoms of each element, and the slots filled are those asked for, so
        that there is nothing to classify.
    crowding_weight
        Weight, in the generator's loss, of a penalty on atoms that are too close; needs `neighbours`.
    precision
        Of the layers in training; weights and the gradient penalty stay in float32. ``bfloat16`` helps where the
        processor has it (AVX512-BF16, AMX, GPUs) and layers are as wide as the published ones.
    augmentation
        What is done to the real cells.
    batches_per_epoch
        Batches of the critic in an epoch; 0: all of the epoch's cells.
    epochs
        How many are meant; the loop of training is told.
    """

    layout: Layout = MG_MN_O
    profile: str = "paper"
    latent: int = 512
    generator_dense: tuple[int, ...] = ()
    seed_channels: int = 128
    generator_channels: tuple[int, ...] = (256, 512, 256)
    cell_hidden: int = 30
    critic_channels: tuple[int, ...] = (512, 512, 256)
    critic_dense: tuple[int, ...] = (1000, 200)
    classifier_channels: tuple[int, ...] = (512, 256, 256)
    classifier_dense: tuple[int, ...] = (300, 100)
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
    neighbours: int = 0
    crowding_weight: float = 0.0
    precision: Precision = "float32"
    augmentation: Augmentation = field(default_factory=Augmentation)
    batches_per_epoch: int = 0
    epochs: int = 501

    def __post_init__(self) -> None:
        self.require_whole(1, "latent", "seed_channels", "cell_hidden", "critic_steps", "decay_epochs", "epochs")
        self.require_whole(2, "batch")  # batch normalisation needs several cells
        self.require_whole(0, "batches_per_epoch", "neighbours")
        for name in _WIDTHS:
            sizes = getattr(self, name)
            whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in sizes)
            if not whole or not (sizes or name == "generator_dense"):
                raise BadConfig(f"{name} are whole numbers from 1 on, not {sizes!r}")
        self.require_numbers(*_RATES)
        self.require_numbers(*_WEIGHTS, zero=True)
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise BadConfig(f"both betas lie in [0, 1), not {self.betas!r}")
        if self.conditions not in get_args(Conditions):
            raise BadConfig(f"conditions is one of {', '.join(get_args(Conditions))}, not {self.conditions!r}")
        if self.precision not in get_args(Precision):
            raise BadConfig(f"precision is one of {', '.join(get_args(Precision))}, not {self.precision!r}")
        if self.neighbours > MOST_NEIGHBOURS:
            raise BadConfig(f"neighbours is {MOST_NEIGHBOURS} at most, not {self.neighbours}")
        if self.crowding_weight and not self.neighbours:
            raise BadConfig("crowding_weight needs neighbours: the published networks see no distances")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `from_dict` reads it."""
        return ModelConfig.to_dict(self) | {"layout": self.layout.to_dict()}

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
        cls.refuse_unknown(data)
        changes: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in data.items()
        }
        if "layout" in changes:
            changes["layout"] = find_layout(changes["layout"])
        if isinstance(augmentation := changes.get("augmentation"), Mapping):
            strange = sorted(set(augmentation) - {setting.name for setting in fields(Augmentation)})
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
    # Small enough for two hours of a core; what it sees and what is forced are ours.
    "compact": {
        "latent": 64,
        "generator_dense": (256, 256),
        "seed_channels": 32,
        "generator_channels": (64, 64, 32),
        "critic_channels": (96, 96),
        "critic_dense": (128, 128),
        "batch": 64,
        "learning_rate": 3e-4,
        "critic_learning_rate": 3e-4,
        "betas": (0.0, 0.9),
        "decay": 0.96,
        "decay_epochs": 1,
        "critic_steps": 3,
        "neighbours": 6,
        "crowding_weight": 1.0,
        "augmentation": Augmentation(per_composition=0, translations=False, swaps=False),
        "batches_per_epoch": 600,
        "epochs": 60,
    },
}
"""What each profile changes in the defaults, which are those of `paper`."""


def profile(name: str = "paper", layout: str | Mapping[str, Any] | Layout = MG_MN_O) -> CrystalGanConfig:
    """Look up the settings of a profile: `paper`, `published-code` or `compact`.

    Raises
    ------
    BadConfig
        There is no such profile.
    """
    if name not in PROFILES:
        raise BadConfig(f"there is no profile {name!r}; there are: {', '.join(PROFILES)}, diffusion")
    return CrystalGanConfig(**{**PROFILES[name], "profile": name, "layout": find_layout(layout)})
