"""A network that trains in milliseconds in place of those that the data track names."""

import pytest

from experiments.coded_images import classifiers
from tests.harness.cells import a_cell


@pytest.fixture
def small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the overrides say."""
    for cached in (classifiers._bench, classifiers._network):
        cached.cache_clear()
    monkeypatch.setattr(classifiers, "_settings", lambda _: a_cell())
