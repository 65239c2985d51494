"""The one place that reads data."""

from experiments.data.dataset import Dataset, Split, normalise
from experiments.data.load import DATASETS, data_files, load_dataset

__all__ = ["DATASETS", "Dataset", "Split", "data_files", "load_dataset", "normalise"]
