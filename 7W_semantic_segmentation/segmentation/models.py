"""Three networks from their papers: SegNet, U-Net, and the homework's modified U-Net."""

from itertools import pairwise

import torch
from torch import nn


def conv_block(channels_in: int, channels_out: int, layers: int = 2) -> nn.Sequential:
    """Several 3 × 3 convolutions, each with batch norm and ReLU: (N, channels_in, H, W) to (N, channels_out, H, W).

    Zero padding keeps the size; U-Net's paper uses unpadded convolutions instead.
    """
    widths, parts = [channels_in, *[channels_out] * layers], []
    for before, after in pairwise(widths):
        parts += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*parts)


class SegNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, 1, H, W); H and W are multiples of 32. The paper's `width` is 64.

    The encoder has the convolutions of VGG16. Max pooling returns the positions of the maxima, and max-unpooling
    puts the decoder's values back there. Source: Badrinarayanan et al. 2017, figure 2, arXiv:1511.00561.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        a, b, c, d = (width * 2**level for level in range(4))
        self.encoder1, self.encoder2 = conv_block(3, a, 2), conv_block(a, b, 2)
        self.encoder3, self.encoder4, self.encoder5 = conv_block(b, c, 3), conv_block(c, d, 3), conv_block(d, d, 3)
        self.decoder5 = conv_block(d, d, 3)
        self.decoder4 = nn.Sequential(conv_block(d, d, 2), conv_block(d, c, 1))
        self.decoder3 = nn.Sequential(conv_block(c, c, 2), conv_block(c, b, 1))
        self.decoder2 = nn.Sequential(conv_block(b, b, 1), conv_block(b, a, 1))
        self.decoder1 = conv_block(a, a, 1)
        self.head = nn.Conv2d(a, 1, 3, padding=1)
        self.pool, self.unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x, indices1 = self.pool(self.encoder1(images))  # (N, w, H/2, W/2)
        x, indices2 = self.pool(self.encoder2(x))  # (N, 2w, H/4, W/4)
        x, indices3 = self.pool(self.encoder3(x))  # (N, 4w, H/8, W/8)
        x, indices4 = self.pool(self.encoder4(x))  # (N, 8w, H/16, W/16)
        x, indices5 = self.pool(self.encoder5(x))  # (N, 8w, H/32, W/32)
        x = self.decoder5(self.unpool(x, indices5))  # (N, 8w, H/16, W/16)
        x = self.decoder4(self.unpool(x, indices4))  # (N, 4w, H/8, W/8)
        x = self.decoder3(self.unpool(x, indices3))  # (N, 2w, H/4, W/4)
        x = self.decoder2(self.unpool(x, indices2))  # (N, w, H/2, W/2)
        x = self.decoder1(self.unpool(x, indices1))  # (N, w, H, W)
        return self.head(x)  # (N, 1, H, W)


class UNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, 1, H, W); H and W are multiples of 16. The paper's `width` is 64.

    Skip connections concatenate the encoder's feature maps with the decoder's.
    Source: Ronneberger et al. 2015, figure 1, arXiv:1505.04597; here with batch norm and padding.
    """

    def __init__(self, width: int = 64):
        super().__init__()
        a, b, c, d, e = (width * 2**level for level in range(5))
        self.encoder1, self.encoder2 = conv_block(3, a), conv_block(a, b)
        self.encoder3, self.encoder4 = conv_block(b, c), conv_block(c, d)
        self.bottleneck = conv_block(d, e)
        self.decoder4, self.decoder3 = conv_block(2 * d, d), conv_block(2 * c, c)
        self.decoder2, self.decoder1 = conv_block(2 * b, b), conv_block(2 * a, a)
        self.down1, self.down2, self.down3, self.down4 = (self.downsample(channels) for channels in (a, b, c, d))
        self.up4, self.up3, self.up2, self.up1 = (self.upsample(channels) for channels in (e, d, c, b))
        self.head = nn.Conv2d(a, 1, 1)

    @staticmethod
    def downsample(channels: int) -> nn.Module:
        """Halve height and width: 2 × 2 max pooling."""
        return nn.MaxPool2d(2)

    @staticmethod
    def upsample(channels: int) -> nn.Module:
        """Double height and width, halve the channels: repeat each pixel, then a 2 × 2 convolution (up-convolution)."""
        padding = nn.ZeroPad2d((0, 1, 0, 1))  # a column at the right, a row below: the size stays
        return nn.Sequential(nn.Upsample(scale_factor=2), padding, nn.Conv2d(channels, channels // 2, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x1 = self.encoder1(images)  # (N, w, H, W)
        x2 = self.encoder2(self.down1(x1))  # (N, 2w, H/2, W/2)
        x3 = self.encoder3(self.down2(x2))  # (N, 4w, H/4, W/4)
        x4 = self.encoder4(self.down3(x3))  # (N, 8w, H/8, W/8)
        x = self.bottleneck(self.down4(x4))  # (N, 16w, H/16, W/16)
        x = self.decoder4(torch.cat([x4, self.up4(x)], dim=1))  # (N, 8w, H/8, W/8)
        x = self.decoder3(torch.cat([x3, self.up3(x)], dim=1))  # (N, 4w, H/4, W/4)
        x = self.decoder2(torch.cat([x2, self.up2(x)], dim=1))  # (N, 2w, H/2, W/2)
        x = self.decoder1(torch.cat([x1, self.up1(x)], dim=1))  # (N, w, H, W)
        return self.head(x)  # (N, 1, H, W)


class UNet2(UNet):
    """The homework's U-Net: strided convolutions instead of max pooling, transposed convolutions for upsampling."""

    @staticmethod
    def downsample(channels: int) -> nn.Module:
        """Halve height and width: a 3 × 3 convolution with stride 2."""
        return nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    @staticmethod
    def upsample(channels: int) -> nn.Module:
        """Double height and width, halve the channels: a transposed 2 × 2 convolution with stride 2."""
        return nn.ConvTranspose2d(channels, channels // 2, 2, stride=2)


MODELS = {"segnet": SegNet, "unet": UNet, "unet2": UNet2}


class Ensemble(nn.Module):
    """Images (N, 3, H, W) to the mean probability of several networks, as logits (N, 1, H, W)."""

    def __init__(self, members: list[nn.Module]):
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        probs = torch.stack([member(images).float().sigmoid() for member in self.members])
        return probs.mean(dim=0).logit(eps=1e-6)


def count_parameters(model: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def activation_megabytes(model: nn.Module, size: int) -> float:
    """The activations that a training step stores for the backward pass of one image (3, size, size), MB, float32."""
    own = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    stored = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        stored[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        result = model(torch.zeros(2, 3, size, size))  # batch norm needs two values where feature maps are 1 × 1
    del result
    return sum(size for place, size in stored.items() if place not in own) / 2 / 1e6
