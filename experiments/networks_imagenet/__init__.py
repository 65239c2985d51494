"""Networks for images ``[3, 224, 224]`` that torchvision does not have."""

from experiments.networks_imagenet.efficientnet_lite import EfficientNetLite0

__all__ = ["EfficientNetLite0"]
