"""An embedding of faces in which images of one person are near each other, also for people it was not trained on."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from autoencoders.batches import in_batches
from autoencoders.faces import FaceImages, Faces
from coursework.runtime import pick_device

SIDE = 96  # pixels to which faces are reduced
SCALE = 16  # of the cosines, so that the softmax can become confident


def halve(channels_in: int, channels_out: int) -> nn.Sequential:
    """Halve height and width: a 4 × 4 convolution with stride 2, batch norm and leaky ReLU."""
    convolution = nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.LeakyReLU(0.2))


class IdentityNet(nn.Module):
    """Faces (N, 3, S, S) in [0, 1] to logits of the people it is trained on, (N, people); `embed` returns (N, 128).

    The logits are scaled cosines, so that other people can be compared by the angle between their embeddings.
    """

    def __init__(self, people: int, width: int, size: int = 128):
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 8 * width, 8 * width)
        self.features = nn.Sequential(*(halve(a, b) for a, b in pairwise(channels)), nn.Flatten(), nn.Dropout(0.3))
        self.to_embedding = nn.Linear(8 * width * (SIDE // 32) ** 2, size)
        self.people = nn.Parameter(torch.randn(people, size))

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        """Vectors of length 1, (N, size)."""
        small = F.interpolate(images, size=(SIDE, SIDE), mode="area")
        return F.normalize(self.to_embedding(self.features(2 * small - 1)), dim=1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return SCALE * self.embed(images) @ F.normalize(self.people, dim=1).T


def identity_step(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> dict:
    """The cross-entropy of a batch."""
    return {"loss": F.cross_entropy(model(images), labels)}


def identity_parts(faces: Faces) -> tuple[FaceImages, FaceImages, int]:
    """The people with three images or more: the last image of each for validation, the others for training; how many.

    Raises: ValueError if nobody has three.
    """
    names, counts = np.unique(faces.people, return_counts=True)
    known = names[counts >= 3]
    if len(known) == 0:
        raise ValueError("nobody has three images; at least three are needed to train and validate an embedding")
    labels = np.searchsorted(known, faces.people).clip(max=len(known) - 1)
    rows = np.flatnonzero(known[labels] == faces.people)
    last = np.array([np.flatnonzero(faces.people == name)[-1] for name in known])
    shown = np.setdiff1d(rows, last)
    train = FaceImages(faces.images[shown], labels[shown], mirror=True)
    return train, FaceImages(faces.images[last], labels[last]), len(known)


def embed(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Embeddings (n, 128) of images (n, S, S, 3), uint8 or floats in [0, 1]: the mean of the image and its mirror."""
    network = model.to(pick_device()).eval()
    return in_batches(
        lambda batch: F.normalize(network.embed(batch) + network.embed(batch.flip(-1)), dim=1), images
    ).numpy()


def identity_kept(
    edited: np.ndarray, rows: np.ndarray, index: np.ndarray, people: np.ndarray, k: int = 5
) -> np.ndarray:
    """Whether another image of the same person is among the k nearest to an edited one, (m,): 1, 0, or NaN.

    edited (m, d) are the embeddings of the edited images `rows` (m,) of the index (n, d) of people (n,). The unedited
    image itself is left out; NaN if the person has no other image.
    """
    similarity = edited @ index.T
    similarity[np.arange(len(rows)), rows] = -np.inf
    nearest = np.argsort(-similarity, axis=1, kind="stable")[:, :k]
    hits = (people[nearest] == people[rows][:, None]).any(axis=1).astype(float)
    others = (people == people[rows][:, None]).sum(axis=1) > 1
    return np.where(others, hits, np.nan)
