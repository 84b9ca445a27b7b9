"""Independent judges: what ImageNet's features say of a face, and a network that was trained to tell people apart."""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from autoencoders.models import shrink
from autoencoders.sets import in_batches
from coursework.imagenet import load_efficientnet
from coursework.runtime import pick_device

SEEN = 128  # pixels to which faces are enlarged for a network that knows photographs


def imagenet_features(images: np.ndarray, name: str = "lite0") -> np.ndarray:
    """Faces, bytes or floats in [0, 1], (n, S, S, 3), as features of an EfficientNet, float32 (n, 1280)."""
    network = load_efficientnet(name).to(pick_device())

    def look(some: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(some, size=(SEEN, SEEN), mode="bilinear", align_corners=False)
        maps = network.extract_features((2 * large - 1).contiguous(memory_format=torch.channels_last))
        return maps.mean(dim=(2, 3))

    return in_batches(look, images, batch=128).numpy()


def train_judge(features: np.ndarray, labels: np.ndarray, name: str = "the attribute") -> Pipeline:
    """A logistic regression that reads an attribute from features (n, d); labels are 1, 0, or NaN, which are left out.

    Raises: ValueError if only one of the two is there.
    """
    known = ~np.isnan(labels)
    with_it = int(labels[known].sum())
    if with_it in (0, known.sum()):
        raise ValueError(f"{name}: {with_it} faces with and {known.sum() - with_it} without; both are needed")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000, class_weight="balanced"))
    return model.fit(features[known], labels[known])


def balanced_accuracy(judge: Pipeline, features: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the shares of right answers among those with and those without; NaN labels are left out."""
    said = judge.predict(features)
    return float(np.mean([(said[labels == value] == value).mean() for value in (0, 1)]))


class PeopleNet(nn.Module):
    """Faces (N, 3, S, S) in [0, 1] to scores of the people it was trained on, (N, people); `embed` gives (N, 128).

    Scores are cosines, so that people who were never seen can be told apart by the angle of their embeddings.
    """

    def __init__(self, people: int, side: int, width: int, size: int = 128):
        super().__init__()
        self.steps = nn.Sequential(shrink(3, width), shrink(width, 2 * width), shrink(2 * width, 4 * width))
        self.last = nn.Sequential(shrink(4 * width, 8 * width), nn.Flatten(), nn.Dropout(0.3))
        self.to_embedding = nn.Linear(8 * width * (side // 16) ** 2, size)
        self.people = nn.Parameter(torch.randn(people, size))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Points on the unit sphere, (N, size)."""
        return F.normalize(self.to_embedding(self.last(self.steps(2 * images - 1))), dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 16 * self.embed(images) @ F.normalize(self.people, dim=1).T
