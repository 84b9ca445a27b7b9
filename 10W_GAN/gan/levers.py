"""The levers: one base recipe, one change at a time, each trained from several seeds on small faces, and judged."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from coursework.checkpoints import training_key
from coursework.records import keep_dir, write_text
from gan.config import Config
from gan.data import Faces
from gan.features import extract_features, generate
from gan.metrics import kid, one_nn_accuracy, precision_recall
from gan.recipe import Recipe
from gan.stages import dcgan_recipe
from gan.train import fingerprint, fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week
BARE = {"norm_g": "none", "norm_d": "none"}
LEVERS = {  # name: (group, what is changed)
    "base": ("", {}),
    "deeper generator": ("homework's", {"depth_g": 1}),
    "deeper discriminator": ("homework's", {"depth_d": 1}),
    "wider generator": ("homework's", {"width_g": 48}),
    "linear layers": ("homework's", {"linear_g": 2, "linear_d": 2}),
    "leaky ReLU in both": ("homework's", {"activation_g": "leaky"}),
    "ELU in both": ("homework's", {"activation_g": "elu", "activation_d": "elu"}),
    "no normalisation": ("homework's", BARE),
    "no normalisation, no tanh": ("homework's", {**BARE, "output": "none"}),
    "no tanh": ("homework's", {"output": "none"}),
    "mse": ("homework's", {"loss": "least squares"}),
    "falling rate": ("homework's", {"falling": 0.5}),
    "5 % wrong labels": ("homework's", {"swapped": 0.05}),
    "smooth labels": ("homework's", {"smooth": 0.1}),
    "RMSprop": ("homework's", {"optimizer": "rmsprop"}),
    "SGD": ("homework's", {"optimizer": "sgd", "beta1": 0.9, "rate_g": 1e-2, "rate_d": 1e-2}),
    "Adam, beta 0.9": ("homework's", {"beta1": 0.9}),
    "two steps of the discriminator": ("homework's", {"steps_d": 2}),
    "unequal rates": ("homework's", {"rate_g": 1e-4, "rate_d": 4e-4}),
    "five times the rate": ("homework's", {"rate_g": 1e-3, "rate_d": 1e-3}),
    "latent of 16": ("homework's", {"latent": 16}),
    "latent of 400": ("homework's", {"latent": 400}),
    "batch of 8": ("homework's", {"batch": 8}),
    "batch of 128": ("homework's", {"batch": 128}),
    "hinge": ("ours", {"loss": "hinge"}),
    "WGAN-GP": ("ours", {"loss": "wasserstein", "slope": 10.0, "norm_d": "none", "beta1": 0.0}),
    "spectral normalisation": ("ours", {"norm_d": "spectral"}),
    "R1": ("ours", {"r1": 1.0, "norm_d": "none"}),
    "augmentation": ("ours", {"augmented": True}),
    "average of the generator": ("ours", {"ema": 0.995}),
    "residual networks": ("ours", {"generator": "residual", "discriminator": "residual", "beta1": 0.0}),
    "light generator": ("ours", {"generator": "light"}),
    "projected": ("ours", {"discriminator": "projected", "seen": 64, "loss": "hinge"}),
    "all of ours": (
        "ours",
        {
            "generator": "light", "discriminator": "projected", "seen": 64, "loss": "hinge",
            "augmented": True, "ema": 0.995, "beta1": 0.0, "beta2": 0.99,
        },
    ),
}  # fmt: skip


def base_recipe(config: Config) -> Recipe:
    """What all levers start from: a small DCGAN."""
    width, batch, steps = 24, 32, config.lever_steps
    return Recipe(side=config.lever_side, width_g=width, width_d=width, batch=batch, steps=steps, period=steps)


def lever_recipe(name: str, seed: int, config: Config) -> Recipe:
    """The base with one lever moved; another batch sees as many images. Raises ValueError for an unknown lever."""
    if name not in LEVERS:
        raise ValueError(f"unknown lever {name!r}; there are: {', '.join(LEVERS)}")
    base = base_recipe(config)
    changed = replace(base, **LEVERS[name][1], seed=seed)
    steps = max(base.steps * base.batch // changed.batch, 1)
    return replace(changed, steps=steps, period=steps)


def all_runs(config: Config) -> Iterator[tuple[str, int]]:
    """Name and seed of every run, one seed after the other."""
    for seed in config.lever_seeds:
        for name in config.levers or LEVERS:
            yield name, seed


def run_once(name: str, recipe: Recipe, faces: Faces, real: np.ndarray, retrain: bool) -> dict:
    """Train and judge a recipe, only to know how good it is. Returns its record; its weights are not kept.

    `real` are features of as many real images as are judged. A recorded one is not trained again, unless `retrain`.
    """
    key = training_key("run", asdict(recipe), fingerprint(faces.train), len(real))
    fresh = keep_dir("10W") / "runs" / faces.name / f"{name}.json"
    for path in (fresh,) if retrain else (fresh, FOLDER / fresh.relative_to(keep_dir("10W"))):
        record = read_record(path, key)
        if record:
            return record
    try:
        record = judge(recipe, faces, real) | {"failed": ""}
    except ValueError as error:
        if "no number" not in str(error):
            raise
        record = {"failed": str(error)}  # that, too, is an answer
    record = {"key": key, **record}
    fresh.parent.mkdir(parents=True, exist_ok=True)
    write_text(fresh, json.dumps(record, indent=1) + "\n")
    return record


def judge(recipe: Recipe, faces: Faces, real: np.ndarray) -> dict:
    """Train a recipe and compare what it generates with real images."""
    generator, history, _ = fit(recipe, faces.train)
    fake = extract_features(generate(generator, len(real), recipe.latent, recipe.seed))
    distance, half = kid(real, fake)
    precision, recall = precision_recall(real, fake)
    return {
        "kid": distance,
        "kid_half": half,
        "precision": precision,
        "recall": recall,
        "loo_1nn": one_nn_accuracy(real, fake),
        "told_apart": history[-1]["told_apart"],
        "seconds": sum(row["seconds"] for row in history),
    }


def file_name(name: str) -> str:
    """A lever's name as part of a file's."""
    return "".join(letter if letter.isalnum() else "_" for letter in name).lower()


def read_record(path: Path, key: str) -> dict | None:
    """The record in a file; None if there is none, or it is damaged or another run's."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("key") == key else None


def run_levers(faces: Faces, config: Config) -> pd.DataFrame:
    """All runs, trained where they are not there yet: a row each."""
    real, rows = extract_features(faces.train[: config.judged]), []
    for name, seed in tqdm(list(all_runs(config)), desc="levers", unit="run", leave=False):
        recipe = lever_recipe(name, seed, config)
        record = run_once(f"{file_name(name)}-{seed}", recipe, faces, real, config.retrain)
        rows.append({"lever": name, "seed": seed, **record})
    return pd.DataFrame(rows)


def try_rates(place: int, faces: Faces, config: Config) -> pd.DataFrame:
    """DCGAN at one of the notebooks' sides, trained a little with each of the rates: a row a rate."""
    real, rows = extract_features(faces.train[: config.judged]), {}
    for rate in config.dcgan_rates:
        recipe = dcgan_recipe(config, place, rate, config.dcgan_trial)
        name = f"dcgan_{recipe.side}_at_{rate:g}"
        rows[rate] = run_once(name, recipe, faces, real, config.retrain)
    return pd.DataFrame(rows).T.drop(columns="key")


def best_rate(table: pd.DataFrame) -> float:
    """The rate of `try_rates` with the least KID. Raises ValueError if all broke down."""
    distances = pd.to_numeric(table["kid"], errors="coerce") if "kid" in table else pd.Series(dtype=float)
    if distances.notna().sum() == 0:
        raise ValueError("DCGAN broke down at every rate; set dcgan_rates to lower ones")
    return float(distances.idxmin())


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a lever, the best first: means over the seeds, and how far the seeds lie apart.

    A lever of which a run broke down counts as broken: its numbers are NaN.
    """
    numbers = ["kid", "kid_half", "precision", "recall", "loo_1nn", "seconds"]
    runs = runs.reindex(columns=["lever", "seed", "failed", *numbers])
    groups = runs.groupby("lever", sort=False)
    table = groups[numbers].mean()
    table["between seeds"] = groups["kid"].max() - groups["kid"].min()
    table["broken"] = groups["failed"].agg(lambda failed: int((failed != "").sum()))
    table.loc[table["broken"] > 0, [*numbers, "between seeds"]] = np.nan
    table["whose"] = [LEVERS[name][0] for name in table.index]
    return table.sort_values("kid", na_position="last", kind="stable")
