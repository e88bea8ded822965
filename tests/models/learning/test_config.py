"""What every config of a model can: become plain data and come back, and refuse what it knows nothing of."""

from dataclasses import dataclass
from typing import Any

import pytest
from exfolio.models.learning.config import BadConfig, ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class PerceptronConfig(ModelConfig):
    layers: tuple[int, ...] = (64, 32)
    epochs: int = 10
    dropped: float = 0.5

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        self.require_whole(1, "epochs")
        self.require_shares("dropped")


def test_a_config_survives_as_plain_data_without_tuples() -> None:
    config = PerceptronConfig(layers=(8, 8, 1), epochs=3)
    assert config.to_dict() == {"layers": [8, 8, 1], "epochs": 3, "dropped": 0.5}
    assert PerceptronConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"depth": 3, "breadth": 2}, "no such setting: breadth, depth; there are layers, epochs, dropped"),
        ({"epochs": 0}, "epochs is a whole number of at least 1, not 0"),
        ({"epochs": 2.5}, "epochs is a whole number of at least 1, not 2.5"),
        ({"epochs": True}, "epochs is a whole number of at least 1, not True"),
        ({"dropped": 0}, "dropped is above 0 and at most 1, not 0"),
        ({"dropped": 1.5}, "dropped is above 0 and at most 1, not 1.5"),
        ({"dropped": "half"}, "dropped is above 0 and at most 1, not 'half'"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadConfig, match=complaint):
        PerceptronConfig.from_dict(settings)
