"""The trained networks for faces, with their data, step functions and settings; and the record of code sizes."""

import base64
import io
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset

from autoencoders.batches import reconstruct
from autoencoders.config import Config
from autoencoders.edits import mean_direction
from autoencoders.evaluators import (
    FEATURES,
    LABELLER,
    AttributeClassifier,
    LabelledFaces,
    attribute_features,
    blur,
    fit_classifier,
    labels_of,
)
from autoencoders.face_losses import Editor, edit_step, mse_step
from autoencoders.face_models import Autoencoder, ConditionalAutoencoder, Critic
from autoencoders.faces import ATTRIBUTES, FaceImages, Faces, fingerprint_of, shrink
from autoencoders.identity import IdentityNet, identity_parts, identity_step
from autoencoders.image_metrics import mean_squared_error
from autoencoders.networks import FOLDER, obtain_network
from autoencoders.pca import PCA
from autoencoders.train import TrainConfig, fit
from coursework.checkpoints import obtain, only_starts, recorded, spent
from coursework.provenance import Training
from coursework.runtime import half_precision
from coursework.source_code import training_code
from coursework.training import Step


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
    labels: bool = False,
    batch_size: int | None = None,
) -> tuple[nn.Module, dict]:
    """A network for faces; `parts` are the training and the validation set; returns as `obtain_network`.

    `lr` and `batch_size` are those of the autoencoders unless given. `labels` says that the result also depends on the
    labels of the faces.
    """
    settings = TrainConfig(
        epochs, batch_size or config.face_batch_size, lr or config.face_lr, half_precision(), config.seed
    )
    data = fingerprint_of(faces, config, labels)

    def build_channels_last() -> nn.Module:
        return build().to(memory_format=torch.channels_last)

    return obtain_network(name, build_channels_last, step, parts, settings, config, data, last)


def recognizer(part: Faces, faces: Faces, config: Config) -> tuple[nn.Module, dict]:
    """The network that recognises people, trained on `part`; returns as `obtain_network`."""
    *parts, people = identity_parts(part)
    build = partial(IdentityNet, people, config.identity_width)
    epochs, lr = config.identity_epochs, config.identity_lr
    return face_network("face_identity", build, identity_step, tuple(parts), faces, config, epochs, lr)


def build_editor(differences: torch.Tensor, config: Config) -> Editor:
    """The conditional autoencoder with its critic, untrained; `differences` are those of `mean_differences`."""
    autoencoder = ConditionalAutoencoder(config.edit_width, differences)
    return Editor(autoencoder, Critic(autoencoder.side, config.critic_width, len(differences)))


def mean_differences(part: Faces, side: int) -> torch.Tensor:
    """For each of ATTRIBUTES, the mean image with it minus that without, reduced, (A, 3, side, side); symmetric.

    Raises: ValueError if an attribute has only one class.
    """
    small, labels = shrink(part.images, side), labels_of(part)
    means = [mean_direction(small, labels[:, column], name) for column, name in enumerate(ATTRIBUTES)]
    differences = torch.from_numpy(np.stack(means) / 255).float().permute(0, 3, 1, 2)
    return (differences + differences.flip(-1)) / 2


def editor(
    parts: dict[str, Faces],
    faces: Faces,
    config: Config,
    build: Callable[[torch.Tensor, Config], nn.Module] = build_editor,
    step: Callable = edit_step,
) -> tuple[nn.Module, dict]:
    """The conditional autoencoder, trained with its critic; returns as `obtain_network`. The critic is not released."""
    weights = {name: getattr(config, f"edit_{name}") for name in ("attribute", "adversarial", "change")}

    def label() -> nn.Module:
        return labeller(parts["train"], faces, config)[0]

    key = describe_classifier("face_labeller", LABELLER, parts["train"], faces, config, {}, balanced=False)[0].key
    train = LabelledFaces(parts["train"], label, key, config.glasses_share, mirror=True)
    sets = train, LabelledFaces(parts["validation"], label, key)
    build = partial(build, mean_differences(parts["train"], config.small_side), config)
    options = {"epochs": config.edit_epochs, "lr": config.edit_lr, "batch_size": config.edit_batch_size}
    options |= {"last": True, "labels": True}
    return face_network("face_editor", build, partial(step, **weights), sets, faces, config, **options)


def labeller(part: Faces, faces: Faces, config: Config) -> tuple[nn.Module, dict]:
    """The classifier that labels faces of which an attribute is unknown, fitted to `part`; as `obtain_network`."""
    return attribute_classifier("face_labeller", LABELLER, part, faces, config, {}, balanced=False)


def evaluator(
    name: str, network: str, part: Faces, reconstruct_by: Callable, key: str, faces: Faces, config: Config
) -> tuple[nn.Module, dict]:
    """A classifier of edited faces on features of `network`, fitted to `part`, also reconstructed, and blurred.

    `key` is that of the network that reconstructs. Returns as `obtain_network`.
    """
    changes = {key: reconstruct_by, "blurred": blur}
    return attribute_classifier(name, network, part, faces, config, changes, balanced=True)


def attribute_classifier(
    name: str, network: str, part: Faces, faces: Faces, config: Config, changes: dict[str, Callable], balanced: bool
) -> tuple[nn.Module, dict]:
    """A classifier of attributes on features of `network`, fitted to images of `part` and to changed ones."""
    training, chosen = describe_classifier(name, network, part, faces, config, changes, balanced)
    practice = replace(training, settings=training.settings | {"practice": True})
    model = AttributeClassifier(FEATURES[network])

    def train(_checkpoint: Path, _key: str) -> list[dict]:
        started = time.perf_counter()
        images, labels = part.images[chosen], labels_of(part)[chosen]
        several = [images, *(change(images) for change in changes.values())]
        features = np.concatenate([attribute_features(some, network) for some in several])
        fit_classifier(model, features, np.tile(labels, (len(several), 1)), balanced)
        return [{"loss": 0.0, "seconds": time.perf_counter() - started, "steps": 1}]

    short = practice if only_starts(config) else None
    return model, obtain("8W", FOLDER, name, model, training, train, config.retrain, practice=short)


def describe_classifier(
    name: str, network: str, part: Faces, faces: Faces, config: Config, changes: dict[str, Callable], balanced: bool
) -> tuple[Training, np.ndarray]:
    """What determines the result of a classifier's training, and the rows of `part` that it uses.

    At most `config.evaluated` faces, those with known glasses first, as these are few.
    """
    labels = labels_of(part)
    order = np.random.default_rng(config.seed).permutation(len(part))
    order = order[np.argsort(np.isnan(labels[order, 1]), kind="stable")]
    chosen = np.sort(order[~np.isnan(labels[order]).all(axis=1)][: config.evaluated])
    data, sizes = fingerprint_of(faces, config, labels=True)
    settings = {"run": name, "network": network, "faces": len(chosen), "changes": list(changes), "seed": config.seed}
    code = training_code(fit_classifier, attribute_features, AttributeClassifier, *changes.values())
    return Training(settings | sizes | {"balanced": balanced}, code, data), chosen


def code_size_record(parts: dict[str, Faces], faces: Faces, config: Config) -> dict:
    """The record of reconstructions from several numbers of latents, by autoencoders and PCA, of small images.

    It has the mean squared errors, {size: error}, and one face as read by `read_images`.
    """
    data, sizes = fingerprint_of(faces, config)
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
