"""Settings of MatGAN that can't be are refused, and all of them survive as plain data."""

import pytest
from exfolio.models.composition.matgan.config import MatGANConfig


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"networks": "recurrent"}, "no networks are called 'recurrent'"),
        ({"networks": "convolutional"}, "these must be 0, 0 and 1"),
        ({"width": 0}, "width is a whole number of at least 1, not 0"),
        ({"temperature": 0}, "above 0"),
        ({"kept_share": 0.0}, "kept_share is above 0"),
        ({"kept_share": 1.1}, "at most 1"),
        ({"precision": "float8"}, "must be one of float32, bfloat16"),
        ({"precision": "bfloat16"}, "for the convolutional networks"),
        ({"depth": 3}, "no such setting: depth"),
    ],
)
def test_settings_that_cannot_be_are_refused(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MatGANConfig.from_dict(setting)


@pytest.mark.parametrize("config", [MatGANConfig(), MatGANConfig.published()], ids=["default", "published"])
def test_a_config_survives_as_plain_data(config: MatGANConfig) -> None:
    assert MatGANConfig.from_dict(config.to_dict()) == config
