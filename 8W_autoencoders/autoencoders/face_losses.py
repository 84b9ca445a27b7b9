"""Losses for faces: squared error, the perceptual loss, and the adversarial training of the conditional autoencoder."""

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional as F

from coursework.imagenet import compute_feature_maps, load_frozen_efficientnet
from coursework.runtime import autocast

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
    return {"loss": F.mse_loss(model(images).float(), images)}


def perceptual_step(model: nn.Module, images: torch.Tensor, weight: float = 0.05) -> dict:
    """Squared error plus `weight` times the distance in the feature maps of EfficientNet-Lite0.

    Source: Hou et al. 2017 (deep feature consistent VAE), arXiv:1610.00291.
    """
    outputs = model(images).float()
    mse, perceptual = F.mse_loss(outputs, images), shifted_distance(outputs, images)
    return {"loss": mse + weight * perceptual, "mse": mse, "perceptual": perceptual}


def shifted_distance(outputs: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """The mean `feature_distance` of both batches in Lite0's maps, after a common random shift by up to an eighth.

    Without the shift, outputs can learn to please the network at fixed positions of its strides.
    """
    network = load_frozen_efficientnet("lite0").to(images.device)
    shift = torch.randint(images.shape[-1] // 8, (2,)).tolist()
    with autocast():
        return feature_distance(network, *(some.roll(shift, (2, 3)) for some in (outputs, images))).mean()


# The part of the image that an edit of each attribute may change: rows, then columns, as fractions of the side.
BANDS = {"smiling": (0.52, 1.0, 0.15, 0.85), "glasses": (0.27, 0.58, 0.08, 0.92)}


class Editor(nn.Module):
    """The conditional autoencoder and its critic."""

    def __init__(self, autoencoder: nn.Module, critic: nn.Module):
        super().__init__()
        self.autoencoder, self.critic = autoencoder, critic

    def forward(self, images: torch.Tensor, own: torch.Tensor, targets: torch.Tensor) -> dict:
        """All outputs of a training step: images, and the critic's realness and attributes of real and edited ones."""
        images = shrink_batch(images, self.autoencoder.side)
        code = self.autoencoder.encode(hide_band(images) if self.training else images)
        reconstructed = self.autoencoder.decode(*code, own)
        edited = add_difference(images, self.autoencoder.decode(*code, targets) - reconstructed, own != targets)
        seen = augment(edited)
        frozen = {name: value.detach() for name, value in self.critic.named_parameters()}
        return {
            "images": images,
            "reconstructed": reconstructed,
            "edited": edited,
            "of edited": functional_call(self.critic, frozen, (seen,)),  # gradients reach the images only
            "of real": self.critic(augment(images)),
            "of detached": self.critic(seen.detach()),
        }


def shrink_batch(images: torch.Tensor, side: int) -> torch.Tensor:
    """Images (N, 3, S, S), reduced to (N, 3, side, side) by averaging."""
    return F.interpolate(images, size=side, mode="area")


def edit_images(autoencoder: nn.Module, images: torch.Tensor, own: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Images (N, 3, S, S) plus, in the bands of the changed attributes, what changes when they are decoded.

    Own and target attributes are (N, A). The difference is enlarged to the size of the images.
    Source: Shen and Liu 2017 (residual images), arXiv:1612.05363.
    """
    code = autoencoder.encode(shrink_batch(images, autoencoder.side))
    difference = autoencoder.decode(*code, targets) - autoencoder.decode(*code, own)
    large = F.interpolate(difference, size=images.shape[-1], mode="bicubic", align_corners=False)
    return add_difference(images, large, own != targets)


def add_difference(images: torch.Tensor, difference: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """Images (N, 3, S, S) plus what is in the bands of the `changed` attributes, bool (N, A), of a difference."""
    return images + band_masks(changed, images.shape[-1]) * difference


def band_masks(changed: torch.Tensor, side: int) -> torch.Tensor:
    """1 in the bands of the `changed` attributes, bool (N, A), else 0, with soft edges: (N, 1, side, side)."""
    place, masks = (torch.arange(side, device=changed.device) + 0.5) / side, []
    for top, bottom, left, right in BANDS.values():
        rows, columns = (place >= top) & (place < bottom), (place >= left) & (place < right)
        masks.append((rows[:, None] & columns).float())
    soft = F.avg_pool2d(F.pad(torch.stack(masks)[:, None], [4] * 4, mode="replicate"), 9, stride=1)
    return (changed[:, :, None, None, None] * soft).amax(dim=1)


def hide_band(images: torch.Tensor, share: float = 0.4) -> torch.Tensor:
    """Images (N, 3, S, S), of which this share is grey in the rows of a random band.

    There, the decoder must draw the mouth or the glasses from the attributes.
    """
    low, high, *_ = list(BANDS.values())[int(torch.randint(len(BANDS), ()))]
    rows = (torch.arange(images.shape[2], device=images.device) + 0.5) / images.shape[2]
    chosen = torch.rand(len(images), 1, 1, 1, device=images.device) < share
    return images.masked_fill(chosen & ((rows >= low) & (rows < high))[:, None], 0.5)


def augment(images: torch.Tensor, reach: int = 4) -> torch.Tensor:
    """Images (N, 3, S, S), shifted by up to `reach` pixels, with random brightness and contrast; differentiable.

    The critic sees only such images, so it cannot memorise the few with glasses.
    Source: Zhao et al. 2020 (DiffAugment), arXiv:2006.10738.
    """
    side, (top, left) = images.shape[-1], torch.randint(2 * reach + 1, (2,)).tolist()
    padded = F.pad(images, [reach] * 4, mode="replicate")
    shifted = padded[..., top : top + side, left : left + side]
    brightness, contrast = torch.rand(2, len(images), 1, 1, 1, device=images.device) - 0.5
    return shifted + 0.2 * brightness + 0.4 * contrast * (shifted - shifted.mean(dim=(2, 3), keepdim=True))


def mean_within(scores: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The mean of scores (N, 1, P, P) of patches, weighted by how much of each patch is in masks (N, 1, S, S)."""
    weights = F.adaptive_avg_pool2d(masks, scores.shape[-1])
    return (scores * weights).sum() / weights.sum()


def attribute_loss(logits: torch.Tensor, attributes: torch.Tensor) -> torch.Tensor:
    """The binary cross-entropy of logits (N, A) for attributes (N, A) of -1 and 1."""
    return F.binary_cross_entropy_with_logits(logits, (attributes + 1) / 2)


def edit_step(
    model: nn.Module, images: torch.Tensor, own: torch.Tensor, *, attribute: float, adversarial: float, change: float
) -> dict:
    """One step of the conditional autoencoder and its critic, both at once; the last three weight the losses.

    Each image is decoded with its `own` attributes, (N, A) of -1 and 1, and with one attribute turned into its
    opposite; the difference edits the image. The critic must find the new attributes in the edited image, and not
    notice the edit; it learns to find the `own` ones instead. Source: He et al. 2017 (AttGAN), arXiv:1711.10678.
    """
    turned, rows = torch.randint(own.shape[1], (len(own),), device=own.device), torch.arange(len(own))
    targets = own.clone()
    targets[rows, turned] *= -1
    outputs = model(images, own, targets)
    (realness, found), (real, of_real), (fake, of_fake) = (
        outputs[f"of {kind}"] for kind in ("edited", "real", "detached")
    )
    masks = band_masks(own != targets, outputs["images"].shape[-1])  # elsewhere, edited images are the real ones
    realness, hinge = mean_within(realness, masks), mean_within(F.relu(1 - real) + F.relu(1 + fake), masks)
    error, size = (F.l1_loss(outputs[name].float(), outputs["images"]) for name in ("reconstructed", "edited"))
    edit, known = attribute_loss(found, targets), attribute_loss(of_real, own) + attribute_loss(of_fake, own) / 2
    loss = error + attribute * edit - adversarial * realness + change * size + hinge + known
    losses = {"loss": loss, "error": error, "attribute": edit, "realness": realness, "change": size}
    return losses | {"hinge": hinge, "critic's attribute": known}
