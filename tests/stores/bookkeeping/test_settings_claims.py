"""Whose settings have the usual name, and under which label the others go."""

import pytest
from exfolio.stores.bookkeeping.settings_claims import claim, claims_on, give_up, label_of
from exfolio.stores.connection import Connection

MINE, OTHERS = "a1b2c3d4", "e5f6a7b8"


@pytest.fixture
def claimed(connection: Connection) -> Connection:
    """Two campaigns that want a stage with different settings, the first of which came first."""
    claim(connection, "first", "screen", MINE)
    claim(connection, "second", "screen", OTHERS)
    return connection


def test_the_first_has_the_usual_name_and_others_a_label_of_their_settings(claimed: Connection) -> None:
    assert label_of(claimed, "first", "screen") == ""
    assert label_of(claimed, "second", "screen") == OTHERS[:6]
    assert label_of(claimed, "third", "screen") is None
    assert label_of(claimed, "first", "classify") is None


def test_who_wants_the_same_shares_the_label(claimed: Connection) -> None:
    assert claim(claimed, "third", "screen", OTHERS) == OTHERS[:6]
    assert claim(claimed, "fourth", "screen", MINE) == ""
    assert claim(claimed, "third", "classify", OTHERS) == "", "of another stage nobody has claimed anything"


def test_a_claim_is_kept_however_often_it_is_made(claimed: Connection) -> None:
    for _ in range(2):
        assert claim(claimed, "second", "screen", OTHERS) == OTHERS[:6]
        assert claim(claimed, "first", "screen", MINE) == ""
    assert len(claims_on(claimed, "screen")) == 2


def test_a_campaign_whose_settings_change_keeps_its_label_while_nobody_shares_it(claimed: Connection) -> None:
    assert claim(claimed, "second", "screen", "99999999") == OTHERS[:6]
    assert claim(claimed, "first", "screen", "88888888") == ""
    assert claims_on(claimed, "screen")["first"]["settings"] == "88888888"


def test_a_campaign_whose_settings_change_leaves_a_label_that_is_shared(claimed: Connection) -> None:
    claim(claimed, "third", "screen", MINE)

    assert claim(claimed, "third", "screen", "77777777") == "777777"
    assert label_of(claimed, "first", "screen") == ""


def test_a_campaign_that_comes_to_want_what_another_has_joins_it(claimed: Connection) -> None:
    assert claim(claimed, "second", "screen", MINE) == ""


def test_the_usual_name_is_free_again_when_its_campaign_gives_up(claimed: Connection) -> None:
    assert give_up(claimed, "first") == 1

    assert claim(claimed, "third", "screen", "66666666") == ""
    assert label_of(claimed, "second", "screen") == OTHERS[:6]


def test_a_stage_that_is_wanted_alone_is_shared_with_nobody_and_bears_the_name_of_its_campaign(
    connection: Connection,
) -> None:
    assert claim(connection, "first", "verdict", MINE, alone=True) == ""
    assert claim(connection, "second", "verdict", MINE, alone=True) == "second"
    assert claim(connection, "second", "verdict", OTHERS, alone=True) == "second"


def test_what_is_only_asked_is_not_kept(claimed: Connection) -> None:
    unkept: dict[str, dict[str, dict[str, str]]] = {}

    assert claim(claimed, "third", "gap", "55555555", unkept=unkept) == ""
    assert claim(claimed, "fourth", "gap", "66666666", unkept=unkept) == "666666", "as if the third were kept"
    assert label_of(claimed, "third", "gap") is None
