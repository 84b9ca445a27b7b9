"""What helps? Short trainings on a third of the data, each with one thing changed; done once, kept in ablation.json."""

import json
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
import torch

from coursework.checkpoints import training_key
from coursework.records import build_dir, keep_dir, write_text
from simpsons.config import Config
from simpsons.data import Gallery, Pictures, hold_out, set_aside, shrink, split
from simpsons.evaluate import predict, scores
from simpsons.models import build_model, mobilenet_path
from simpsons.stages import FOLDER, precision_for
from simpsons.train import Plan, fit

VARIANTS = {
    "plain": {"augment": (), "balance": 0.0},
    "augmented": {"balance": 0.0},
    "balanced": {"augment": ()},
    "both": {},
    "half": {"balance": 0.5},
    "handicap": {"balance": 0.0, "margin": 1.0},
    "margin": {"balance": 0.5, "margin": 1.0},
}
RATES = {"scratch": 1e-3, "frozen": 5e-3, "fine-tuned": 1e-3}
SMALL_RATE = 3e-3  # of the small network
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


def read_rows() -> dict[str, dict]:
    """The rows that are known, by key: the committed ones, then those of an unfinished run."""
    known = {}
    for path in (FOLDER / "ablation.json", keep_dir("6W") / "ablation.json"):
        if path.is_file():
            known |= json.loads(path.read_text(encoding="utf-8"))
    return known


def ablate(gallery: Gallery, config: Config, backbone: str, compute: bool) -> pd.DataFrame:
    """A table, a line a row; those that no record holds are trained if `compute`, else left out.

    Each row is written as soon as it is there, and a killed one goes on where it was.
    """
    train, validation, test = third(gallery, config)
    known, found = read_rows(), []
    for row in all_rows(backbone):
        plan = plan_of(row, config)
        data = (train.images, train.labels, validation.images, test.images)
        key = training_key(asdict(row), {**asdict(plan), "precision": ""}, *data)
        if key not in known and compute:
            known[key] = train_row(row, plan, (train, validation, test), len(gallery.classes), key)
            write_text(keep_dir("6W") / "ablation.json", json.dumps(known, indent=1) + "\n")
        if key in known:
            found.append({**asdict(row), **known[key]})
    return pd.DataFrame(found, columns=["backbone", "start", "variant", "accuracy", "macro_f1", "seconds"])


def plan_of(row: Row, config: Config) -> Plan:
    """How a row is trained."""
    epochs = config.ablation_epochs * (LONGER if row.start == "scratch" else 1)
    rate = SMALL_RATE if row.backbone == "small_cnn" else RATES[row.start]
    precision = precision_for(row.backbone)
    changes = VARIANTS[row.variant]
    return Plan(epochs, config.batch, rate, config.smoothing, precision=precision, seed=config.seed, **changes)


def train_row(row: Row, plan: Plan, parts: tuple[Pictures, Pictures, Pictures], classes: int, key: str) -> dict:
    """Train one row and judge it on the test part."""
    train, validation, test = parts
    torch.manual_seed(plan.seed)
    model = build_model(row.backbone, classes, pretrained=row.start != "scratch").freeze(row.start == "frozen")
    checkpoint = build_dir("6W") / f"ablation-{key}.checkpoint"
    history = fit(model, train, validation, plan, checkpoint, key)
    result = scores(*predict(model, test))
    return {name: round(value, 4) for name, value in result.items()} | {
        "seconds": round(float(np.sum([epoch["seconds"] for epoch in history])), 1)
    }
