"""Generators and discriminators that learn from nothing: DCGAN in its paper's form, and residual ones.

Images have shape (N, 3, S, S) with values in [-1, 1], S a power of two from 8 on; latents (N, latent); what a
discriminator says are logits (N, k), large for what looks real to it.
"""

import math
from functools import partial
from itertools import chain, pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

SMALLEST = 4  # side of the first feature maps of a generator, and of the last of a discriminator
WIDEST = 16  # no layer has more channels than this many times the width
ACTIVATIONS = {"relu": nn.ReLU, "leaky": partial(nn.LeakyReLU, 0.2), "elu": nn.ELU}
NORMS = {
    "batch": nn.BatchNorm2d,
    "instance": partial(nn.InstanceNorm2d, affine=True),
    "spectral": nn.Identity,  # a matter of the convolutions
    "none": nn.Identity,
}
OUTPUTS = {"tanh": nn.Tanh, "none": nn.Identity}


class DCGenerator(nn.Module):
    """Latents to images, doubling the side by transposed convolutions.

    `depth` adds 3 × 3 convolutions at every size, `linear` adds linear layers before the first.
    Source: Radford, Metz and Chintala 2016, figure 1 (depth and linear 0), arXiv:1511.06434.
    """

    def __init__(self, side, latent, width=64, depth=0, linear=0, activation="relu", norm="batch", output="tanh"):
        super().__init__()
        act, channels = pick("activation", ACTIVATIONS, activation), widths(side, width)[::-1]
        layers = [layer for _ in range(linear) for layer in (nn.Linear(latent, latent), act())]
        layers += [nn.Unflatten(1, (latent, 1, 1))]
        layers += step(nn.ConvTranspose2d(latent, channels[0], SMALLEST), norm, act)
        for ins, outs in pairwise(channels):
            layers += further(ins, depth, norm, act)
            layers += step(nn.ConvTranspose2d(ins, outs, 4, stride=2, padding=1), norm, act)
        last = channels[-1]
        layers += [*further(last, depth, norm, act), nn.ConvTranspose2d(last, 3, 4, stride=2, padding=1)]
        self.layers = nn.Sequential(*layers, pick("output", OUTPUTS, output)())
        self.latent = latent
        self.apply(start_small)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        check_latents(latents, self.latent)
        return self.layers(latents)


class DCDiscriminator(nn.Module):
    """Images to logits (N, 1), halving the side by convolutions in steps of two; the mirror image of `DCGenerator`."""

    def __init__(self, side, width=64, depth=0, linear=0, activation="leaky", norm="batch"):
        super().__init__()
        act, channels = pick("activation", ACTIVATIONS, activation), widths(side, width)
        layers = step(nn.Conv2d(3, channels[0], 4, stride=2, padding=1), norm if norm == "spectral" else "none", act)
        for ins, outs in pairwise(channels):
            layers += further(ins, depth, norm, act)
            layers += step(nn.Conv2d(ins, outs, 4, stride=2, padding=1), norm, act)
        last = channels[-1]
        layers += further(last, depth, norm, act)
        layers += [step(nn.Conv2d(last, hidden(linear, width), SMALLEST), norm)[0], nn.Flatten()]
        for place in range(linear):
            layers += [act(), nn.Linear(width, width if place < linear - 1 else 1)]
        self.layers, self.side = nn.Sequential(*layers), side
        self.apply(start_small)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        check_images(images, self.side)
        return self.layers(images)


def hidden(linear: int, width: int) -> int:
    """Channels of a discriminator's last convolution: the logit itself, unless linear layers follow."""
    return width if linear else 1


def widths(side: int, width: int) -> list[int]:
    """Channels from half the side down to 4 pixels: `width`, then twice as many at each step, at most WIDEST times.

    Raises: ValueError for a side that is no power of two, or below 8.
    """
    steps = round(math.log2(side / SMALLEST)) if side > 0 else 0
    if steps < 1 or SMALLEST * 2**steps != side:
        raise ValueError(f"a side of {side} pixels; expected a power of two from 8 on")
    return [width * min(2**place, WIDEST) for place in range(steps)]


def step(convolution: nn.Module, norm: str, act=None) -> list[nn.Module]:
    """A convolution, normalised, with its activation. Raises ValueError for an unknown normalisation."""
    kind = pick("normalisation", NORMS, norm)
    convolution = spectral_norm(convolution) if norm == "spectral" else convolution
    return [convolution, kind(convolution.out_channels), act() if act else nn.Identity()]


def further(channels: int, depth: int, norm: str, act) -> list[nn.Module]:
    """More convolutions that change neither side nor channels."""
    return [layer for _ in range(depth) for layer in step(nn.Conv2d(channels, channels, 3, padding=1), norm, act)]


def start_small(layer: nn.Module) -> None:
    """DCGAN's start: weights from a normal distribution of deviation 0.02, scales about 1."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(layer.weight, 0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1, 0.02)


def pick(what: str, table: dict, name: str):
    """An entry of a table. Raises ValueError that lists its names."""
    if name not in table:
        raise ValueError(f"unknown {what} {name!r}; there are: {', '.join(table)}")
    return table[name]


def check_latents(latents: torch.Tensor, size: int) -> None:
    """Raise ValueError unless latents have shape (N, size)."""
    if latents.ndim != 2 or latents.shape[1] != size:
        raise ValueError(f"latents of shape {tuple(latents.shape)}; this generator expects (N, {size})")


def check_images(images: torch.Tensor, side: int) -> None:
    """Raise ValueError unless images have shape (N, 3, side, side)."""
    if images.ndim != 4 or images.shape[1:] != (3, side, side):
        raise ValueError(f"images of shape {tuple(images.shape)}; this discriminator expects (N, 3, {side}, {side})")


class UpBlock(nn.Module):
    """(N, a, s, s) to (N, b, 2s, 2s), or (N, b, s, s) without `resize`: what two convolutions add to the map."""

    def __init__(self, ins: int, outs: int, resize: bool = True):
        super().__init__()
        self.resize = double if resize else nn.Identity()
        self.first = nn.Sequential(nn.BatchNorm2d(ins), nn.ReLU())
        self.second = nn.Sequential(
            nn.Conv2d(ins, outs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outs), nn.ReLU(),
            nn.Conv2d(outs, outs, 3, padding=1),
        )  # fmt: skip
        self.skip = nn.Conv2d(ins, outs, 1, bias=False)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.resize(self.skip(maps)) + self.second(self.resize(self.first(maps)))


class DownBlock(nn.Module):
    """(N, a, s, s) to (N, b, s/2, s/2), or (N, b, s, s) without `resize`: what two convolutions add to the map."""

    def __init__(self, ins: int, outs: int, resize: bool = True):
        super().__init__()
        self.resize = nn.AvgPool2d(2) if resize else nn.Identity()
        self.layers = nn.Sequential(
            nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(ins, outs, 3, padding=1)),
            nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(outs, outs, 3, padding=1)),
        )  # fmt: skip
        self.skip = spectral_norm(nn.Conv2d(ins, outs, 1, bias=False))

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return self.skip(self.resize(maps)) + self.resize(self.layers(maps))


def keep(block: type, channels: int, depth: int) -> list[nn.Module]:
    """Blocks that keep the size."""
    return [block(channels, channels, resize=False) for _ in range(depth)]


def double(maps: torch.Tensor) -> torch.Tensor:
    """Twice the side, by repeating pixels."""
    return F.interpolate(maps, scale_factor=2, mode="nearest")


class ResidualGenerator(nn.Module):
    """Latents to images by `UpBlock`s, as many as the side asks for; `depth` adds blocks that keep the size.

    Source: Miyato et al. 2018, figure 9 (our widths), arXiv:1802.05957.
    """

    def __init__(self, side: int, latent: int, width: int = 32, depth: int = 0):
        super().__init__()
        channels = [*widths(side, width)[::-1], width]
        self.latent, self.widest = latent, channels[0]
        self.start = nn.Linear(latent, self.widest * SMALLEST**2)
        blocks = ([UpBlock(a, b), *keep(UpBlock, b, depth)] for a, b in pairwise(channels))
        self.blocks = nn.Sequential(*chain.from_iterable(blocks))
        self.to_colours = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 3, 3, padding=1), nn.Tanh())

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        check_latents(latents, self.latent)
        maps = self.start(latents).unflatten(1, (self.widest, SMALLEST, SMALLEST))
        return self.to_colours(self.blocks(maps))


class ResidualDiscriminator(nn.Module):
    """Images to logits (N, 1) by `DownBlock`s, with spectral normalisation; the rest as `ResidualGenerator`."""

    def __init__(self, side: int, width: int = 32, depth: int = 0):
        super().__init__()
        channels = [width, *widths(side, width)]
        self.from_colours = spectral_norm(nn.Conv2d(3, width, 3, padding=1))
        blocks = ([DownBlock(a, b), *keep(DownBlock, b, depth)] for a, b in pairwise(channels))
        self.blocks = nn.Sequential(*chain.from_iterable(blocks))
        self.last, self.side = spectral_norm(nn.Linear(channels[-1], 1)), side

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        check_images(images, self.side)
        maps = self.blocks(self.from_colours(images))
        return self.last(F.leaky_relu(maps, 0.2).sum(dim=(2, 3)))


def count_parameters(model: nn.Module) -> int:
    """How many numbers the model learns."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
