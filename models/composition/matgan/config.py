"""The settings of MatGAN: its networks, how they are trained, and how they are drawn from. Nothing is computed here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from ...learning.config import BadConfig, ModelConfig

Networks: TypeAlias = Literal["sequential", "convolutional"]
Precision: TypeAlias = Literal["float32", "bfloat16"]

#: Settings that can't be less than one.
_COUNTS: Final = (
    *("width", "critic_width", "critic_layers", "latent_size", "steps_per_epoch", "batch_size"),
    *("warm_up_batch_size", "critic_steps", "validation_draws"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatGANConfig(ModelConfig):
    """Everything that a training depends on, but for the compositions and the seed.

    The defaults were found on 59,159 compositions of the Materials Project, within minutes of one core; `published`
    gives the networks and the training of Dan et al. (2020), which take hours.

    Attributes
    ----------
    networks
        ``convolutional``: the published ones. ``sequential``: a generator that writes cell by cell, with a critic of
        dense layers; it is warmed up by likelihood, and learns from the critic by the score-function gradient of the
        same loss, as its output is never between two compositions (as SeqGAN: Yu et al., AAAI 2017).
    width
        Hidden width of the sequential generator, or channels of the convolutional networks.
    critic_width, critic_layers
        Of the critic of dense layers.
    dropout
        Share of the generator's hidden values left out in the warm-up.
    latent_size
        Normal numbers for each draw of the convolutional generator; the sequential one takes one for each element.
    temperature
        Of the sequential generator in drawing: below one it keeps to what is likely.
    kept_share
        Share of the draws of the sequential generator that are kept: the likeliest compositions are refused as often
        as it takes, so that no composition comes again and again, see `MatGAN`. 1 keeps all. A smaller one gives more
        distinct compositions, fewer of them known ones, and takes longer.
    replaced_share
        Share of elements that similar ones stand in for when the sequential generator learns by likelihood: it widens
        what is drawn without making it less valid, see `element_replacement`.
    warm_up_epochs, adversarial_epochs
        Epochs of each kind; an epoch of the warm-up passes once over the training set, an adversarial one has
        `steps_per_epoch` steps of the generator.
    warm_up_batch_size, warm_up_learning_rate, weight_decay
        Of the warm-up.
    batch_size, critic_steps, generator_learning_rate, critic_learning_rate, beta1, beta2
        Of the adversarial training; `critic_steps` to one of the generator. The rates fall to zero over the second
        half.
    gradient_penalty, penalty_share
        Weight of the gradient penalty, and the share of a batch on which it is estimated.
    likelihood_weight
        Weight of the likelihood beside the critic in the loss of the sequential generator.
    average_decay
        Of the moving average of the generator's weights, from which compositions are drawn; 0 for none.
    validation_draws
        Draws screened after each epoch.
    precision
        Of the convolutions in training; weights, their averages and the gradient's norm stay in float32. ``bfloat16``
        takes 0.6 of the time where the processor has it (AVX512-BF16, AMX, GPUs), and longer where not.
    """

    networks: Networks = "sequential"
    width: int = 256
    critic_width: int = 256
    critic_layers: int = 3
    dropout: float = 0.1
    latent_size: int = 128
    temperature: float = 0.85
    kept_share: float = 0.6
    replaced_share: float = 0.25
    warm_up_epochs: int = 10
    adversarial_epochs: int = 4
    steps_per_epoch: int = 20
    warm_up_batch_size: int = 512
    warm_up_learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    batch_size: int = 256
    critic_steps: int = 2
    generator_learning_rate: float = 1e-4
    critic_learning_rate: float = 5e-4
    beta1: float = 0.0
    beta2: float = 0.9
    gradient_penalty: float = 10.0
    penalty_share: float = 0.25
    likelihood_weight: float = 0.1
    average_decay: float = 0.995
    validation_draws: int = 2000
    precision: Precision = "float32"

    def __post_init__(self) -> None:
        """Refuse settings that would fail, or mean nothing, later on."""
        if self.networks not in get_args(Networks):
            raise BadConfig(f"no networks are called {self.networks!r}; there are: {', '.join(get_args(Networks))}")
        if self.precision not in get_args(Precision):
            raise BadConfig(f"{self.precision=} must be one of {', '.join(get_args(Precision))}")
        if self.precision != "float32" and self.networks != "convolutional":
            raise BadConfig(f"{self.precision=} is for the convolutional networks; the sequential ones gain nothing")
        self.require_whole(1, *_COUNTS)
        self.require_shares("kept_share")
        if self.networks == "convolutional":
            if self.warm_up_epochs or self.likelihood_weight or self.kept_share != 1:
                raise BadConfig(
                    f"{self.warm_up_epochs=}, {self.likelihood_weight=}, {self.kept_share=}: convolutional networks "
                    "give no likelihood, so these must be 0, 0 and 1"
                )
            if self.width % 4:
                raise BadConfig(f"{self.width=}: the channels of the convolutional networks must be a multiple of 4")
        if not 0 <= self.replaced_share <= 1:
            raise BadConfig(f"{self.replaced_share=} must be from 0 to 1")
        if not self.temperature > 0:
            raise BadConfig(f"{self.temperature=} must be above 0")

    @classmethod
    def published(cls) -> MatGANConfig:
        """Profile of Dan et al., npj Comput. Mater. 6, 84 (2020).

        The gradient penalty is that of the published code; widths, batch and rates, which the paper gives as ranges
        or not at all, are those usual for the method (Gulrajani et al., NeurIPS 2017).
        """
        return cls(
            networks="convolutional",
            width=128,
            warm_up_epochs=0,
            adversarial_epochs=200,
            steps_per_epoch=50,
            batch_size=64,
            critic_steps=5,
            generator_learning_rate=1e-4,
            critic_learning_rate=1e-4,
            penalty_share=1.0,
            likelihood_weight=0.0,
            kept_share=1.0,
            average_decay=0.0,
        )

    @property
    def epochs(self) -> int:
        """Epochs of a whole training."""
        return self.warm_up_epochs + self.adversarial_epochs
