"""One small dense network for all tests of the relatives."""

from __future__ import annotations

import pytest

from experiments.bench import Bench
from experiments.settings import Machine
from tests.relatives.cases import a_bench


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bench, Machine]:
    return a_bench(tmp_path_factory.mktemp("relatives"))
