"""Data augmentation, and scaling of pixel values to the range that the networks expect."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2

# All transforms work on uint8 tensors (3, S, S).
FLIP = v2.RandomHorizontalFlip(0.5)
AFFINE = v2.RandomAffine(degrees=12, translate=(0.1, 0.1), scale=(0.8, 1.25), fill=127)
COLOUR = v2.ColorJitter(brightness=0.4, contrast=0.3, saturation=0.3)
BLUR = v2.RandomApply([v2.GaussianBlur(5, sigma=(0.3, 1.5))], p=0.2)
ERASE = v2.RandomErasing(p=0.25, scale=(0.02, 0.15), value=127)


AUGMENTATION = v2.Compose([FLIP, AFFINE, COLOUR, BLUR, ERASE])


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Scale uint8 images (N, 3, S, S) to float32 from -1 to 1, in channels-last memory format."""
    return ((images.float() - 128) / 128).contiguous(memory_format=torch.channels_last)


class ImageDataset(Dataset):
    """Decoded images for a DataLoader: item k is (image (3, S, S), uint8, label).

    `transform` is applied anew at every access. Unlabelled images get the label -1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, transform: Callable | None = None):
        self.images = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        self.labels = torch.full((len(images),), -1) if labels is None else torch.as_tensor(labels)
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.images[row]
        return (self.transform(image) if self.transform else image), self.labels[row]
