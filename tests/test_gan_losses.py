"""Losses, penalties and augmentation of week 10: values by hand, slopes by hand, what a gradient passes through."""

import math

import pytest
import torch
from torch import nn

from gan import augment, losses

REAL, FAKE = torch.tensor([[2.0], [0.5]]), torch.tensor([[-1.0], [0.3]])


def soft(x):
    return math.log1p(math.exp(x))


def test_values_by_hand():
    expected = {
        "nonsaturating": (
            (soft(-2) + soft(-0.5)) / 2 + (soft(-1) + soft(0.3)) / 2,
            (soft(1) + soft(-0.3)) / 2,
        ),
        "least squares": (0.5 * (1 + 0.25) / 2 + 0.5 * (1 + 0.09) / 2, 0.5 * (4 + 0.49) / 2),
        "hinge": ((0 + 0.5) / 2 + (0 + 1.3) / 2, 0.35),
        "wasserstein": (-0.35 - 1.25, 0.35),
    }
    assert set(losses.LOSSES) == set(expected)
    for name, (loss_d, loss_g) in losses.LOSSES.items():
        assert loss_d(REAL, FAKE).item() == pytest.approx(expected[name][0], abs=1e-6)
        assert loss_g(FAKE).item() == pytest.approx(expected[name][1], abs=1e-6)


def test_smoothing_moves_the_target():
    assert losses.least_squares_d(torch.full((3, 1), 0.9), torch.zeros(3, 1), 0.1).item() == pytest.approx(0)
    best = math.log(0.9 / 0.1)
    real = torch.tensor([[best]], requires_grad=True)
    losses.nonsaturating_d(real, FAKE, 0.1).backward()
    assert real.grad.item() == pytest.approx(0, abs=1e-6)
    for name in ("hinge", "wasserstein"):
        with pytest.raises(ValueError, match=f"the {name} loss has no target 1"):
            losses.LOSSES[name][0](REAL, FAKE, 0.1)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_gradients_stay_finite_and_point_the_right_way(name):
    real, fake = (torch.tensor([[-80.0], [0.0], [80.0]], requires_grad=True) for _ in range(2))
    loss_d, loss_g = losses.LOSSES[name]
    loss_d(real, fake).backward()
    assert real.grad.isfinite().all()
    assert fake.grad.isfinite().all()
    assert real.grad[0] < 0 < fake.grad[2]
    fake.grad = None
    loss_g(fake).backward()
    assert fake.grad[0] < 0


def test_labels_are_swapped_in_pairs():
    real, fake = torch.ones(2000, 3), torch.zeros(2000, 3)
    torch.manual_seed(0)
    first, second = losses.swap_labels(real, fake, 0.2)
    assert torch.equal(first + second, torch.ones(2000, 3))
    assert 0.15 < second[:, 0].mean().item() < 0.25
    assert set(first.sum(dim=1).tolist()) == {0.0, 3.0}
    assert losses.swap_labels(real, fake, 0.0) == (real, fake)


def linear_discriminator(weights):
    """Logit = <weights, image>, so its slope is the weights, everywhere."""
    layer = nn.Linear(12, 1)
    with torch.no_grad():
        layer.weight.copy_(weights)
    return nn.Sequential(nn.Flatten(), layer)


def test_penalties_on_a_linear_discriminator_by_hand():
    weights = torch.arange(12.0).view(1, 12) / 10
    discriminator, images = linear_discriminator(weights), torch.randn(5, 3, 2, 2)
    square = (weights**2).sum().item()
    r1 = losses.r1_penalty(discriminator, images)
    assert r1.item() == pytest.approx(0.5 * square, rel=1e-5)
    slope = losses.gradient_penalty(discriminator, images, torch.randn(5, 3, 2, 2))
    assert slope.item() == pytest.approx((math.sqrt(square) - 1) ** 2, rel=1e-4)
    (r1 + slope).backward()  # r1's gradient by the weights is the weights; the other's is 2 (|w| - 1) w / |w|
    length = math.sqrt(square)
    expected = weights * (1 + 2 * (length - 1) / length)
    torch.testing.assert_close(discriminator[1].weight.grad, expected, rtol=1e-4, atol=1e-5)


def test_augmentation_is_the_same_function_for_all_and_passes_gradients():
    images = (torch.rand(4, 3, 16, 16) * 2 - 1).requires_grad_()
    torch.manual_seed(0)
    first = augment.augment(images)
    assert first.shape == images.shape
    torch.manual_seed(0)
    assert torch.equal(first, augment.augment(images))
    assert not torch.equal(first, augment.augment(images))
    weights = torch.randn(first.shape)
    (first * weights).sum().backward()
    step = 1e-2 * torch.randn(images.shape)
    torch.manual_seed(0)
    moved = augment.augment((images + step).detach())
    expected = ((moved - first) * weights).sum().item()  # it is linear, for given random numbers
    assert (images.grad * step).sum().item() == pytest.approx(expected, rel=1e-2, abs=1e-3)


def test_a_shift_moves_and_fills_with_black():
    images = torch.ones(200, 3, 16, 16)
    moved = augment.shift(images)
    rows = (moved[:, 0] == 1).any(dim=2).sum(dim=1)
    assert rows.min() == 14
    assert rows.max() == 16
    assert set(moved.unique().tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(augment.shift(images * 0.3).unique(), torch.tensor([-1.0, 0.3]))


def test_a_hole_is_grey_and_no_larger_than_half():
    images = torch.ones(300, 3, 16, 16)
    torch.manual_seed(1)
    cut = augment.cut_out(images)
    missing = (cut[:, 0] == 0).sum(dim=(1, 2))
    assert missing.max() == 64
    assert missing.min() >= 16  # a quarter of the hole, where its middle is in a corner
    assert torch.equal(cut[:, 0], cut[:, 2])


def test_light_is_changed_for_each_image_alone():
    images = torch.full((50, 3, 4, 4), 0.1)
    changed = augment.change_light(images)
    assert changed.std(dim=(1, 2, 3)).max() < 1e-6  # a grey image stays grey
    assert changed[:, 0, 0, 0].unique().numel() > 40
    assert (changed - images).abs().max() <= 0.5 + 1e-6
