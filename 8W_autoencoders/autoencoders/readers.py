"""Independent judges: what ImageNet's features say of a face, and a network that was trained to tell people apart."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F

from autoencoders.sets import in_batches
from coursework.imagenet import compute_feature_maps, load_frozen_efficientnet
from coursework.runtime import autocast, pick_device

SEEN = 96  # pixels to which faces are enlarged for a network that knows photographs
FINE = 6  # places a side of its maps on which a mouth is still to be seen


def imagenet_features(images: np.ndarray, name: str = "lite0") -> np.ndarray:
    """What an EfficientNet sees in faces, bytes or floats in [0, 1], (n, S, S, 3), all in all: float32 (n, 1280)."""
    network = load_frozen_efficientnet(name).to(pick_device())
    return look(lambda large: network.forward_features(large).mean(dim=(2, 3)), images)


def fine_features(images: np.ndarray, name: str) -> np.ndarray:
    """The same, and where: its last maps of FINE × FINE places, flat, float32 (n, channels · FINE²)."""
    network = load_frozen_efficientnet(name).to(pick_device())

    return look(lambda large: compute_feature_maps(network, large, (SEEN // FINE,))[0].flatten(1), images)


def look(call: Callable, images: np.ndarray) -> np.ndarray:
    """What a network that knows photographs makes of faces, enlarged and scaled as it expects."""

    def enlarge(some: torch.Tensor) -> torch.Tensor:
        large = F.interpolate(some, size=(SEEN, SEEN), mode="bilinear", align_corners=False)
        with autocast():
            return call((2 * large - 1).contiguous(memory_format=torch.channels_last))

    return in_batches(enlarge, images).numpy()


def train_judge(features: np.ndarray, labels: np.ndarray, name: str = "the attribute") -> Pipeline:
    """A logistic regression that reads an attribute from features (n, d); labels are 1, 0, or NaN, which are left out.

    Raises: ValueError if only one of the two is there.
    """
    known = ~np.isnan(labels)
    with_it = int(labels[known].sum())
    if with_it in (0, known.sum()):
        raise ValueError(f"{name}: {with_it} faces with and {known.sum() - with_it} without; both are needed")
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=2000, class_weight="balanced"))
    return model.fit(features[known], labels[known])


def balanced_accuracy(judge: Pipeline, features: np.ndarray, labels: np.ndarray) -> float:
    """Mean of the shares of right answers among those with and those without; NaN labels are left out."""
    said = judge.predict(features)
    return float(np.mean([(said[labels == value] == value).mean() for value in (0, 1)]))


def half(channels_in: int, channels_out: int) -> nn.Sequential:
    """Half the size; unlike the autoencoders' step with a batch norm, which helps to tell things apart."""
    convolution = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.LeakyReLU(0.2))


class PeopleNet(nn.Module):
    """Faces (N, 3, S, S) in [0, 1] to scores of the people it was trained on, (N, people); `embed` gives (N, 128).

    Scores are cosines, so that people who were never seen can be told apart by the angle of their embeddings.
    """

    def __init__(self, people: int, side: int, width: int, size: int = 128):
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 8 * width)
        self.steps = nn.Sequential(*(half(a, b) for a, b in pairwise(channels)), nn.Flatten(), nn.Dropout(0.3))
        self.to_embedding = nn.Linear(8 * width * (side // 16) ** 2, size)
        self.people = nn.Parameter(torch.randn(people, size))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Points on the unit sphere, (N, size)."""
        return F.normalize(self.to_embedding(self.steps(2 * images - 1)), dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 16 * self.embed(images) @ F.normalize(self.people, dim=1).T
