"""The one place that reads data."""

from experiments.data.dataset import Dataset, Split, normalise
from experiments.data.load import DATASETS, load_dataset

__all__ = ["DATASETS", "Dataset", "Split", "load_dataset", "normalise"]
