"""Weights come back as they were, and what is no weights is refused without running anything."""

import io
import pickle
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from exfolio.models.learning.packed import unpack_arrays
from exfolio.models.learning.weights import DamagedWeights, WrongModel, pack, unpack

Reader = Callable[[bytes, str], tuple[dict[str, Any], dict[str, Any]]]


def test_weights_come_back_with_their_config() -> None:
    state = {"layers": [torch.arange(3.0), torch.eye(2, dtype=torch.float64)], "step": 7, "name": "x", "none": None}

    config, back = unpack(pack("roost", {"width": 64}, state), "roost")

    assert config == {"width": 64}
    assert torch.equal(back["layers"][0], torch.arange(3.0))
    assert back["layers"][1].dtype == torch.float64
    assert (back["step"], back["name"], back["none"]) == (7, "x", None)


def test_the_bytes_are_those_of_the_content_alone() -> None:
    # Given a state in which a text and a tensor come twice, and a tensor that is part of another
    table = torch.arange(12.0).view(3, 4)
    shared = {"first": table, "second": table, "row": table[1], "columns": table.T, "activation": "relu"}
    config = {"activation": "relu", "widths": (8, 4)}
    # And the same content, of which no two things are one object
    apart = {name: value.clone() for name, value in shared.items() if isinstance(value, torch.Tensor)}
    apart = {**apart, "activation": "".join(["re", "lu"])}
    packed = pack("x", config, shared)

    assert pack("x", {"activation": "".join(["rel", "u"]), "widths": [8, 4]}, apart) == packed
    assert pack("x", *unpack(packed, "x")) == packed
    time.sleep(2.1)  # the clock of an archive has steps of two seconds
    assert pack("x", config, shared) == packed


def test_they_are_read_without_torch_as_arrays() -> None:
    whole = torch.arange(12.0).view(3, 4)
    state = {"all": whole, "part": whole[1:, :2], "flags": [torch.tensor([True, False])], "half": whole.half(), "n": 7}
    packed = pack("roost", {"width": 64}, state)

    config, back = unpack_arrays(packed, "roost")

    assert (config, back["n"]) == ({"width": 64}, 7)
    for name, tensor in {**state, "flags": state["flags"][0]}.items():
        if isinstance(tensor, torch.Tensor):
            array = back[name][0] if name == "flags" else back[name]
            np.testing.assert_array_equal(array, tensor.numpy())
            assert array.dtype == tensor.numpy().dtype
    assert pack("roost", config, back) == packed


READERS = pytest.mark.parametrize("unpack", [unpack, unpack_arrays])


@READERS
def test_weights_of_another_kind_are_refused(unpack: Reader) -> None:
    with pytest.raises(WrongModel, match="weights of a matgan model, not of a roost model"):
        unpack(pack("matgan", {}, {}), "roost")


@READERS
@pytest.mark.parametrize("end", [0, 1, 100, -1, -200])
def test_damaged_weights_are_refused(unpack: Reader, end: int) -> None:
    with pytest.raises(DamagedWeights, match="train the model again"):
        unpack(pack("roost", {}, {"w": torch.rand(100)})[:end], "roost")


@pytest.mark.parametrize(("place", "changed"), [(6, 99), (8, 1), (10, 99)])
def test_an_archive_that_asks_for_what_there_is_not_is_damaged(place: int, changed: int) -> None:
    """A later version, a password, another compression."""
    data = bytearray(pack("roost", {}, {"w": torch.rand(100)}))
    data[data.index(b"PK\1\2") + place] = changed

    with pytest.raises(DamagedWeights, match="train the model again"):
        unpack_arrays(bytes(data), "roost")


@READERS
def test_other_bytes_are_refused(unpack: Reader) -> None:
    with pytest.raises(DamagedWeights):
        unpack(b"<html>Not found</html>", "roost")
    other = io.BytesIO()
    torch.save({"state_dict": torch.rand(2)}, other)
    with pytest.raises(DamagedWeights, match="not weights that exfolio packed"):
        unpack(other.getvalue(), "roost")


@READERS
def test_code_in_weights_is_never_run(unpack: Reader, capsys: pytest.CaptureFixture[str]) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return print, ("executed",)

    hostile = io.BytesIO()
    torch.save({"format": "exfolio weights 1", "state": Hostile()}, hostile)
    for data in (hostile.getvalue(), pickle.dumps(Hostile(), protocol=2)):
        with pytest.raises(DamagedWeights):
            unpack(data, "roost")
    assert capsys.readouterr().out == ""


def test_what_could_not_be_read_back_is_not_packed() -> None:
    with pytest.raises(TypeError, match=r"state\.trees\[0\]: weights hold tensors and plain data, not object"):
        pack("classifier", {}, {"trees": [object()]})
