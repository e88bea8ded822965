"""The loop is shown on the smallest thing there is to learn: a line through noisy points."""

import math
from collections.abc import Callable

import pytest
import torch
from exfolio.models.learning.loop import Diverged, Figures, State, generator, mixed_seed, train


class Line:
    """Fits y = 3 x with noise that is drawn anew in every epoch, so that a resume shows if it draws other noise."""

    def __init__(self, rate: float = 0.1) -> None:
        self.slope = torch.zeros(1, requires_grad=True)
        self.optimiser = torch.optim.Adam([self.slope], lr=rate)

    def epoch(self, number: int) -> Figures:  # noqa: ARG002
        x = torch.rand(16)
        loss = ((self.slope * x - 3 * x + 0.1 * torch.randn(16)) ** 2).mean()
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()
        return {"loss": loss.item(), "error": abs(self.slope.item() - 3)}

    def state(self) -> State:
        return {"slope": self.slope, "optimiser": self.optimiser.state_dict()}

    def load_state(self, state: State) -> None:
        self.slope.data.copy_(state["slope"])
        self.optimiser.load_state_dict(state["optimiser"])


def after(calls: int) -> Callable[[], bool]:
    left = iter(range(calls))
    return lambda: next(left, None) is None


def test_a_training_learns() -> None:
    training = train(Line(), epochs=100, seed=1, watch="error")

    assert training.reason == "all epochs"
    assert training.epochs_done == 100
    assert training.history[training.best_epoch]["error"] == min(figures["error"] for figures in training.history) < 0.2


def test_the_same_seed_gives_the_same_training_and_another_seed_another() -> None:
    first, again, other = (train(Line(), epochs=5, seed=seed).history for seed in (1, 1, 2))

    assert first == again != other


@pytest.mark.parametrize("cut", [1, 7, 19])
def test_a_training_that_was_cut_off_ends_as_if_it_had_not_been(cut: int) -> None:
    whole = train(Line(), epochs=20, seed=3, watch="loss")
    kept: list[bytes] = []

    first = train(Line(), epochs=20, seed=3, watch="loss", checkpoint=kept.append, stop=after(cut))
    second = train(Line(), epochs=20, seed=3, watch="loss", resume=kept[-1])

    assert first.reason == "stopped"
    assert first.epochs_done == cut
    assert second.history == whole.history
    assert second.best_epoch == whole.best_epoch
    assert torch.equal(second.best["slope"], whole.best["slope"])


def test_checkpoints_come_when_their_time_has_passed_and_at_the_end() -> None:
    kept: list[bytes] = []
    train(Line(), epochs=4, seed=1, checkpoint=kept.append, checkpoint_seconds=0)
    assert len(kept) == 5

    kept.clear()
    train(Line(), epochs=4, seed=1, checkpoint=kept.append, checkpoint_seconds=3600)
    assert len(kept) == 1


def test_it_stops_when_the_watched_figure_no_longer_improves() -> None:
    class Settled(Line):
        def epoch(self, number: int) -> Figures:
            return {"score": min(number, 4)}

    training = train(Settled(), epochs=100, seed=1, watch="score", higher_is_better=True, patience=3)

    assert training.reason == "no progress"
    assert (training.best_epoch, training.epochs_done) == (4, 8)


def test_a_training_that_diverges_keeps_its_last_good_state() -> None:
    class Exploding(Line):
        def epoch(self, number: int) -> Figures:
            return {"loss": math.nan} if number == 3 else super().epoch(number)

    kept: list[bytes] = []
    with pytest.raises(Diverged, match="epoch 4: loss is nan") as raised:
        train(Exploding(), epochs=10, seed=1, checkpoint=kept.append, checkpoint_seconds=3600)

    assert raised.value.training.epochs_done == 3
    resumed = train(Line(), epochs=3, seed=1, resume=kept[-1])
    assert resumed.history == train(Line(), epochs=3, seed=1).history


def test_a_figure_to_watch_has_to_be_there() -> None:
    with pytest.raises(ValueError, match="no figure 'accuracy' to watch; there are: error, loss"):
        train(Line(), epochs=1, seed=1, watch="accuracy")


def test_seeds_of_neighbouring_epochs_have_nothing_in_common() -> None:
    seeds = {mixed_seed(seed, number) for seed in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert generator(1, 2).integers(1 << 60) != generator(2, 1).integers(1 << 60)
