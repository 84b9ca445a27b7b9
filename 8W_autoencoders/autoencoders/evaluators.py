"""Classifiers of attributes: logistic regressions on features of ImageNet networks.

Those on features of EfficientNet-Lite0 label faces for training and select the size of an edit; those on features of
EfficientNet-Lite2 only evaluate.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
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
FEATURES = {"lite0": 112 * 36, "lite2": 120 * 36}  # values per image
LABELLER, JUDGE = "lite0", "lite2"  # the network whose features label and select, and that whose features evaluate


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


class AttributeClassifier(nn.Module):
    """Logistic regressions: features (N, d) to logits of ATTRIBUTES, (N, 2)."""

    def __init__(self, features: int):
        super().__init__()
        self.linear = nn.Linear(features, len(ATTRIBUTES))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.linear(features)


def fit_classifier(model: AttributeClassifier, features: np.ndarray, labels: np.ndarray, balanced: bool) -> None:
    """Fit `model` in place to features (n, d) and labels (n, 2), each 1, 0 or NaN (left out).

    With `balanced`, both classes have the same weight; without, the probabilities contain how frequent they are.
    Raises: ValueError if an attribute has only one class.
    """
    with torch.no_grad():
        for column, name in enumerate(ATTRIBUTES):
            known = ~np.isnan(labels[:, column])
            present = int(labels[known, column].sum())
            if present in (0, known.sum()):
                raise ValueError(f"{name}: {present} faces with and {known.sum() - present} without; both are needed")
            scaler = StandardScaler().fit(features[known])
            regression = LogisticRegression(C=1e-3, max_iter=2000, class_weight="balanced" if balanced else None)
            regression.fit(scaler.transform(features[known]), labels[known, column])
            weights = regression.coef_[0] / scaler.scale_
            model.linear.weight[column] = torch.from_numpy(weights)
            model.linear.bias[column] = float(regression.intercept_[0] - weights @ scaler.mean_)


def predict_attributes(model: AttributeClassifier, images: np.ndarray, network: str) -> np.ndarray:
    """Probabilities of ATTRIBUTES, (n, 2), for images (n, S, S, 3), from features of "lite0" or "lite2"."""
    features = attribute_features(images, network)
    return in_batches(model.to(pick_device()).eval(), features, torch.from_numpy, batch=1000).sigmoid().numpy()


def blur(images: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """Images (n, S, S, 3), uint8, blurred by a Gaussian, as float32 in [0, 1]."""
    return gaussian_filter(images.astype(np.float32) / 255, (0, sigma, sigma, 0))


def balanced_accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """The mean accuracy on faces with and without an attribute, for predictions (n,), bool; NaN labels are left out."""
    return float(np.mean([(predicted[labels == value] == value).mean() for value in (0, 1)]))


def labels_of(part: Faces) -> np.ndarray:
    """The labels of ATTRIBUTES, (n, 2): 1, 0 or NaN (unknown)."""
    return part.attributes[list(ATTRIBUTES)].to_numpy(float)


def fill_attributes(part: Faces, classifier: AttributeClassifier) -> np.ndarray:
    """ATTRIBUTES of faces, float32 (n, 2): 1 or -1, by `classifier` where the label is unknown."""
    labels = labels_of(part)
    probs = predict_attributes(classifier, part.images, LABELLER)
    return np.where(np.where(np.isnan(labels), probs, labels) >= 0.5, 1, -1).astype(np.float32)


class LabelledFaces(Dataset):
    """Batches (images, attributes): float32 (N, 3, S, S) in [0, 1] and (N, 2) as `fill_attributes` returns them.

    With `share`, faces are replaced at random such that this fraction of a batch wears glasses. The attributes are
    computed when the first batch is read, with the classifier that `labeller` returns; `labelled_by` is its key.
    """

    def __init__(
        self, part: Faces, labeller: Callable, labelled_by: str = "", share: float | None = None, mirror: bool = False
    ):
        self.part, self.labeller, self.labelled_by, self.share, self.mirror = part, labeller, labelled_by, share, mirror
        self.images = FaceImages(part.images, mirror=mirror)

    @cached_property
    def attributes(self) -> torch.Tensor:
        """All attributes, (n, 2)."""
        with torch.random.fork_rng(devices=[]):  # so that a resumed training run draws the same numbers
            return torch.from_numpy(fill_attributes(self.part, self.labeller()))

    @cached_property
    def with_glasses(self) -> torch.Tensor:
        """The rows of faces that wear glasses."""
        return (self.attributes[:, ATTRIBUTES.index("glasses")] == 1).nonzero()[:, 0]

    def __len__(self):
        return len(self.part)

    def __getitems__(self, rows: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """A whole batch at once."""
        rows = torch.as_tensor(rows)
        if self.share and len(self.with_glasses):
            present = len(self.with_glasses) / len(self)
            swapped = torch.rand(len(rows)) < (self.share - present) / (1 - present)
            rows[swapped] = self.with_glasses[torch.randint(len(self.with_glasses), (int(swapped.sum()),))]
        (images,) = self.images.__getitems__(rows.numpy())
        return images, self.attributes[rows]
