"""The judge: features of a network that no discriminator here has seen, and what is read from them."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F
from torchvision.transforms.functional import gaussian_blur
from tqdm import tqdm

from coursework.imagenet import load_frozen_efficientnet
from coursework.runtime import autocast, pick_device
from gan.train import draw_latents, to_bytes

SEEN = 128  # pixels to which all images are scaled for the judge, so that both notebooks can be compared


@torch.inference_mode()
def extract_features(images: np.ndarray, batch: int = 16) -> np.ndarray:
    """Images, bytes (n, S, S, 3), as features of EfficientNet-Lite2, float32 (n, 1280)."""
    network, device, found = load_frozen_efficientnet("lite2").to(pick_device()), pick_device(), []
    for start in range(0, len(images), batch):
        some = torch.from_numpy(np.array(images[start : start + batch])).to(device)
        some = some.permute(0, 3, 1, 2).float() / 127.5 - 1
        some = F.interpolate(some, size=(SEEN, SEEN), mode="bilinear", align_corners=False, antialias=True)
        maps = network.forward_features(some.contiguous(memory_format=torch.channels_last))
        found.append(maps.mean(dim=(2, 3)).float().cpu())
    return torch.cat(found).numpy()


@torch.inference_mode()
def generate(generator: nn.Module, number: int, latent: int, seed: int, truncation: float = 1.0) -> np.ndarray:
    """Images of random latents, bytes (number, S, S, 3); `truncation` below 1 draws the latents closer together."""
    latents = truncation * draw_latents(number, latent, generator=torch.Generator().manual_seed(seed))
    return draw(generator, latents)


@torch.inference_mode()
def draw(generator: nn.Module, latents: torch.Tensor, batch: int = 8) -> np.ndarray:
    """Images of latents (n, latent), bytes (n, S, S, 3), computed in 16 bits where the machine is fast at it."""
    device = pick_device()
    generator = generator.to(device).eval()
    with autocast():
        return np.concatenate([to_bytes(generator(some.to(device))) for some in latents.split(batch)])


def walk(generator: nn.Module, first: torch.Tensor, second: torch.Tensor, steps: int) -> np.ndarray:
    """Images of latents on the way between two, (latent,) each, as long as noise is: bytes (steps, S, S, 3)."""
    share = torch.linspace(0, 1, steps)[:, None]
    length = (share**2 + (1 - share) ** 2).sqrt()  # a straight line would come closer to 0 than noise ever does
    return draw(generator, ((1 - share) * first + share * second) / length)


def train_reader(features: np.ndarray, labels: np.ndarray) -> Pipeline:
    """A logistic regression that reads an attribute, (n,) of bool, from features (n, d).

    Raises: ValueError if only one of the two is there.
    """
    if len(np.unique(labels)) < 2:
        raise ValueError("a reader needs faces with and without the attribute")
    return make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000)).fit(features, labels)


def change(images: np.ndarray, how: Callable[[torch.Tensor], torch.Tensor], batch: int = 64) -> np.ndarray:
    """Images changed, bytes (n, S, S, 3); `how` takes and gives floats (N, 3, S, S) of 0 to 255."""
    found = []
    for start in range(0, len(images), batch):
        some = torch.from_numpy(np.array(images[start : start + batch])).permute(0, 3, 1, 2).float()
        found.append(how(some).clamp(0, 255).round().byte().permute(0, 2, 3, 1).numpy())
    return np.concatenate(found)


def coarser(share: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """At 1 / `share` of the resolution, enlarged again."""

    def scale(images: torch.Tensor) -> torch.Tensor:
        size, side = images.shape[-1] // share, images.shape[-1]
        small = F.interpolate(images, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
        return F.interpolate(small, size=(side, side), mode="bicubic", align_corners=False)

    return scale


def doubled(images: torch.Tensor) -> torch.Tensor:
    """At twice the side."""
    return F.interpolate(images, scale_factor=2, mode="bicubic", align_corners=False)


def blurred(images: torch.Tensor) -> torch.Tensor:
    """Out of focus by a Gaussian of one pixel in 128."""
    deviation = images.shape[-1] / 128
    return gaussian_blur(images, 2 * round(3 * deviation) + 1, deviation)


def grainy(images: torch.Tensor) -> torch.Tensor:
    """With noise of deviation 8 of 255."""
    return images + 8 * torch.randn(images.shape, generator=torch.Generator().manual_seed(0))


LADDER = {  # what happens to real pictures
    "1/2 of the resolution": coarser(2),
    "1/4 of the resolution": coarser(4),
    "1/8 of the resolution": coarser(8),
    "blurred": blurred,
    "with noise": grainy,
}


def build_ladder(images: np.ndarray) -> dict[str, np.ndarray]:
    """The rungs of LADDER, each made of the same real images."""
    return {name: change(images, how) for name, how in tqdm(LADDER.items(), desc="ladder", leave=False)}
