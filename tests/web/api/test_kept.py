"""Answers that are kept for a moment."""

import threading

import pytest
from exfolio.web.api.kept import Kept


def test_who_asks_while_an_answer_is_made_shares_it() -> None:
    kept, made, told = Kept(60), [], []
    go_on = threading.Event()

    def make() -> int:
        made.append(1)
        go_on.wait(timeout=10)
        return 7

    askers = [threading.Thread(target=lambda: told.append(kept.of("number", make))) for _ in range(3)]
    for asker in askers:
        asker.start()
    go_on.set()
    for asker in askers:
        asker.join()

    assert (told, len(made)) == ([7, 7, 7], 1)


def test_an_answer_is_made_anew_when_its_time_is_over_or_it_went_wrong() -> None:
    numbers = iter(range(10))

    assert [Kept(0).of("number", lambda: next(numbers)) for _ in range(2)] == [0, 1]

    kept = Kept(60)
    with pytest.raises(ZeroDivisionError):
        kept.of("number", lambda: 1 // 0)
    assert kept.of("number", lambda: 3) == 3
