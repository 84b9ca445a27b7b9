"""What both sides are trained by: pure functions of logits, and penalties on the discriminator's slope.

A discriminator's loss takes its logits of real and of generated images, any shape (N, …); a generator's those of
generated ones. `smooth` is taken off the target 1 for real images where a loss has such a target.
"""

import torch
from torch import nn
from torch.nn import functional as F


def nonsaturating_d(real: torch.Tensor, fake: torch.Tensor, smooth: float = 0.0) -> torch.Tensor:
    """Cross-entropy: real ones are 1, generated ones 0. Source: Goodfellow et al. 2014, arXiv:1406.2661."""
    target = torch.full_like(real, 1 - smooth)
    return F.binary_cross_entropy_with_logits(real, target) + F.softplus(fake).mean()


def nonsaturating_g(fake: torch.Tensor) -> torch.Tensor:
    """-log of the probability that generated ones are real, whose slope does not vanish when they are recognised."""
    return F.softplus(-fake).mean()


def least_squares_d(real: torch.Tensor, fake: torch.Tensor, smooth: float = 0.0) -> torch.Tensor:
    """The homework's MSE: half the squared distance from 1 and from 0. Source: Mao et al. 2017, arXiv:1611.04076."""
    return 0.5 * ((real - 1 + smooth).square().mean() + fake.square().mean())


def least_squares_g(fake: torch.Tensor) -> torch.Tensor:
    """Half the squared distance of generated ones from 1."""
    return 0.5 * (fake - 1).square().mean()


def hinge_d(real: torch.Tensor, fake: torch.Tensor, smooth: float = 0.0) -> torch.Tensor:
    """Real ones above 1, generated ones below -1, and further costs nothing. Source: Lim and Ye 2017, 1705.02894."""
    refuse_smoothing("hinge", smooth)
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def wasserstein_d(real: torch.Tensor, fake: torch.Tensor, smooth: float = 0.0) -> torch.Tensor:
    """Apart as far as can be; only meaningful with a penalty. Source: Arjovsky et al. 2017, arXiv:1701.07875."""
    refuse_smoothing("wasserstein", smooth)
    return fake.mean() - real.mean()


def raise_logits(fake: torch.Tensor) -> torch.Tensor:
    """Generated ones as high as can be: the generator's side of hinge and Wasserstein."""
    return -fake.mean()


def refuse_smoothing(name: str, smooth: float) -> None:
    """Raise ValueError where there is no target to be smoothed."""
    if smooth:
        raise ValueError(f"the {name} loss has no target 1 that could be smoothed; set smooth to 0")


LOSSES = {  # of the discriminator, of the generator
    "nonsaturating": (nonsaturating_d, nonsaturating_g),
    "least squares": (least_squares_d, least_squares_g),
    "hinge": (hinge_d, raise_logits),
    "wasserstein": (wasserstein_d, raise_logits),
}


def swap_labels(real: torch.Tensor, fake: torch.Tensor, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Label noise: this share of pairs trade places, so that the discriminator is told the wrong thing of them."""
    if share == 0:
        return real, fake
    wrong = torch.rand(len(real), device=real.device) < share
    wrong = wrong.view(-1, *[1] * (real.ndim - 1))
    return torch.where(wrong, fake, real), torch.where(wrong, real, fake)


def squared_slope(discriminator: nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The squared length of the logits' gradient by the images, (N,), differentiable itself."""
    images = images.detach().requires_grad_()
    total = discriminator(images).float().flatten(1).mean(dim=1).sum()
    (slope,) = torch.autograd.grad(total, images, create_graph=True)
    return slope.flatten(1).square().sum(dim=1)


def r1_penalty(discriminator: nn.Module, real: torch.Tensor) -> torch.Tensor:
    """Half the mean squared slope at real images: no pushing where all is as it should be.

    Source: Mescheder, Geiger and Nowozin 2018, equation 9, arXiv:1801.04406.
    """
    return 0.5 * squared_slope(discriminator, real).mean()


def gradient_penalty(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """How far the slope is from 1, squared, half-way (at random) between real and generated images.

    Source: Gulrajani et al. 2017, equation 3, arXiv:1704.00028.
    """
    share = torch.rand(len(real), 1, 1, 1, device=real.device)
    between = share * real + (1 - share) * fake.detach()
    return ((squared_slope(discriminator, between) + 1e-12).sqrt() - 1).square().mean()
