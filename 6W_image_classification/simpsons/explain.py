"""Where the network looks: Grad-CAM."""

import numpy as np
import torch
from torch.nn import functional as F

from simpsons.augment import to_network
from simpsons.models import Classifier


def grad_cam(model: Classifier, image: np.ndarray, target: int) -> np.ndarray:
    """How much each place speaks for class `target`, (S, S), from 0 to 1; image (S, S, 3), uint8.

    A map counts as much as the class's score would rise with it: by the mean of its gradient over the picture.
    Source: Selvaraju et al. 2017, arXiv:1610.02391, equations 1 and 2.
    """
    model.eval()
    batch = to_network(torch.from_numpy(image.copy()).permute(2, 0, 1)[None])  # (1, 3, S, S)
    with torch.enable_grad():
        maps = model.maps(batch)  # (1, C, h, w)
        if not maps.requires_grad:  # a frozen trunk
            maps = maps.detach().requires_grad_()
        score = model.head(maps.mean(dim=(2, 3)))[0, target]
        (slopes,) = torch.autograd.grad(score, maps)
    weights = slopes.mean(dim=(2, 3), keepdim=True)  # (1, C, 1, 1)
    heat = F.relu((weights * maps.detach()).sum(dim=1, keepdim=True))  # (1, 1, h, w)
    heat = F.interpolate(heat, size=image.shape[:2], mode="bilinear", align_corners=False)[0, 0]
    return (heat / heat.max().clamp_min(1e-8)).numpy()
