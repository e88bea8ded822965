"""Answers that are kept for a moment."""

import threading
import time

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


def test_a_slow_answer_is_not_made_a_second_time_while_it_is_made() -> None:
    kept, made = Kept(0.01), []
    begun, go_on = threading.Event(), threading.Event()

    def make() -> None:
        made.append(1)
        begun.set()
        go_on.wait(timeout=10)

    askers = [threading.Thread(target=lambda: kept.of("slow", make)) for _ in range(2)]
    askers[0].start()
    begun.wait(timeout=10)
    time.sleep(0.02)
    askers[1].start()
    askers[1].join(0.05)
    go_on.set()
    for asker in askers:
        asker.join()

    assert made == [1]
