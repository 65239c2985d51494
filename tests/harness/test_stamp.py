"""A stamp holds until anything it depends on is touched."""

import json
import os
import shutil
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from omegaconf import DictConfig, OmegaConf

from experiments import stamp as stamp_module
from experiments.stamp import ROOT, Stamp, stamp_of

JOBS = [("method=l1", "ratio=0.5")]


@pytest.fixture(autouse=True)
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the sources, two records, and a data file."""
    root = tmp_path / "tree"
    for folder in ("conf", "tropnnc", "baselines", "experiments"):
        shutil.copytree(ROOT / folder, root / folder)
    for name in ("run.py", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    for name in ("one", "two", "data"):
        (root / name).write_text(name)
    monkeypatch.setattr(stamp_module, "ROOT", root)
    return root


def config(tmp_path: Path, **changes: object) -> DictConfig:
    own = {"results_dir": str(tmp_path / "results"), "data_dir": "data", "ratio": 0.5, **changes}
    return OmegaConf.create({**own, "hydra": {"overrides": {"task": ["experiment=quick"]}}})


def stamped(tmp_path: Path, tree: Path) -> Path:
    stamp = current(tmp_path)
    stamp.path.parent.mkdir(parents=True)
    stamp.path.write_bytes(stamp.content([tree / "one", tree / "two", tree / "data"], "table"))
    assert current(tmp_path).read() == "table"
    return stamp.path


def current(tmp_path: Path) -> Stamp:
    stamp = stamp_of(JOBS, config(tmp_path))
    assert stamp is not None
    return stamp


def edit(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b" ")


def edit_in_secret(path: Path) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [edit, edit_in_secret, Path.touch, Path.unlink])
@pytest.mark.parametrize("name", ["one", "two", "data"])
def test_a_record_or_data_file_is_touched(
    tmp_path: Path, tree: Path, change: Callable[[Path], None], name: str
) -> None:
    stamped(tmp_path, tree)
    change(tree / name)
    assert current(tmp_path).read() is None


@pytest.mark.parametrize(
    "name",
    [
        "conf/config.yaml",
        "conf/method/l1.yaml",
        "tropnnc/clustering.py",
        "baselines/norm.py",
        "experiments/data/idx.py",
        "run.py",
        "pyproject.toml",
        "constraints.txt",
    ],
)
@pytest.mark.parametrize("change", [edit, Path.unlink])
def test_a_source_is_changed(
    tmp_path: Path, tree: Path, name: str, change: Callable[[Path], None]
) -> None:
    stamped(tmp_path, tree)
    change(tree / name)
    assert current(tmp_path).read() is None


def test_a_source_is_added_or_renamed(tmp_path: Path, tree: Path) -> None:
    stamped(tmp_path, tree)
    added = tree / "conf" / "experiment" / "new.yaml"
    added.write_text("")
    assert current(tmp_path).read() is None
    added.unlink()
    assert current(tmp_path).read() == "table"
    (tree / "run.py").rename(tree / "conf" / "run.py")
    assert current(tmp_path).read() is None


def test_a_source_that_was_only_touched_is_the_same(tmp_path: Path, tree: Path) -> None:
    stamped(tmp_path, tree)
    (tree / "run.py").touch()
    assert current(tmp_path).read() == "table"


def test_another_sweep_has_another_stamp(tmp_path: Path, tree: Path) -> None:
    stamped(tmp_path, tree)
    others = [
        stamp_of([("method=l1", "ratio=0.25")], config(tmp_path)),
        stamp_of(JOBS, config(tmp_path, data_dir="elsewhere")),
        stamp_of(JOBS, config(tmp_path, ratio=0.25)),
        stamp_of([*JOBS, *JOBS], config(tmp_path)),
    ]
    assert [stamp.read() for stamp in others if stamp is not None] == [None] * 4


@pytest.mark.parametrize("change", [edit, Path.unlink])
def test_the_stamp_itself_is_damaged(
    tmp_path: Path, tree: Path, change: Callable[[Path], None]
) -> None:
    path = stamped(tmp_path, tree)
    path.write_text(json.dumps({**json.loads(path.read_text()), "text": "better"}))
    assert current(tmp_path).read() is None
    path.write_text(path.read_text()[:-9])
    assert current(tmp_path).read() is None
    change(path)
    assert current(tmp_path).read() is None


def test_methods_of_a_stranger_are_always_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = EntryPoint("mine", "package.mine:Mine", "tropnnc.methods")
    monkeypatch.setattr(stamp_module, "entry_points", lambda **_: [foreign])
    assert stamp_of(JOBS, config(tmp_path)) is None


def test_a_file_that_vanished_makes_no_stamp(tmp_path: Path, tree: Path) -> None:
    with pytest.raises(FileNotFoundError):
        current(tmp_path).content([tree / "never"], "table")
