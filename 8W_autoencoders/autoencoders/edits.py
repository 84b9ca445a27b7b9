"""Changing one thing in a face: labels for it, how strong the change should be, and what else it changes."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline
from torch import nn

from autoencoders.evaluate import change_by_band
from autoencoders.latent import decode, nearest
from autoencoders.sets import in_batches
from coursework.runtime import pick_device


def best_known(attributes: pd.DataFrame, number: int, seed: int) -> np.ndarray:
    """Rows of so many faces, in order: those of whom most attributes are known, otherwise at random."""
    order = np.random.default_rng(seed).permutation(len(attributes))
    known = attributes.notna().sum(axis=1).to_numpy()[order]
    return np.sort(order[np.argsort(-known, kind="stable")[:number]])


def extend_labels(judge: Pipeline, features: np.ndarray, labels: np.ndarray, sure: float = 0.9) -> np.ndarray:
    """Labels (n,), with those that are NaN replaced by what the judge says where it is at least so sure."""
    chance = judge.predict_proba(features)[:, 1]
    guess = np.where(chance >= sure, 1.0, np.where(chance <= 1 - sure, 0.0, np.nan))
    return np.where(np.isnan(labels), guess, labels)


def try_strengths(
    model: nn.Module, codes: np.ndarray, direction: np.ndarray, read: Callable, bands: dict, strengths: tuple
) -> pd.DataFrame:
    """A row a strength: share of the faces, codes (n, latent), in which `read` then sees the attribute, and change.

    `read` gives True or False for faces (n, S, S, 3). Change is that of each band, against strength 0, of 1.
    """
    plain, rows = decode(model, codes), {}
    for strength in strengths:
        images = decode(model, codes + strength * direction) if strength else plain
        rows[strength] = {"read": float(np.mean(read(images))), **change_by_band(plain, images, bands)}
    return pd.DataFrame(rows).T


def pick_strength(table: pd.DataFrame, wanted: float) -> float | None:
    """The least strength of `try_strengths` at which the attribute is read in the wanted share; None if at none."""
    enough = table.index[(table["read"] >= wanted) & (table.index > 0)]
    return float(enough.min()) if len(enough) else None


def pick_direction(tables: dict[str, pd.DataFrame], own: str, other: str, wanted: float) -> tuple[str, float]:
    """Of several directions the one to use, and its strength, by what they did to the validation part.

    Of those that reach the wanted share, the one that changes the `other` band least, of what it changes in its `own`;
    if none does, the one that reads most.
    """
    found = {}
    for way, table in tables.items():
        strength = pick_strength(table, wanted)
        reached = strength is not None
        strength = strength if reached else float(table["read"][table.index > 0].idxmax())
        row = table.loc[strength]
        found[way] = (not reached, row[other] / max(row[own], 1e-9) if reached else -row["read"], strength)
    way = min(found, key=lambda name: found[name][:2])
    return way, found[way][2]


def embed(model: nn.Module, images: np.ndarray) -> np.ndarray:
    """Embeddings (n, size) of faces, bytes or floats, by a `readers.PeopleNet`."""
    return in_batches(model.to(pick_device()).eval().embed, images).numpy()


def identity_kept(
    queries: np.ndarray, rows: np.ndarray, index: np.ndarray, people: np.ndarray, k: int = 5
) -> np.ndarray:
    """Whether another picture of the same person is among the k nearest of a changed one; NaN for who has no other.

    queries (m, d) are embeddings of changed pictures of `rows` (m,) of the index (n, d); people (n,). The picture that
    was changed does not count.
    """
    order = nearest(index, queries, min(k + 1, len(index)))
    others = [found[found != row][:k] for found, row in zip(order, rows, strict=True)]
    hits = [(people[found] == people[row]).any() for found, row in zip(others, rows, strict=True)]
    asked = [(people == people[row]).sum() > 1 for row in rows]
    return np.where(asked, np.array(hits, float), np.nan)
