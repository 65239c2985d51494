"""Options of the kinds that a factory declares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest

from tropnnc import TropnncError
from tropnnc.methods import call_factory


def factory(
    count: int = 1,
    share: float | None = 0.5,
    norm: Literal["l1", "l2"] = "l1",
    plain: bool = False,
    ranks: Sequence[int] | int = (),
) -> dict[str, Any]:
    """Whatever it is given."""
    return dict(locals())


@pytest.mark.parametrize(
    ("option", "accepted", "refused"),
    [
        ("count", [0, np.int64(3)], [True, 1.0, "1", None]),
        ("share", [None, 1, np.float32(0.5)], [False, "0.5", ()]),
        ("norm", ["l2"], ["l3", None, ["l1"]]),
        ("plain", [True], [1, None, "true"]),
        ("ranks", [(1, 2), 3, "checked by the factory"], []),
    ],
)
def test_kinds(option: str, accepted: Sequence[object], refused: Sequence[object]) -> None:
    for value in accepted:
        assert call_factory("it", factory, {option: value})[option] == value
    for value in refused:
        with pytest.raises(TropnncError, match=f"^it: .*{option}.*; accepted"):
            call_factory("it", factory, {option: value})


def test_a_partial_function_is_a_factory() -> None:
    assert call_factory("it", partial(factory, count=2), {"plain": True})["count"] == 2
    with pytest.raises(TropnncError, match="unknown option 'size' of it; accepted are count"):
        call_factory("it", partial(factory, count=2), {"size": 1})
