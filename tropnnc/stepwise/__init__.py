"""Images on their way through a network, dense and as compressed so far, unit by unit."""

from tropnnc.stepwise.calibration import StepCalibration
from tropnnc.stepwise.walk import Place, Walk

__all__ = ["Place", "StepCalibration", "Walk"]
