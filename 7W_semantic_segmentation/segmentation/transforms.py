"""Data augmentation of image and mask together, and scaling of pixel values."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision import tv_tensors
from torchvision.transforms import v2

from segmentation.data import LesionData

# torchvision transforms a mask with its image: geometric transforms use nearest neighbours for the mask, colour
# transforms leave it unchanged. A lesion has no upright position, so all rotations are allowed.
FLIPS = v2.Compose([v2.RandomHorizontalFlip(0.5), v2.RandomVerticalFlip(0.5)])
AFFINE = v2.RandomAffine(degrees=90, translate=(0.08, 0.08), scale=(0.8, 1.25))
COLOUR = v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02)
AUGMENTATION = v2.Compose([FLIPS, AFFINE, COLOUR])


class LesionDataset(Dataset):
    """Images for a DataLoader: item k is (image (3, S, S), uint8, mask (1, S, S), float of 0 and 1).

    `transform` is applied anew at every access.
    """

    def __init__(self, lesions: LesionData, transform: Callable | None = None):
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


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Scale uint8 images (N, 3, S, S) to float32 from -1 to 1, in channels-last memory format."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)
