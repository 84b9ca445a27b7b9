"""MNIST, binarised: what the VAEs are trained on.

Source: LeCun, Cortes and Burges 1998, CC BY-SA 3.0; torchvision reads the committed files.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import Dataset
from torchvision.datasets import MNIST

from autoencoders.config import Config
from coursework.datasets import unpack_mnist
from coursework.provenance import Fingerprint, fingerprint


@dataclass(frozen=True)
class DigitPart:
    """Images, uint8 (n, 784), 0 for background and 255 for ink; labels, int64 (n,)."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self):
        return len(self.images)

    @property
    def grey(self) -> torch.Tensor:
        """The images as float32 in [0, 1], (n, 784)."""
        return torch.from_numpy(self.images).float() / 255


@dataclass(frozen=True)
class Digits:
    """The parts of MNIST."""

    train: DigitPart
    validation: DigitPart
    test: DigitPart

    @property
    def parts(self) -> tuple[DigitPart, DigitPart, DigitPart]:
        """All three."""
        return self.train, self.validation, self.test


def load_digits(config: Config) -> Digits:
    """MNIST's training set, of which the last sixth is for validation, and its test set."""
    root, parts = unpack_mnist(), []
    for train in (True, False):
        data = MNIST(root, train=train)
        images, labels = (values[: config.few_digits].numpy() for values in (data.data.flatten(1), data.targets))
        parts.append(DigitPart(images, labels))
    whole, test = parts
    cut = len(whole) * 5 // 6
    split = (DigitPart(whole.images[rows], whole.labels[rows]) for rows in (slice(cut), slice(cut, None)))
    return Digits(*split, test)


def binarise(images: np.ndarray, seed: int) -> torch.Tensor:
    """Each pixel is 1 with the probability that its grey value states, else 0: float32 (n, 784), fixed by the seed.

    Source: Salakhutdinov and Murray 2008.
    """
    chance = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return torch.from_numpy((chance < images / np.float32(255)).astype(np.float32))


def one_hot(labels: np.ndarray) -> torch.Tensor:
    """Labels (n,) from 0 to 9 as one-hot vectors, float32 (n, 10). Raises ValueError for other labels."""
    labels = torch.as_tensor(np.asarray(labels)).long()
    if len(labels) and not 0 <= labels.min() <= labels.max() <= 9:
        raise ValueError(f"labels from {labels.min().item()} to {labels.max().item()}; expected 0 to 9")
    return F.one_hot(labels, 10).float()


class BinaryDigits(Dataset):
    """Binary images (784,), with `labelled` also their one-hot label (10,); `repeats` counts each image several times.

    Pixels are drawn anew whenever an image is read, or only once if a seed is given.
    """

    def __init__(self, part: DigitPart, labelled: bool = False, seed: int | None = None, repeats: int = 1):
        self.grey, self.repeats = part.grey, repeats
        self.fixed = None if seed is None else binarise(part.images, seed)
        self.labels = one_hot(part.labels) if labelled else None

    def __len__(self):
        return self.repeats * len(self.grey)

    def __getitems__(self, numbers: list[int]) -> tuple[torch.Tensor, ...]:
        """A whole batch at once, (images,) or (images, labels): much faster than one image at a time."""
        rows = torch.as_tensor(numbers) % len(self.grey)
        images = torch.bernoulli(self.grey[rows]) if self.fixed is None else self.fixed[rows]
        return (images,) if self.labels is None else (images, self.labels[rows])


def fingerprint_of(digits: Digits) -> tuple[Fingerprint, dict]:
    """The fingerprint of the training and validation images, and their numbers.

    They are one item: the files belong to the repository and are checked by their hash.
    """
    parts = digits.train, digits.validation
    arrays = [[array] for part in parts for array in (part.images, part.labels)]
    return fingerprint("mnist", ["digits"], *arrays), {"items": [len(part) for part in parts]}
