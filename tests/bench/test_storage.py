"""Stored weights against zlib: ResNet-20, 80 % pruned, 64 shared values a layer; one thread."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from experiments.checkpoints import checkpoint_path
from tests.bench.timing import announce, race
from tropnnc.files import load_weights
from tropnnc.storage import restore, store
from tropnnc.storage.form import from_words, form_of, to_words

PRUNED, VALUES, ROUNDS = 0.8, 64, 5
