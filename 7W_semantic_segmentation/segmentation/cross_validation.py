"""The network with the pretrained encoder: its training settings, and five-fold cross-validation over all images."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn

from coursework.checkpoints import obtain, only_starts, read_facts, read_json, recorded, spent
from coursework.provenance import Training
from coursework.records import build_dir
from segmentation import evaluate
from segmentation.config import Config
from segmentation.data import LesionData, LesionSplit, cross_validation_folds, load_lesions, load_synthetic
from segmentation.experiments import (
    FOLDER,
    PARTS,
    as_published,
    describe_training,
    fingerprint_of,
    shorten,
    train_config,
)
from segmentation.losses import bce_loss, dice_loss
from segmentation.pretrained import PretrainedUNet
from segmentation.train import TrainConfig, fit

PRETRAINED, SYNTHETIC = "pretrained", "pretrained-synthetic"  # names of the weights
STARTS = ("imagenet", "synthetic")  # initial weights of the cross-validated network


def dice_bce_loss(logits: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The sum of Dice loss and binary cross-entropy."""
    return dice_loss(logits, masks) + bce_loss(logits, masks)


def pretrained_config(config: Config) -> TrainConfig:
    """The training settings of the network with the pretrained encoder."""
    rates = {"lr": config.pretrained_lr, "encoder_lr": config.encoder_lr}
    return train_config(config, config.seed, epochs=config.pretrained_epochs, warmup=0.0, **rates)


def accept_published(training: Training, facts: dict | None, config: Config) -> Training:
    """`training` `as_published`, if a committed file with these facts then stands for it; else as it is."""
    published = as_published(training, facts)
    return published if published.difference(facts, only_starts(config)) is None else training


def train_pretrained(
    name: str, config: Config, data: str, train: LesionData, build: Callable[[], nn.Module], parts: dict = PARTS
) -> tuple[nn.Module, dict]:
    """The network with the pretrained encoder, trained on all of `train`; returns as `load_network`.

    `data` is the name of the data set. No image is held out for validation: the last epoch's weights are kept.
    The released weights, trained on PH2, are also used if PH2 is not there.
    """
    settings, practice = pretrained_config(config), None
    torch.manual_seed(settings.seed)
    model, items = build(), fingerprint_of(data, train)
    sizes = {"image_size": config.pretrained_size, "items": len(train)}
    describe = partial(describe_training, name, model, items, sizes, loss=dice_bce_loss, parts=parts)
    training = describe(settings=settings)
    if not config.retrain:
        training = accept_published(training, read_facts(FOLDER / "weights" / f"{name}.safetensors"), config)
    if only_starts(config):
        settings = shorten(settings)
        practice = describe(settings=settings)

    def run(checkpoint: Path, key: str) -> list[dict]:
        kinds = {kind: parts[kind] for kind in ("step", "augmentation")}
        return fit(model, train, None, settings, dice_bce_loss, checkpoint, key, name=name, **kinds)

    return model, obtain("7W", FOLDER, name, model, training, run, config.retrain, practice=practice)


def cross_validate(
    config: Config, lesions: LesionSplit, synthetic: LesionSplit, build: Callable[[], nn.Module], parts: dict = PARTS
) -> dict[str, list[dict]]:
    """The records of all folds for each of STARTS: ImageNet weights, or these after training on synthetic images.

    All images of `lesions` take part; both data sets are of `config.pretrained_size`. A record holds the names of the
    fold's test images, and their IoU and Dice.
    """

    def start_from_synthetic(model: nn.Module) -> None:
        trained, _ = train_pretrained(SYNTHETIC, config, synthetic.name, synthetic.all_images(), build, parts)
        model.load_state_dict(trained.state_dict())

    images, records = lesions.all_images(), {start: [] for start in STARTS}
    for number, (train, test) in enumerate(cross_validation_folds(images, config.folds, config.seed)):
        fold = images.subset(train), images.subset(test)
        for start, begin in zip(STARTS, (None, start_from_synthetic), strict=True):
            name = f"folds/{start}-{number}"
            records[start].append(record_fold(name, config, lesions.name, *fold, build, begin, parts))
    return records


def record_fold(
    name: str,
    config: Config,
    data: str,
    train: LesionData,
    test: LesionData,
    build: Callable[[], nn.Module],
    begin: Callable[[nn.Module], None] | None,
    parts: dict,
) -> dict:
    """Train on `train`, evaluate on `test`: the record of one fold. `begin` is called with the untrained model."""
    settings, practice = pretrained_config(config), None
    torch.manual_seed(settings.seed)
    model, items = build(), fingerprint_of(data, train, test)
    sizes = {"image_size": config.pretrained_size, "folds": config.folds, "split_seed": config.seed}
    sizes |= {"items": len(train) + len(test), "synthetic_seed": config.synthetic_seed if begin else None}
    describe = partial(describe_training, name, model, sizes=sizes, loss=dice_bce_loss, parts=parts)
    training = describe(data=items, settings=settings)
    if not config.retrain:
        training = accept_published(training, read_json(FOLDER / f"{name}.json"), config)
    if only_starts(config):
        settings, train, test = shorten(settings), train.first(4), test.first(2)
        practice = describe(data=items, settings=settings)

    def compute() -> dict:
        if begin:
            begin(model)
        kinds = {kind: parts[kind] for kind in ("step", "augmentation")}
        checkpoint, key = build_dir("7W") / f"{name}.checkpoint", (practice or training).key
        history = fit(model, train, None, settings, dice_bce_loss, checkpoint, key, name=name, **kinds)
        tables, _ = evaluate.predict(model, test)
        metrics = {"iou": evaluate.image_iou(tables), "dice": evaluate.image_dice(tables)}
        rounded = {metric: values.round(4).tolist() for metric, values in metrics.items()}
        return {"names": test.names} | rounded | {"training": spent(history)}

    return recorded("7W", FOLDER, name, training, compute, config.retrain, practice)


def load_pretrained_sized(config: Config) -> tuple[LesionSplit, LesionSplit]:
    """The lesions, and other, synthetic images, at the size of the network with the pretrained encoder."""
    larger = replace(config, image_size=config.pretrained_size)
    lesions = load_lesions(larger)
    seed = config.synthetic_seed + (1 if lesions.generator else 0)  # never those that the folds are tested on
    return lesions, load_synthetic(replace(larger, synthetic_seed=seed))


def fold_means(folds: list[dict]) -> dict[str, float]:
    """Mean IoU and Dice over the test images of all folds."""
    return {metric: float(np.mean(np.concatenate([fold[metric] for fold in folds]))) for metric in ("iou", "dice")}


def run_cross_validation(config: Config) -> list[str]:
    """Cross-validate, train the released network on all images, and describe the results, a line for each start.

    Raises: FileNotFoundError if PH2 is not there.
    """
    lesions, synthetic = load_pretrained_sized(config)
    if lesions.generator and not only_starts(config):
        raise FileNotFoundError("the released network is trained on PH2, which is not in the data folder")
    records = cross_validate(config, lesions, synthetic, PretrainedUNet)
    train_pretrained(PRETRAINED, config, lesions.name, lesions.all_images(), PretrainedUNet)
    means = {start: fold_means(folds) for start, folds in records.items()}
    return [f"{start}: IoU {values['iou']:.4f}, Dice {values['dice']:.4f}" for start, values in means.items()]
