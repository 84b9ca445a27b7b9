"""Changing one thing in a face: labels for it, how strong the change should be, and what else it changes."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from torch import nn

from autoencoders.evaluate import change_by_region
from autoencoders.latent import decode, nearest
from autoencoders.readers import imagenet_features
from autoencoders.sets import in_batches
from coursework.runtime import pick_device


def extend_labels(judge: Pipeline, features: np.ndarray, labels: np.ndarray, sure: float = 0.9) -> np.ndarray:
    """Labels (n,), with those that are NaN replaced by what the judge says where it is at least so sure."""
    chance = judge.predict_proba(features)[:, 1]
    guess = np.where(chance >= sure, 1.0, np.where(chance <= 1 - sure, 0.0, np.nan))
    return np.where(np.isnan(labels), guess, labels)


def try_strengths(
    model: nn.Module, codes: np.ndarray, direction: np.ndarray, judge: Pipeline, strengths: np.ndarray
) -> pd.DataFrame:
    """A row a strength: share of the faces, codes (n, latent), in which the judge then reads the attribute, and change.

    Change is that of the mouth's and of the eyes' band of the picture, against strength 0, of 1.
    """
    plain, rows = decode(model, codes), {}
    for strength in strengths:
        images = decode(model, codes + strength * direction)
        read = judge.predict(imagenet_features(images)).mean()
        rows[strength] = {"read": float(read), **change_by_region(plain, images)}
    return pd.DataFrame(rows).T


def pick_strength(table: pd.DataFrame, wanted: float) -> float:
    """The least strength of `try_strengths` at which the attribute is read in the wanted share, else the largest."""
    enough = table.index[(table["read"] >= wanted) & (table.index > 0)]
    return float(enough.min() if len(enough) else table.index.max())


def embed(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Embeddings (n, size) of faces, bytes or floats, by a `readers.PeopleNet`."""
    return in_batches(model.to(pick_device()).eval().embed, images).numpy()


def identity_kept(queries: np.ndarray, rows: np.ndarray, index: np.ndarray, people: np.ndarray, k: int = 5) -> float:
    """Share of changed faces among whose k nearest is another picture of the same person.

    queries (m, d) are embeddings of changed pictures of `rows` (m,) of the index (n, d); people (n,). The picture that
    was changed does not count; who has no other is not asked.
    """
    order = nearest(index, queries, min(k + 1, len(index)))
    others = [found[found != row][:k] for found, row in zip(order, rows, strict=True)]
    hits = np.array([(people[found] == people[row]).any() for found, row in zip(others, rows, strict=True)])
    asked = np.array([(people == people[row]).sum() > 1 for row in rows])
    return float(hits[asked].mean())
