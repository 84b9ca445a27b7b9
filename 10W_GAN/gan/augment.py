"""Augmentation that gradients pass through, the same for real and generated images.

So the discriminator cannot learn a small data set by heart, and what it sees does not leak into what is generated.
Source: Zhao et al. 2020, arXiv:2006.10738. Images (N, 3, S, S) in [-1, 1].
"""

import torch
from torch.nn import functional as F

SHIFT = 1 / 8  # of the side, at most
HOLE = 1 / 2  # of the side


def augment(images: torch.Tensor) -> torch.Tensor:
    """Another light, another place, and a hole; drawn for each image."""
    return cut_out(shift(change_light(images)))


def change_light(images: torch.Tensor) -> torch.Tensor:
    """Brighter or darker by up to 0.5, colours from 0 to twice as strong, contrast from 0.5 to 1.5 times."""
    images = images + uniform(images, -0.5, 0.5)
    grey = images.mean(dim=1, keepdim=True)
    images = grey + (images - grey) * uniform(images, 0, 2)
    middle = images.mean(dim=(1, 2, 3), keepdim=True)
    return middle + (images - middle) * uniform(images, 0.5, 1.5)


def shift(images: torch.Tensor) -> torch.Tensor:
    """Moved by up to SHIFT either way; what comes in is black."""
    count, _, side, _ = images.shape
    reach = round(SHIFT * side)
    padded = F.pad(images + 1, [reach] * 4) - 1  # 0 would be grey
    first = torch.randint(0, 2 * reach + 1, (2, count, 1), device=images.device)
    along = torch.arange(side, device=images.device)
    rows, columns = (start + along for start in first)  # (N, S) each
    which = torch.arange(count, device=images.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def cut_out(images: torch.Tensor) -> torch.Tensor:
    """With a grey square of HOLE of the side, anywhere, in part outside."""
    side, size = images.shape[-1], round(HOLE * images.shape[-1])
    along = torch.arange(side, device=images.device).view(1, -1)
    middle = torch.randint(0, side + 1, (2, len(images), 1), device=images.device)
    rows, columns = ((along >= at - size // 2) & (along < at - size // 2 + size) for at in middle)  # (N, S) each
    return images * ~(rows[:, None, :, None] & columns[:, None, None, :])


def uniform(images: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """A number for each image, (N, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(images), 1, 1, 1, device=images.device)
