"""The networks: MobileNetV2, EfficientNet-Lite0, and a small CNN; all have `features`, then `classifier`."""

import timm
import torch
from torch import nn
from torch.nn import functional as F
from torchvision.models import mobilenet_v2

from coursework.imagenet import weights_file


class Classifier(nn.Module):
    """Convolutional `features`, global average pooling, and a linear layer: the layout of torchvision's MobileNetV2.

    Shapes: images (N, 3, S, S); features (N, width, h, w); the result (N, classes), logits.
    """

    def __init__(self, features: nn.Module, width: int, classes: int, dropout: float = 0.2):
        super().__init__()
        self.features = features
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classifier(pool(self.features(images)))


def pool(maps: torch.Tensor) -> torch.Tensor:
    """The mean of each feature map: (N, C, h, w) to (N, C)."""
    return F.adaptive_avg_pool2d(maps, 1).flatten(1)


def replace_head(model: nn.Module, classes: int, dropout: float = 0.2) -> nn.Module:
    """Replace the classifier of a torchvision network by an untrained one for `classes` classes; return the network."""
    width = model.classifier[-1].in_features
    model.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))
    return model


def freeze(module: nn.Module) -> None:
    """Exclude all parameters of a module from training; in training mode, batch-norm statistics still change."""
    module.requires_grad_(False)


def unfreeze(module: nn.Module) -> None:
    """Include all parameters of a module in training."""
    module.requires_grad_(True)


def block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Two convolutions, each with batch norm and ReLU, then max pooling; `stride` is for the first convolution."""
    layers = []
    for first, step in ((channels_in, stride), (channels_out, 1)):
        convolution = nn.Conv2d(first, channels_out, 3, step, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


def build_small_cnn(classes: int, widths: tuple[int, ...] = (24, 48, 96, 160), stride: int = 2) -> Classifier:
    """A small CNN, one block per width; a `stride` of 2 in the first convolution saves most of the computation."""
    pairs = zip((3, *widths[:-1]), widths, strict=True)
    features = nn.Sequential(*(block(a, b, stride if a == 3 else 1) for a, b in pairs))
    return Classifier(features, widths[-1], classes).to(memory_format=torch.channels_last)


def build_mobilenet(classes: int) -> nn.Module:
    """MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381), the homework's network, untrained."""
    return replace_head(mobilenet_v2(), classes).to(memory_format=torch.channels_last)


def build_lite0(classes: int, pretrained: bool = False) -> Classifier:
    """EfficientNet-Lite0 (Tan and Le 2019, arXiv:1905.11946) from timm; ImageNet weights from a Python package."""
    network = timm.create_model("tf_efficientnet_lite0")
    if pretrained:
        state = torch.load(weights_file("lite0"), map_location="cpu", weights_only=True)
        # The package uses other names for the tensors, but the same order.
        network.load_state_dict(dict(zip(network.state_dict(), state.values(), strict=True)))
    network.reset_classifier(0, "")  # the network now returns feature maps
    return Classifier(network, network.num_features, classes).to(memory_format=torch.channels_last)


def count_parameters(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
