"""Everything that is measured of generated images, and the same of real ones, so that a number can be read."""

import math

import numpy as np
import pandas as pd
from torch import nn
from tqdm import tqdm

from gan.config import Config
from gan.data import Faces, choose
from gan.features import build_ladder, extract_features, generate, train_reader
from gan.metrics import copied, flat_pixels, kid, nearest, one_nn_accuracy, precision_recall

REAL = "real, of other people"


def gather(faces: Faces, generators: dict[str, tuple[nn.Module, int]], config: Config) -> dict[str, np.ndarray]:
    """Equally many images of each kind: "reference", REAL, the rungs of the ladder, and of each (generator, latent).

    Of real people there is one picture each: two of the same are near each other, and no generator makes such pairs.
    Rungs are made of REAL. All are bytes (n, S, S, 3), in random order.
    """
    people = min(len(np.unique(whose)) for whose in (faces.train_people, faces.held_people))
    number = min(config.judged, people)
    reference = choose(faces.train, faces.train_people, number, config.seed)
    real = choose(faces.held, faces.held_people, number, config.seed)
    drawn = {name: generate(model, number, latent, config.seed) for name, (model, latent) in generators.items()}
    return {"reference": reference, REAL: real, **build_ladder(real), **drawn}


def look_at_all(images: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The judge's features of every kind."""
    return {name: extract_features(some) for name, some in tqdm(images.items(), desc="judging", leave=False)}


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


def find_models_of(faces: Faces, fake: np.ndarray, strangers: np.ndarray) -> tuple[np.ndarray, float, float]:
    """For each generated image the nearest training image, mirrored or not, bytes (n, S, S, 3), by averaged pixels.

    And two shares of `metrics.copied`: that of generated images, and that of half the strangers, measured by the other
    half.
    """
    plain, own = flat_pixels(faces.train), flat_pixels(fake)
    side = math.isqrt(plain.shape[1] // 3)
    mirrored = plain.reshape(-1, side, side, 3)[:, :, ::-1].reshape(plain.shape)
    index = np.concatenate([plain, mirrored])  # the generator was shown both
    rows, to_fakes = nearest(index, own)
    _, to_strangers = nearest(index, flat_pixels(strangers))
    found = np.stack([faces.train[row] if row < len(plain) else faces.train[row - len(plain), :, ::-1] for row in rows])
    return found, copied(to_strangers, to_fakes), copied(to_strangers[::2], to_strangers[1::2])


def count_attributes(faces: Faces, features: np.ndarray, fake: np.ndarray) -> pd.DataFrame:
    """How often attributes are read in real and in generated images, by readers that learnt from the truth.

    `features` are those of all training images, in their order; `fake` those of generated ones. A reader learns from
    half of the people and reads the other half, where its accuracy is measured. What fewer than five of the one half
    have, or have not, is left out.
    """
    names = np.random.default_rng(0).permutation(np.unique(faces.train_people))
    learnt = np.isin(faces.train_people, names[: len(names) // 2])
    rows = {}
    for name in faces.attributes.columns:
        truth = faces.attributes[name].to_numpy()
        if min(truth[learnt].sum(), (~truth[learnt]).sum()) < 5:
            continue
        reader = train_reader(features[learnt], truth[learnt])
        said = reader.predict(features[~learnt])
        rows[name] = {
            "data": said.mean(),
            "generated": reader.predict(fake).mean(),
            "reader's accuracy": (said == truth[~learnt]).mean(),
        }
    return pd.DataFrame(rows).T


def look_ahead(history: list[dict], batch: int, floor: float, times: tuple[int, ...] = (1, 2, 4)) -> pd.DataFrame:
    """KID that a longer training might reach: a line through the second half of the curve, log by log.

    Above `floor`, what real images have. A row for each multiple of the images seen; low and high are the middle 80 %
    of lines through points that are drawn again. It says what would be if nothing changed, not what will be.
    """
    half = history[len(history) // 2 :]
    seen = np.log([row["step"] * batch for row in half])
    values = np.log([max(row["kid"] - floor, 1e-3) for row in half])
    rng, lines = np.random.default_rng(0), []
    while len(lines) < 500:
        rows = rng.integers(len(half), size=len(half))
        if len(np.unique(rows)) > 1:
            lines.append(np.polyfit(seen[rows], values[rows], 1))
    ahead = seen[-1] + np.log(times)
    found = floor + np.exp([np.polyval(line, ahead) for line in (np.polyfit(seen, values, 1), *lines)])
    low, high = np.quantile(found[1:], (0.1, 0.9), axis=0)
    index = pd.Index(np.round(np.exp(ahead) / 1000).astype(int), name="thousand images seen")
    return pd.DataFrame({"KID": found[0], "low": low, "high": high}, index)
