"""``load_weights`` takes stored files, and names the damaged ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.networks import build
from tests.storage.tensors import ICPR, bit_equal
from tropnnc import TropnncError
from tropnnc.files import load_weights
from tropnnc.storage import store


def test_weights_are_read_from_a_stored_file(tmp_path: Path) -> None:
    state = build("resnet").state_dict()
    path = tmp_path / "weights.safetensors"  # whatever its name is
    path.write_bytes(store({f"module.{name}": t for name, t in state.items()}, "sham_tight"))
    loaded = load_weights(path)
    assert list(loaded) == list(state)
    assert all(bit_equal(loaded[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:9]])
def test_a_damaged_file_is_named(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "weights"
    path.write_bytes(damage(store({"w": ICPR}, "best")))
    with pytest.raises(TropnncError, match=rf"^{path}: damaged"):
        load_weights(path)
