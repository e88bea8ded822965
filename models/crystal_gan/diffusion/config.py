"""Settings of the profile `diffusion`, which is no adversarial network: a denoiser of atoms and cells.

Plain data; knows no tensors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ...learning.config import BadConfig, ModelConfig
from ...structure.point_cloud_layouts import MG_MN_O, Layout, find_layout
from ..gan.config import CrystalGanConfig

PROFILE: Final = "diffusion"
_MOST_NEIGHBOURS: Final = 26
_WHOLE: Final = (
    "width",
    "message_width",
    "layers",
    "neighbours",
    "radial",
    "atoms_per_batch",
    "batches_per_epoch",
    "epochs",
    "steps",
)
_POSITIVE: Final = ("reach", "least_noise", "most_noise", "strain", "most_strain", "learning_rate")
_NOT_NEGATIVE: Final = ("strain_weight", "evenness", "cell_reach")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionConfig(ModelConfig):
    """Settings of network, noise, training and sampling; chosen by trials on the 1,253 cells of Kim et al. (2020).

    Attributes
    ----------
    layout
        Elements and slots.
    profile
        Always "diffusion".
    width, message_width, layers
        Of the network: numbers of an atom, of a message, and rounds of messages.
    neighbours, reach, radial
        Nearest atoms that send an atom messages, whatever their element, and the Gaussians, up to `reach` Å, that
        their distance is written in.
    least_noise, most_noise
        Å: deviation of the noise on atoms at the end and at the beginning of sampling; with the most of it atoms lie
        anywhere.
    strain, most_strain
        Deviation of the strain of cells per Å of the noise on atoms, and its most.
    strain_weight
        Weight of the error in strain in the loss, that in places having 1.
    evenness
        A composition of m cells is drawn as often as m^(1 - evenness) says: 1 draws all compositions alike.
    cell_reach
        Atoms: how unlike the composition asked for those may be whose cells sampling begins with.
    atoms_per_batch, batches_per_epoch, epochs
        Batches hold cells of one size; the learning rate falls as a cosine over all epochs.
    learning_rate
        Of Adam, at the beginning.
    average
        Decay of the running average of the weights, which then is the model.
    steps
        Steps of sampling.
    """

    layout: Layout = MG_MN_O
    profile: str = PROFILE
    width: int = 64
    message_width: int = 32
    layers: int = 3
    neighbours: int = 14
    reach: float = 6.0
    radial: int = 20
    least_noise: float = 0.04
    most_noise: float = 2.0
    strain: float = 0.15
    most_strain: float = 0.12
    strain_weight: float = 0.3
    evenness: float = 0.5
    cell_reach: float = 2.0
    atoms_per_batch: int = 900
    batches_per_epoch: int = 100
    epochs: int = 60
    learning_rate: float = 3e-3
    average: float = 0.999
    steps: int = 50

    def __post_init__(self) -> None:
        self.require_whole(1, *_WHOLE)
        self.require_numbers(*_POSITIVE)
        self.require_numbers(*_NOT_NEGATIVE, zero=True)
        if self.neighbours > _MOST_NEIGHBOURS:
            raise BadConfig(f"neighbours is {_MOST_NEIGHBOURS} at most, not {self.neighbours}")
        if self.least_noise >= self.most_noise:
            raise BadConfig(f"least_noise {self.least_noise!r} is less than most_noise, not {self.most_noise!r}")
        if not 0 <= self.average < 1:
            raise BadConfig(f"average lies in [0, 1), not {self.average!r}")
        if self.profile != PROFILE:
            raise BadConfig(f"profile is {PROFILE!r}, not {self.profile!r}")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `from_dict` reads it."""
        return ModelConfig.to_dict(self) | {"layout": self.layout.to_dict()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DiffusionConfig:
        """Read plain data: what differs from the defaults; `layout` is a name or its data.

        Raises
        ------
        BadConfig
            A setting is unknown or makes no sense.
        BadLayout
            The layout is.
        """
        cls.refuse_unknown(data)
        changes = dict(data)
        if "layout" in changes:
            changes["layout"] = find_layout(changes["layout"])
        return replace(cls(), **changes)


Settings = CrystalGanConfig | DiffusionConfig


def settings_from(data: Mapping[str, Any]) -> Settings:
    """Read the settings of any profile; see the `from_dict` of each."""
    kind = DiffusionConfig if data.get("profile") == PROFILE else CrystalGanConfig
    return kind.from_dict(data)
