"""The trained networks of this week: released weights, or a training run with its data, step function and settings."""

import base64
import io
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from autoencoders.batches import reconstruct
from autoencoders.classifier import DigitClassifier, GreyDigits, classifier_step
from autoencoders.config import Config
from autoencoders.evaluators import FEATURES, Evaluator, attribute_features, fit_evaluator, labels_of
from autoencoders.face_losses import mse_step
from autoencoders.face_models import Autoencoder
from autoencoders.faces import FaceImages, Faces, shrink
from autoencoders.faces import fingerprint_of as faces_fingerprint
from autoencoders.identity import IdentityNet, identity_parts, identity_step
from autoencoders.image_metrics import mean_squared_error
from autoencoders.likelihood import negative_log_likelihood
from autoencoders.mnist import BinaryDigits, Digits, binarise, fingerprint_of
from autoencoders.pca import PCA
from autoencoders.train import TrainConfig, fit
from coursework.checkpoints import obtain, only_starts, recorded, spent
from coursework.provenance import Fingerprint, Training, architecture_of, fingerprint
from coursework.runtime import half_precision
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
    describe = partial(describe_training, name, model, step, parts[0], data)
    training = describe(settings)
    if only_starts(config):
        settings = replace(settings, epochs=2)
        practice = describe(settings)

    def train(checkpoint: Path, key: str) -> list[dict]:
        return fit(model, step, *parts, settings, checkpoint, key, name, last)

    return model, obtain("8W", FOLDER, name, model, training, train, config.retrain, practice=practice)


def describe_training(
    name: str, model: nn.Module, step: Step, train: Dataset, data: tuple[Fingerprint, dict], settings: TrainConfig
) -> Training:
    """Everything that determines the result of a training run."""
    items, sizes = data
    rules = asdict(settings) | {"precision": None} | getattr(step, "keywords", {})  # the precision is the machine's
    network = {"run": name, "network": type(model).__name__, "architecture": architecture_of(model)}
    options = {"repeats": train.repeats} if hasattr(train, "repeats") else {}
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


def likelihood_record(name: str, model: nn.Module, facts: dict, digits: Digits, config: Config) -> dict:
    """The record of -log p(x) of all binarised test images: mean, standard error, and the values of the first images.

    `facts` are those of the network's weights. The values are in nats per image.
    """
    settings = {"run": f"{name}_likelihood", "weights": facts["key"], "seed": config.seed}
    settings |= {"samples": config.likelihood_samples, "items": len(digits.test)}
    data = fingerprint("mnist", ["test"], [digits.test.images])
    describe = partial(Training, code=training_code(negative_log_likelihood, binarise), data=data)
    practice, samples, images = None, config.likelihood_samples, binarise(digits.test.images, config.seed)
    if only_starts(config):
        samples, images = 10, images[:10]
        practice = describe(settings | {"samples": samples})

    def compute() -> dict:
        values = negative_log_likelihood(model, images, samples, config.seed)
        error = float(values.std(ddof=1) / len(values) ** 0.5)
        first = values[: config.likelihood_images].round(3).tolist()
        return {"nll": float(values.mean()), "standard_error": error, "first": first}

    training = describe(settings)
    return recorded("8W", FOLDER, f"likelihood/{name}", training, compute, config.retrain, practice)


def face_network(
    name: str,
    build: Callable[[], nn.Module],
    step: Step,
    parts: tuple[Dataset, Dataset],
    faces: Faces,
    config: Config,
    epochs: int,
    lr: float | None = None,
    last: bool = False,
) -> tuple[nn.Module, dict]:
    """A network for faces; `parts` are the training and the validation set; returns as `obtain_network`."""
    settings = TrainConfig(epochs, config.face_batch_size, lr or config.face_lr, half_precision(), config.seed)
    data = faces_fingerprint(faces, config)

    def build_channels_last() -> nn.Module:
        return build().to(memory_format=torch.channels_last)

    return obtain_network(name, build_channels_last, step, parts, settings, config, data, last)


def recognizer(part: Faces, faces: Faces, config: Config) -> tuple[nn.Module, dict]:
    """The network that recognises people, trained on `part`; returns as `obtain_network`."""
    *parts, people = identity_parts(part)
    build = partial(IdentityNet, people, config.identity_width)
    epochs, lr = config.identity_epochs, config.identity_lr
    return face_network("face_identity", build, identity_step, tuple(parts), faces, config, epochs, lr)


def evaluator(
    part: Faces, reconstruct_by: tuple[Callable[[Faces], np.ndarray], ...], faces: Faces, config: Config
) -> tuple[nn.Module, dict]:
    """The evaluator of attributes, fitted to images of `part` and to their reconstructions, half of them by each way.

    Returns as `obtain_network`.
    """
    known = np.random.default_rng(config.seed).permutation(len(part))
    known = known[np.argsort(-(~np.isnan(labels_of(part)[known])).sum(axis=1), kind="stable")][: config.evaluated]
    settings = {"run": "face_evaluator", "network": "Evaluator", "faces": config.evaluated, "seed": config.seed}
    data, sizes = faces_fingerprint(faces, config)
    code = training_code(fit_evaluator, attribute_features, Evaluator)
    describe = partial(Training, code=code, data=data)
    training, practice = describe(settings | sizes), None
    if only_starts(config):
        practice = describe(settings | sizes | {"faces": len(known)})
    model = Evaluator(FEATURES)

    def train(_checkpoint: Path, _key: str) -> list[dict]:
        shown = part.subset(np.sort(known))
        images, labels = [shown.images], [labels_of(shown)]
        for way in reconstruct_by:
            half = shown.subset(np.arange(0, len(shown), 2))
            images.append(way(half))
            labels.append(labels_of(half))
        features = np.concatenate([attribute_features(some, "lite2") for some in images])
        started = time.perf_counter()
        fit_evaluator(model, features, np.concatenate(labels))
        return [{"loss": 0.0, "seconds": time.perf_counter() - started, "steps": 1}]

    return model, obtain("8W", FOLDER, "face_evaluator", model, training, train, config.retrain, practice=practice)


def code_size_record(parts: dict[str, Faces], faces: Faces, config: Config) -> dict:
    """The record of reconstructions from several numbers of latents, by autoencoders and PCA, of small images.

    It has the mean squared errors, {size: error}, and one face as read by `read_images`.
    """
    data, sizes = faces_fingerprint(faces, config)
    names = ("code_sizes", "code_size_epochs", "small_side", "small_width", "face_batch_size", "face_lr", "seed")
    settings = {"run": "code_sizes"} | {name: getattr(config, name) for name in names} | sizes
    describe = partial(Training, code=training_code(fit, mse_step, Autoencoder, FaceImages, PCA, shrink), data=data)
    training, practice, epochs = describe(settings), None, config.code_size_epochs
    if only_starts(config):
        epochs = 1
        practice = describe(settings | {"code_size_epochs": epochs})

    def compute() -> dict:
        images = {name: shrink(part.images, config.small_side) for name, part in parts.items()}
        sets = FaceImages(images["train"], mirror=True), FaceImages(images["validation"])
        test, errors, shown = images["test"], {"PCA": {}, "autoencoder": {}}, {"PCA": [], "autoencoder": []}
        pca, history = PCA(images["train"], max(config.code_sizes), config.seed), []
        codes = pca.encode(test)
        for size in config.code_sizes:
            torch.manual_seed(config.seed)
            model = Autoencoder(config.small_side, config.small_width, size).to(memory_format=torch.channels_last)
            run = TrainConfig(epochs, config.face_batch_size, config.face_lr, half_precision(), config.seed)
            history += fit(model, mse_step, *sets, run, name=f"{size} latents")
            for name, outputs in (("PCA", pca.decode(codes[:, :size])), ("autoencoder", reconstruct(model, test))):
                errors[name][str(size)] = mean_squared_error(outputs, test)
                shown[name].append(outputs[0])
        rows = {name: [test[0] / 255, *some] for name, some in shown.items()}
        written = {name: [as_png(image) for image in some] for name, some in rows.items()}
        return {"mse": errors, "images": written, "training": spent(history)}

    return recorded("8W", FOLDER, "code_sizes", training, compute, config.retrain, practice)


def as_png(image: np.ndarray) -> str:
    """An image (S, S, 3), floats in [0, 1], as a PNG file in base64."""
    file = io.BytesIO()
    Image.fromarray((255 * image).round().astype(np.uint8)).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def read_images(rows: dict[str, list[str]]) -> dict[str, np.ndarray]:
    """Rows of images that `as_png` wrote, each uint8 (n, S, S, 3)."""
    return {
        name: np.stack([np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in some])
        for name, some in rows.items()
    }
