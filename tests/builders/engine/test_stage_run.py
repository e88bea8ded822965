"""How far a run has come: the mark it leaves behind never lies beyond a batch that is not written."""

from exfolio.builders.engine.batches import Batch
from exfolio.builders.engine.stage_run import StageRun


def test_a_mark_is_reached_when_no_batch_before_it_lacks() -> None:
    # Given three batches that worker processes of another runner may end in any order
    run = StageRun("toy", None)
    first, second, third = (Batch(0, [], mark={"next": number}) for number in (10, 20, 30))
    for batch in (first, second, third):
        run.give(batch)
    assert [batch.ordinal for batch in (first, second, third)] == [0, 1, 2]

    # When the second is written first, Then the stage stands where it stood
    assert run.mark_reached(second.ordinal) is None
    run.note_written(second)

    # When the first follows, Then it stands behind the second
    assert run.mark_reached(first.ordinal) == {"next": 20}
    run.note_written(first)
    assert run.missing == 1

    # When the last is written, Then nothing is missing
    assert run.mark_reached(third.ordinal) == {"next": 30}
    run.note_written(third)
    assert run.missing == 0
