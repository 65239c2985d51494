"""Networks for images ``[3, 32, 32]``."""

from experiments.networks_cifar.alexnet import CifarAlexNet
from experiments.networks_cifar.network_in_network import NIN
from experiments.networks_cifar.resnet import ResNet
from experiments.networks_cifar.vgg import CifarVGG
from experiments.networks_cifar.wide_resnet import WideResNet

__all__ = ["NIN", "CifarAlexNet", "CifarVGG", "ResNet", "WideResNet"]
