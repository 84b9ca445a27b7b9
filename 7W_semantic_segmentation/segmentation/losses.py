"""Five ways to tell a network what is wrong with its mask: pure functions of logits and truth, by which it is trained.

All take logits (N, 1, H, W), unbounded, and a target of the same shape, floats that are 0 or 1, and return a scalar.
All raise ValueError for another shape, dtype or value. Losses of sets (Dice, Jaccard, Tversky, Lovász) are computed
image by image and averaged, so that a small lesion counts as much as a large one.
"""

from collections.abc import Callable

import torch
from torch.nn import functional as F

SMOOTH = 1.0  # pixels, added above and below the line: an empty mask with nothing predicted costs 0, not 0 / 0


def check_target(logits: torch.Tensor, target: torch.Tensor) -> None:
    """Raise ValueError unless `target` is a mask of floats for these logits."""
    if logits.shape != target.shape:
        raise ValueError(f"logits have shape {tuple(logits.shape)}, the target {tuple(target.shape)}; they must agree")
    if not target.is_floating_point():
        raise ValueError(f"the target holds {target.dtype}, expected floats; convert it with .float()")
    if not ((target == 0) | (target == 1)).all():
        low, high = target.min().item(), target.max().item()
        raise ValueError(f"the target has values from {low:g} to {high:g}, expected 0 and 1 only; threshold the mask")


def bce_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, the mean over all pixels of all images.

    An empty mask costs -log(1 - p) a pixel, like any background.
    """
    check_target(logits, target)
    return F.binary_cross_entropy_with_logits(logits, target)


def focal_loss(logits: torch.Tensor, target: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """Cross-entropy in which a pixel that is known already, with probability p of the truth, counts (1 - p)^gamma.

    The mean over all pixels; gamma = 0 gives `bce_loss`. An empty mask is treated like any background.
    Source: Lin et al. 2017, eq. 4, arXiv:1708.02002; without its weight for the foreground.
    """
    check_target(logits, target)
    surprise = F.binary_cross_entropy_with_logits(logits, target, reduction="none")  # -log p
    return (-torch.expm1(-surprise)).pow(gamma).mul(surprise).mean()


def tversky_loss(logits: torch.Tensor, target: torch.Tensor, alpha: float = 0.3, beta: float = 0.7) -> torch.Tensor:
    """1 - Tversky index, averaged over the images; alpha weighs false positives, beta false negatives.

    A scalar in [0, 1]. Both weights ½ give Dice, both 1 Jaccard. An empty mask with nothing predicted costs 0, with
    everything predicted nearly 1.
    Source: Salehi et al. 2017, eq. 3, arXiv:1706.05721.
    """
    check_target(logits, target)
    probs = logits.sigmoid()
    hits = (probs * target).sum(dim=(1, 2, 3))  # (N,)
    false_alarms = (probs * (1 - target)).sum(dim=(1, 2, 3))
    misses = ((1 - probs) * target).sum(dim=(1, 2, 3))
    index = (hits + SMOOTH) / (hits + alpha * false_alarms + beta * misses + SMOOTH)
    return (1 - index).mean()


def dice_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice: twice what is shared, by the sum of both areas, averaged over the images.

    A scalar in [0, 1]. An empty mask with nothing predicted costs 0, with everything predicted nearly 1.
    Source: Milletari et al. 2016, section 3, arXiv:1606.04797; with areas, not squares, below the line.
    """
    check_target(logits, target)
    probs = logits.sigmoid()
    shared = (probs * target).sum(dim=(1, 2, 3))  # (N,)
    areas = (probs + target).sum(dim=(1, 2, 3))
    return (1 - (2 * shared + 2 * SMOOTH) / (areas + 2 * SMOOTH)).mean()


def jaccard_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """1 - soft IoU: what is shared, by what either covers; `tversky_loss` with both weights 1."""
    return tversky_loss(logits, target, 1.0, 1.0)


def lovasz_loss(logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Lovász hinge: the IoU's convex extension, applied to the hinge errors of an image's pixels; not bounded by 1.

    Sort the pixels from worst to best; each error is weighted by how much IoU is lost when its pixel joins those
    already wrong. An empty mask costs the hinge of its highest logit, and 0 if all are below -1.
    Source: Berman et al. 2018, algorithm 1, arXiv:1705.08790.
    """
    check_target(logits, target)
    signs = (2 * target - 1).flatten(1)  # (N, H·W)
    errors, order = (1 - logits.flatten(1) * signs).sort(dim=1, descending=True)
    weights = lovasz_weights(target.flatten(1).gather(1, order))
    return (errors.relu() * weights).sum(dim=1).mean()


def lovasz_weights(truth: torch.Tensor) -> torch.Tensor:
    """The IoU lost with each pixel, (N, P), for the truth of pixels sorted from worst to best, (N, P)."""
    found = truth.sum(dim=1, keepdim=True) - truth.cumsum(dim=1)
    union = truth.sum(dim=1, keepdim=True) + (1 - truth).cumsum(dim=1)
    lost = 1 - found / union
    return torch.cat([lost[:, :1], lost[:, 1:] - lost[:, :-1]], dim=1)


LOSSES: dict[str, Callable] = {
    "bce": bce_loss,
    "dice": dice_loss,
    "focal": focal_loss,
    "tversky": tversky_loss,
    "lovasz": lovasz_loss,
}
