"""The group ``comm`` of the configuration: identities, and what is not accepted."""

from __future__ import annotations

import pytest

from experiments.parsing import cell_settings
from tests.harness.cells import composed
from tropnnc import TropnncError


def test_communication_is_part_of_an_identity_where_there_is_any() -> None:
    two = ("finetune.epochs=1", "finetune.processes=2")
    plain = cell_settings(composed(*two)).determinants()
    assert "comm" not in plain["finetune"]
    assert plain == cell_settings(composed(*two, "comm.keep=0.5")).determinants()
    own = cell_settings(composed(*two, "comm.codec=topk_rice", "comm.values=bf16")).determinants()
    comm = {"codec": "topk_rice", "keep": 0.01, "values": "bf16"}
    assert own == {**plain, "finetune": {**plain["finetune"], "comm": comm}}
    half = cell_settings(composed(*two, "comm.codec=fp16", "comm.keep=0.5")).determinants()
    assert half["finetune"]["comm"] == {"codec": "fp16"}
    few = cell_settings(composed(*two, "finetune.images=640")).determinants()
    assert few == {**plain, "finetune": {**plain["finetune"], "images": 640}}


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("comm.codec=fp16",), "comm.codec = fp16 is not accepted with no fine-tuning"),
        (("finetune.epochs=1", "comm.codec=fp16"), "with finetune.processes = 1; none is"),
        (("comm.codec=zip",), "unknown comm.codec 'zip'"),
        (("finetune.epochs=1", "finetune.processes=2", "comm.codec=topk_rice", "comm.keep=0"),
         "0 < comm.keep"),
        (("finetune.epochs=1", "finetune.processes=2", "comm.codec=topk_rice", "comm.values=x"),
         "unknown comm.values 'x'"),
    ],
)  # fmt: skip
def test_what_is_not_accepted_is_one_line(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(TropnncError, match=message.replace(".", r"\.")):
        cell_settings(composed(*overrides))
