"""What helps? Short trainings on a third of the data, each with one thing changed; done once, kept in `ablation/`."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch

from coursework.checkpoints import recorded, reproducing
from coursework.records import build_dir, keep_dir
from simpsons.config import Config
from simpsons.data import Gallery, Pictures, hold_out, set_aside, shrink, split
from simpsons.evaluate import predict, scores
from simpsons.models import build_model, mobilenet_path
from simpsons.stages import FOLDER, in_practice, precision_for, training_of
from simpsons.train import TrainConfig, fit

VARIANTS = {
    "plain": {"augment": (), "balance": 0.0},
    "augmented": {"balance": 0.0},
    "balanced": {"augment": ()},
    "both": {},
    "half": {"balance": 0.5},
    "handicap": {"balance": 0.0, "margin": 1.0},
    "margin": {"balance": 0.5, "margin": 1.0},
}
PEAK_LRS = {"scratch": 1e-3, "frozen": 5e-3, "fine-tuned": 1e-3}
SMALL_CNN_LR = 3e-3
LONGER = 4  # times as many epochs for those that start from nothing: in eight, they hardly begin


@dataclass(frozen=True)
class Row:
    """One training: the backbone, what it starts from, and which of VARIANTS."""

    backbone: str
    start: str
    variant: str


def all_rows(backbone: str) -> list[Row]:
    """Every start with four variants, from nothing the small network; what is done for the tail; the large ones once.

    The homework's backbone stands there from nothing, and from ImageNet if its weights are there.
    """
    starts = (("small_cnn", "scratch"), (backbone, "frozen"), (backbone, "fine-tuned"))
    rows = [Row(*start, variant) for start in starts for variant in list(VARIANTS)[:4]]
    rows += [Row(backbone, "fine-tuned", variant) for variant in list(VARIANTS)[4:]]
    large = [(backbone, "scratch"), ("mobilenet_v2", "scratch")]
    large += [("mobilenet_v2", "fine-tuned")] if mobilenet_path().is_file() else []
    return list(dict.fromkeys(rows + [Row(*start, "both") for start in large]))


def third(gallery: Gallery, config: Config) -> tuple[Pictures, Pictures, Pictures]:
    """Training, validation and test part for the ablation: fewer pictures to learn from, and smaller ones."""
    small, judged = set_aside(shrink(gallery, config.ablation_side), config.validation, config.seed)
    _, rows, _ = split(small.train.labels, config.ablation_share, config.seed)
    train, validation, _ = hold_out(small.train.take(rows), config.validation, config.seed)
    return train, validation, judged


def ablate(gallery: Gallery, config: Config, backbone: str, compute: bool) -> tuple[pd.DataFrame, list[dict]]:
    """A table, a line a row, and the records behind it; rows without a record are trained if `compute`, else left out.

    Each row is written as soon as it is there, and a killed one goes on where it was.
    """
    parts, rows, found = third(gallery, config), [], []
    for row in all_rows(backbone):
        name = f"ablation/{row.backbone}-{row.start}-{row.variant}"
        there = any((root / f"{name}.json").is_file() for root in (FOLDER, keep_dir("6W")))
        if there or compute:
            record = train_row(name, row, train_config_of(row, config), parts, gallery, config)
            rows.append({**asdict(row), **record})
            found.append(record)
    columns = ["backbone", "start", "variant", "accuracy", "macro_f1", "seconds"]
    return pd.DataFrame(rows, columns=columns), found


def train_config_of(row: Row, config: Config) -> TrainConfig:
    """How a row is trained."""
    epochs = config.ablation_epochs * (LONGER if row.start == "scratch" else 1)
    lr = SMALL_CNN_LR if row.backbone == "small_cnn" else PEAK_LRS[row.start]
    precision = precision_for(row.backbone)
    changes = VARIANTS[row.variant]
    return TrainConfig(epochs, config.batch, lr, config.smoothing, precision=precision, seed=config.seed, **changes)


def train_row(
    name: str, row: Row, train_config: TrainConfig, parts: tuple[Pictures, ...], gallery: Gallery, config: Config
) -> dict:
    """The record of a row: trained, and evaluated on the test part, unless that is recorded."""
    train, validation, test = parts
    practice = None
    torch.manual_seed(train_config.seed)
    model = build_model(row.backbone, len(gallery.classes), pretrained=row.start != "scratch")
    model.freeze(row.start == "frozen")
    training = training_of(row.start, model, train, validation, train_config, gallery, train_row)
    if config.practice and not reproducing():
        train_config, train, validation, test = in_practice(train_config), *(part.take(np.arange(16)) for part in parts)
        practice = training_of(row.start, model, train, validation, train_config, gallery, train_row)
    key = (practice or training).key

    def compute() -> dict:
        history = fit(model, train, validation, train_config, build_dir("6W") / f"{name}.checkpoint", key)
        result = scores(*predict(model, test))
        seconds = round(float(np.sum([epoch["seconds"] for epoch in history])), 1)
        return {metric: round(value, 4) for metric, value in result.items()} | {"seconds": seconds}

    return recorded("6W", FOLDER, name, training, compute, config.retrain, practice)
