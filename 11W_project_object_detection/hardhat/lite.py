"""CenterNet made lighter: EfficientNet-Lite0, which has seen ImageNet, as mmdet's backbone, and a neck with shortcuts.

CenterNet's own neck for residual networks goes up from the coarsest map alone; heads of ten pixels are gone from it.
"""

import copy

import torch
from efficientnet_lite_pytorch.utils import Conv2dStaticSamePadding
from mmdet.registry import MODELS
from torch import nn
from torch.nn import functional as F

from coursework.runtime import pick_device
from hardhat.efficientnet import load_efficientnet, walk_maps


class WholeDepthwise(Conv2dStaticSamePadding):
    """A convolution of every channel by itself that is trained in 32 bits, for on CPUs its 16-bit gradient is slow.

    For 144 channels of 104 pixels, 5 x 5, stride 2 and 8 pictures: 201 ms instead of 51, on two cores with AMX.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        if maps.device.type != "cpu" or not maps.requires_grad:
            return super().forward(maps)
        with torch.autocast("cpu", enabled=False):
            return super().forward(maps.float()).to(maps.dtype)


@MODELS.register_module()
class Lite0(nn.Module):
    """Images (N, 3, S, S) in [-1, 1] to the last maps of a quarter, an eighth, a 16th and a 32nd of the size.

    Their channels are 24, 40, 112 and 320. Weights are ImageNet's. The first layers, on large maps, keep them, as the
    first stage of a ResNet does in mmdet: edges are edges wherever they are, and learning them costs the most time.
    """

    def __init__(self):
        super().__init__()
        self.network = copy.deepcopy(load_efficientnet("lite0")).requires_grad_(True)
        del self.network._conv_head, self.network._bn1, self.network._fc  # what tells cats from cars
        for part in self.frozen():
            part.requires_grad_(False)
        for block in self.network._blocks:
            if block._depthwise_conv.kernel_size == (5, 5) or max(block._depthwise_conv.stride) > 1:
                block._depthwise_conv.__class__ = WholeDepthwise

    def frozen(self) -> tuple[nn.Module, ...]:
        """What makes maps of half the size, and the first of a quarter."""
        return self.network._conv_stem, self.network._bn0, *self.network._blocks[:2]

    def train(self, mode: bool = True) -> nn.Module:
        super().train(mode)
        for part in self.frozen():
            part.eval()
        return self

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return tuple(walk_maps(self.network, images))[1:]


class ClippedConv(Conv2dStaticSamePadding):
    """A convolution and its ReLU6 in one pass over memory: oneDNN's fusion, for which PyTorch has no public name."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        maps = self.static_padding(maps.to(self.weight.dtype))
        how = self.padding, self.stride, self.dilation, self.groups, "hardtanh", [0.0, 6.0], ""
        return torch.ops.mkldnn._convolution_pointwise(maps, self.weight, self.bias, *how)


def clip_inside(quick: nn.Module) -> nn.Module:
    """Have the Lite0 of a detector from `detector.fuse` clip inside its convolutions, in place; on CPUs that can.

    Alone, it changes no answer in bfloat16, not by a bit. In float32, some processors round the last digit otherwise.
    """
    if pick_device() == "cpu" and torch.backends.mkldnn.is_available():
        network = quick.backbone.network
        clipped = [network._conv_stem]
        for block in network._blocks:
            clipped += [block._depthwise_conv] + ([block._expand_conv] if hasattr(block, "_expand_conv") else [])
            block._swish = nn.Identity()
        network._swish = nn.Identity()
        for convolution in clipped:
            convolution.__class__ = ClippedConv
    return quick


def pad_inside(quick: nn.Module) -> nn.Module:
    """Have the Lite0 of a detector pad inside its convolutions, in place, instead of making a wider copy of the map.

    With a step of two, Lite0 puts one column more on the right than on the left, which convolutions cannot do. They
    can if a column of zeros is put on the left of their kernel: then both sides get the larger number. The same for
    rows. Answers differ by rounding, as the sums may be taken in another order.
    """
    for convolution in quick.backbone.network.modules():
        wider = getattr(getattr(convolution, "static_padding", None), "padding", None)
        if wider and wider[1] == wider[0] + 1:  # left, right, top, bottom
            weight = F.pad(convolution.weight.detach(), (1, 0, 1, 0)).to(memory_format=torch.channels_last)
            convolution.weight = nn.Parameter(weight, requires_grad=False)
            convolution.kernel_size, convolution.padding = tuple(weight.shape[2:]), (wider[3], wider[1])
            convolution.static_padding = nn.Identity()
    return quick


@MODELS.register_module()
class TopDown(nn.Module):
    """Maps of several sizes, the finest first, to one of the finest size, (N, out_channels, S, S), in a tuple.

    Source: T.-Y. Lin et al., "Feature pyramid networks", 2017, figure 3, of which only the finest map is made.
    """

    def __init__(self, in_channels: list[int], out_channels: int):
        super().__init__()
        self.sideways = nn.ModuleList(nn.Conv2d(number, out_channels, 1) for number in in_channels)
        smooth = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.leave = nn.Sequential(smooth, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True))

    def forward(self, maps: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor]:
        levels = [step(level) for step, level in zip(self.sideways, maps, strict=True)]
        found = levels[-1]
        for level in reversed(levels[:-1]):
            found = level + F.interpolate(found, size=level.shape[-2:])
        return (self.leave(found),)
