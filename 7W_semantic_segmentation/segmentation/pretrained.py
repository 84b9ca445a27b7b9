"""A U-Net whose encoder is pretrained on ImageNet: EfficientNet-Lite0, whose weights come with a Python package."""

import timm
import torch
from torch import nn
from torch.nn import functional as F

from coursework.imagenet import weights_file
from segmentation.models import conv_block

CHANNELS = (16, 24, 40, 112, 320)  # of the encoder's feature maps with strides 2, 4, 8, 16 and 32
DECODER = (16, 32, 48, 64, 128)  # channels of the decoder with strides 1, 2, 4, 8 and 16


class PretrainedUNet(nn.Module):
    """Images (N, 3, H, W) to logits (N, 1, H, W); H and W are multiples of 32.

    The decoder doubles the size of the feature maps, concatenates those of the encoder (skip connections) and applies
    two convolutions, five times. Encoder: Tan and Le 2019, arXiv:1905.11946, Lite variant.
    """

    def __init__(self, pretrained: bool = True):
        super().__init__()
        self.encoder = timm.create_model("tf_efficientnet_lite0", features_only=True)
        if pretrained:
            load_imagenet_weights(self.encoder)
        inputs = [*DECODER[1:], CHANNELS[-1]]  # channels from the stage below
        skips = [0, *CHANNELS[:-1]]
        blocks = zip(inputs, skips, DECODER, strict=True)
        self.decoder = nn.ModuleList(conv_block(below + skip, out) for below, skip, out in blocks)
        self.head = nn.Conv2d(DECODER[0], 1, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        features = self.encoder(images)  # five feature maps, the last (N, 320, H/32, W/32)
        x = features[-1]
        for level in (4, 3, 2, 1, 0):
            x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            if level:
                x = torch.cat([features[level - 1], x], dim=1)
            x = self.decoder[level](x)
        return self.head(x)  # (N, 1, H, W)


def load_imagenet_weights(encoder: nn.Module) -> None:
    """Load the ImageNet weights of EfficientNet-Lite0 into a network that timm built with `features_only`."""
    names = timm.create_model("tf_efficientnet_lite0").state_dict()
    weights = torch.load(weights_file("lite0"), map_location="cpu", weights_only=True)
    state = dict(zip(names, weights.values(), strict=True))  # the package uses other names, but the same order
    encoder.load_state_dict({name: state[name] for name in encoder.state_dict()})
