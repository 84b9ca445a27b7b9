"""The pair that learns from few images: a discriminator on the features of a network that knows photographs, and a
generator that is light.
"""

import copy
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from coursework.imagenet import compute_feature_maps, load_frozen_efficientnet
from gan.models import SMALLEST, check_images, check_latents, double

SEEN = (24, 40, 112, 320)  # channels of EfficientNet-Lite0's last maps at 1/4, 1/8, 1/16 and 1/32 of the side
LOUD = (7.4, 6.7, 6.6, 2.4)  # of these maps on photographs of faces, root mean square; they are divided by it
MIXED = (64, 128, 256, 512)  # channels after mixing, from fine to coarse
TIMES = {4: 6, 8: 6, 16: 4, 32: 2, 64: 2, 128: 1, 256: 0.5}  # channels of a light generator's maps by side, × width


class FrozenFeatures(nn.Module):
    """Images (N, 3, S, S) in [-1, 1] to four maps of a frozen EfficientNet-Lite0, of 1/4 to 1/32 of the side."""

    def __init__(self):
        super().__init__()
        self.network = copy.deepcopy(load_frozen_efficientnet("lite0"))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        return compute_feature_maps(self.network, images, (4, 8, 16, 32))


class Mixing(nn.Module):
    """Four maps to four, mixed at random across channels and, from coarse to fine, across scales; nothing learns.

    So that a discriminator cannot look at a few channels only. Every step keeps the loudness, so that the fine maps
    are not drowned by the coarse ones. Source: Sauer et al. 2021, section 3.2.
    """

    def __init__(self):
        super().__init__()
        self.channels = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(SEEN, MIXED, strict=True))
        self.scales = nn.ModuleList(nn.Conv2d(size, size, 3, padding=1) for size in MIXED)
        self.down = nn.ModuleList(nn.Conv2d(coarse, fine, 1) for fine, coarse in pairwise(MIXED))
        for convolution in (*self.channels, *self.scales, *self.down):
            nn.init.normal_(convolution.weight, 0, convolution.weight[0].numel() ** -0.5)
            nn.init.zeros_(convolution.bias)

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        mixed, above = [], None
        for level in reversed(range(len(maps))):
            own = self.channels[level](maps[level] / LOUD[level])
            merged = own if above is None else (own + above) / 2**0.5
            mixed.insert(0, self.scales[level](merged))
            if level:
                coarse = self.down[level - 1](mixed[0])
                above = F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        return mixed


def build_head(ins: int, steps: int, width: int) -> nn.Sequential:
    """A small discriminator: halves the side of its map so many times, then says one logit a pixel."""
    layers = []
    for _ in range(steps):
        layers += [spectral_norm(nn.Conv2d(ins, width, 4, stride=2, padding=1, bias=False))]
        layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        ins = width
    layers += [spectral_norm(nn.Conv2d(ins, width, 3, padding=1, bias=False)), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.LeakyReLU(0.2), spectral_norm(nn.Conv2d(width, 1, 3, padding=1)))


class ProjectedDiscriminator(nn.Module):
    """Images to logits (N, 4·s·s), s = `seen` / 32, from one head for each of four scales of frozen features.

    Images are scaled to `seen` pixels first, a multiple of 32. Source: Sauer et al. 2021, arXiv:2111.01007.
    """

    def __init__(self, side: int, width: int = 64, seen: int | None = None):
        super().__init__()
        self.side, self.seen = side, seen or side
        if self.seen % 32:
            raise ValueError(f"seen is {self.seen} pixels; expected a multiple of 32")
        self.features = FrozenFeatures()
        self.mixing = Mixing().requires_grad_(False)
        heads = zip(MIXED, (3, 2, 1, 0), strict=True)
        self.heads = nn.ModuleList(build_head(ins, steps, width) for ins, steps in heads)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        check_images(images, self.side)
        if self.seen != self.side:
            images = F.interpolate(images, size=(self.seen, self.seen), mode="bilinear", align_corners=False)
        maps = self.mixing(self.features(images))
        return torch.cat([head(some).flatten(1) for head, some in zip(self.heads, maps, strict=True)], dim=1)


class Gate(nn.Module):
    """(N, 2c, …) to (N, c, …): one half opens and closes the other. As nn.GLU, whose gradient lies badly in memory."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        values, gates = maps.chunk(2, dim=1)
        return values * gates.sigmoid()


def gated_step(ins: int, outs: int) -> list[nn.Module]:
    """A convolution with its gates."""
    return [nn.Conv2d(ins, 2 * outs, 3, padding=1, bias=False), nn.BatchNorm2d(2 * outs), Gate()]


class Excitation(nn.Module):
    """How much of each channel of a large map a small map of the same picture lets through, (N, c, 1, 1)."""

    def __init__(self, ins: int, outs: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4), nn.Conv2d(ins, outs, 4), nn.SiLU(), nn.Conv2d(outs, outs, 1), nn.Sigmoid()
        )

    def forward(self, small: torch.Tensor) -> torch.Tensor:
        return self.layers(small)


class LightGenerator(nn.Module):
    """Latents (N, latent) to images (N, 3, S, S) in [-1, 1]; small maps open and close the channels of large ones.

    Source: Liu et al. 2021, figure 3 (skip-layer excitation), arXiv:2101.04775; no reconstruction here.
    """

    def __init__(self, side: int, latent: int, width: int = 32):
        super().__init__()
        if side not in TIMES or side < 8:
            raise ValueError(f"a side of {side} pixels; expected a power of two from 8 to {max(TIMES)}")
        channels = [round(times * width) for size, times in TIMES.items() if size <= side]
        self.latent = latent
        start = nn.ConvTranspose2d(latent, 2 * channels[0], SMALLEST, bias=False)
        self.start = nn.Sequential(nn.Unflatten(1, (latent, 1, 1)), start, nn.BatchNorm2d(2 * channels[0]), Gate())
        self.steps = nn.ModuleList()
        for place, (ins, outs) in enumerate(pairwise(channels)):
            twice = gated_step(outs, outs) if SMALLEST * 2 ** (place + 1) <= 32 else []  # where it costs little
            self.steps.append(nn.Sequential(*gated_step(ins, outs), *twice))
        reach = 4  # a map speaks to the one that is 16 times as large
        pairs = zip(channels, channels[reach:], strict=False)
        self.excitations = nn.ModuleList(Excitation(ins, outs) for ins, outs in pairs)
        self.to_colours = nn.Sequential(nn.Conv2d(channels[-1], 3, 3, padding=1), nn.Tanh())
        self.reach = reach
        self.apply(orthogonal_start)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        check_latents(latents, self.latent)
        maps = [self.start(latents)]
        for step in self.steps:
            grown = step(double(maps[-1]))
            place = len(maps) - self.reach
            maps.append(grown * self.excitations[place](maps[place]) if place >= 0 else grown)
        return self.to_colours(maps[-1])


def orthogonal_start(layer: nn.Module) -> None:
    """Orthogonal weights, which neither shrink nor blow up what passes."""
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.orthogonal_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
