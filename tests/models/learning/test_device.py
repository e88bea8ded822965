"""Where a model is computed is chosen by name, and what is not there is refused."""

import pytest
import torch
from exfolio.models.learning.device import DeviceError, OutOfMemory, choose, out_of_memory


def test_auto_takes_what_there_is() -> None:
    assert choose("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose("cpu").type == "cpu"


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match="no device is called 'gpu'; there are: auto, cpu, cuda"):
        choose("gpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_refused() -> None:
    with pytest.raises(DeviceError, match="no GPU can be used here"):
        choose("cuda")


def test_running_out_of_memory_is_said_with_its_remedy() -> None:
    with pytest.raises(OutOfMemory, match="smaller batch"), out_of_memory():
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
