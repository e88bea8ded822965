"""Threads of torch for a while."""

import pytest
import torch
from exfolio.models.learning.threads import threads_of_torch


def fail_with(threads: int) -> None:
    with threads_of_torch(threads):
        raise RuntimeError(f"failed with {torch.get_num_threads()}")


def test_torch_has_its_threads_back_whatever_happens() -> None:
    before = torch.get_num_threads()
    with pytest.raises(RuntimeError, match=f"failed with {before + 1}"):
        fail_with(before + 1)
    assert torch.get_num_threads() == before


def test_none_leaves_the_threads_as_they_are() -> None:
    before = torch.get_num_threads()
    with threads_of_torch(None):
        assert torch.get_num_threads() == before
