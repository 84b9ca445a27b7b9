"""The trainings whose weights are kept: our pair, and DCGAN to compare it with, at either side."""

import io
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from coursework.checkpoints import obtain, training_key
from coursework.records import keep_dir, write_bytes
from gan.config import Config
from gan.data import Faces
from gan.features import draw, extract_features
from gan.metrics import mmd
from gan.recipe import Recipe, build_generator
from gan.train import SHOWN, draw_latents, fingerprint, fit

FOLDER = Path(__file__).resolve().parents[1]  # of the week


def our_recipe(config: Config, place: int) -> Recipe:
    """The pair that the week ends with; `place` is 0 for the first notebook's side and 1 for the second's."""
    steps = config.steps[place]
    return Recipe(
        side=config.sides[place],
        latent=config.latent,
        generator="light",
        discriminator="projected",
        width_g=config.width_g,
        width_d=config.width_d,
        seen=max(config.sides[place], 64),
        loss="hinge",
        augmented=True,
        beta1=0.0,
        beta2=0.99,
        ema=0.998,
        batch=config.batch[place],
        steps=steps,
        period=-(-steps // config.periods),
        seed=config.seed,
    )


def dcgan_recipe(config: Config, place: int, rate: float, share: float = 1.0) -> Recipe:
    """The starting point, with this rate for both players; `share` of its steps."""
    steps = max(round(share * config.dcgan_steps[place]), 1)
    return Recipe(
        side=config.sides[place],
        width_g=config.dcgan_width,
        width_d=config.dcgan_width,
        rate_g=rate,
        rate_d=rate,
        batch=config.batch[place],
        steps=steps,
        period=-(-steps // config.periods),
        seed=config.seed,
    )


def finish(name: str, recipe: Recipe, faces: Faces, config: Config) -> tuple[nn.Module, dict, np.ndarray]:
    """The generator at the end of its training, the facts of `coursework.checkpoints.obtain`, and what it drew.

    What it drew after each period of the same latents, bytes (periods, SHOWN, S, S, 3), is kept as one picture.
    """
    generator, name = build_generator(recipe), f"{faces.name}_{name}"
    key = training_key(name, asdict(recipe), fingerprint(faces.train))
    watch = partial(look, features=extract_features(faces.train[: config.watched]), recipe=recipe, config=config)

    def train(checkpoint: Path, _: str) -> list[dict]:
        trained, history, samples = fit(recipe, faces.train, checkpoint, watch)
        generator.load_state_dict(trained.state_dict())
        write_sheet(keep_dir("10W") / "samples" / f"{name}.jpg", samples)
        return history

    facts = obtain("10W", FOLDER, name, generator, key, train, config.retrain)
    return generator, facts, read_sheet(f"{name}.jpg", recipe.side)


def look(generator: nn.Module, features: np.ndarray, recipe: Recipe, config: Config) -> dict[str, float]:
    """A quick KID of a generator that is still learning, and how much its images differ from one another."""
    latents = draw_latents(config.watched, recipe.latent, generator=torch.Generator().manual_seed(config.seed))
    images = draw(generator, latents)
    spread = float(images.std(axis=0).mean())
    return {"kid": mmd(features, extract_features(images)), "spread": spread}


def write_sheet(path: Path, samples: np.ndarray) -> None:
    """Samples (rows, columns, S, S, 3) as one JPEG."""
    rows, columns, side = samples.shape[:3]
    sheet = samples.swapaxes(1, 2).reshape(rows * side, columns * side, 3)
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "JPEG", quality=85)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read_sheet(name: str, side: int) -> np.ndarray:
    """The samples of `write_sheet`, from below `build/` or from the week's folder.

    Raises: FileNotFoundError if it is in neither.
    """
    for folder in (keep_dir("10W"), FOLDER):
        path = folder / "samples" / name
        if path.is_file():
            with Image.open(path) as image:
                sheet = np.asarray(image.convert("RGB"))
            return sheet.reshape(-1, side, SHOWN, side, 3).swapaxes(1, 2)
    raise FileNotFoundError(f"{name} is not in samples/; restore it from git, or train again with retrain=true")


def minutes(history: list[dict]) -> float:
    """How long the steps of a training took."""
    return sum(row["seconds"] for row in history) / 60
