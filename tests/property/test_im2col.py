"""A reducer sees a convolution as the linear layer on its patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.methods import MULTI_OUTPUT, make
from tests.units import make_unit, mix_of
from tropnnc.unit import Consumer, Tier, Unit

# Methods that treat taps otherwise than further outputs, or that end in another local optimum.
EXCEPTIONS = {
    "tropnnc_spherical": "norms are summed over taps; tests/unit/test_spherical.py",
    "cup": "a convolution's features are norms of slices; tests/unit/test_cup.py",
    "misiakos_equalised": "norms are rounded otherwise, and K-means starts from them",
    "tropnnc_equalised": "the same",
    "tropnnc_iterative_equalised": "the same",
}
WEIGHTS_METHODS = [
    name for name in MULTI_OUTPUT if make(name).needs == Tier.WEIGHTS and name not in EXCEPTIONS
]


def _on_patches(unit: Unit) -> Unit:
    """The same neurons as a linear layer; a consumer's taps become further outputs."""
    rows = [c.outgoing.transpose(0, 2, 1).reshape(-1, unit.neurons, 1) for c in unit.consumers]
    consumers = tuple(Consumer(c.name, row) for c, row in zip(unit.consumers, rows, strict=True))
    return replace(unit, kind="linear", consumers=consumers)


@pytest.mark.parametrize("method", WEIGHTS_METHODS)
@settings(max_examples=8, deadline=None)
@given(
    kind=st.sampled_from(["conv", "flatten", "shared"]),
    seed=st.integers(0, 2**32 - 1),
    k=st.integers(1, 9),
)
def test_a_convolution_reduces_as_its_im2col_layer(
    method: str, kind: str, seed: int, k: int
) -> None:
    unit = make_unit(kind, np.random.default_rng(seed))
    reducer = make(method)
    conv, linear = (
        reducer.reduce(reducer.prepare(u, np.random.default_rng(1)), k)
        for u in (unit, _on_patches(unit))
    )
    np.testing.assert_allclose(conv.incoming, linear.incoming, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mix_of(conv), mix_of(linear), rtol=1e-9, atol=1e-12)
