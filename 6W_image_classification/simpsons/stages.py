"""The trainings of this week: what each starts from, and where finished weights come from if they are at hand."""

from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch

from coursework.checkpoints import obtain as obtain_weights
from coursework.checkpoints import training_key
from coursework.runtime import half_precision, pick_device
from simpsons.config import Config
from simpsons.data import Pictures
from simpsons.models import Classifier, build_model
from simpsons.train import Plan, fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week
FOR_28_PIXELS = ("mirror", "turn, shift, scale", "hide a part")  # a cartoon's colours are fixed, and blur hides all


def precision_for(backbone: str) -> str:
    """On a CPU, bf16 makes MobileNetV2 faster and EfficientNet-Lite0 not (the notebook measures it); CUDA likes it."""
    return half_precision() if backbone == "mobilenet_v2" or pick_device() == "cuda" else "no"


def plans(config: Config, backbone: str) -> dict[str, Plan]:
    """How each of the week's networks is trained."""
    common = {"batch": config.batch, "smoothing": config.smoothing, "seed": config.seed}
    cast = {"balance": config.balance, "margin": config.margin, **common}
    pixels = {"balance": 0.0, "augment": FOR_28_PIXELS, **common, "batch": 2 * config.batch}
    precision = precision_for(backbone)
    return {
        "scratch": Plan(config.epochs, rate=3e-3, **cast),
        "frozen": Plan(config.head_epochs, rate=5e-3, precision=precision, **cast),
        "finetuned": Plan(config.epochs, rate=config.rate, precision=precision, **cast),
        "small_28": Plan(config.small_epochs, rate=3e-3, **pixels),
        "upscaled_28": Plan(config.upscaled_epochs, rate=config.rate, precision=precision, **pixels),
    }


def train_stage(
    name: str, train: Pictures, validation: Pictures, classes: int, config: Config, backbone: str
) -> tuple[Classifier, dict]:
    """A network for the characters, "scratch", "frozen" or "finetuned", and the facts of `obtain`."""
    torch.manual_seed(config.seed)
    model = build_model("small_cnn" if name == "scratch" else backbone, classes).freeze(name == "frozen")
    return model, obtain(name, model, train, validation, plans(config, backbone)[name], config.retrain)


def obtain(
    name: str, model: Classifier, train: Pictures, validation: Pictures, plan: Plan, retrain: bool = False
) -> dict:
    """Bring `model` to the end of its training; see `coursework.checkpoints.obtain`.

    Only weights of the very same network, plan and pictures are loaded.
    """
    rules = {**asdict(plan), "precision": None}  # a matter of the machine
    arrays = (train.images, train.labels, validation.images, validation.labels)
    key = training_key(name, str(model), rules, *arrays)
    return obtain_weights("6W", FOLDER, name, model, key, partial(fit, model, train, validation, plan), retrain)
