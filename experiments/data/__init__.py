"""The one place that reads data."""

from experiments.data.dataset import Dataset, Examples, Split, normalise, pixels_of
from experiments.data.load import DATASETS, data_files, load_dataset, open_dataset

__all__ = [
    "DATASETS",
    "Dataset",
    "Examples",
    "Split",
    "data_files",
    "load_dataset",
    "normalise",
    "open_dataset",
    "pixels_of",
]
