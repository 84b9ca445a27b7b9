"""Three networks from their papers: SegNet, U-Net, and the homework's U-Net without pooling."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn


def convolve(channels_in: int, channels_out: int, times: int = 2) -> nn.Sequential:
    """3 × 3 convolution, batch norm, ReLU, several times; the size stays, by a border of zeros.

    The papers' U-Net cuts off borders instead, so that its mask is smaller than its image; SegNet pads, as here.
    """
    widths = [channels_in, *[channels_out] * times]
    layers = []
    for first, second in pairwise(widths):
        layers += [nn.Conv2d(first, second, 3, padding=1, bias=False), nn.BatchNorm2d(second), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


def check_size(images: torch.Tensor, step: int) -> None:
    """Raise ValueError for images whose sides do not survive so many halvings."""
    if images.shape[-1] % step or images.shape[-2] % step:
        raise ValueError(f"images are {images.shape[-2]} x {images.shape[-1]}; both sides must be multiples of {step}")


class UNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, 1, H, W); H and W multiples of 16. The paper's `width` is 64.

    Source: Ronneberger et al. 2015, figure 1, arXiv:1505.04597; with batch norm and padding.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        a, b, c, d, e = (width * 2**level for level in range(5))
        self.left1, self.left2, self.left3, self.left4 = convolve(3, a), convolve(a, b), convolve(b, c), convolve(c, d)
        self.bottom = convolve(d, e)
        self.right4, self.right3 = convolve(2 * d, d), convolve(2 * c, c)
        self.right2, self.right1 = convolve(2 * b, b), convolve(2 * a, a)
        self.down1, self.down2, self.down3, self.down4 = (self.build_down(channels) for channels in (a, b, c, d))
        self.up4, self.up3, self.up2, self.up1 = (self.build_up(channels) for channels in (e, d, c, b))
        self.head = nn.Conv2d(a, 1, 1)

    @staticmethod
    def build_down(channels: int) -> nn.Module:
        """Halve the size: the largest of every 2 × 2 pixels."""
        return nn.MaxPool2d(2)

    @staticmethod
    def build_up(channels: int) -> nn.Module:
        """Double the size, halve the channels: enlarge, then convolve."""
        return nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, channels // 2, 3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        check_size(images, 16)
        x1 = self.left1(images)  # (N, w, H, W)
        x2 = self.left2(self.down1(x1))  # (N, 2w, H/2, W/2)
        x3 = self.left3(self.down2(x2))  # (N, 4w, H/4, W/4)
        x4 = self.left4(self.down3(x3))  # (N, 8w, H/8, W/8)
        x = self.bottom(self.down4(x4))  # (N, 16w, H/16, W/16)
        x = self.right4(torch.cat([x4, self.up4(x)], dim=1))  # (N, 8w, H/8, W/8)
        x = self.right3(torch.cat([x3, self.up3(x)], dim=1))  # (N, 4w, H/4, W/4)
        x = self.right2(torch.cat([x2, self.up2(x)], dim=1))  # (N, 2w, H/2, W/2)
        x = self.right1(torch.cat([x1, self.up1(x)], dim=1))  # (N, w, H, W)
        return self.head(x)  # (N, 1, H, W)


class UNet2(UNet):
    """The homework's U-Net: it learns how to shrink and how to grow."""

    @staticmethod
    def build_down(channels: int) -> nn.Module:
        """Halve the size: a convolution in steps of two."""
        return nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    @staticmethod
    def build_up(channels: int) -> nn.Module:
        """Double the size, halve the channels: a transposed convolution."""
        return nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)


class SegNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, 1, H, W); H and W multiples of 32. The paper's `width` is 64.

    The way down is VGG16's. The way up puts every value back to the pixel that it came from when the largest of four
    was taken; what lies between is zero, until convolutions fill it.
    Source: Badrinarayanan et al. 2017, figure 2, arXiv:1511.00561.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        a, b, c, d = (width * 2**level for level in range(4))
        self.left1, self.left2 = convolve(3, a, 2), convolve(a, b, 2)
        self.left3, self.left4, self.left5 = convolve(b, c, 3), convolve(c, d, 3), convolve(d, d, 3)
        self.right5 = convolve(d, d, 3)
        self.right4 = nn.Sequential(convolve(d, d, 2), convolve(d, c, 1))
        self.right3 = nn.Sequential(convolve(c, c, 2), convolve(c, b, 1))
        self.right2 = nn.Sequential(convolve(b, b, 1), convolve(b, a, 1))
        self.right1 = convolve(a, a, 1)
        self.head = nn.Conv2d(a, 1, 3, padding=1)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        check_size(images, 32)
        x, from1 = self.pool(self.left1(images))  # (N, w, H/2, W/2), and where the largest of four stood
        x, from2 = self.pool(self.left2(x))  # (N, 2w, H/4, W/4)
        x, from3 = self.pool(self.left3(x))  # (N, 4w, H/8, W/8)
        x, from4 = self.pool(self.left4(x))  # (N, 8w, H/16, W/16)
        x, from5 = self.pool(self.left5(x))  # (N, 8w, H/32, W/32)
        x = self.right5(self.unpool(x, from5))  # (N, 8w, H/16, W/16)
        x = self.right4(self.unpool(x, from4))  # (N, 4w, H/8, W/8)
        x = self.right3(self.unpool(x, from3))  # (N, 2w, H/4, W/4)
        x = self.right2(self.unpool(x, from2))  # (N, w, H/2, W/2)
        x = self.right1(self.unpool(x, from1))  # (N, w, H, W)
        return self.head(x)  # (N, 1, H, W)

    def load_vgg(self, state: dict[str, torch.Tensor]) -> None:
        """Begin from ImageNet: `state` is that of torchvision's `vgg16_bn`, whose convolutions are these, in order.

        Raises: ValueError if this network has another width than VGG16.
        """
        ours = [layer for part in self.encoder() for layer in part if not isinstance(layer, nn.ReLU)]
        theirs = sorted({name.rpartition(".")[0] for name in state if name.startswith("features.")}, key=layer_number)
        if state[f"{theirs[0]}.weight"].shape != ours[0].weight.shape:
            raise ValueError(f"VGG16 starts with 64 channels, this SegNet with {self.head.in_channels}; use width 64")
        for place in range(0, len(ours), 2):
            convolution, norm = ours[place : place + 2]
            kernel, bias = (state[f"{theirs[place]}.{part}"] for part in ("weight", "bias"))
            convolution.load_state_dict({"weight": kernel})
            prefix = f"{theirs[place + 1]}."
            norm.load_state_dict({name.removeprefix(prefix): v for name, v in state.items() if name.startswith(prefix)})
            norm.running_mean -= bias  # ours have no bias, since the norm that follows would take it out again

    def encoder(self) -> list[nn.Sequential]:
        """The parts of the way down, in order."""
        return [self.left1, self.left2, self.left3, self.left4, self.left5]


def layer_number(name: str) -> int:
    """The position in `features.7` of torchvision's VGG."""
    return int(name.partition(".")[2])


MODELS: dict[str, Callable[[int], nn.Module]] = {"segnet": SegNet, "unet": UNet, "unet2": UNet2}


def build_model(name: str, width: int) -> nn.Module:
    """A network of MODELS with so many channels in its first layer. Raises ValueError for an unknown name."""
    if name not in MODELS:
        raise ValueError(f"unknown model {name!r}; there are: {', '.join(MODELS)}")
    return MODELS[name](width).to(memory_format=torch.channels_last)


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def held_megabytes(model: nn.Module, side: int) -> float:
    """What a training step keeps of one image (3, side, side) for the way back, in MB, if all is float32."""
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    held = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = model(torch.zeros(2, 3, side, side))  # two, since batch norm wants more than one where maps are 1 x 1
    del result
    return sum(size for place, size in held.items() if place not in own) / 2 / 1e6
