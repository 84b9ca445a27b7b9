"""Networks for faces: an autoencoder, an autoencoder whose decoder receives attributes, and its critic."""

from itertools import pairwise

import torch
from torch import nn

SMALLEST = 4  # height and width of the last feature maps
LIMIT = 6  # no layer has more than this multiple of the first layer's channels


def channels_of(side: int, width: int) -> list[int]:
    """The channels after each halving of `side`, until SMALLEST remains.

    Raises: ValueError unless `side` is a power of two from 8 on.
    """
    steps = side.bit_length() - SMALLEST.bit_length()
    if steps < 1 or side != SMALLEST * 2**steps:
        raise ValueError(f"images of {side} pixels; expected a power of two from {2 * SMALLEST} on")
    return [width * min(2**step, LIMIT) for step in range(steps)]


def scaled(layer: nn.Module) -> nn.Module:
    """The layer with initial weights that keep the variance of its input. Source: He et al. 2015, arXiv:1502.01852."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
    return layer


def downsample(channels_in: int, channels_out: int) -> nn.Sequential:
    """Halve height and width: a 4 × 4 convolution with stride 2."""
    return nn.Sequential(scaled(nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)), nn.SiLU())


def upsample(channels_in: int, channels_out: int) -> nn.Sequential:
    """Double height and width: repeat each value, then a 3 × 3 convolution, which avoids checkerboard patterns."""
    convolution = scaled(nn.Conv2d(channels_in, channels_out, 3, padding=1))
    return nn.Sequential(nn.Upsample(scale_factor=2), convolution, nn.SiLU())


class Autoencoder(nn.Module):
    """Images (N, 3, S, S) in [0, 1] to latents (N, latent), and back; S is a power of two from 8 on.

    There is no batch norm: with it, the latents of an image would depend on the other images of the batch.
    """

    def __init__(self, side: int, width: int, latent: int):
        super().__init__()
        channels = channels_of(side, width)
        self.latent, self.widest = latent, channels[-1]
        self.encoder = nn.Sequential(*(downsample(a, b) for a, b in pairwise([3, *channels])), nn.Flatten())
        self.to_latent = nn.Linear(self.widest * SMALLEST**2, latent)
        self.from_latent = nn.Linear(latent, self.widest * SMALLEST**2)
        blocks = [upsample(a, b) for a, b in pairwise(channels[::-1])]
        head = nn.Conv2d(width, 12, 3, padding=1)  # four pixels of three colours at each position of half the size
        self.decoder = nn.Sequential(*blocks, head, nn.PixelShuffle(2))

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """The latents, (N, latent)."""
        return self.to_latent(self.encoder(2 * images - 1))

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, S, S); values near [0, 1]."""
        maps = self.from_latent(latents).view(-1, self.widest, SMALLEST, SMALLEST)
        return self.decoder(maps.contiguous(memory_format=torch.channels_last)) + 0.5

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(images))


class ConditionalAutoencoder(nn.Module):
    """Images (N, 3, S, S) in [0, 1] and attributes (N, A), from -1 (absent) to 1 (present), to images.

    `differences` (A, 3, S, S) are mean images with each attribute minus those without: the decoder only has to learn
    what must be added to them for a given face. All of its blocks receive the attributes as constant feature maps. The
    code is the smallest feature map and one four times as large, which reaches the decoder by a skip connection. S is
    a power of two from 64 on. Source: He et al. 2017 (AttGAN), figure 3, arXiv:1711.10678.
    """

    def __init__(self, width: int, differences: torch.Tensor):
        super().__init__()
        attributes, _, self.side, _ = differences.shape
        self.register_buffer("differences", differences.float())
        channels = channels_of(self.side, width)
        self.encoder = nn.ModuleList(downsample(a, b) for a, b in pairwise([3, *channels]))
        inputs = [channels[-1], *channels[-2:0:-1]]  # of the decoder's blocks
        inputs[2] += channels[-3]  # the skip connection
        outputs = channels[-2::-1]
        self.decoder = nn.ModuleList(upsample(a + attributes, b) for a, b in zip(inputs, outputs, strict=True))
        self.head = nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(width + attributes, 3, 5, padding=2))

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The code: feature maps of 4 × 4 and of 16 × 16."""
        maps = [2 * images - 1]
        for block in self.encoder:
            maps.append(block(maps[-1]))
        return maps[-1], maps[-3]

    def decode(self, smallest: torch.Tensor, skip: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        """Images (N, 3, S, S); values near [0, 1]."""
        maps = smallest
        for number, block in enumerate(self.decoder):
            maps = torch.cat([maps, skip], dim=1) if number == 2 else maps
            maps = block(append(maps, attributes))
        mean_effects = torch.einsum("na,achw->nchw", attributes / 2, self.differences)
        return self.head(append(maps, attributes)) + 0.5 + mean_effects

    def forward(self, images: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
        return self.decode(*self.encode(images), attributes)


def append(maps: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
    """Feature maps (N, C, H, W) with attributes (N, A) as further, constant channels: (N, C + A, H, W)."""
    constant = attributes.to(maps.dtype)[:, :, None, None].expand(-1, -1, *maps.shape[2:])
    return torch.cat([maps, constant.contiguous(memory_format=torch.channels_last)], dim=1)


def look(channels_in: int, channels_out: int) -> nn.Sequential:
    """Halve height and width: a 4 × 4 convolution with stride 2 and leaky ReLU."""
    return nn.Sequential(scaled(nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1)), nn.LeakyReLU(0.2))


class Critic(nn.Module):
    """Images (N, 3, S, S) to realness of patches, (N, 1, S/8, S/8), and logits of the attributes, (N, attributes).

    The patches are those of PatchGAN (Isola et al. 2017), the second head is AttGAN's (He et al. 2017).
    """

    def __init__(self, side: int, width: int, attributes: int):
        super().__init__()
        channels = [3, width, 2 * width, 4 * width]
        self.features = nn.Sequential(*(look(a, b) for a, b in pairwise(channels)))
        self.realness = nn.Conv2d(channels[-1], 1, 3, padding=1)
        self.deepest = nn.Sequential(look(channels[-1], channels[-1]), nn.Flatten())
        self.to_attributes = nn.Linear(channels[-1] * (side // 16) ** 2, attributes)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.features(2 * images - 1)
        return self.realness(features), self.to_attributes(self.deepest(features))
