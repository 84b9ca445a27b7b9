"""The trainings of this week, each with its data, its step function and its settings."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import Dataset

from autoencoders.config import Config
from autoencoders.data import Faces, split_people
from autoencoders.digits import Digits
from autoencoders.losses import autoencoder_loss, denoising_loss, digit_elbo, face_elbo, reader_loss
from autoencoders.models import Denoiser, DigitReader, build_digit_model, build_face_model
from autoencoders.noise import NOISES, any_noise
from autoencoders.readers import PeopleNet
from autoencoders.sets import DigitSet, FaceSet, NoisySet
from autoencoders.train import TrainConfig, fit
from coursework.checkpoints import obtain
from coursework.provenance import Fingerprint, Training, fingerprint
from coursework.runtime import half_precision
from coursework.source_code import model_code, training_code
from coursework.training import Step

FOLDER = Path(__file__).resolve().parents[1]  # of the week


@dataclass(frozen=True)
class Stage:
    """A training: network, step function, data sets, `TrainConfig`; its result depends on nothing else but `settings`.

    `data` is the fingerprint of the whole data set, of which the settings say what part is trained on; `assembled_by`
    are the functions that build the network and split the data.
    """

    model: nn.Module
    step: Step
    train: Dataset
    validation: Dataset
    train_config: TrainConfig
    data: Fingerprint
    settings: dict
    assembled_by: tuple[Callable, ...]


def face_stages(config: Config, faces: Faces, rows: dict[str, np.ndarray]) -> dict[str, Stage]:
    """The trainings on faces: autoencoder, VAE, denoiser; `rows` are those of `data.split_people`."""
    train, validation = (faces.images[rows[name]] for name in ("train", "validation"))
    shown, held = FaceSet(train, mirror=True), FaceSet(validation)
    noisy = NoisySet(train, any_noise), NoisySet(validation, any_noise, config.seed)
    ae, vae = (
        seeded(config.seed, build_face_model, kind, config.side, width, config.latent)
        for kind, width in (("ae", config.width), ("vae", config.vae_width))
    )
    denoiser = seeded(config.seed, Denoiser, config.denoiser_width).to(memory_format=torch.channels_last)
    elbo = partial(face_elbo, deviation=config.deviation)
    about = *face_data(config, faces), (face_stages, build_face_model, seeded, split_people)
    return {
        "face_ae": Stage(ae, autoencoder_loss, shown, held, face_train_config(config, config.face_epochs), *about),
        "face_vae": Stage(vae, elbo, shown, held, face_train_config(config, config.face_vae_epochs), *about),
        "denoiser": Stage(denoiser, denoising_loss, *noisy, face_train_config(config, config.denoise_epochs), *about),
    }


def face_data(config: Config, faces: Faces) -> tuple[Fingerprint, dict]:
    """The fingerprint of the faces, and how they are split."""
    split = {"parts": list(config.parts), "split_seed": config.seed, "limit": config.limit, "side": config.side}
    names = [f"{person}/{file}" for person, file in zip(faces.people, faces.files, strict=True)]
    return fingerprint(faces.name, names, faces.images), split


def people_stage(config: Config, faces: Faces, rows: np.ndarray) -> Stage:
    """The network that tells people apart, from those with three pictures or more; the last of each is for validation.

    `rows` are those of the training part. Raises ValueError if nobody has three.
    """
    images, people = faces.images[rows], faces.people[rows]
    names, counts = np.unique(people, return_counts=True)
    known = names[counts >= 3]
    if len(known) == 0:
        raise ValueError("nobody has three pictures; people cannot be told apart from fewer")
    labels = np.searchsorted(known, people).clip(max=len(known) - 1)
    rows = np.flatnonzero(known[labels] == people)
    last = np.array([np.flatnonzero(people == name)[-1] for name in known])
    learnt = np.setdiff1d(rows, last)
    model = seeded(config.seed, PeopleNet, len(known), config.side, config.people_width)
    shown = FaceSet(images[learnt], labels[learnt], mirror=True), FaceSet(images[last], labels[last])
    model, train_config = (
        model.to(memory_format=torch.channels_last),
        replace(face_train_config(config, config.people_epochs), lr=config.people_lr),
    )
    return Stage(
        model, reader_loss, *shown, train_config, *face_data(config, faces), (people_stage, seeded, split_people)
    )


def digit_stages(config: Config, digits: Digits) -> dict[str, Stage]:
    """The trainings on digits: VAE, conditional VAE, the reader, a VAE of two numbers, and one for each beta."""
    plain = DigitSet(digits.train), DigitSet(digits.validation, seed=config.seed)
    told = (
        DigitSet(digits.train, digits.train_labels),
        DigitSet(digits.validation, digits.validation_labels, config.seed),
    )
    epochs = config.digit_epochs, config.cvae_epochs, config.beta_epochs, config.reader_epochs
    long, longer, short, reading = (digit_train_config(config, number) for number in epochs)
    about = *digit_data(digits), (digit_stages, build_digit_model, seeded)
    build = partial(seeded, config.seed, build_digit_model)
    cvae = build("cvae", config.cvae_hidden, config.digit_latent)
    nearer = partial(digit_elbo, beta=config.cvae_beta)
    stages = {
        "digit_vae": Stage(build("vae", config.digit_hidden, config.digit_latent), digit_elbo, *plain, long, *about),
        "digit_cvae": Stage(cvae, nearer, *told, longer, *about),
        "reader": Stage(seeded(config.seed, DigitReader), reader_loss, *told, reading, *about),
        "digit_plane": Stage(build("vae", config.small_hidden, 2), digit_elbo, *plain, long, *about),
    }
    for beta in config.betas:
        model = build("vae", config.small_hidden, config.digit_latent)
        stages[f"digit_beta_{beta:g}"] = Stage(model, partial(digit_elbo, beta=beta), *plain, short, *about)
    return stages


def digit_data(digits: Digits) -> tuple[Fingerprint, dict]:
    """The fingerprint of the digits, and how many there are to train and to validate on.

    They are one item: the files come with the repository and are checked by their hash, so there is no other copy.
    """
    arrays = digits.train, digits.train_labels, digits.validation, digits.validation_labels
    numbers = [len(digits.train), len(digits.validation)]
    return fingerprint("mnist", ["digits"], *([array] for array in arrays)), {"items": numbers}


def seeded(seed: int, build, *arguments) -> nn.Module:
    """A network from a fresh start that the seed decides."""
    torch.manual_seed(seed)
    return build(*arguments)


def face_train_config(config: Config, epochs: int) -> TrainConfig:
    """How faces are trained."""
    return TrainConfig(epochs, config.batch, config.lr, half_precision(), config.seed)


def digit_train_config(config: Config, epochs: int) -> TrainConfig:
    """How digits are trained: small networks, so larger batches, in float32."""
    return TrainConfig(epochs, config.digit_batch, config.digit_lr, "no", config.seed)


def training_of(name: str, stage: Stage) -> Training:
    """What decides how a stage's training ends."""
    rules = {**asdict(stage.train_config), "precision": None}  # a matter of the machine
    aim = {"stage": name, "objective": getattr(stage.step, "keywords", {})}
    noises = (any_noise, *NOISES.values()) if isinstance(stage.train, NoisySet) else ()
    taught = (fit, stage.step, *model_code(stage.model), type(stage.train), *noises)
    code = training_code(*taught, alone=stage.assembled_by)
    return Training(rules | aim | stage.settings, code, stage.data)


def finish(name: str, stage: Stage, config: Config) -> dict:
    """Bring a stage's network to the end of its training; the facts of `coursework.checkpoints.obtain`."""
    train = partial(fit, stage.model, stage.step, stage.train, stage.validation, stage.train_config)
    return obtain("8W", FOLDER, name, stage.model, training_of(name, stage), train, config.retrain)


def finish_all(stages: dict[str, Stage], config: Config) -> dict[str, dict]:
    """`finish` each of them."""
    return {name: finish(name, stage, config) for name, stage in stages.items()}
