"""Variational autoencoders of binary images: the network, the negative ELBO, and the importance-weighted bound."""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

PIXELS = 28 * 28


def build_mlp(*sizes: int) -> nn.Sequential:
    """Linear layers between these sizes, each followed by SiLU: (N, sizes[0]) to (N, sizes[-1])."""
    return nn.Sequential(*(nn.Sequential(nn.Linear(a, b), nn.SiLU()) for a, b in pairwise(sizes)))


class VAE(nn.Module):
    """A variational autoencoder: binary images x, (N, 784), and latents z, (N, latent), with the prior N(0, I).

    The encoder returns mean and log-variance of q(z | x), a normal distribution with independent dimensions. The
    decoder returns the logits of p(x | z): its pixels are independent. With `classes`, both also get the class of the
    image as a one-hot vector, (N, classes): a conditional VAE.
    Sources: Kingma and Welling 2014, arXiv:1312.6114; Sohn, Lee and Yan 2015, NeurIPS 28 (conditional).
    """

    def __init__(self, hidden: int, latent: int, classes: int = 0):
        super().__init__()
        self.latent = latent
        self.encoder = build_mlp(PIXELS + classes, hidden, hidden)
        self.to_mean, self.to_log_variance = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(build_mlp(latent + classes, hidden, hidden), nn.Linear(hidden, PIXELS))

    def encode(self, images: torch.Tensor, *labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and log-variance of q(z | x), each (N, latent)."""
        features = self.encoder(torch.cat([images, *labels], dim=-1))
        return self.to_mean(features), self.to_log_variance(features)

    def decode(self, latents: torch.Tensor, *labels: torch.Tensor) -> torch.Tensor:
        """The logits of the pixels, (N, 784)."""
        return self.decoder(torch.cat([latents, *labels], dim=-1))


def reparameterise(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """A sample of N(mean, variance), (N, latent), differentiable with respect to both arguments."""
    std = torch.exp(0.5 * log_variance)
    return mean + std * torch.randn_like(std)


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL(N(mean, variance) || N(0, 1)) in nats for each dimension, (N, latent).

    Source: Kingma and Welling 2014, appendix B.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def log_likelihood(logits: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """log p(x | z) of binary images in nats, summed over the pixels: (..., N) for logits (..., N, 784)."""
    return -F.binary_cross_entropy_with_logits(logits, images.expand_as(logits), reduction="none").sum(dim=-1)


def elbo_step(model: nn.Module, images: torch.Tensor, *labels: torch.Tensor, beta: float = 1.0) -> dict:
    """The negative ELBO of a batch and its two terms, in nats per image; `beta` weights the KL divergence.

    Sources: Kingma and Welling 2014; Higgins et al. 2017 (beta-VAE).
    """
    mean, log_variance = model.encode(images, *labels)
    logits = model.decode(reparameterise(mean, log_variance), *labels)
    reconstruction = -log_likelihood(logits, images).mean()
    kl = kl_divergence(mean, log_variance).sum(dim=-1).mean()
    return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}


def log_weights(model: nn.Module, images: torch.Tensor, samples: int) -> torch.Tensor:
    """log [p(x | z) p(z) / q(z | x)] for `samples` latents of each image, (samples, N)."""
    mean, log_variance = model.encode(images)  # (N, latent)
    noise = torch.randn(samples, *mean.shape, device=mean.device)
    latents = mean + torch.exp(0.5 * log_variance) * noise  # (samples, N, latent)
    prior_over_q = 0.5 * (noise.square() + log_variance - latents.square()).sum(dim=-1)  # the constants cancel
    return log_likelihood(model.decode(latents), images) + prior_over_q


def iwae_step(model: nn.Module, images: torch.Tensor, samples: int) -> dict:
    """The negative importance-weighted bound of a batch, in nats per image.

    Source: Burda, Grosse and Salakhutdinov 2016, equation 8, arXiv:1509.00519.
    """
    bound = log_weights(model, images, samples).logsumexp(dim=0) - math.log(samples)  # (N,)
    return {"loss": -bound.mean()}
