"""Digits of requested classes: generating them, their diversity, and the training images nearest to them."""

import numpy as np
import torch
from torch import nn

from autoencoders.likelihood import decode_probs
from autoencoders.mnist import DigitPart, one_hot


def generate(model: nn.Module, number: int, seed: int, deviation: float = 1.0) -> tuple[np.ndarray, torch.Tensor]:
    """So many images of each digit by a conditional VAE: the requested digits (10 number,), pixels (…, 28, 28).

    `deviation` is the standard deviation of the latents; that of the prior is 1.
    """
    requested = np.arange(10).repeat(number)
    latents = torch.randn(len(requested), model.latent, generator=torch.Generator().manual_seed(seed))
    return requested, decode_probs(model, deviation * latents, one_hot(requested))


def mean_distance(images: torch.Tensor, pairs: int = 2000, seed: int = 0) -> float:
    """The mean Euclidean distance of random pairs of different images, (n, …).

    Raises: ValueError for fewer than two images.
    """
    if len(images) < 2:
        raise ValueError(f"{len(images)} images have no pairs; at least two are needed")
    rng = np.random.default_rng(seed)
    first = rng.integers(len(images), size=pairs)
    second = (first + rng.integers(1, len(images), size=pairs)) % len(images)
    flat = images.flatten(1)
    return (flat[first] - flat[second]).norm(dim=1).mean().item()


def diversity(images: torch.Tensor, requested: np.ndarray, real: DigitPart) -> dict[int, float]:
    """For each digit, the mean distance of two generated images (n, 28, 28), divided by that of two real ones."""
    return {
        digit: mean_distance(images[requested == digit]) / mean_distance(real.grey[real.labels == digit])
        for digit in range(10)
    }


def nearest_images(images: torch.Tensor, part: DigitPart, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The nearest images of a part, (n, number, 28, 28), and their distances, (n, number), for images (n, 28, 28)."""
    grey = part.grey
    distances, rows = torch.cdist(images.flatten(1), grey).topk(number, dim=1, largest=False)
    return grey[rows].view(-1, number, 28, 28), distances
