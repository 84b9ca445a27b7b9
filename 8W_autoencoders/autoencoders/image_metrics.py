"""Distances between images: squared error, PSNR, SSIM, and a distance in feature maps."""

import numpy as np
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from autoencoders.face_losses import feature_distance
from autoencoders.faces import to_tensor
from coursework.imagenet import load_frozen_efficientnet
from coursework.runtime import autocast, pick_device


def as_float(images: np.ndarray) -> np.ndarray:
    """Images, uint8, as float32 in [0, 1]; floats unchanged."""
    return images.astype(np.float32) / 255 if images.dtype == np.uint8 else images


def mean_squared_error(images: np.ndarray, truth: np.ndarray) -> float:
    """The mean squared error of images (n, S, S, 3), with values in [0, 1]."""
    return float(np.mean((as_float(images) - as_float(truth)) ** 2))


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The peak signal-to-noise ratio of each image in dB, (n,); of equal images 100."""
    pairs = zip(as_float(truth), as_float(images), strict=True)
    with np.errstate(divide="ignore"):
        ratios = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in pairs]
    return np.minimum(ratios, 100)


def ssim(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The structural similarity of each image, (n,). Source: Wang et al. 2004."""
    pairs = zip(as_float(images), as_float(truth), strict=True)
    return np.array([structural_similarity(a, b, channel_axis=-1, data_range=1) for a, b in pairs])


@torch.inference_mode()
def perceptual_distance(images: np.ndarray, truth: np.ndarray, network: str = "lite2", batch: int = 32) -> np.ndarray:
    """The distance of each image from the true one in feature maps of EfficientNet-Lite2, (n,); none trains on it."""
    model, found = load_frozen_efficientnet(network).to(pick_device()), []
    for start in range(0, len(images), batch):
        pair = (to_tensor(some[start : start + batch]).to(pick_device()) for some in (images, truth))
        with autocast():
            found.append(feature_distance(model, *pair).float().cpu())
    return torch.cat(found).numpy()
