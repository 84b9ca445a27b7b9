"""A classifier of digits, which evaluates the conditional VAE: it is trained on real images only."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchvision.transforms import v2

from autoencoders.mnist import DigitPart
from coursework.runtime import pick_device

AUGMENTATION = v2.RandomAffine(degrees=12, translate=(0.08, 0.08), scale=(0.9, 1.1), shear=8)


def conv_block(channels_in: int, channels_out: int) -> nn.Sequential:
    """A 3 × 3 convolution with batch norm and ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())


class DigitClassifier(nn.Module):
    """Images (N, 784) with values in [0, 1] to logits (N, 10): four convolutions, two of them before each pooling."""

    def __init__(self, width: int = 32):
        super().__init__()
        self.features = nn.Sequential(
            conv_block(1, width), conv_block(width, width), nn.MaxPool2d(2),
            conv_block(width, 2 * width), conv_block(2 * width, 2 * width), nn.MaxPool2d(2),
        )  # fmt: skip
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(2 * width * 49, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(images.view(-1, 1, 28, 28)))


class GreyDigits(Dataset):
    """Grey-scale images (784,) with their labels; `augment` transforms each eighth of a batch at random."""

    def __init__(self, part: DigitPart, augment: bool = False):
        self.images, self.labels, self.augment = part.grey, torch.from_numpy(part.labels), augment

    def __len__(self):
        return len(self.images)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """A whole batch at once, (images, labels)."""
        images = self.images[rows]
        if self.augment:
            groups = images.view(-1, 1, 28, 28).chunk(8)  # a transform per group: much faster than one per image
            images = torch.cat([AUGMENTATION(group) for group in groups]).flatten(1)
        return images, self.labels[rows]


def classifier_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> dict:
    """The cross-entropy of a batch."""
    return {"loss": F.cross_entropy(model(images), labels)}


@torch.inference_mode()
def classify(model: nn.Module, images: torch.Tensor, batch: int = 500) -> np.ndarray:
    """The predicted digits, (n,), for images (n, …) of 784 values in [0, 1]."""
    model = model.to(pick_device()).eval()
    logits = [model(some.to(pick_device())).cpu() for some in images.flatten(1).split(batch)]
    return torch.cat(logits).argmax(dim=1).numpy()
