"""Five losses for segmentation: pure functions of logits and masks.

All take logits (N, 1, H, W) and masks of the same shape, floats that are 0 or 1, and return a scalar. The losses of
overlap (Dice, Tversky, Lovász) are computed for each image and averaged, so that a small lesion counts as much as a
large one.
"""

import torch
from torch.nn import functional as F

SMOOTH = 1.0  # pixels that are added, so that an empty mask with an empty prediction has a loss of 0


def bce_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Binary cross-entropy, averaged over all pixels."""
    return F.binary_cross_entropy_with_logits(logits, masks)


def focal_loss(logits: torch.Tensor, masks: torch.Tensor, gamma: float = 2.0) -> torch.Tensor:
    """Binary cross-entropy in which a pixel with probability p of its true class has the weight (1 - p)^gamma.

    Source: Lin et al. 2017, eq. 4, arXiv:1708.02002, without the weight for the foreground.
    """
    cross_entropy = F.binary_cross_entropy_with_logits(logits, masks, reduction="none")  # -log p
    return ((1 - torch.exp(-cross_entropy)) ** gamma * cross_entropy).mean()


def dice_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """1 - soft Dice: twice the intersection divided by the sum of both areas.

    Source: Milletari et al. 2016, section 3, arXiv:1606.04797, with areas instead of squares in the denominator.
    """
    probs = logits.sigmoid()
    intersection = (probs * masks).sum(dim=(1, 2, 3))  # (N,)
    areas = (probs + masks).sum(dim=(1, 2, 3))
    return (1 - 2 * (intersection + SMOOTH) / (areas + 2 * SMOOTH)).mean()


def tversky_loss(logits: torch.Tensor, masks: torch.Tensor, alpha: float = 0.3, beta: float = 0.7) -> torch.Tensor:
    """1 - soft Tversky index; alpha weights false positives, beta false negatives. Both 0.5: Dice; both 1: IoU.

    Source: Salehi et al. 2017, eq. 3, arXiv:1706.05721.
    """
    probs = logits.sigmoid()
    true_positives = (probs * masks).sum(dim=(1, 2, 3))  # (N,)
    false_positives = (probs * (1 - masks)).sum(dim=(1, 2, 3))
    false_negatives = ((1 - probs) * masks).sum(dim=(1, 2, 3))
    denominator = true_positives + alpha * false_positives + beta * false_negatives
    return (1 - (true_positives + SMOOTH) / (denominator + SMOOTH)).mean()


def lovasz_weights(masks: torch.Tensor) -> torch.Tensor:
    """The IoU that is lost with each further wrong pixel, (N, P), for masks (N, P) sorted by error, largest first."""
    intersection = masks.sum(dim=1, keepdim=True) - masks.cumsum(dim=1)  # after the first k pixels are wrong
    union = masks.sum(dim=1, keepdim=True) + (1 - masks).cumsum(dim=1)
    lost = 1 - intersection / union
    return torch.cat([lost[:, :1], lost[:, 1:] - lost[:, :-1]], dim=1)


def lovasz_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """Lovász hinge: hinge errors, sorted within each image, weighted by the IoU that each further error loses.

    Source: Berman et al. 2018, algorithm 1, arXiv:1705.08790.
    """
    signs = 2 * masks.flatten(1) - 1  # (N, P): 1 for lesion, -1 for skin
    errors, order = (1 - logits.flatten(1) * signs).sort(dim=1, descending=True)
    weights = lovasz_weights(masks.flatten(1).gather(1, order))
    return (errors.relu() * weights).sum(dim=1).mean()


LOSSES = {"bce": bce_loss, "dice": dice_loss, "focal": focal_loss, "tversky": tversky_loss, "lovasz": lovasz_loss}
