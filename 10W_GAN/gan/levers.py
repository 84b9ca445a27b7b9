"""The levers: one base recipe, one change at a time, each trained from several seeds on small faces, and judged."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from tqdm import tqdm

from coursework.checkpoints import recorded
from gan.config import Config
from gan.data import Faces, choose
from gan.features import extract_features, generate
from gan.metrics import kid, one_nn_accuracy, precision_recall
from gan.recipe import Recipe
from gan.stages import as_long, dcgan_recipe, finish, our_recipe, released_recipe, time_ten, training_of
from gan.train import fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week
BASE, BARE, CALM = "base", "no normalisation in the discriminator", "no momentum of the gradient (beta 0)"
THEIRS, OURS = "the original's", "ours"
LEVERS = {  # name: (whose, what it is compared with, what is changed in the base)
    BASE: ("", BASE, {}),
    "deeper generator": (THEIRS, BASE, {"depth_g": 1}),
    "deeper discriminator": (THEIRS, BASE, {"depth_d": 1}),
    "wider generator": (THEIRS, BASE, {"width_g": 48}),
    "linear layers": (THEIRS, BASE, {"linear_g": 2, "linear_d": 2}),
    "leaky ReLU in both": (THEIRS, BASE, {"activation_g": "leaky"}),
    "ELU in both": (THEIRS, BASE, {"activation_g": "elu", "activation_d": "elu"}),
    "instance norm": (THEIRS, BASE, {"norm_g": "instance", "norm_d": "instance"}),
    "no normalisation": (THEIRS, BASE, {"norm_g": "none", "norm_d": "none"}),
    "no tanh": (THEIRS, BASE, {"output": "none"}),
    "neither normalisation nor tanh": (THEIRS, BASE, {"norm_g": "none", "norm_d": "none", "output": "none"}),
    "MSE loss": (THEIRS, BASE, {"loss": "least squares"}),
    "falling rate": (THEIRS, BASE, {"falling": 0.5}),
    "5 % wrong labels": (THEIRS, BASE, {"swapped": 0.05}),
    "smooth labels": (THEIRS, BASE, {"smooth": 0.1}),
    "RMSprop": (THEIRS, BASE, {"optimizer": "rmsprop"}),
    "SGD": (THEIRS, BASE, {"optimizer": "sgd", "beta1": 0.9, "rate_g": 1e-2, "rate_d": 1e-2}),
    "beta 0.9": (THEIRS, BASE, {"beta1": 0.9}),
    "two steps of the discriminator": (THEIRS, BASE, {"steps_d": 2}),
    "two steps of the generator": (THEIRS, BASE, {"steps_g": 2}),
    "unequal rates": (THEIRS, BASE, {"rate_g": 1e-4, "rate_d": 4e-4}),
    "five times the rate": (THEIRS, BASE, {"rate_g": 1e-3, "rate_d": 1e-3}),
    "latent of 16": (THEIRS, BASE, {"latent": 16}),
    "latent of 400": (THEIRS, BASE, {"latent": 400}),
    "batch of 8": (THEIRS, BASE, {"batch": 8}),
    "batch of 128": (THEIRS, BASE, {"batch": 128}),
    CALM: (OURS, BASE, {"beta1": 0.0}),
    BARE: (OURS, BASE, {"norm_d": "none"}),
    "hinge loss": (OURS, BASE, {"loss": "hinge"}),
    "spectral normalisation": (OURS, BASE, {"norm_d": "spectral"}),
    "R1": (OURS, BARE, {"norm_d": "none", "r1": 1.0}),
    "WGAN-GP": (OURS, BARE, {"norm_d": "none", "loss": "wasserstein", "slope": 10.0}),
    "augmentation": (OURS, BASE, {"augmented": True}),
    "average of the generator": (OURS, BASE, {"ema": 0.995}),
    "residual networks": (OURS, BASE, {"generator": "residual", "discriminator": "residual"}),
    "light generator (and larger)": (OURS, BASE, {"generator": "light"}),
    "projected discriminator": (OURS, "hinge loss", {"loss": "hinge", "discriminator": "projected", "seen": 64}),
    "our pair of section 7": (
        OURS, "projected discriminator",
        {
            "loss": "hinge", "discriminator": "projected", "seen": 64, "generator": "light", "augmented": True,
            "ema": 0.995, "beta1": 0.0, "beta2": 0.99,
        },
    ),
}  # fmt: skip


def base_recipe(config: Config) -> Recipe:
    """What all levers start from: a small DCGAN."""
    width, batch, steps = 24, 32, config.lever_steps
    return Recipe(side=config.lever_side, width_g=width, width_d=width, batch=batch, steps=steps, period=-(-steps // 4))


def lever_recipe(name: str, seed: int, config: Config) -> Recipe:
    """The base with one lever moved; another batch sees as many images. Raises ValueError for an unknown lever."""
    if name not in LEVERS:
        raise ValueError(f"unknown lever {name!r}; there are: {', '.join(LEVERS)}")
    base = base_recipe(config)
    changed = replace(base, **LEVERS[name][2], seed=seed)
    steps = max(base.steps * base.batch // changed.batch, 1)
    return replace(changed, steps=steps, period=-(-steps // 4))


def all_runs(config: Config) -> Iterator[tuple[str, int]]:
    """Name and seed of every run; what others are compared with has more seeds."""
    names = config.levers or tuple(LEVERS)
    controls = {LEVERS[name][1] for name in names}
    for seed in sorted({*config.lever_seeds, *config.base_seeds}):
        for name in names:
            if seed in (config.base_seeds if name in controls else config.lever_seeds):
                yield name, seed


def run_once(
    name: str, recipe: Recipe, faces: Faces, real: np.ndarray, retrain: bool, limit: Callable[[], Recipe] | None = None
) -> dict:
    """Train and judge a recipe, only to know how good it is. Returns its record; its weights are not kept.

    `real` are features of as many real images as are judged. A recorded one is not trained again, unless `retrain`.
    `limit` gives the recipe with the number of steps that it is to have, if the machine decides that.
    """
    training = training_of(name, recipe, faces)
    training.settings["judged"] = len(real)

    def compute() -> dict:
        try:
            return judge(limit() if limit else recipe, faces, real) | {"failed": ""}
        except ValueError as error:
            if "no number" not in str(error):
                raise
            return {"failed": str(error)}  # that, too, is an answer

    return recorded("10W", FOLDER, f"runs/{faces.name}/{name}", training, compute, retrain)


def judge(recipe: Recipe, faces: Faces, real: np.ndarray) -> dict:
    """Train a recipe and compare what it generates with real images."""
    generator, history, _ = fit(recipe, faces.train)
    fake = extract_features(generate(generator, len(real), recipe.latent, recipe.seed))
    distance, half = kid(real, fake)
    precision, recall = precision_recall(real, fake)
    return {
        "kid": distance,
        "kid_half": half,  # of an interval over images
        "precision": precision,
        "recall": recall,
        "loo_1nn": one_nn_accuracy(real, fake),
        "told_apart": history[-1]["told_apart"],
        "seconds": sum(row["seconds"] for row in history),
        "steps": history[-1]["step"],
        "device": history[-1]["device"],
    }


def file_name(name: str) -> str:
    """A lever's name as part of a file's."""
    return "".join(letter if letter.isalnum() else "_" for letter in name).lower()


def run_levers(faces: Faces, config: Config) -> pd.DataFrame:
    """All runs, trained where they are not there yet: a row each."""
    return run_some(list(all_runs(config)), faces, config)


def run_some(runs: list[tuple[str, int]], faces: Faces, config: Config) -> pd.DataFrame:
    """Some runs, (name, seed) each."""
    real, rows = real_features(faces, config), []
    for name, seed in tqdm(runs, desc="levers", unit="run", leave=False):
        recipe = lever_recipe(name, seed, config)
        record = run_once(f"{file_name(name)}-{seed}", recipe, faces, real, config.retrain)
        rows.append({"lever": name, "seed": seed, **record})
    return pd.DataFrame(rows)


def real_features(faces: Faces, config: Config) -> np.ndarray:
    """Features of real faces to compare with, one of each person."""
    return extract_features(choose(faces.train, faces.train_people, config.judged, config.seed))


def try_rates(place: int, faces: Faces, config: Config, pace: Callable[[], float]) -> pd.DataFrame:
    """DCGAN at one of the notebooks' sides with each of the rates, for a part of the time that ours takes."""
    real, rows = real_features(faces, config), {}
    for rate in config.dcgan_rates:
        recipe = dcgan_recipe(config, place, rate)
        limit = partial(as_long, recipe, pace, place, faces, config, config.dcgan_trial)
        name = f"dcgan_{recipe.side}_at_{rate:g}"
        released = released_recipe(f"{faces.name}_{name}", recipe, config)
        if released and not (config.timed and config.retrain):
            recipe, limit = released, None
        rows[rate] = run_once(name, recipe, faces, real, config.retrain, limit)
    return pd.DataFrame(rows).T


def best_rate(table: pd.DataFrame) -> float:
    """The rate of `try_rates` with the least KID. Raises ValueError if all broke down."""
    distances = pd.to_numeric(table["kid"], errors="coerce") if "kid" in table else pd.Series(dtype=float)
    if distances.notna().sum() == 0:
        raise ValueError("DCGAN broke down at every rate; set dcgan_rates to lower ones")
    return float(distances.idxmin())


def finish_dcgan(place: int, faces: Faces, config: Config):
    """DCGAN with the best of its rates, for as long as ours takes: generator, facts, samples, trial of the rates."""
    pace = cache(partial(time_ten, our_recipe(config, place), faces))  # measured once, and not before it is asked for
    rates = try_rates(place, faces, config, pace)
    recipe = dcgan_recipe(config, place, best_rate(rates))
    limit = partial(as_long, recipe, pace, place, faces, config)
    return *finish(f"dcgan_{recipe.side}", recipe, faces, config, limit), rates


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """A row a lever, the best first: means over the seeds, and what it does against what it is compared with.

    KID is compared by its logarithm, as it scatters the more the larger it is: "kid" is the geometric mean, "change" a
    factor, "±" the factor by which its 95 % interval is wide either way. Whether a change is more than chance is asked
    by a t-test whose spread is that of seeds, pooled over all levers, and corrected for the number of levers by Holm's
    method. A lever of which a run broke down has no numbers.
    """
    numbers = ["kid", "precision", "recall", "loo_1nn", "seconds"]
    groups = runs.reindex(columns=["lever", "failed", *numbers]).assign(kid=log_kid(runs)).groupby("lever", sort=False)
    table = groups[numbers].mean()
    table["broken"] = groups["failed"].agg(lambda failed: int((failed != "").sum()))
    spread, freedom = seed_spread(runs, table)
    table["seeds"] = groups.size()
    table.loc[table["broken"] > 0, numbers] = np.nan
    table["whose"] = [LEVERS[name][0] for name in table.index]
    table["compared with"] = [LEVERS[name][1] for name in table.index]
    control = table["compared with"]
    change = table["kid"] - control.map(table["kid"])
    table["kid"], table["change"] = np.exp(table["kid"]), np.exp(change)
    error = spread * np.sqrt(1 / table["seeds"] + 1 / control.map(table["seeds"]))
    table["±"] = np.exp(stats.t.ppf(0.975, freedom) * error)
    chance = pd.Series(2 * stats.t.sf(change.abs() / error, freedom), table.index).where(change.notna())
    asked = chance[table.index != control].dropna()
    table["p, corrected"] = holm(asked)
    return table.sort_values("kid", na_position="last", kind="stable")


def log_kid(runs: pd.DataFrame) -> pd.Series:
    """The logarithm of each run's KID, which, unbiased as it is, may be below 0; NaN for one that broke down."""
    kid = pd.to_numeric(runs["kid"]) if "kid" in runs else pd.Series(np.nan, runs.index)
    return np.log(kid.clip(lower=1e-4))


def seed_spread(runs: pd.DataFrame, table: pd.DataFrame) -> tuple[float, int]:
    """The deviation of KID's logarithm between seeds of one recipe, pooled over whole ones; its degrees of freedom."""
    whole = runs[runs["lever"].isin(table.index[table["broken"] == 0])]
    groups = log_kid(whole).groupby(whole["lever"])
    freedom = int((groups.size() - 1).sum())
    if freedom < 1:
        return float("nan"), 1
    return float(np.sqrt(((groups.size() - 1) * groups.var(ddof=1).fillna(0)).sum() / freedom)), freedom


def holm(chances: pd.Series) -> pd.Series:
    """p-values corrected for their number. Source: Holm 1979."""
    order = chances.sort_values()
    factors = np.arange(len(order), 0, -1)
    return np.minimum(np.maximum.accumulate(order * factors), 1.0).reindex(chances.index)
