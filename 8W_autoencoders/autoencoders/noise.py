"""Three ways to spoil a picture, and what was there against them before networks."""

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means, estimate_sigma


def add_gaussian(image: torch.Tensor, generator: torch.Generator, deviation: float = 0.15) -> torch.Tensor:
    """Every value moves by normal noise; image (3, S, S) in [0, 1]."""
    return (image + deviation * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def add_salt_and_pepper(image: torch.Tensor, generator: torch.Generator, share: float = 0.15) -> torch.Tensor:
    """That share of the pixels becomes white or black."""
    chance = torch.rand(image.shape[-2:], generator=generator)
    return torch.where(chance < share / 2, 0.0, torch.where(chance > 1 - share / 2, 1.0, image))


def add_occlusion(image: torch.Tensor, generator: torch.Generator, share: float = 0.3) -> torch.Tensor:
    """A grey square hides a part; its side is that share of the picture's."""
    side = image.shape[-1]
    size = max(1, round(share * side))
    x, y = torch.randint(0, side - size + 1, (2,), generator=generator).tolist()
    spoilt = image.clone()
    spoilt[:, y : y + size, x : x + size] = 0.5
    return spoilt


NOISES: dict[str, Callable] = {
    "gaussian": add_gaussian,
    "salt and pepper": add_salt_and_pepper,
    "occlusion": add_occlusion,
}


def any_noise(image: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """One of NOISES, at random: what the denoiser learns from."""
    names = list(NOISES)
    return NOISES[names[int(torch.randint(len(names), (), generator=generator))]](image, generator)


def filter_median(images: np.ndarray, size: int = 3) -> np.ndarray:
    """Every value becomes the median of its neighbourhood; images float (n, S, S, 3) in [0, 1]."""
    return median_filter(images, (1, size, size, 1))


def filter_nl_means(images: np.ndarray) -> np.ndarray:
    """Non-local means: the average of patches that look alike, wherever they are. Source: Buades et al. 2005."""
    return np.stack([denoise_by_patches(image) for image in images])


def denoise_by_patches(image: np.ndarray) -> np.ndarray:
    """Non-local means of one image, its noise estimated from the image."""
    sigma = float(np.mean(estimate_sigma(image, channel_axis=-1)))
    cleaned = denoise_nl_means(
        image, patch_size=5, patch_distance=6, h=0.8 * sigma, sigma=sigma, fast_mode=True, channel_axis=-1
    )
    return cleaned.astype(np.float32)


CLASSICAL: dict[str, Callable] = {"median filter": filter_median, "non-local means": filter_nl_means}
