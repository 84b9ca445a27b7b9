"""Arrays as data sets for the loop: item k is a tuple of tensors, what the objective takes after the model."""

from collections.abc import Callable

import numpy as np
import torch
from torch.utils.data import Dataset

from autoencoders.digits import binarise
from coursework.runtime import pick_device


def as_tensor(images: np.ndarray) -> torch.Tensor:
    """Faces (..., S, S, 3), bytes or floats in [0, 1], as float (..., 3, S, S) in [0, 1]."""
    tensor = torch.from_numpy(np.ascontiguousarray(images)).movedim(-1, -3)
    return tensor.float() / 255 if images.dtype == np.uint8 else tensor.float()


@torch.inference_mode()
def in_batches(call: Callable, rows: np.ndarray, convert: Callable = as_tensor, batch: int = 32) -> torch.Tensor:
    """What `call` makes of an array's rows, `convert`ed to tensors, a few at a time: float32, on the CPU.

    Raises: ValueError if there are none.
    """
    if len(rows) == 0:
        raise ValueError("no images to compute on, expected at least one; see how many faces each part has")
    device, parts = pick_device(), []
    for start in range(0, len(rows), batch):
        parts.append(call(convert(rows[start : start + batch]).to(device)).float().cpu())
    return torch.cat(parts)


class FaceSet(Dataset):
    """Item k is (image,) or (image, label), image float (3, S, S); mirrored half of the time if `mirror`."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None = None, mirror: bool = False):
        self.images, self.mirror = images, mirror
        self.labels = None if labels is None else torch.from_numpy(np.asarray(labels)).long()

    def __len__(self):
        return len(self.images)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, ...]:
        image = as_tensor(self.images[row])
        image = image.flip(-1) if self.mirror and torch.rand(()) < 0.5 else image
        return (image,) if self.labels is None else (image, self.labels[row])


class NoisySet(Dataset):
    """Item k is (noisy, clean), both float (3, S, S). With a seed the noise of an image is always the same."""

    def __init__(self, images: np.ndarray, noise: Callable, seed: int | None = None):
        self.clean, self.noise, self.seed = FaceSet(images, mirror=seed is None), noise, seed

    def __len__(self):
        return len(self.clean)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, torch.Tensor]:
        (clean,) = self.clean[row]
        generator = torch.Generator()
        generator.manual_seed(int(torch.randint(2**31, ())) if self.seed is None else self.seed + row)
        return self.noise(clean, generator), clean


class DigitSet(Dataset):
    """Item k is (digit,) or (digit, label); pixels are 0 or 1, drawn anew each time, or once if a seed is given."""

    def __init__(self, images: np.ndarray, labels: np.ndarray | None = None, seed: int | None = None):
        self.greys = torch.from_numpy(np.ascontiguousarray(images))[:, None].float() / 255
        self.fixed = None if seed is None else binarise(images, seed)
        self.labels = None if labels is None else torch.from_numpy(np.asarray(labels)).long()

    def __len__(self):
        return len(self.greys)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, ...]:
        digit = torch.bernoulli(self.greys[row]) if self.fixed is None else self.fixed[row]
        return (digit,) if self.labels is None else (digit, self.labels[row])
