"""The loss for a long-tailed class distribution: cross-entropy with logit adjustment."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def class_priors(labels: np.ndarray, classes: int) -> torch.Tensor:
    """The fraction of each class in `labels`, (classes,); a class without images is counted as having one."""
    counts = torch.bincount(torch.as_tensor(labels), minlength=classes).clamp_min(1)
    return counts / counts.sum()


class LogitAdjustedLoss(nn.Module):
    """Cross-entropy of logits (N, classes) to which `strength` · log priors of the training `labels` is added.

    So the network learns logits that do not contain the class priors. At test time the term is dropped, and
    frequent classes are not favoured. Source: Menon et al. 2021, arXiv:2007.07314.
    """

    def __init__(self, labels: np.ndarray, classes: int, strength: float = 1.0):
        super().__init__()
        self.register_buffer("adjustment", strength * class_priors(labels, classes).log())

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits + self.adjustment, labels)
