"""From the configuration of a communication to its settings, every value checked."""

from __future__ import annotations

from typing import Any

from experiments.communication.settings import CODECS, TOP, VALUES, Communication
from experiments.values import real
from tropnnc.errors import TropnncError, check_choice

NONE = "none"


def communication_settings(config: Any, processes: int) -> Communication | None:
    """The group ``comm``; None where gradients are sent as they are.

    Args:
        config: of the group.
        processes: that fine-tune together; 0: there is no fine-tuning.

    Raises:
        TropnncError: a value out of range, or nobody to send anything to.
    """
    codec = config["codec"]
    check_choice("comm.codec", codec, (NONE, *CODECS))
    if codec == NONE:
        return None
    if processes < 2:
        needed = f"finetune.processes = {processes}" if processes else "no fine-tuning"
        raise TropnncError(
            f"comm.codec = {codec} is not accepted with {needed}; none is, or more processes"
        )
    if not codec.startswith(TOP):
        return Communication(codec)
    check_choice("comm.values", config["values"], VALUES)
    keep = real("comm.keep", config["keep"], 0.0, 1.0, open_low=True)
    return Communication(codec, keep, config["values"])
