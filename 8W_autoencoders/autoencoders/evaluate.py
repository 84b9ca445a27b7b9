"""Numbers for every part: errors of pictures, bounds in nats, flips of attributes, variety, and ranks of neighbours."""

import numpy as np
import pandas as pd
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import nn

from autoencoders.latent import cut, nearest
from autoencoders.losses import bernoulli_nats, kl_nats
from coursework.runtime import pick_device


def as_float(images: np.ndarray) -> np.ndarray:
    """Faces, uint8, as float32 in [0, 1]; floats as they are."""
    return images.astype(np.float32) / 255 if images.dtype == np.uint8 else images


def squared_error(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error of pictures in [0, 1] (bytes are scaled)."""
    return float(np.mean((as_float(found) - as_float(truth)) ** 2))


def psnr(found: np.ndarray, truth: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB, the mean over the images (n, ...); equal images count as 100 dB."""
    pairs = zip(as_float(truth), as_float(found), strict=True)
    with np.errstate(divide="ignore"):
        ratios = [peak_signal_noise_ratio(a, b, data_range=1) for a, b in pairs]
    return float(np.minimum(ratios, 100).mean())


def ssim(found: np.ndarray, truth: np.ndarray) -> float:
    """Structural similarity, the mean over the pictures (n, S, S, 3). Source: Wang et al. 2004."""
    pairs = zip(as_float(found), as_float(truth), strict=True)
    return float(np.mean([structural_similarity(a, b, channel_axis=-1, data_range=1) for a, b in pairs]))


class PCACodes:
    """Principal components of faces, as they are and mirrored, as codes: the best that a linear autoencoder can do.

    Of pictures that come with their mirror images every component is the same on both sides, or the same but for the
    sign. So those of half pictures are looked for, of what both sides have in common and of what they differ by.
    """

    def __init__(self, images: np.ndarray, size: int, seed: int):
        flat = as_float(images)
        middle, self.shape, found = flat.shape[2] // 2, flat.shape[1:], []
        left, right = flat[:, :, :middle], flat[:, :, middle:][:, :, ::-1]
        self.mean = torch.from_numpy(mirror((left + right).mean(axis=0, keepdims=True) / 2, 1))[0]
        torch.manual_seed(seed)
        for sign in (1, -1):
            half = torch.from_numpy((left + sign * right).reshape(len(flat), -1) / 2**0.5)
            half -= half.mean(dim=0) if sign == 1 else 0
            _, lengths, axes = torch.svd_lowrank(half, min(size + 10, *half.shape), niter=3)
            found.append((lengths, torch.from_numpy(mirror(axes.T.numpy().reshape(-1, *left.shape[1:]), sign))))
        lengths, axes = (torch.cat(some) for some in zip(*found, strict=True))
        self.axes = axes[lengths.argsort(descending=True)[:size]].T / 2**0.5

    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes, (n, size)."""
        flat = torch.from_numpy(as_float(np.asarray(images)).reshape(len(images), -1))
        return ((flat - self.mean) @ self.axes).numpy()

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        """Faces through the components and back, float32 (n, S, S, 3)."""
        flat = torch.from_numpy(self.encode(images)) @ self.axes.T + self.mean
        return flat.clamp(0, 1).view(-1, *self.shape).numpy()


def mirror(left: np.ndarray, sign: int) -> np.ndarray:
    """Left halves (n, S, S/2, 3) with their mirror images, times a sign, as right halves; flat, (n, S · S · 3)."""
    return np.concatenate([left, sign * left[:, :, ::-1]], axis=2).reshape(len(left), -1)


@torch.inference_mode()
def negative_elbo(model: nn.Module, digits: torch.Tensor, seed: int, batch: int = 500) -> dict[str, float]:
    """The bound and its parts in nats a digit, means over binary digits (n, 1, 28, 28), with one draw each."""
    model = model.to(pick_device()).eval()
    torch.manual_seed(seed)
    totals = np.zeros(2)
    for some in digits.split(batch):
        some = some.to(pick_device())
        logits, mean, log_variance = model(some)
        totals += bernoulli_nats(logits, some).sum().item(), kl_nats(mean, log_variance).sum().item()
    reconstruction, kl = totals / len(digits)
    return {"negative ELBO": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


@torch.inference_mode()
def importance_bound(model: nn.Module, digits: torch.Tensor, k: int, seed: int, batch: int = 200) -> float:
    """-log p of binary digits by k importance-weighted draws, in nats, the mean; tighter than the ELBO.

    Source: Burda, Grosse and Salakhutdinov 2016, equation 8, arXiv:1509.00519.
    """
    model = model.to(pick_device()).eval()
    torch.manual_seed(seed)
    total = 0.0
    for some in digits.split(batch):
        some = some.to(pick_device())
        mean, log_variance = model.encode(some)
        weights = torch.stack([log_weight(model, some, mean, log_variance) for _ in range(k)])  # (k, n)
        total += (weights.logsumexp(dim=0) - np.log(k)).sum().item()
    return -total / len(digits)


def log_weight(model, digits, mean, log_variance) -> torch.Tensor:
    """log p(x, z) - log q(z | x) of one draw of z for each digit, (n,)."""
    noise = torch.randn_like(mean)
    codes = mean + torch.exp(0.5 * log_variance) * noise
    log_prior_ratio = 0.5 * (noise.square() + log_variance - codes.square()).sum(dim=1)  # the constants cancel
    return log_prior_ratio - bernoulli_nats(model.decode(codes), digits)


def pairwise_distance(images: np.ndarray, pairs: int, seed: int) -> float:
    """Mean Euclidean distance of random pairs of different pictures, (n, ...)."""
    if len(images) < 2:
        raise ValueError("one picture has no variety; give at least two")
    rng = np.random.default_rng(seed)
    first = rng.integers(len(images), size=pairs)
    second = (first + rng.integers(1, len(images), size=pairs)) % len(images)
    flat = as_float(images).reshape(len(images), -1)
    return float(np.linalg.norm(flat[first] - flat[second], axis=1).mean())


def variety(made: np.ndarray, asked: np.ndarray, real: np.ndarray, labels: np.ndarray) -> dict[int, float]:
    """For each digit the mean distance of two made ones, by that of two real ones; images (n, 28, 28), bytes or floats.

    Less than 1 is less variety than there is; of the same pictures always, 2,000 pairs of each.
    """
    return {
        digit: pairwise_distance(made[asked == digit], 2000, 0) / pairwise_distance(real[labels == digit], 2000, 0)
        for digit in range(10)
    }


BANDS = {  # of the face's height, from above: where eyes and glasses are, and where the mouth
    "lfw": {"eyes": (0.2, 0.5), "mouth": (0.62, 0.92)},
    "drawn_faces": {"eyes": (0.34, 0.66), "mouth": (0.75, 0.97)},
}


def change_by_band(before: np.ndarray, after: np.ndarray, bands: dict[str, tuple[float, float]]) -> dict[str, float]:
    """Mean absolute change of faces (n, S, S, 3) in each band of the picture, its outer fifths left out."""
    change = np.abs(as_float(after) - as_float(before))
    return {name: float(cut(change, band).mean()) for name, band in bands.items()}


def people_interval(values: np.ndarray, people: np.ndarray, resamples: int, seed: int) -> tuple[float, float]:
    """The 95 % interval of a mean, by drawing people, not pictures, again; NaN values are left out.

    Somebody's pictures are alike, so they must come and go together.
    """
    known = ~np.isnan(values)
    _, whose = np.unique(people[known], return_inverse=True)
    sums, counts = np.bincount(whose, values[known]), np.bincount(whose)
    drawn = np.random.default_rng(seed).integers(len(counts), size=(resamples, len(counts)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return tuple(float(edge) for edge in np.quantile(means, (0.025, 0.975)))


def retrieval(codes: np.ndarray, people: np.ndarray) -> pd.DataFrame:
    """How well the same person is found among all others: a row for each picture of who has two, indexed by its row.

    codes (n, d); people (n,). Precision at 1 and 5, and average precision over all ranks; somebody with one other
    picture can have 0.2 at 5 at most.
    """
    _, people = np.unique(people, return_inverse=True)  # numbers are compared sooner than names
    order = nearest(codes, codes, len(codes) - 1, skip_self=True)
    same = people[order] == people[:, None]  # (n, n - 1)
    asked = np.flatnonzero(same.any(axis=1))
    hits = same[asked]
    precision = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return pd.DataFrame(
        {
            "precision at 1": hits[:, 0].astype(float),
            "precision at 5": hits[:, :5].mean(axis=1),
            "mAP": (precision * hits).sum(axis=1) / hits.sum(axis=1),
        },
        index=asked,
    )
