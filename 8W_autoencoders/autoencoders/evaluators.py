"""Classifiers of attributes: logistic regressions on features of ImageNet networks. They evaluate edited faces.

Those on features of EfficientNet-Lite2 only evaluate. Those on features of EfficientNet-Lite0 label faces for training.
"""

from functools import cached_property

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from autoencoders.batches import in_batches
from autoencoders.faces import ATTRIBUTES, FaceImages, Faces
from coursework.imagenet import compute_feature_maps, load_frozen_efficientnet
from coursework.runtime import autocast, pick_device

SIDE = 96  # pixels to which faces are resized
STRIDE = 16  # of the feature maps: 6 × 6 positions, on which a mouth can still be located
FEATURES = 120 * 36  # of EfficientNet-Lite2 at this size
SURE = 0.95  # the probability from which a predicted label is used for training


def attribute_features(images: np.ndarray, network: str) -> np.ndarray:
    """Feature maps of "lite0" or "lite2" for images (n, S, S, 3), flattened: float32 (n, channels · 36)."""
    model = load_frozen_efficientnet(network).to(pick_device())

    def call(batch: torch.Tensor) -> torch.Tensor:
        resized = F.interpolate(batch, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        with autocast():
            scaled = (2 * resized - 1).contiguous(memory_format=torch.channels_last)
            return compute_feature_maps(model, scaled, (STRIDE,))[0].flatten(1)

    return in_batches(call, images).numpy()


def mean_features(images: np.ndarray, network: str) -> np.ndarray:
    """The last feature maps of "lite0" or "lite2", averaged over the image: float32 (n, 1280)."""
    model = load_frozen_efficientnet(network).to(pick_device())

    def call(batch: torch.Tensor) -> torch.Tensor:
        resized = F.interpolate(batch, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        with autocast():
            return model.forward_features(2 * resized - 1).mean(dim=(2, 3))

    return in_batches(call, images).numpy()


class Evaluator(nn.Module):
    """Logistic regressions: features (N, d) to logits of ATTRIBUTES, (N, 2)."""

    def __init__(self, features: int):
        super().__init__()
        self.linear = nn.Linear(features, len(ATTRIBUTES))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear(features)


def fit_evaluator(model: Evaluator, features: np.ndarray, labels: np.ndarray) -> Evaluator:
    """Fit `model` in place to features (n, d) and labels (n, 2), each 1, 0 or NaN (left out).

    Raises: ValueError if an attribute has only one class.
    """
    with torch.no_grad():
        for column, name in enumerate(ATTRIBUTES):
            known = ~np.isnan(labels[:, column])
            present = int(labels[known, column].sum())
            if present in (0, known.sum()):
                raise ValueError(f"{name}: {present} faces with and {known.sum() - present} without; both are needed")
            scaler = StandardScaler().fit(features[known])
            regression = LogisticRegression(C=1e-3, max_iter=2000, class_weight="balanced")
            regression.fit(scaler.transform(features[known]), labels[known, column])
            weights = regression.coef_[0] / scaler.scale_
            model.linear.weight[column] = torch.from_numpy(weights)
            model.linear.bias[column] = float(regression.intercept_[0] - weights @ scaler.mean_)
    return model


def predict_attributes(model: Evaluator, features: np.ndarray) -> np.ndarray:
    """Probabilities of ATTRIBUTES, (n, 2), for features (n, d)."""
    return in_batches(model, features, torch.from_numpy, batch=1000).sigmoid().numpy()


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The mean accuracy on faces with and without an attribute, for predictions (n,), bool; NaN labels are left out."""
    return float(np.mean([(predicted[labels == value] == value).mean() for value in (0, 1)]))


def labels_of(part: Faces) -> np.ndarray:
    """The labels of ATTRIBUTES, (n, 2): 1, 0 or NaN (unknown)."""
    return part.attributes[list(ATTRIBUTES)].to_numpy(float)


def extend_labels(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Labels (n, 2), in which unknown ones are predicted where the prediction is sure, from features of Lite0."""
    features = attribute_features(images, "lite0")
    probs = predict_attributes(fit_evaluator(Evaluator(features.shape[1]), features, labels), features)
    predicted = np.where(probs >= SURE, 1.0, np.where(probs <= 1 - SURE, 0.0, np.nan))
    return np.where(np.isnan(labels), predicted, labels)


class LabelledFaces(Dataset):
    """Batches (images, attributes): float32 (N, 3, S, S) in [0, 1] and (N, 2), each 1, -1 or NaN (unknown).

    With `extend`, unknown labels are predicted; they are computed when the first batch is read.
    """

    def __init__(self, part: Faces, extend: bool = False, mirror: bool = False):
        self.part, self.extend, self.images = part, extend, FaceImages(part.images, mirror=mirror)

    @cached_property
    def attributes(self) -> torch.Tensor:
        """All attributes, (n, 2)."""
        labels = labels_of(self.part)
        labels = extend_labels(self.part.images, labels) if self.extend else labels
        return torch.from_numpy(2 * labels - 1).float()

    def __len__(self):
        return len(self.part)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """A whole batch at once."""
        (images,) = self.images.__getitems__(rows)
        return images, self.attributes[rows]
