"""Denoising: three kinds of corruption, a denoising autoencoder, and classical methods as baselines."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from scipy.ndimage import median_filter
from skimage.restoration import denoise_nl_means, inpaint_biharmonic
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from autoencoders.face_models import downsample, scaled, upsample
from autoencoders.faces import to_tensor
from coursework.runtime import thread_count

STD = 0.15  # of Gaussian noise
CORRUPTED = 0.15  # fraction of the pixels with salt and pepper
HIDDEN = 0.3  # side of the hidden square, relative to that of the image
GREY = 0.5  # the value of a hidden square


def add_gaussian(images: torch.Tensor, generator: torch.Generator, std: float = STD) -> torch.Tensor:
    """Gaussian noise on every value; images (N, 3, S, S) in [0, 1]."""
    return (images + std * torch.randn(images.shape, generator=generator)).clamp(0, 1)


def add_salt_and_pepper(images: torch.Tensor, generator: torch.Generator, fraction: float = CORRUPTED) -> torch.Tensor:
    """This fraction of the pixels becomes white or black."""
    chance = torch.rand(len(images), 1, *images.shape[-2:], generator=generator)
    return torch.where(chance < fraction / 2, 0.0, torch.where(chance > 1 - fraction / 2, 1.0, images))


def add_occlusion(images: torch.Tensor, generator: torch.Generator, fraction: float = HIDDEN) -> torch.Tensor:
    """A grey square hides a part of each image; `fraction` is its side, relative to that of the image."""
    side = images.shape[-1]
    size = max(1, round(fraction * side))
    left, top = torch.randint(0, side - size + 1, (2, len(images), 1), generator=generator)
    positions = torch.arange(side)
    columns = (positions >= left) & (positions < left + size)  # (N, S)
    rows = (positions >= top) & (positions < top + size)
    inside = rows[:, :, None] & columns[:, None, :]  # (N, S, S)
    return torch.where(inside[:, None], GREY, images)


CORRUPTIONS: dict[str, Callable] = {
    "Gaussian noise": add_gaussian,
    "salt and pepper": add_salt_and_pepper,
    "occlusion": add_occlusion,
}


def corrupt(images: np.ndarray, corruption: Callable, seed: int, *level: float) -> np.ndarray:
    """Images (n, S, S, 3) with a corruption, float32 in [0, 1], always the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return corruption(to_tensor(images), generator, *level).permute(0, 2, 3, 1).contiguous().numpy()


class CorruptedImages(Dataset):
    """Batches (corrupted, clean), float32 (N, 3, S, S); a third of the images for each of CORRUPTIONS.

    With a seed, an image always has the same corruption. `mirror` flips half of the images.
    """

    def __init__(self, images: np.ndarray, seed: int | None = None, mirror: bool = False):
        self.images, self.seed, self.mirror = images, seed, mirror

    def __len__(self):
        return len(self.images)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """A whole batch at once."""
        clean = to_tensor(self.images[rows])
        if self.mirror:
            flipped = torch.rand(len(rows)) < 0.5
            clean[flipped] = clean[flipped].flip(-1)
        generator = torch.Generator()
        generator.manual_seed(int(torch.randint(2**31, ())) if self.seed is None else self.seed + rows[0])
        groups = zip(CORRUPTIONS.values(), clean.chunk(len(CORRUPTIONS)), strict=False)
        return torch.cat([corruption(group, generator) for corruption, group in groups]), clean


class Denoiser(nn.Module):
    """Corrupted images (N, 3, S, S) to clean ones; S is a multiple of 8.

    A denoising autoencoder with skip connections, as in week 7's U-Net: detail that the noise has left intact need not
    pass through the lowest level. The output is added to the input.
    """

    def __init__(self, width: int):
        super().__init__()
        a, b, c = width, 2 * width, 4 * width
        self.first = nn.Sequential(scaled(nn.Conv2d(3, a, 3, padding=1)), nn.SiLU())
        self.down1, self.down2, self.down3 = downsample(a, b), downsample(b, c), downsample(c, c)
        self.up3, self.up2, self.up1 = upsample(c, c), upsample(2 * c, b), upsample(2 * b, a)
        self.last = nn.Sequential(scaled(nn.Conv2d(2 * a, a, 3, padding=1)), nn.SiLU(), nn.Conv2d(a, 3, 3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x1 = self.first(2 * images - 1)  # (N, w, S, S)
        x2 = self.down1(x1)  # (N, 2w, S/2, S/2)
        x3 = self.down2(x2)  # (N, 4w, S/4, S/4)
        x = self.up3(self.down3(x3))  # (N, 4w, S/4, S/4)
        x = self.up2(torch.cat([x3, x], dim=1))  # (N, 2w, S/2, S/2)
        x = self.up1(torch.cat([x2, x], dim=1))  # (N, w, S, S)
        return images + self.last(torch.cat([x1, x], dim=1))


def denoising_step(model: nn.Module, corrupted: torch.Tensor, clean: torch.Tensor) -> dict:
    """The mean squared error between the network's output and the clean images."""
    return {"loss": F.mse_loss(model(corrupted), clean)}


def filter_median(images: np.ndarray, size: int) -> np.ndarray:
    """Each value becomes the median of its `size` × `size` neighbourhood; images float (n, S, S, 3) in [0, 1]."""
    return for_each(partial(median_filter, size=(size, size, 1)), images)


def filter_nl_means(images: np.ndarray, strength: float, sigma: float) -> np.ndarray:
    """Non-local means: the average of similar patches; `sigma` is the expected noise. Source: Buades et al. 2005."""
    options = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": -1}
    return for_each(partial(denoise_nl_means, h=strength, sigma=sigma, **options), images)


def fill_biharmonic(images: np.ndarray) -> np.ndarray:
    """Grey, black and white pixels are filled smoothly from their surroundings; an image without them is unchanged.

    Source: Damelin and Hoang 2018, arXiv:1707.06567.
    """

    def fill(image: np.ndarray) -> np.ndarray:
        return inpaint_biharmonic(image, np.isin(image, (0, GREY, 1)).all(axis=-1), channel_axis=-1)

    return for_each(fill, images).clip(0, 1)


def for_each(call: Callable, images: np.ndarray) -> np.ndarray:
    """The results of `call` for each image, float32, computed on all cores."""
    with ThreadPoolExecutor(thread_count()) as pool:  # the filters release the interpreter lock
        return np.stack(list(pool.map(call, images))).astype(np.float32)


CLASSICAL: dict[str, tuple[Callable, tuple[tuple, ...]]] = {  # each with the settings from which the best is selected
    "median filter": (filter_median, ((3,), (5,), (7,))),
    "non-local means": (
        filter_nl_means,
        ((0.05, 0.0), (0.1, 0.0), (0.2, 0.0), (0.4, 0.0), (0.08, 0.15), (0.12, 0.15), (0.2, 0.15)),
    ),
    "biharmonic inpainting": (fill_biharmonic, ((),)),
}


def select_settings(corrupted: np.ndarray, clean: np.ndarray) -> dict[str, tuple]:
    """For each classical method, the settings with the lowest squared error on these images (validation images)."""
    best = {}
    for name, (method, settings) in CLASSICAL.items():
        errors = [np.mean((method(corrupted, *values) - clean) ** 2) for values in settings]
        best[name] = settings[int(np.argmin(errors))]
    return best
