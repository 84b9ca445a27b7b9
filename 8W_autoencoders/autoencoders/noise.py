"""Three ways to spoil a picture, and what was there against them before networks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means

from autoencoders.sets import as_tensor
from coursework.runtime import thread_count

DEVIATION, FLIPPED, HIDDEN = 0.15, 0.15, 0.3  # of the values, share of the pixels, share of the side


def add_gaussian(image: torch.Tensor, generator: torch.Generator, deviation: float = DEVIATION) -> torch.Tensor:
    """Every value moves by normal noise; image (3, S, S) in [0, 1]."""
    return (image + deviation * torch.randn(image.shape, generator=generator)).clamp(0, 1)


def add_salt_and_pepper(image: torch.Tensor, generator: torch.Generator, share: float = FLIPPED) -> torch.Tensor:
    """That share of the pixels becomes white or black."""
    chance = torch.rand(image.shape[-2:], generator=generator)
    return torch.where(chance < share / 2, 0.0, torch.where(chance > 1 - share / 2, 1.0, image))


def add_occlusion(image: torch.Tensor, generator: torch.Generator, share: float = HIDDEN) -> torch.Tensor:
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


def filter_median(images: np.ndarray, size: int) -> np.ndarray:
    """Every value becomes the median of its `size` × `size` neighbours; images float (n, S, S, 3) in [0, 1]."""
    return each_image(partial(median_filter, size=(size, size, 1)), images)


def filter_nl_means(images: np.ndarray, strength: float, sigma: float) -> np.ndarray:
    """Non-local means: the average of patches that look alike, wherever they are; `sigma` is the noise it expects.

    Source: Buades et al. 2005.
    """
    options = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": -1}
    return each_image(partial(denoise_nl_means, h=strength, sigma=sigma, **options), images)


def each_image(remedy: Callable, images: np.ndarray) -> np.ndarray:
    """What a remedy for one image makes of each, float32, on all cores."""
    with ThreadPoolExecutor(thread_count()) as pool:  # both filters let other threads work
        return np.stack(list(pool.map(remedy, images))).astype(np.float32)


CLASSICAL: dict[str, tuple[Callable, tuple[tuple, ...]]] = {  # each with the settings that are tried
    "median filter": (filter_median, ((3,), (5,), (7,))),
    "non-local means": (
        filter_nl_means,
        ((0.05, 0.0), (0.1, 0.0), (0.2, 0.0), (0.4, 0.0), (0.08, 0.15), (0.12, 0.15), (0.2, 0.15)),
    ),
}


def tune(spoilt: np.ndarray, clean: np.ndarray) -> dict[str, tuple]:
    """For each classical remedy the setting that is best, by squared error, on these pictures."""
    best = {}
    for name, (remedy, settings) in CLASSICAL.items():
        errors = [np.mean((remedy(spoilt, *setting) - clean) ** 2) for setting in settings]
        best[name] = settings[int(np.argmin(errors))]
    return best


def filter_all(spoilt: np.ndarray, settings: dict[str, tuple]) -> dict[str, np.ndarray]:
    """What each classical remedy makes of pictures, with its setting of `tune`."""
    return {name: remedy(spoilt, *settings[name]) for name, (remedy, _) in CLASSICAL.items()}


def spoil(images: np.ndarray, noise: Callable, seed: int) -> np.ndarray:
    """Faces, uint8 (n, S, S, 3), spoilt, float32 in [0, 1]; picture k by the noise of seed + k."""
    spoilt = [noise(image, torch.Generator().manual_seed(seed + k)) for k, image in enumerate(as_tensor(images))]
    return torch.stack(spoilt).permute(0, 2, 3, 1).numpy()
