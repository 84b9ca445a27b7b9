"""Losses for faces: squared error, the perceptual loss, and the adversarial training of the conditional autoencoder."""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from coursework.imagenet import compute_feature_maps, load_frozen_efficientnet

LAYERS = (2, 4, 8, 16)  # strides of the feature maps that are compared


def feature_distance(network: nn.Module, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """The distance of two batches of images (N, 3, S, S) in the feature maps of a frozen network, (N,).

    At each position of a map, the vector of channels is scaled to length 1; squared distances are averaged over the
    positions and added over the maps. Source: Zhang et al. 2018 (LPIPS), arXiv:1801.03924, without learned weights.
    """
    maps = [compute_feature_maps(network, 2 * images - 1, LAYERS) for images in (first, second)]
    distances = [
        (F.normalize(a, dim=1) - F.normalize(b, dim=1)).square().sum(dim=1).mean(dim=(1, 2))
        for a, b in zip(*maps, strict=True)
    ]
    return torch.stack(distances).sum(dim=0)


def mse_step(model: nn.Module, images: torch.Tensor) -> dict:
    """The mean squared error of the reconstruction."""
    return {"loss": F.mse_loss(model.decode(model.encode(images)), images)}


def perceptual_step(model: nn.Module, images: torch.Tensor, weight: float = 0.05) -> dict:
    """Squared error plus `weight` times the distance in the feature maps of EfficientNet-Lite0.

    Source: Hou et al. 2017 (deep feature consistent VAE), arXiv:1610.00291.
    """
    network = load_frozen_efficientnet("lite0").to(images.device)
    outputs = model.decode(model.encode(images))
    mse, perceptual = F.mse_loss(outputs, images), feature_distance(network, outputs, images).mean()
    return {"loss": mse + weight * perceptual, "mse": mse, "perceptual": perceptual}


def without_gradient(critic: nn.Module, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The critic's outputs, differentiable with respect to the images, but not to its own parameters."""
    return functional_call(critic, {name: value.detach() for name, value in critic.named_parameters()}, (images,))


def attribute_loss(logits: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy of attributes 1, -1 or NaN (unknown, not counted), (N, attributes)."""
    known = ~attributes.isnan()
    targets = (attributes.nan_to_num() > 0).float()
    losses = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return (losses * known).sum() / known.sum().clamp_min(1)


class Editor(nn.Module):
    """The conditional autoencoder with its critic, and the weights of its losses."""

    def __init__(self, autoencoder: nn.Module, critic: nn.Module, weights: dict[str, float]):
        super().__init__()
        self.autoencoder, self.critic, self.weights = autoencoder, critic, weights


def edit_step(model: nn.Module, images: torch.Tensor, attributes: torch.Tensor) -> dict:
    """One step of the conditional autoencoder and its critic, both at once.

    attributes (N, A) are 1, -1 or NaN (unknown). Each image is reconstructed with its own attributes, and edited, that
    is, decoded with random attributes. In edited images, the critic must read these, and not notice the edit.
    Source: He et al. 2017 (AttGAN), arXiv:1711.10678.
    """
    autoencoder, critic, weights = model.autoencoder, model.critic, model.weights
    network = load_frozen_efficientnet("lite0").to(images.device)
    own, targets = attributes.nan_to_num(), torch.randint_like(attributes, 2) * 2 - 1  # unknown ones enter as 0
    latents = autoencoder.encode(images)
    outputs = autoencoder.decode(torch.cat([latents, latents]), torch.cat([own, targets]))
    reconstructed, edited = outputs.chunk(2)
    mse, perceptual = F.mse_loss(reconstructed, images), feature_distance(network, reconstructed, images).mean()
    realness, logits = without_gradient(critic, edited)
    edit = attribute_loss(logits, targets)
    generator = mse + weights["perceptual"] * perceptual
    generator = generator + weights["attribute"] * edit - weights["adversarial"] * realness.mean()
    real, read = critic(images)
    fake, _ = critic(edited.detach())
    hinge = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    loss = generator + hinge + attribute_loss(read, attributes)
    return {"loss": loss, "mse": mse, "perceptual": perceptual, "attribute": edit, "hinge": hinge}
