"""Settings of the classifiers."""

from typing import Any

import pytest
from exfolio.models.composition.classifier.config import ClassifierConfig
from exfolio.models.learning.config import BadConfig


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"kind": "oracle"}, "kind is one of forest, boosted, not 'oracle'"),
        ({"forest_trees": 0}, "forest_trees is a whole number of at least 1, not 0"),
        ({"forest_max_depth": 2.5}, "forest_max_depth"),
        ({"boosted_rate": 0}, "boosted_rate is above 0"),
        ({"forest_features": "all"}, "forest_features"),
        ({"boosted_l2": -1}, "boosted_l2"),
        ({"trees": 7}, "no such setting: trees; there are kind, "),
    ],
)
def test_settings_that_are_none_are_refused(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadConfig, match=complaint):
        ClassifierConfig.from_dict(settings)


def test_settings_are_plain_data() -> None:
    config = ClassifierConfig(kind="forest", forest_trees=7, forest_max_depth=None, forest_features=0.5)
    assert ClassifierConfig.from_dict(config.to_dict()) == config


def test_the_forest_is_by_default_the_published_one() -> None:
    published = ClassifierConfig(kind="forest")
    assert (published.forest_trees, published.forest_max_depth) == (250, 20)
