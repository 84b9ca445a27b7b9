"""The losses: by hand, as identities, and against segmentation_models_pytorch."""

import pytest
import segmentation_models_pytorch.losses as smp
import torch
from torch.nn import functional as F

from segmentation import losses
from segmentation.losses import LOSSES

NAMES = sorted(LOSSES)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(3, 1, 8, 8, generator=generator, dtype=torch.float64)
    target = (torch.rand(3, 1, 8, 8, generator=generator) < 0.3).double()
    return logits, target


def row_of(*values):
    """An image of one row, (1, 1, 1, n)."""
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


# Two pixels, the first lesion, both with p = 0.5: true positives, false positives and false negatives are 0.5 each.
BY_HAND = {
    "bce": 0.693147,  # log 2
    "focal": 0.173287,  # log 2 / 4
    "dice": 0.25,  # 1 - (2 · ½ + 2) / (1 + 1 + 2)
    "tversky": 0.25,  # 1 - (½ + 1) / (½ + 0.3 · ½ + 0.7 · ½ + 1)
    "lovasz": 1.0,  # both errors are 1, and all weights together 1
}


@pytest.mark.parametrize("name", NAMES)
def test_by_hand(name):
    assert LOSSES[name](row_of(0, 0), row_of(1, 0)).item() == pytest.approx(BY_HAND[name], abs=1e-6)


def test_lovasz_by_hand():
    """Errors 3 (skin), 2 (lesion), -1 (lesion): the first alone costs 1/3 of the IoU, the second another third."""
    found = losses.lovasz_loss(row_of(2, -1, 2), row_of(0, 1, 1))
    assert found.item() == pytest.approx(3 / 3 + 2 / 3)


def test_identities(batch):
    logits, target = batch
    assert torch.allclose(losses.tversky_loss(logits, target, 0.5, 0.5), losses.dice_loss(logits, target))
    assert torch.allclose(losses.focal_loss(logits, target, gamma=0), losses.bce_loss(logits, target))
    probs = logits.sigmoid()
    shared, total = (probs * target).sum((1, 2, 3)), (probs + target).sum((1, 2, 3))
    soft_iou = (shared + 1) / (total - shared + 1)
    assert torch.allclose(losses.tversky_loss(logits, target, 1.0, 1.0), (1 - soft_iou).mean())


def test_lovasz_is_the_iou_lost_for_decided_masks(batch):
    """With logits of ±1, errors are 0 or 2: the extension meets twice the IoU that is really lost."""
    _, target = batch
    said = target.clone()
    said[:, :, :3] = 1 - said[:, :, :3]
    lost = [1 - ((a * b).sum() / ((a + b) > 0).sum()).item() for a, b in zip(said, target, strict=True)]
    assert losses.lovasz_loss(2 * said - 1, target).item() == pytest.approx(2 * sum(lost) / 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_better_mask_costs_less(name, batch):
    _, target = batch
    truth = 2 * target - 1
    costs = [LOSSES[name](scale * truth, target).item() for scale in (-2.0, 0.0, 0.5, 2.0)]
    assert costs == sorted(costs, reverse=True)
    assert costs[0] > costs[-1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0.0, 50.0, -50.0])
def test_gradients_are_finite(name, size, batch):
    logits = torch.full_like(batch[0], size, dtype=torch.float32).requires_grad_()
    loss = LOSSES[name](logits, batch[1].float())
    loss.backward()
    assert torch.isfinite(loss)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_gradients_against_differences(name, batch):
    assert torch.autograd.gradcheck(lambda logits: LOSSES[name](logits, batch[1]), (batch[0].requires_grad_(),))


# An empty mask: what nothing predicted costs, and what everything predicted costs, at logits of ∓20 on 64 pixels.
EMPTY = {"bce": (0, 20), "focal": (0, 20), "dice": (0, 64 / 66), "tversky": (0, 19.2 / 20.2), "lovasz": (0, 21)}


@pytest.mark.parametrize("name", NAMES)
def test_empty_masks(name):
    empty = torch.zeros(1, 1, 8, 8)
    costs = [LOSSES[name](torch.full_like(empty, logit), empty).item() for logit in (-20, 20)]
    assert costs == pytest.approx(EMPTY[name], abs=1e-4)


def test_oracle(batch):
    """Where definitions agree: one image at a time, since theirs sums over the batch."""
    for logits, target in zip(*batch, strict=True):
        one, truth = logits[None].float(), target[None].float()
        theirs = {
            "dice": smp.DiceLoss("binary", smooth=1.0)(one, truth),
            "tversky": smp.TverskyLoss("binary", smooth=1.0, alpha=0.3, beta=0.7)(one, truth),
            "focal": smp.FocalLoss("binary", gamma=2.0)(one, truth),
            "lovasz": smp.LovaszLoss("binary", per_image=True)(one, truth),
            "bce": F.binary_cross_entropy_with_logits(one, truth),
        }
        for name, expected in theirs.items():
            assert LOSSES[name](one, truth).item() == pytest.approx(expected.item(), abs=1e-5), name
