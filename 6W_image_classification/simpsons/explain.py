"""Grad-CAM: the regions of an image that support a class."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from simpsons.models import pool
from simpsons.transforms import normalise


def grad_cam(model: nn.Module, image: np.ndarray, target: int) -> np.ndarray:
    """How much each region supports the logit of class `target`, (S, S), from 0 to 1; image (S, S, 3), uint8.

    The weight of a feature map is the mean gradient of the logit with respect to it. The weighted maps are added;
    negative sums become 0. Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    model.eval()
    batch = normalise(torch.from_numpy(image.copy()).permute(2, 0, 1)[None])  # (1, 3, S, S)
    with torch.enable_grad():
        maps = model.features(batch)  # (1, C, h, w)
        if not maps.requires_grad:  # frozen features
            maps = maps.detach().requires_grad_()
        logit = model.classifier(pool(maps))[0, target]
        (gradient,) = torch.autograd.grad(logit, maps)
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # (1, C, 1, 1)
    heat = F.relu((weights * maps.detach()).sum(dim=1, keepdim=True))  # (1, 1, h, w)
    heat = F.interpolate(heat, size=image.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    return (heat / heat.max().clamp_min(1e-8)).numpy()
