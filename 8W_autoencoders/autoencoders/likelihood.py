"""How well a VAE models images: the ELBO, the log-likelihood by importance sampling, and which latents are used."""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from autoencoders.vae import elbo_step, kl_divergence, log_weights
from coursework.runtime import pick_device


@torch.inference_mode()
def negative_elbo(
    model: nn.Module, images: torch.Tensor, seed: int, step: Callable = elbo_step, batch: int = 500
) -> dict[str, float]:
    """The terms that `step` returns for binary images (n, 784), means in nats per image; one latent per image."""
    model, totals = model.to(pick_device()).eval(), {}
    torch.manual_seed(seed)
    for some in images.split(batch):
        for name, value in step(model, some.to(pick_device())).items():
            totals[name] = totals.get(name, 0.0) + value.item() * len(some)
    return {name: total / len(images) for name, total in totals.items()}


@torch.inference_mode()
def negative_log_likelihood(
    model: nn.Module,
    images: torch.Tensor,
    samples: int,
    seed: int,
    weights: Callable = log_weights,
    batch: int = 50,
    chunk: int = 500,
) -> np.ndarray:
    """-log p(x) of binary images (n, 784) in nats, estimated by importance sampling, (n,); `weights` as `log_weights`.

    With fewer `samples` it is larger on average: its expectation is an upper bound. `chunk` limits the memory.
    Source: Burda et al. 2016, equation 8, arXiv:1509.00519.
    """
    model = model.to(pick_device()).eval()
    torch.manual_seed(seed)
    sizes = [min(chunk, samples - start) for start in range(0, samples, chunk)]
    found = []
    for some in images.split(batch):
        some = some.to(pick_device())
        sums = torch.stack([weights(model, some, size).logsumexp(dim=0) for size in sizes])
        found.append((math.log(samples) - sums.logsumexp(dim=0)).cpu())
    return torch.cat(found).numpy()


@torch.inference_mode()
def encode_all(model: nn.Module, images: torch.Tensor, batch: int = 1000) -> tuple[torch.Tensor, torch.Tensor]:
    """Means and log-variances of q(z | x) for images (n, 784), each (n, latent), on the CPU."""
    model = model.to(pick_device()).eval()
    parts = [model.encode(some.to(pick_device())) for some in images.split(batch)]
    mean, log_variance = (torch.cat(some).cpu() for some in zip(*parts, strict=True))
    return mean, log_variance


@torch.inference_mode()
def decode_probs(model: nn.Module, latents: torch.Tensor, *labels: torch.Tensor) -> torch.Tensor:
    """Probabilities of the pixels, (n, 28, 28), for latents (n, latent), on the CPU."""
    tensors = [some.to(pick_device()) for some in (latents, *labels)]
    return model.to(pick_device()).eval().decode(*tensors).sigmoid().cpu().view(-1, 28, 28)


def active_units(mean: torch.Tensor, threshold: float = 0.01) -> int:
    """How many latents depend on the image: the variance of their mean, (n, latent), exceeds the threshold.

    Source: Burda et al. 2016, section 5.2.
    """
    return int((mean.var(dim=0) > threshold).sum())


def kl_per_latent(mean: torch.Tensor, log_variance: torch.Tensor, divergence: Callable = kl_divergence) -> np.ndarray:
    """The mean KL divergence of each latent from the prior in nats, largest first, (latent,)."""
    return divergence(mean, log_variance).mean(dim=0).sort(descending=True).values.numpy()
