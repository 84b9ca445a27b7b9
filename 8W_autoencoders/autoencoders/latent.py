"""Codes as a space to walk in: directions of attributes, strips along them, mixtures to draw from, neighbours."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.mixture import GaussianMixture
from torch import nn

from autoencoders.models import VAE
from autoencoders.sets import in_batches
from coursework.runtime import pick_device


def encode(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Codes of faces, bytes or floats in [0, 1], (n, S, S, 3), float32 (n, latent); a VAE gives the means."""
    model = model.to(pick_device()).eval()
    call = (lambda some: model.encode(some)[0]) if isinstance(model, VAE) else model.encode
    return in_batches(call, images).numpy()


def decode(model: nn.Module, codes: np.ndarray) -> np.ndarray:
    """Faces of codes, float32 (n, S, S, 3) in [0, 1]."""
    model = model.to(pick_device()).eval()
    images = in_batches(model.decode, np.asarray(codes, np.float32), torch.from_numpy)
    return images.clamp(0, 1).permute(0, 2, 3, 1).numpy()


def reconstruct(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Faces, bytes or floats in [0, 1], (n, S, S, 3), through the model and back, float32."""
    return decode(model, encode(model, images))


def encode_digits(model: nn.Module, digits: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and log-variances of a VAE's codes of digits (n, 1, 28, 28), each (n, latent), on the CPU."""
    call = model.to(pick_device()).eval().encode
    both = in_batches(lambda some: torch.stack(call(some), dim=1), digits.numpy(), torch.from_numpy)
    return both[:, 0], both[:, 1]


@torch.inference_mode()
def decode_digits(model: nn.Module, codes: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
    """How likely each pixel of a VAE's digits is ink, (n, 1, 28, 28), on the CPU; `labels` for a conditional one."""
    told = () if labels is None else (labels.to(pick_device()),)
    return model.to(pick_device()).eval().decode(codes.to(pick_device()), *told).sigmoid().cpu()


def clean(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """What a denoiser makes of faces, (n, S, S, 3), float32 in [0, 1]."""
    return in_batches(model.to(pick_device()).eval(), images).clamp(0, 1).permute(0, 2, 3, 1).numpy()


def mean_direction(codes: np.ndarray, labels: np.ndarray, name: str = "the attribute") -> np.ndarray:
    """From the mean of those without to the mean of those with, (latent,); labels are 1, 0, or NaN.

    Raises: ValueError if nobody is known to have it, or nobody not to.
    """
    with_it, without = codes[labels == 1], codes[labels == 0]
    if len(with_it) == 0 or len(without) == 0:
        raise ValueError(f"{name}: {len(with_it)} faces with and {len(without)} without; both are needed")
    return with_it.mean(axis=0) - without.mean(axis=0)


def probe_direction(codes: np.ndarray, labels: np.ndarray, name: str = "the attribute") -> np.ndarray:
    """The normal of the plane by which a logistic regression parts them, as long as `mean_direction`."""
    length = np.linalg.norm(mean_direction(codes, labels, name))
    known = ~np.isnan(labels)
    scale = codes[known].std(axis=0) + 1e-8
    model = LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced")
    model.fit(codes[known] / scale, labels[known])
    normal = model.coef_[0] / scale
    return normal * float(length / np.linalg.norm(normal))


def movement(model: nn.Module, codes: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """How much each pair of a code's numbers moves a band of the picture together, M (latent, latent).

    Each number of some codes (n, latent) is moved a little, and what that does to the band is measured: products of
    these changes are M, scaled to a mean diagonal of 1. A direction d moves the band by d'Md.
    """
    plain, moved = cut(decode(model, codes), band), []
    for step in np.diag(0.5 * codes.std(axis=0)).astype(np.float32):
        moved.append((cut(decode(model, codes + step), band) - plain).ravel() / np.linalg.norm(step))
    products = np.stack(moved) @ np.stack(moved).T
    return products / (np.trace(products) / len(products))


def spare(direction: np.ndarray, products: np.ndarray, weight: float = 4.0) -> np.ndarray:
    """A direction, (latent,), turned away from what moves a band of the picture, and as long as before.

    `products` is the M of `movement`. The new direction is the d that makes |d - direction|² + weight · d'Md least.
    """
    found = np.linalg.solve(np.eye(len(products)) + weight * products, direction)
    return (found * np.linalg.norm(direction) / np.linalg.norm(found)).astype(np.float32)


def cut(images: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """A band of faces (n, S, S, 3), shares of the height from above, without the outer fifths: (n, h, w, 3)."""
    side = images.shape[1]
    (top, bottom), (left, right) = ([round(share * side) for share in edges] for edges in (band, (0.2, 0.8)))
    return images[:, top:bottom, left:right]


def fit_mixtures(codes: np.ndarray, components: tuple[int, ...], seed: int) -> dict[int, GaussianMixture]:
    """Mixtures of so many normal distributions, fitted to codes (n, d); with one it is a single one.

    In float64: on some processors a covariance in float32 is rounded until it is none, and sampling from it warns.
    """
    codes = codes.astype(np.float64)
    floor = 1e-3 * float(codes.var(axis=0).mean())  # of a variance, in the codes' own scale
    return {
        number: GaussianMixture(number, reg_covar=floor, max_iter=300, tol=1e-2, random_state=seed).fit(codes)
        for number in components
    }


def standardise(codes: np.ndarray, learnt: np.ndarray) -> np.ndarray:
    """Codes (n, d), scaled so that every number of `learnt` has mean 0 and deviation 1, as unit vectors.

    Nearness is an angle then, and a number that hardly varies counts as much as any.
    """
    scaled = (codes - learnt.mean(axis=0)) / (learnt.std(axis=0) + 1e-6)
    return scaled / np.linalg.norm(scaled, axis=1, keepdims=True)


def interpolate(first: np.ndarray, second: np.ndarray, steps: int) -> np.ndarray:
    """Codes on the straight line between two, (steps, latent)."""
    share = np.linspace(0, 1, steps)[:, None]
    return (1 - share) * first + share * second


def nearest(index: np.ndarray, queries: np.ndarray, k: int, skip_self: bool = False) -> np.ndarray:
    """Rows of the k nearest in `index` (n, d), the nearest first, for each of `queries` (m, d): (m, k).

    With `skip_self` the queries are the index, and nobody is his own neighbour.
    Raises: ValueError if there are not k.
    """
    if k > len(index) - skip_self:
        raise ValueError(f"k is {k}, but there are {len(index) - skip_self} to be found; take a smaller k")
    square = (queries**2).sum(axis=1)[:, None] - 2 * queries @ index.T + (index**2).sum(axis=1)
    if skip_self:
        np.fill_diagonal(square, np.inf)
    return np.argsort(square, axis=1)[:, :k]
