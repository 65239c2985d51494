"""The pictures: outlines are exact, and what the figure shows is so."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.geometry.outline import outline
from experiments.geometry.pictures import WIDTH, draw_decisions, draw_zonotopes
from experiments.geometry.toy import RULES, Toy, reductions, trained_toy
from experiments.report.style import save
from tropnnc.bounds import centroid_bound
from tropnnc.geometry import Zonotope, hausdorff, positive_negative

GRID = np.stack(np.meshgrid(np.linspace(-1.5, 1.5, 40), np.linspace(-1, 1, 40)), -1).reshape(-1, 2)


@pytest.fixture(scope="module")
def toy() -> Toy:
    return trained_toy()


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 7), seed=st.integers(0, 2**32 - 1))
def test_the_outline_goes_through_every_vertex(n: int, seed: int) -> None:
    generators = np.random.default_rng(seed).normal(size=(n, 2))
    shape = outline(generators)
    vertices = Zonotope(generators).vertices()
    gaps = np.linalg.norm(vertices[:, None] - shape.corners, axis=2)
    assert gaps.min(axis=1).max() < 1e-9
    assert gaps.min(axis=0).max() < 1e-9
    steps = np.roll(shape.corners, -1, axis=0) - shape.corners
    np.testing.assert_allclose(np.abs(steps), np.abs(generators[shape.edges]), atol=1e-12)
    # Counter-clockwise, all the way round: the area is that of the zonotope.
    x, y = shape.corners.T
    area = 0.5 * float(x @ np.roll(y, -1) - y @ np.roll(x, -1))
    pairs = np.triu(np.outer(generators[:, 0], generators[:, 1]))
    crosses = pairs - np.triu(np.outer(generators[:, 1], generators[:, 0]))
    assert area == pytest.approx(np.abs(crosses).sum(), abs=1e-9)


def test_the_network_is_a_difference_of_support_functions(toy: Toy) -> None:
    p, q = positive_negative(toy.unit.incoming, toy.unit.outgoing[:, 0])
    lifted = np.concatenate([GRID, np.ones((len(GRID), 1))], axis=1)
    expected = p.support(lifted) - q.support(lifted) + toy.bias
    np.testing.assert_allclose(toy.logits(GRID), expected, atol=1e-9)


def test_what_the_figure_shows(toy: Toy) -> None:
    dense = positive_negative(toy.unit.incoming, toy.unit.outgoing[:, 0])
    rules = reductions(toy, WIDTH)
    column = toy.unit.outgoing[:, 0]
    found = {}
    for rule in RULES:
        small = toy.reduced(rules[rule])
        assert small.unit.neurons == WIDTH
        few = positive_negative(small.unit.incoming, small.unit.outgoing[:, 0])
        found[rule] = [hausdorff(*pair).upper for pair in zip(dense, few, strict=True)]
        same = np.mean((small.logits(GRID) > 0) == (toy.logits(GRID) > 0))
        assert same > (0.97 if rule != "means" else 0.7)
        if rule != "means":  # a sum of generators is a point of the zonotope
            assert all(
                whole.contains(part.vertices()).all()
                for whole, part in zip(dense, few, strict=True)
            )
    assert (np.array(found["means"]) > 3 * np.array(found["sums"])).all()
    clusters = rules["sums"].clusters
    assert clusters is not None
    np.testing.assert_array_equal(clusters, rules["means"].clusters)
    for sign, zonotope, distance in zip((1, -1), dense, found["sums"], strict=True):
        labels = np.unique(clusters[np.sign(column) == sign], return_inverse=True)[1]
        assert distance <= centroid_bound(zonotope.generators, labels)


@pytest.mark.slow
def test_pictures_are_the_same_bytes_again(toy: Toy, tmp_path: Path) -> None:
    again = trained_toy()
    np.testing.assert_array_equal(again.unit.incoming, toy.unit.incoming)
    for draw in (draw_zonotopes, draw_decisions):
        first, second = (
            [path.read_bytes() for path in save(draw(net, reductions(net, WIDTH)), tmp_path / name)]
            for name, net in (("one", toy), ("two", again))
        )
        assert first == second
