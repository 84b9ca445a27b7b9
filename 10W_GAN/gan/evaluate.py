"""Everything that is measured of generated images, and the same of real ones, so that a number can be read."""

import numpy as np
import pandas as pd
from torch import nn
from tqdm import tqdm

from gan.config import Config
from gan.data import Faces
from gan.features import build_ladder, extract_features, generate, train_reader
from gan.metrics import copied, flat_pixels, kid, nearest, one_nn_accuracy, precision_recall

REAL = "real, of other people"


def gather(faces: Faces, generators: dict[str, tuple[nn.Module, int]], config: Config) -> dict[str, np.ndarray]:
    """Equally many images of each kind: "reference", REAL, the rungs of the ladder, and of each (generator, latent).

    Rungs are made of REAL. All are bytes (n, S, S, 3).
    """
    number = min(config.judged, len(faces.held), len(faces.train))
    rng = np.random.default_rng(config.seed)
    real = faces.held[np.sort(rng.choice(len(faces.held), number, replace=False))]
    reference = faces.train[np.sort(rng.choice(len(faces.train), number, replace=False))]
    drawn = {name: generate(model, number, latent, config.seed) for name, (model, latent) in generators.items()}
    return {"reference": reference, REAL: real, **build_ladder(real), **drawn}


def look_at_all(images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The judge's features of every kind, in random order, as the same people follow one another in the files."""
    rng = np.random.default_rng(0)
    bar = tqdm(images.items(), desc="judging", leave=False)
    return {name: extract_features(some)[rng.permutation(len(some))] for name, some in bar}


def score_all(images: dict[str, np.ndarray], features: dict[str, np.ndarray]) -> pd.DataFrame:
    """A row a kind, compared with "reference"."""
    rows, pixels = {}, flat_pixels(images["reference"])
    for name in images:
        if name == "reference":
            continue
        distance, half = kid(features["reference"], features[name])
        precision, recall = precision_recall(features["reference"], features[name])
        rows[name] = {
            "KID": distance,
            "±": half,
            "precision": precision,
            "recall": recall,
            "1-NN, features": one_nn_accuracy(features["reference"], features[name]),
            "1-NN, pixels": one_nn_accuracy(pixels, flat_pixels(images[name])),
        }
    return pd.DataFrame(rows).T


def find_models_of(faces: Faces, fake: np.ndarray, held: np.ndarray) -> tuple[np.ndarray, float, float]:
    """For each generated image the row of the nearest training image, in averaged pixels; and how many are too near.

    The shares are those of generated images, and of every other one of the strangers' against the rest, of `copied`.
    """
    train, some = flat_pixels(faces.train), flat_pixels(held)
    rows, _ = nearest(train, flat_pixels(fake))
    return rows, copied(train, some[::2], flat_pixels(fake)), copied(train, some[::2], some[1::2])


def count_attributes(faces: Faces, features: np.ndarray, fake: np.ndarray) -> pd.DataFrame:
    """How often attributes are read in real and in generated images, by readers that learnt from the truth.

    `features` are those of all training images, in their order; `fake` those of generated ones. A reader learns from
    every other training image and reads the rest, whose accuracy is given.
    """
    rows = {}
    for name in faces.attributes.columns:
        truth = faces.attributes[name].to_numpy()
        reader = train_reader(features[::2], truth[::2])
        said = reader.predict(features[1::2])
        rows[name] = {
            "data": said.mean(),
            "generated": reader.predict(fake).mean(),
            "reader's accuracy": (said == truth[1::2]).mean(),
        }
    return pd.DataFrame(rows).T


def look_ahead(history: list[dict], batch: int, times: tuple[int, ...] = (2, 4)) -> pd.Series:
    """KID that a longer training might reach: the straight line through the second half of the curve, log by log.

    Index: thousands of images seen. It says what would be if nothing changed, not what will be.
    """
    half = history[len(history) // 2 :]
    seen = np.array([row["step"] * batch for row in half], float)
    values = np.array([max(row["kid"], 1e-4) for row in half])
    slope, start = np.polyfit(np.log(seen), np.log(values), 1)
    ahead = np.array([seen[-1], *(seen[-1] * time for time in times)])
    return pd.Series(np.exp(start + slope * np.log(ahead)), index=np.round(ahead / 1000).astype(int), name="KID")
