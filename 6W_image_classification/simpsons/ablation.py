"""The ablation study: short training runs on a quarter of the images, one component changed in each, several seeds."""

from functools import partial

import numpy as np
import pandas as pd
from torch import nn
from torch.utils.data import WeightedRandomSampler
from torchvision.ops import FrozenBatchNorm2d

from coursework.records import keep_dir
from simpsons.config import Config
from simpsons.data import CharacterData, ImageData, hold_out, resize
from simpsons.evaluate import seed_interval
from simpsons.experiments import FOLDER, PARTS, record_run, start_from_imagenet, train_config
from simpsons.models import build_mobilenet

FULL = "full method"
METRICS = ("balanced_f1", "accuracy")  # of evaluate.balanced_scores


def square_root_sampler(labels: np.ndarray) -> WeightedRandomSampler:
    """Samples classes in proportion to the square root of their numbers of images, with replacement."""
    weights = np.bincount(labels)[labels] ** -0.5  # a class of n images gets n · n^-0.5
    return WeightedRandomSampler(weights.tolist(), len(labels))


# Each variant changes one component of the full method.
VARIANTS = {
    FULL: {},
    "no augmentation": {"augmentation": None},
    "no logit adjustment": {"adjustment": 0.0},
    "square-root sampling": {"sampler": square_root_sampler},
    "frozen batch norms": {"frozen_norms": True},
}


def freeze_batch_norms(model: nn.Module) -> None:
    """Replace all batch norms of a model by ones that always use their stored statistics, and do not train."""
    for name, child in model.named_children():
        if isinstance(child, nn.BatchNorm2d):
            frozen = FrozenBatchNorm2d(child.num_features, child.eps)
            kept = ("weight", "bias", "running_mean", "running_var")
            frozen.load_state_dict({key: child.state_dict()[key] for key in kept})
            setattr(model, name, frozen)
        else:
            freeze_batch_norms(child)


def small_splits(characters: CharacterData, config: Config) -> dict[int, tuple[ImageData, ImageData]]:
    """For each seed, a random part of the training images for training and the others for evaluation, made smaller."""
    small = resize(characters, config.ablation_side).train
    held_out = 1 - config.ablation_fraction
    return {seed: hold_out(small, held_out, seed)[:2] for seed in config.ablation_seeds}


def run_variant(
    variant: str,
    seed: int,
    training: tuple[ImageData, ImageData],
    characters: CharacterData,
    config: Config,
    parts: dict = PARTS,
) -> dict:
    """The record of one training run; trains only if there is no record yet."""
    changes = dict(VARIANTS[variant])
    parts = parts | {key: changes.pop(key) for key in ("augmentation", "sampler") if key in changes}
    begin = [start_from_imagenet] + [freeze_batch_norms] * changes.pop("frozen_norms", False)
    settings = train_config(config, epochs=config.ablation_epochs, seed=seed, **changes)
    build, name = partial(build_mobilenet, len(characters.classes)), name_of(variant, seed)
    return record_run(name, build, training, None, settings, characters, config, parts, *begin)


def name_of(variant: str, seed: int) -> str:
    """The path of a record relative to the week's folder, without suffix."""
    return f"ablation/{variant.replace(' ', '-')}-{seed}"


def ablate(
    characters: CharacterData, config: Config, compute: bool, parts: dict = PARTS
) -> tuple[dict[str, pd.DataFrame], list[dict]]:
    """For each metric a table, with a row per variant and a column per seed; and the records behind them.

    Seeds without records are computed if `compute`, else left out; each training run is recorded as soon as it ends.
    """
    columns, records = {metric: {} for metric in METRICS}, []
    for seed, training in small_splits(characters, config).items():
        paths = [[root / f"{name_of(name, seed)}.json" for root in (FOLDER, keep_dir("6W"))] for name in VARIANTS]
        if compute or all(any(path.is_file() for path in places) for places in paths):
            found = {name: run_variant(name, seed, training, characters, config, parts) for name in VARIANTS}
            for metric, seeds in columns.items():
                seeds[seed] = {name: record[metric] for name, record in found.items()}
            records += found.values()
    return {metric: pd.DataFrame(seeds, VARIANTS) for metric, seeds in columns.items()}, records


def paired_changes(table: pd.DataFrame) -> pd.DataFrame:
    """For each other variant: its mean difference from the full method over the seeds, with a 95 % t interval."""
    others = table.drop(index=FULL)
    rows = {name: seed_interval(np.asarray(row - table.loc[FULL])) for name, row in others.iterrows()}
    return pd.DataFrame(rows, index=["difference", "low", "high"]).T
