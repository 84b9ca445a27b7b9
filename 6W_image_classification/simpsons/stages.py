"""The trainings of this week: what each starts from, and where finished weights come from if they are at hand."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from coursework.checkpoints import obtain as obtain_weights
from coursework.checkpoints import only_starts
from coursework.provenance import Training, fingerprint
from coursework.runtime import half_precision, pick_device
from coursework.source_code import model_code, training_code
from simpsons.augment import CHANGES
from simpsons.config import Config
from simpsons.data import Gallery, Pictures
from simpsons.models import BUILDERS, Classifier, build_model
from simpsons.train import EpochSampler, TailLoss, TrainConfig, fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week
FOR_28_PIXELS = ("mirror", "turn, shift, scale", "hide a part")  # a cartoon's colours are fixed, and blur hides all


def precision_for(backbone: str) -> str:
    """bf16 for MobileNetV2, which it makes faster on CPUs that have it, and for all networks on CUDA; else float32."""
    return half_precision() if backbone == "mobilenet_v2" or pick_device() == "cuda" else "no"


def train_configs(config: Config, backbone: str) -> dict[str, TrainConfig]:
    """How each of the week's networks is trained."""
    common = {"batch": config.batch, "smoothing": config.smoothing, "seed": config.seed}
    cast = {"balance": config.balance, "margin": config.margin, **common}
    pixels = {"balance": 0.0, "augment": FOR_28_PIXELS, **common, "batch": 2 * config.batch}
    precision = precision_for(backbone)
    return {
        "scratch": TrainConfig(config.epochs, lr=3e-3, **cast),
        "frozen": TrainConfig(config.head_epochs, lr=5e-3, precision=precision, **cast),
        "finetuned": TrainConfig(config.epochs, lr=config.lr, precision=precision, **cast),
        "small_28": TrainConfig(config.small_epochs, lr=3e-3, **pixels),
        "upscaled_28": TrainConfig(config.upscaled_epochs, lr=config.lr, precision=precision, **pixels),
    }


def train_stage(
    name: str, train: Pictures, validation: Pictures, gallery: Gallery, config: Config, backbone: str
) -> tuple[Classifier, dict]:
    """A network for the characters, "scratch", "frozen" or "finetuned", and the facts of `obtain`."""
    torch.manual_seed(config.seed)
    kind = "small_cnn" if name == "scratch" else backbone
    model = build_model(kind, len(gallery.classes)).freeze(name == "frozen")
    return model, obtain(name, model, train, validation, train_configs(config, backbone)[name], gallery, config)


def obtain(
    name: str,
    model: Classifier,
    train: Pictures,
    validation: Pictures,
    train_config: TrainConfig,
    gallery: Gallery,
    config: Config,
) -> dict:
    """Bring `model` to the end of its training; see `coursework.checkpoints.obtain`."""
    training, practice = training_of(name, model, train, validation, train_config, gallery), None
    if only_starts(config):
        train_config = in_practice(train_config)
        practice = training_of(name, model, train, validation, train_config, gallery)
    classes, run = tuple(gallery.classes), partial(fit, model, train, validation, train_config)
    return obtain_weights("6W", FOLDER, name, model, training, run, config.retrain, None, classes, practice)


def in_practice(train_config: TrainConfig) -> TrainConfig:
    """The same for a moment only, to show that the loop runs."""
    return replace(train_config, epochs=1, batch=8)


def training_of(
    name: str,
    model: Classifier,
    train: Pictures,
    validation: Pictures,
    train_config: TrainConfig,
    gallery: Gallery,
    start=train_stage,
) -> Training:
    """What decides how a training ends; `start` is the function that seeds and builds the model."""
    changes = {name: repr(CHANGES[name]) for name in train_config.augment}
    rules = {**asdict(train_config), "augment": changes, "precision": None}  # a matter of the machine
    shape = {"stage": name, "backbone": model.kind, "upscaled": model.upscaled, "frozen": model.frozen}
    sizes = {"side": train.images.shape[1], "items": [len(train), len(validation)]}
    taught = (fit, EpochSampler, TailLoss, build_model, BUILDERS[model.kind], *model_code(model))
    code = training_code(*taught, alone=[start])
    parts = (train, validation)
    images, labels = (np.concatenate([getattr(part, kind) for part in parts]) for kind in ("images", "labels"))
    files = [name for part in parts for name in part.files]
    return Training(rules | shape | sizes, code, fingerprint(gallery.name, files, images, labels))
