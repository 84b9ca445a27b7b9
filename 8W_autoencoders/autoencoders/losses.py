"""What the models are trained by: named parts of which "loss" is the sum that is minimised, in training and judging.

Parts of a VAE are in nats an image, so that they can be compared with what others report.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


def kl_parts(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """KL divergence of N(mean, variance) from N(0, 1) in nats, for each number of the code, (N, latent).

    Source: Kingma and Welling 2014, appendix B, arXiv:1312.6114.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance)


def kl_nats(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """The same of the whole code, (N,): numbers of a code are independent, so their parts add up."""
    return kl_parts(mean, log_variance).sum(dim=1)


def bernoulli_nats(logits: torch.Tensor, digits: torch.Tensor) -> torch.Tensor:
    """-log p of binary pixels, summed over the picture, (N,)."""
    return F.binary_cross_entropy_with_logits(logits, digits, reduction="none").flatten(1).sum(dim=1)


def gaussian_nats(output: torch.Tensor, images: torch.Tensor, deviation: float) -> torch.Tensor:
    """-log p of pixels that are `output` with normal noise of this deviation, summed over the picture, (N,)."""
    square = (output - images).flatten(1).square().sum(dim=1)
    return square / (2 * deviation**2) + images[0].numel() * math.log(deviation * math.sqrt(2 * math.pi))


def autoencoder_loss(model: nn.Module, images: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean squared error of the reconstruction."""
    return {"loss": F.mse_loss(model(images), images)}


def denoising_loss(model: nn.Module, noisy: torch.Tensor, clean: torch.Tensor) -> dict[str, torch.Tensor]:
    """Mean squared error of what is made of the noisy picture, against the clean one."""
    return {"loss": F.mse_loss(model(noisy), clean)}


def digit_elbo(model: nn.Module, digits: torch.Tensor, *labels: torch.Tensor, beta: float = 1.0) -> dict:
    """The negative evidence lower bound of binary digits, and its parts; `beta` weighs the KL term.

    With `labels` for a conditional VAE. Sources: Kingma and Welling 2014, arXiv:1312.6114; Higgins et al. 2017 (beta).
    """
    logits, mean, log_variance = model(digits, *labels)
    reconstruction, kl = bernoulli_nats(logits, digits).mean(), kl_nats(mean, log_variance).mean()
    return {"loss": reconstruction + beta * kl, "reconstruction": reconstruction, "kl": kl}


def face_elbo(model: nn.Module, images: torch.Tensor, deviation: float) -> dict[str, torch.Tensor]:
    """The same for faces, whose pixels are normal about the decoder's answer."""
    output, mean, log_variance = model(images)
    reconstruction, kl = gaussian_nats(output, images, deviation).mean(), kl_nats(mean, log_variance).mean()
    return {"loss": reconstruction + kl, "reconstruction": reconstruction, "kl": kl}


def reader_loss(model: nn.Module, digits: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
    """Cross-entropy of a classifier."""
    return {"loss": F.cross_entropy(model(digits), labels)}
