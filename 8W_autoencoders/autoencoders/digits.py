"""MNIST as black and white: what the VAEs of digits learn from.

Source: LeCun, Cortes and Burges 1998, CC BY-SA 3.0; read by torchvision from the committed files.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torchvision.datasets import MNIST

from autoencoders.config import Config
from coursework.datasets import unpack_mnist


@dataclass(frozen=True)
class Digits:
    """Grey values, uint8 (n, 28, 28), and labels (n,), in three parts: train, validation, test."""

    train: np.ndarray
    train_labels: np.ndarray
    validation: np.ndarray
    validation_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load_digits(config: Config) -> Digits:
    """MNIST's own two parts; the last sixth of the training part is for validation."""
    root = unpack_mnist()
    parts = []
    for train in (True, False):
        data = MNIST(root, train=train)
        parts.append((data.data.numpy()[: config.digits], data.targets.numpy()[: config.digits]))
    (images, labels), (test, test_labels) = parts
    cut = len(images) * 5 // 6
    return Digits(images[:cut], labels[:cut], images[cut:], labels[cut:], test, test_labels)


def binarise(images: np.ndarray, seed: int) -> torch.Tensor:
    """Pixels become 1 with the probability that their grey says, 0 otherwise: float (n, 1, 28, 28); the same each time.

    That is the static binarisation by which VAEs are compared. Source: Salakhutdinov and Murray 2008.
    """
    chance = np.random.default_rng(seed).random(images.shape, dtype=np.float32)
    return torch.from_numpy((chance < images / np.float32(255)).astype(np.float32))[:, None]
