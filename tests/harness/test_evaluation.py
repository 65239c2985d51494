"""Evaluation: integers over all images, whatever the batches are."""

import pytest
import torch
from torch import nn

from experiments import evaluation
from experiments.evaluation import evaluate, output_error, unpack_bits

CPU = torch.device("cpu")


def test_a_short_last_batch_counts_by_its_images(monkeypatch: pytest.MonkeyPatch) -> None:
    # Averaged over batches of 4 and 3, five hits of seven would be (4/4 + 1/3)/2.
    monkeypatch.setattr(evaluation, "VALUES", 4 * 7 + 6)
    images = torch.eye(7).view(7, 1, 1, 7)
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 0])
    result = evaluate(nn.Flatten(), images, labels, CPU)
    assert result.correct == 5
    assert result.record()["total"] == 7
    assert result.hits.tolist() == [True] * 5 + [False] * 2


@pytest.mark.parametrize("count", [1, 7, 8, 9, 1000])
def test_bits_survive_packing(count: int) -> None:
    labels = torch.randint(0, 2, (count,), generator=torch.Generator().manual_seed(count))
    logits = torch.tensor([1.0, 0.0]).expand(count, 2).view(count, 1, 1, 2)
    result = evaluate(nn.Flatten(), logits, labels, CPU)
    record = result.record()
    assert unpack_bits(record).tolist() == result.hits.tolist()
    assert record["correct"] == unpack_bits(record).sum() == (labels == 0).sum()


def test_output_error_is_relative_and_over_the_whole_set() -> None:
    dense = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert output_error(dense, dense) == 0
    assert output_error(dense, torch.zeros(2, 2)) == 1
    assert output_error(dense, torch.tensor([[3.0, 0.0], [0.0, 1.0]])) == pytest.approx(3 / 5)
