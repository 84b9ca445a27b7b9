"""The training runs of this week: their initial weights, settings, released weights and records."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from torch import nn
from torchvision.transforms import v2

from coursework.checkpoints import obtain, only_starts, recorded, spent
from coursework.provenance import Training, fingerprint
from coursework.records import build_dir
from coursework.runtime import pick_device
from coursework.source_code import model_code, training_code
from simpsons import evaluate
from simpsons.config import Config
from simpsons.data import CharacterData, ImageData
from simpsons.losses import LogitAdjustedLoss
from simpsons.models import build_lite0, build_mobilenet, build_small_cnn
from simpsons.pretrained import (
    NPZ,
    find_imagenet_weights,
    load_features,
    read_imagenet_weights,
    restore_batch_norms,
)
from simpsons.train import TrainConfig, build_optimizer, build_schedule, fit, mixing_step, training_step
from simpsons.transforms import AFFINE, AUGMENTATION, ERASE, FLIP, normalise

FOLDER = Path(__file__).resolve().parents[1]  # of the week
SMALL_AUGMENTATION = v2.Compose([FLIP, AFFINE, ERASE])  # cartoon colours are fixed; blur hides all details
MEASURED = 512  # training images for the statistics of the batch norms
FROZEN_C = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)  # candidates for C, the inverse regularisation strength
# The components of a training run that can be replaced; the notebook passes its own definitions.
PARTS = {
    "augmentation": AUGMENTATION,
    "loss": LogitAdjustedLoss,
    "step": training_step,
    "optimizer": build_optimizer,
    "schedule": build_schedule,
}
# On 28-pixel images, batches are mixed.
SMALL_PARTS = PARTS | {"augmentation": SMALL_AUGMENTATION, "step": mixing_step}
Split = tuple[ImageData, ImageData]  # training set and validation set


def train_config(config: Config, **changes) -> TrainConfig:
    """The training settings of the week; `changes` override them."""
    names = ("epochs", "batch", "lr", "head_lr", "adjustment", "seed")
    settings = {name: getattr(config, name) for name in names} | {"precision": precision()}
    return TrainConfig(**settings | changes)


def precision() -> str:
    """bf16 on CUDA; float32 on CPUs, so that all agree (with AVX-512, bf16 is not faster for this network)."""
    return "bf16" if pick_device() == "cuda" else "no"


def start_from_imagenet(model: nn.Module, train: ImageData, config: Config, fallback: bool) -> str:
    """Load ImageNet features into MobileNetV2, restore its batch norms, and return where the weights come from.

    If no ImageNet weights are found, `fallback` loads the features of the released weights, which were trained on the
    characters. Raises: FileNotFoundError if none are found and `fallback` is false.
    """
    path = find_imagenet_weights(config.download)
    if path is None and not fallback:
        raise FileNotFoundError(
            "no ImageNet weights of MobileNetV2 found or downloaded; put torchvision's mobilenet_v2-b0353104.pth "
            f"into hub/checkpoints/ of torch's cache, or {NPZ} into the data folder"
        )
    if path is None:
        released = FOLDER / "weights" / "finetuned.safetensors"
        with safe_open(str(released), "pt") as file:
            load_features(model, {name: file.get_tensor(name).float() for name in file.keys()})  # noqa: SIM118
        return "no ImageNet weights found: training starts from the released weights"
    load_features(model, read_imagenet_weights(path))
    images = torch.from_numpy(train.sample(MEASURED, 0).images).permute(0, 3, 1, 2)
    restore_batch_norms(model.features, normalise(images))
    return f"ImageNet weights: {path.name}"


def finetune(
    split: Split,
    characters: CharacterData,
    config: Config,
    name: str = "finetuned",
    parts: dict = PARTS,
    build: Callable[[int], nn.Module] = build_mobilenet,
    **changes,
) -> tuple[nn.Module, dict]:
    """MobileNetV2, fine-tuned from ImageNet or from released weights, and the facts of `obtain_weights`.

    `parts` and `build` are the notebook's own definitions, `changes` settings of `train_config`.
    """
    settings = train_config(config, **changes)
    torch.manual_seed(settings.seed)
    model = build(len(characters.classes))
    return model, obtain_weights(name, model, split, settings, characters, config, parts, build, start_from_imagenet)


def finetune_small(
    split: Split,
    characters: CharacterData,
    config: Config,
    parts: dict = SMALL_PARTS,
    build: Callable[[int], nn.Module] = build_mobilenet,
) -> tuple[nn.Module, dict]:
    """MobileNetV2, fine-tuned on enlarged 28-pixel images, whose classes are of equal size; returns as `finetune`."""
    changes = {"epochs": config.small_epochs, "batch": 2 * config.batch, "adjustment": 0.0}
    return finetune(split, characters, config, "enlarged_28", parts, build, **changes)


def train_scratch(
    split: Split, characters: CharacterData, config: Config, parts: dict = PARTS
) -> tuple[nn.Module, dict]:
    """The small CNN, trained from scratch, and the facts of `obtain_weights`."""
    torch.manual_seed(config.seed)
    model = build_small_cnn(len(characters.classes))
    settings = train_config(config, epochs=config.scratch_epochs, lr=3e-3, head_lr=3e-3)
    return model, obtain_weights("scratch", model, split, settings, characters, config, parts, build_small_cnn)


def obtain_weights(
    name: str,
    model: nn.Module,
    split: Split,
    settings: TrainConfig,
    characters: CharacterData,
    config: Config,
    parts: dict,
    *built: Callable,
) -> dict:
    """Load existing weights into `model`, or train it; see `coursework.checkpoints.obtain`.

    `built` are the functions that build the model and, if `start_from_imagenet` is among them, give it features.
    """
    training = describe_training(name, model, split, settings, characters, parts, built)
    practice = None
    if only_starts(config):
        settings = shorten(settings)
        practice = describe_training(name, model, split, settings, characters, parts, built)

    def run(checkpoint: Path, key: str) -> list[dict]:
        start = "initial weights: random"
        if start_from_imagenet in built:
            start = start_from_imagenet(model, split[0], config, only_starts(config))
        print(start)
        history = fit(model, *split, settings, checkpoint, key, **parts)
        history[0]["start"] = start
        return history

    classes = tuple(characters.classes)
    return obtain("6W", FOLDER, name, model, training, run, config.retrain, None, classes, practice)


def record_run(
    name: str,
    build: Callable[[], nn.Module],
    split: Split,
    test: ImageData | None,
    settings: TrainConfig,
    characters: CharacterData,
    config: Config,
    parts: dict,
    *begin: Callable[..., object],
) -> dict:
    """Metrics of a training run whose weights are not kept: on `test`, or, if that is None, on `split[1]`.

    `begin` are called with the model before the training, `start_from_imagenet` with its other arguments.
    """
    torch.manual_seed(settings.seed)
    model = build()
    training = describe_training(name, model, split, settings, characters, parts, (build, *begin))
    practice = None
    if only_starts(config):
        settings, split = shorten(settings), tuple(part.subset(np.arange(min(16, len(part)))) for part in split)
        practice = describe_training(name, model, split, settings, characters, parts, (build, *begin))

    def compute() -> dict:
        for function in begin:
            more = (split[0], config, only_starts(config)) if function is start_from_imagenet else ()
            function(model, *more)
        checkpoint = build_dir("6W") / f"{name}.checkpoint"
        # Without a test set, split[1] is for the evaluation, so no epoch is selected on it.
        training_set, held_out = split[0], None if test is None else split[1]
        history = fit(model, training_set, held_out, settings, checkpoint, (practice or training).key, **parts)
        if test is not None:
            metrics = evaluate.scores(*evaluate.predict(model, test))
        else:
            metrics = evaluate.balanced_scores(*evaluate.predict(model, split[1], flip=False))
        return {key: round(value, 4) for key, value in metrics.items()} | {"training": spent(history)}

    return recorded("6W", FOLDER, name, training, compute, config.retrain, practice)


def shorten(settings: TrainConfig) -> TrainConfig:
    """The settings of one short epoch, which only shows that the loop runs."""
    return replace(settings, epochs=1, batch=8)


def describe_training(
    name: str,
    model: nn.Module,
    split: Split,
    settings: TrainConfig,
    characters: CharacterData,
    parts: dict,
    built: tuple[Callable, ...],
) -> Training:
    """Everything that determines the result; `built` are the functions that build the model and give it features."""
    functions = [part for kind, part in parts.items() if kind != "augmentation"]
    rules = asdict(settings) | {"augmentation": describe_transform(parts["augmentation"]), "precision": None}
    sizes = {"side": split[0].images.shape[1], "items": [len(part) for part in split]}
    code = training_code(fit, *functions, *built, *model_code(model))
    return Training(
        rules | sizes | {"run": name, "network": type(model).__name__}, code, fingerprint_of(characters, split)
    )


def describe_transform(transform: Callable | None) -> list[str]:
    """Each transform of a chain as text, with its probability, which torchvision's own text may omit."""
    chain = getattr(transform, "transforms", [transform])
    return [f"{one!r}, p={getattr(one, 'p', None)}" for one in chain if one is not None]


def fingerprint_of(characters: CharacterData, split: Split):
    """The fingerprint of all images of a split, training images first."""
    images, labels = (np.concatenate([getattr(part, kind) for part in split]) for kind in ("images", "labels"))
    return fingerprint(characters.name, [file for part in split for file in part.files], images, labels)


def record_lite0(split: Split, test: ImageData, characters: CharacterData, config: Config, parts: dict = PARTS) -> dict:
    """EfficientNet-Lite0, fine-tuned like MobileNetV2: its metrics."""
    build = partial(build_lite0, len(characters.classes), pretrained=True)
    return record_run("runs/lite0", build, split, test, train_config(config), characters, config, parts)


def record_seed(
    seed: int, split: Split, test: ImageData, characters: CharacterData, config: Config, parts: dict = PARTS,
    build: Callable[[int], nn.Module] = build_mobilenet,
) -> dict:  # fmt: skip
    """MobileNetV2, fine-tuned with another seed: its metrics."""
    settings, build = train_config(config, seed=seed), partial(build, len(characters.classes))
    name = f"runs/finetuned-{seed}"
    return record_run(name, build, split, test, settings, characters, config, parts, start_from_imagenet)


def record_frozen(split: Split, test: ImageData, characters: CharacterData, config: Config) -> dict:
    """Logistic regression on frozen ImageNet features, trained until it converges: its metrics.

    The regularisation strength is the one with the highest balanced F1 on the validation set.
    """
    sizes = {"side": config.side, "items": [len(part) for part in split]}
    settings = {"run": "frozen", "c": FROZEN_C, "steps": 0, "seed": config.seed} | sizes
    code = training_code(
        evaluate.fit_linear, evaluate.compute_features, evaluate.balanced_f1, start_from_imagenet, alone=[record_frozen]
    )
    training = Training(settings, code, fingerprint_of(characters, split))
    practice = Training(settings | {"practice": True}, code, training.data) if only_starts(config) else None

    def compute() -> dict:
        model = build_mobilenet(len(characters.classes))
        start_from_imagenet(model, split[0], config, only_starts(config))
        train, validation, held_out = (evaluate.compute_features(model, part.images) for part in (*split, test))
        fitted = [evaluate.fit_linear(train, split[0].labels, c) for c in FROZEN_C]
        logits = [linear.decision_function(validation) for linear in fitted]
        best = fitted[int(np.argmax([evaluate.balanced_f1(values, split[1].labels) for values in logits]))]
        metrics = evaluate.scores(best.decision_function(held_out), test.labels)
        return {name: round(value, 4) for name, value in metrics.items()} | {"c": best[-1].C}

    return recorded("6W", FOLDER, "runs/frozen", training, compute, config.retrain, practice)
