"""The trained networks of this week: released weights, or a training run with its data, step function and settings."""

from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import Dataset

from autoencoders.classifier import DigitClassifier, GreyDigits, classifier_step
from autoencoders.config import Config
from autoencoders.likelihood import negative_log_likelihood
from autoencoders.mnist import BinaryDigits, Digits, binarise, fingerprint_of
from autoencoders.train import TrainConfig, fit
from autoencoders.vae import log_weights
from coursework.checkpoints import obtain, only_starts, recorded
from coursework.provenance import Fingerprint, Training, architecture_of, fingerprint
from coursework.source_code import model_code, training_code
from coursework.training import Step

FOLDER = Path(__file__).resolve().parents[1]  # of the week


def obtain_network(
    name: str,
    build: Callable[[], nn.Module],
    step: Step,
    parts: tuple[Dataset, Dataset],
    settings: TrainConfig,
    config: Config,
    data: tuple[Fingerprint, dict],
    last: bool = False,
) -> tuple[nn.Module, dict]:
    """The network called `name` with its trained weights, and the facts of `coursework.checkpoints.obtain`.

    `parts` are the training and the validation set; `data` is the fingerprint of the data and the settings that say
    which part of them is used. With `config.practice`, a short training run comes first. `last`: see `fit`.
    """
    torch.manual_seed(settings.seed)
    model, practice = build(), None
    describe = partial(describe_training, name, model, step, parts[0], data, last=last)
    training = describe(settings)
    if only_starts(config):
        settings = replace(settings, epochs=2)
        practice = describe(settings)

    def train(checkpoint: Path, key: str) -> list[dict]:
        return fit(model, step, *parts, settings, checkpoint, key, name, last)

    kept = getattr(model, "autoencoder", model)  # a critic is only needed for training
    return kept, obtain("8W", FOLDER, name, kept, training, train, config.retrain, practice=practice)


def describe_training(
    name: str,
    model: nn.Module,
    step: Step,
    train: Dataset,
    data: tuple[Fingerprint, dict],
    settings: TrainConfig,
    last: bool = False,
) -> Training:
    """Everything that determines the result of a training run."""
    items, sizes = data
    rules = asdict(settings) | {"precision": None} | getattr(step, "keywords", {})  # the precision is the machine's
    network = {"run": name, "network": type(model).__name__, "architecture": architecture_of(model)}
    options = {
        option: getattr(train, option)
        for option in ("repeats", "mirror", "share", "labelled_by")
        if hasattr(train, option)
    }
    options |= {"last": True} if last else {}
    code = training_code(fit, step, type(train), *model_code(model))
    return Training(rules | network | options | sizes, code, items)


def digit_network(
    name: str,
    build: Callable[[], nn.Module],
    step: Step,
    digits: Digits,
    config: Config,
    epochs: int,
    labelled: bool = False,
) -> tuple[nn.Module, dict]:
    """A VAE of binary digits, trained for this many passes over the images; returns as `obtain_network`.

    `config.passes` passes count as one epoch of the history, so that it stays short.
    """
    repeats = min(config.passes, epochs)
    train = BinaryDigits(digits.train, labelled, repeats=repeats)
    parts = train, BinaryDigits(digits.validation, labelled, seed=config.seed)
    settings = TrainConfig(epochs // repeats, config.digit_batch_size, config.digit_lr, "no", config.seed)
    return obtain_network(name, build, step, parts, settings, config, fingerprint_of(digits))


def obtain_classifier(digits: Digits, config: Config) -> tuple[nn.Module, dict]:
    """The classifier that evaluates generated digits; returns as `obtain_network`."""
    parts = GreyDigits(digits.train, augment=True), GreyDigits(digits.validation)
    settings = TrainConfig(config.classifier_epochs, config.digit_batch_size, 2e-3, "no", config.seed)
    data = fingerprint_of(digits)
    return obtain_network("digit_classifier", DigitClassifier, classifier_step, parts, settings, config, data)


def likelihood_record(
    name: str, model: nn.Module, facts: dict, digits: Digits, config: Config, weights: Callable = log_weights
) -> dict:
    """The record of -log p(x) of all binarised test images: mean, standard error, and the values of the first images.

    `facts` are those of the network's weights; `weights` computes as `log_weights`. The values are in nats per image.
    """
    settings = {"run": f"{name}_likelihood", "weights": facts["key"], "seed": config.seed}
    settings |= {"samples": config.likelihood_samples, "items": len(digits.test)}
    data = fingerprint("mnist", ["test"], [digits.test.images])
    describe = partial(Training, code=training_code(negative_log_likelihood, binarise, weights), data=data)
    practice, samples, images = None, config.likelihood_samples, binarise(digits.test.images, config.seed)
    if only_starts(config):
        samples, images = 10, images[:10]
        practice = describe(settings | {"samples": samples})

    def compute() -> dict:
        values = negative_log_likelihood(model, images, samples, config.seed, weights)
        error = float(values.std(ddof=1) / len(values) ** 0.5)
        first = values[: config.likelihood_images].round(3).tolist()
        return {"nll": float(values.mean()), "standard_error": error, "first": first}

    training = describe(settings)
    return recorded("8W", FOLDER, f"likelihood/{name}", training, compute, config.retrain, practice)
