"""The trainings of this week: what each starts from, and where finished weights come from if they are at hand."""

from dataclasses import asdict
from pathlib import Path

import torch
from accelerate import PartialState

from coursework.checkpoints import load_weights, read_facts, save_weights, training_key
from coursework.datasets import sha256
from coursework.records import build_dir, keep_dir
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
    """Bring `model` to the end of its training; returns facts: "key", "history", "sha256", "origin".

    Finished weights of the very same training are loaded, the committed ones unless `retrain`; else a half-finished
    training goes on, or a new one starts, below `build/`. What was trained is rounded to half precision at the end,
    as it is when it is loaded.
    """
    rules = {**asdict(plan), "precision": None}  # a matter of the machine
    arrays = (train.images, train.labels, validation.images, validation.labels)
    key = training_key(name, str(model), rules, *arrays)
    fresh = keep_dir("6W") / "weights" / f"{name}.safetensors"
    committed = FOLDER / "weights" / fresh.name
    for path, origin in ((fresh, "trained before"), (committed, "committed")):
        if (path == fresh or not retrain) and (read_facts(path) or {}).get("key") == key:
            return load_weights(path, model) | {"sha256": sha256(path), "origin": origin}
    checkpoint = build_dir("6W") / f"{name}.checkpoint"
    history = fit(model, train, validation, plan, checkpoint, key)
    state = PartialState()
    if state.is_main_process:
        save_weights(fresh, model, {"key": key, "history": history})
    state.wait_for_everyone()
    return load_weights(fresh, model) | {"sha256": sha256(fresh), "origin": "trained now"}
