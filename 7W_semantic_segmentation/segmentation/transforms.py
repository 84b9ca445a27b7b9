"""What is done to image and mask together on their way into the network."""

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from segmentation.data import Lesions

# One change a name. torchvision knows which tensor is a mask: it moves with its image, by nearest neighbour, and keeps
# its values where colours change. A lesion has no upright, so all turns are good.
CHANGES = {
    "mirror": v2.Compose([v2.RandomHorizontalFlip(0.5), v2.RandomVerticalFlip(0.5)]),
    "turn, shift, scale": v2.RandomAffine(degrees=90, translate=(0.08, 0.08), scale=(0.8, 1.25)),
    "light and colour": v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02),
}


def build_augmentation() -> v2.Transform:
    """All changes, one after the other."""
    return v2.Compose(list(CHANGES.values()))


class LesionSet(Dataset):
    """Cases for a DataLoader: item k is (image (3, S, S) uint8, mask (1, S, S) float of 0 and 1), changed anew."""

    def __init__(self, lesions: Lesions, transform=None):
        self.images = torch.from_numpy(np.ascontiguousarray(lesions.images)).permute(0, 3, 1, 2)
        self.masks = torch.from_numpy(np.ascontiguousarray(lesions.masks))[:, None]
        self.transform = transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        image, mask = self.images[row], self.masks[row]
        if self.transform:
            image, mask = self.transform(tv_tensors.Image(image), tv_tensors.Mask(mask))
        return torch.as_tensor(image), torch.as_tensor(mask).float()


def to_network(images: torch.Tensor) -> torch.Tensor:
    """uint8 (N, 3, S, S) as float32 about 0, with the colours of a pixel side by side in memory."""
    return images.float().div_(127.5).sub_(1).contiguous(memory_format=torch.channels_last)
