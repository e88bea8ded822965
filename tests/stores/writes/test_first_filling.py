"""A collection that is filled for the first time gets the indexes for people's questions at its end."""

import pytest
from exfolio.stores.connection import Connection
from exfolio.stores.documents import Composition
from exfolio.stores.errors import DatabaseUnavailable
from exfolio.stores.layout import index_models
from exfolio.stores.questions import indexes_of
from exfolio.stores.schema import initialise, is_up_to_date
from exfolio.stores.writes import first_filling
from exfolio.stores.writes.first_filling import catch_up, is_under_way, made_beside, put_off_questions
from small_registry import put


def test_indexes_for_questions_wait_for_the_end_and_those_of_stages_do_not(connection: Connection) -> None:
    # Given an empty registry
    initialise(connection)
    compositions = connection.database["compositions"]

    # When its compositions are about to be drawn
    assert put_off_questions(connection, "compositions")

    # Then what stages go by is still there, and whoever writes next would make the rest
    questions = {index.name for index in indexes_of("compositions")}
    wanted = {model["name"] for model in index_models(Composition)}
    assert compositions.index_information().keys() == {"_id_", *wanted} - questions
    assert compositions.index_information()["formula_reduced_1"]["unique"]
    assert not is_up_to_date(connection)

    # When the end is reached, or the next run begins, and whoever wrote goes on meanwhile
    with made_beside(connection):
        assert not is_under_way(connection)
        catch_up(connection)

    # Then all of them are
    assert compositions.index_information().keys() == {"_id_", *wanted}
    assert is_up_to_date(connection)


def test_what_went_wrong_beside_counts_unless_somebody_made_the_indexes_since(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Connection) -> None:
        raise DatabaseUnavailable("gone for a moment")

    initialise(connection)
    put_off_questions(connection, "compositions")
    monkeypatch.setattr(first_filling, "initialise", lost)

    with pytest.raises(DatabaseUnavailable), made_beside(connection):
        catch_up(connection)
    with made_beside(connection):
        catch_up(connection)
        while is_under_way(connection):
            pass
        initialise(connection)  # as the next stage does

    assert is_up_to_date(connection)


def test_where_there_is_something_its_questions_stay_answered(connection: Connection) -> None:
    initialise(connection)
    put(connection, Composition, [{"formula_reduced": "MoS2"}])
    before = connection.database["compositions"].index_information()

    assert not put_off_questions(connection, "compositions")

    assert connection.database["compositions"].index_information() == before
    assert is_up_to_date(connection)
