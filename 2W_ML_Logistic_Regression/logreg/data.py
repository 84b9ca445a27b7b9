"""MNIST, all of it, and small clouds of points in the plane.

Source: LeCun, Cortes and Burges 1998, http://yann.lecun.com/exdb/mnist/, CC BY-SA 3.0.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import make_blobs

from coursework.datasets import unpack_mnist
from logreg.config import Config

SIDE = 28
MAGIC = {1: 0x801, 3: 0x803}  # unsigned bytes in one dimension (labels), in three (images)


@dataclass(frozen=True)
class Digits:
    """Images as rows of 784 grey values 0 to 255, uint8 (n, 784), and labels 0 to 9, uint8 (n,), in two parts."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def load_mnist(config: Config) -> Digits:
    """MNIST as its authors split it, cut to the config's first rows.

    Raises: ValueError for a damaged file or fewer than one row, PermissionError for an unwritable data folder.
    """
    raw = unpack_mnist() / "MNIST" / "raw"
    parts = []
    for name, wanted in (("train", config.train_rows), ("t10k", config.test_rows)):
        images = read_idx(raw / f"{name}-images-idx3-ubyte", 3)
        labels = read_idx(raw / f"{name}-labels-idx1-ubyte", 1)
        if len(images) != len(labels) or images.shape[1:] != (SIDE, SIDE):
            raise ValueError(f"MNIST {name}: images {images.shape}, labels {labels.shape}; delete MNIST/raw")
        if wanted is not None and not 1 <= wanted <= len(images):
            raise ValueError(f"{name} rows: {wanted} wanted; expected from 1 to {len(images):,}")
        parts += [images[:wanted].reshape(-1, SIDE * SIDE), labels[:wanted]]
    return Digits(*parts)


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    """Read one file of MNIST: a magic number, the sizes, then bytes, all big-endian.

    Raises: FileNotFoundError or ValueError that names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is missing from MNIST/raw of the data folder; run again to unpack it")
    content = path.read_bytes()
    header = np.frombuffer(content[: 4 + 4 * dimensions], ">u4") if len(content) >= 4 + 4 * dimensions else [0]
    expected = 4 + 4 * dimensions + int(np.prod(header[1:], dtype=np.int64))
    if header[0] != MAGIC[dimensions] or len(content) != expected:
        raise ValueError(
            f"{path.name} is no intact MNIST file ({len(content):,} bytes, first number {int(header[0])}); delete it "
            "from MNIST/raw of the data folder and run again"
        )
    return np.frombuffer(content, np.uint8, offset=4 + 4 * dimensions).reshape(tuple(map(int, header[1:])))


def only(images: np.ndarray, labels: np.ndarray, first: int, second: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows of two digits: images as float64 (n, 784), and 0 for the first digit, 1 for the second, (n,)."""
    kept = np.isin(labels, (first, second))
    return images[kept].astype(np.float64), (labels[kept] == second).astype(np.int64)


def varying(images: np.ndarray) -> np.ndarray:
    """Which of the columns vary at all, bool (d,): a pixel that is always black says nothing."""
    return images.min(axis=0) < images.max(axis=0)


def load_blobs(classes: int, seed: int, rows: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian clouds in the plane that overlap a little: points (rows, 2) and labels from 0, (rows,)."""
    angles = 2 * np.pi * np.arange(classes) / classes + 0.5
    centers = 2.2 * np.column_stack([np.cos(angles), np.sin(angles)])
    return make_blobs(rows, centers=centers, cluster_std=1.1, random_state=seed)
