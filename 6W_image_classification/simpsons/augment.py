"""What is done to a picture on its way into the network: each change by its name, and the chain of them."""

from collections.abc import Iterable

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision.transforms import v2

# One change a name, so that the notebook can show each by itself. All work on uint8, (3, S, S).
CHANGES = {
    "mirror": v2.RandomHorizontalFlip(0.5),
    "turn, shift, scale": v2.RandomAffine(degrees=12, translate=(0.1, 0.1), scale=(0.8, 1.25), fill=127),
    "light and colour": v2.ColorJitter(brightness=0.4, contrast=0.3, saturation=0.3),
    "blur": v2.RandomApply([v2.GaussianBlur(5, sigma=(0.3, 1.5))], p=0.2),
    "hide a part": v2.RandomErasing(p=0.25, scale=(0.02, 0.15), value=127),
}


def build_augmentation(names: Iterable[str] = CHANGES) -> v2.Transform | None:
    """The changes of these names, one after the other; None for no names."""
    chain = [CHANGES[name] for name in names]
    return v2.Compose(chain) if chain else None


class PictureSet(Dataset):
    """Decoded pictures for a DataLoader: item k is (picture (3, S, S), uint8, label); `transform` is applied anew.

    The label of a picture without one is -1.
    """

    def __init__(self, images: np.ndarray, labels: np.ndarray | None, transform=None):
        self.images = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
        self.labels = torch.full((len(images),), -1) if labels is None else torch.as_tensor(labels)
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        image = self.images[row]
        return (self.transform(image) if self.transform else image), self.labels[row]


def to_network(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 3, S, S) as float32 in [0, 1], with the colours of a pixel side by side in memory."""
    return images.float().div_(255).contiguous(memory_format=torch.channels_last)
