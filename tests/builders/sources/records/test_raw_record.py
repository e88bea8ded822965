"""What readers give travels between processes and names its place."""

import pickle

from exfolio.builders.sources.records.raw_record import BadRecord, RawRecord


def test_a_bad_record_says_where_why_and_what_to_do() -> None:
    bad = BadRecord("band_gap is nan", remedy="leave it out").at(RawRecord("row 40", 38, None))
    assert str(bad) == "row 40: band_gap is nan (leave it out)"
    assert bad.index == 38


def test_a_bad_record_keeps_its_own_place() -> None:
    bad = BadRecord("broken", place="line 3", index=2)
    assert bad.at(RawRecord("row 40", 38, None)) is bad


def test_a_bad_record_survives_the_way_to_another_process() -> None:
    bad = BadRecord("cut short", remedy="fetch it again", place="line 9", index=8, rest_unread=True)
    again = pickle.loads(pickle.dumps(bad))
    assert (again.reason, again.remedy, again.place, again.index, again.rest_unread) == (
        "cut short",
        "fetch it again",
        "line 9",
        8,
        True,
    )
