"""Look-alikes of a photograph: the people whose images have the most similar latents."""

import argparse
from functools import partial
from pathlib import Path

import numpy as np

from autoencoders import face_networks
from autoencoders.batches import encode
from autoencoders.config import CONFIGS
from autoencoders.face_losses import perceptual_step
from autoencoders.face_models import Autoencoder
from autoencoders.faces import CROP, FaceImages, load_faces, split_people
from autoencoders.retrieval import Whitening, rank
from coursework import predicting
from coursework.images import read_middle
from coursework.profile import load_config

COMPONENTS = 64  # that remain after whitening


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `similar`."""
    parser.add_argument("--number", type=int, default=5, help="how many people (default: 5)")
    text = f"side of the central square that is used, as a fraction of the shorter side (default: {CROP:g}, as in LFW)"
    parser.add_argument("--crop", type=float, default=CROP, help=text)


def prepare(options: argparse.Namespace) -> predicting.Answer:
    """Encode one image of each person; the result finds the people nearest to an image file."""
    config = load_config("8W", CONFIGS)
    faces = load_faces(config)
    parts = split_people(faces, config.parts, config.seed)
    sets = FaceImages(parts["train"].images, mirror=True), FaceImages(parts["validation"].images)
    build = partial(Autoencoder, config.side, config.width, config.latent)
    step = partial(perceptual_step, weight=config.perceptual_weight)
    model, _ = face_networks.face_network("face_perceptual", build, step, sets, faces, config, config.perceptual_epochs)
    people, first = np.unique(faces.people, return_index=True)
    latents = encode(model, faces.images[first])
    whiten = Whitening(latents, min(COMPONENTS, min(latents.shape) - 1))
    index = whiten(latents)

    def answer(path: Path) -> dict:
        image = read_middle(path, config.side, options.crop)
        query = whiten(encode(model, image[None]))
        nearest = rank(index, query)[0, : options.number]
        cosines = index[nearest] @ query[0]
        return {"similar": [[str(people[row]), float(cosine)] for row, cosine in zip(nearest, cosines, strict=True)]}

    return answer


def describe(answer: dict) -> str:
    """The people, in one line."""
    return ", ".join(f"{name.replace('_', ' ')} ({cosine:.2f})" for name, cosine in answer["similar"])
