"""The trainings whose weights are kept: our pair, and DCGAN to compare it with, at either side."""

import io
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from coursework.checkpoints import load_checkpoint, obtain
from coursework.datasets import sha256
from coursework.images import join_tiles
from coursework.provenance import Training, short_hash
from coursework.records import build_dir, keep_dir, write_bytes
from coursework.source_code import model_code, training_code
from gan.config import RELEASED_STEPS, Config
from gan.data import Faces, choose, fingerprint_of, load_faces
from gan.features import draw, extract_features
from gan.losses import LOSSES
from gan.metrics import mmd, precision_recall
from gan.recipe import Recipe, build_discriminator, build_generator, build_optimizer
from gan.train import SHOWN, draw_latents, fit, train_step

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
        seen=config.seen[place],
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


def dcgan_recipe(config: Config, place: int, rate: float) -> Recipe:
    """The starting point, with this rate for both players; how many steps it gets is decided by time."""
    return Recipe(
        side=config.sides[place],
        width_g=config.dcgan_width[place],
        width_d=config.dcgan_width[place],
        rate_g=rate,
        rate_d=rate,
        batch=config.batch[place],
        seed=config.seed,
    )


def training_of(name: str, recipe: Recipe, faces: Faces, start: dict | None = None) -> Training:
    """What decides how a training ends; `start` are weights of a smaller generator to begin with."""
    begun_with = short_hash(*(value.numpy() for value in start.values())) if start else None
    networks = [model_code(build(recipe)) for build in (build_generator, build_discriminator)]
    taught = (fit, train_step, build_optimizer, *LOSSES[recipe.loss], *networks[0], *networks[1])
    code = training_code(*taught, alone=[build_generator, build_discriminator])
    return Training({"training": name, **asdict(recipe), "start": begun_with}, code, fingerprint_of(faces))


def released_recipe(name: str, recipe: Recipe, config: Config) -> Recipe | None:
    """The recipe with the number of steps that the committed weights or record `name` had; None if there are none."""
    steps = RELEASED_STEPS.get(name)
    return steps and replace(recipe, steps=steps, period=-(-steps // config.periods))


def finish(
    name: str,
    recipe: Recipe,
    faces: Faces,
    config: Config,
    limit: Callable[[], Recipe] | None = None,
    start: dict | None = None,
) -> tuple[nn.Module, dict, np.ndarray]:
    """The generator at the end of its training, the facts of `coursework.checkpoints.obtain`, and what it drew.

    `limit` gives the recipe with the number of steps that it is to have, if the machine decides that. `start` are
    weights of a smaller generator to begin with.
    What it drew after each period of the same latents, bytes (periods, SHOWN, S, S, 3), is kept as one picture.
    Committed weights are those of the configuration `released`; their history says how many steps they had.
    """
    generator, full_name = build_generator(recipe), f"{faces.name}_{name}"
    repeated = released_recipe(full_name, recipe, config)
    released = repeated and training_of(full_name, repeated, faces, start)
    if repeated and not config.timed:
        recipe, limit = repeated, None
    wanted = training_of(full_name, replace(recipe, steps=0, period=0) if limit else recipe, faces, start)

    def train(checkpoint: Path, _: str) -> list[dict]:
        chosen = begun(recipe, checkpoint) or limit() if limit else recipe
        real = extract_features(choose(faces.train, faces.train_people, config.watched, config.seed))
        watch = partial(look, real=real, recipe=recipe, config=config)
        trained, history, samples = fit(chosen, faces.train, checkpoint, watch, start)
        generator.load_state_dict(trained.state_dict())
        write_sheet(keep_dir("10W") / sheet, samples)
        return history

    sheet = Path("samples") / f"{full_name}.jpg"
    facts = obtain("10W", FOLDER, full_name, generator, wanted, train, config.retrain, released)
    (build_dir("10W") / f"{full_name}.checkpoint").unlink(missing_ok=True)  # not before the weights are kept
    path = next(root / sheet for root in (keep_dir("10W"), FOLDER) if (root / sheet).is_file())
    facts["digests"][sheet.as_posix()] = sha256(path)
    return generator, facts, read_sheet(path, recipe.side)


def finish_ours(place: int, faces: Faces, config: Config) -> tuple[nn.Module, dict, np.ndarray]:
    """Our pair at one of the sides, as `finish`; at the second it begins with what the first has learnt."""
    start = None
    if place:
        smaller, _, _ = finish_ours(0, load_faces(config, config.sides[0]), config)
        start = smaller.state_dict()
    recipe = our_recipe(config, place)
    return finish(f"faces_{recipe.side}", recipe, faces, config, start=start)


def time_ten(recipe: Recipe, faces: Faces) -> float:
    """How long ten steps take on this machine once it is warm, in seconds."""
    _, history, _ = fit(replace(recipe, steps=20, period=10), faces.train)
    return history[-1]["seconds"]


def as_long(recipe: Recipe, pace: Callable[[], float], place: int, faces: Faces, config: Config, share=1.0) -> Recipe:
    """The recipe with as many steps as take as long on this machine as a share of `config.steps` of our pair.

    `pace` gives the seconds of ten steps of ours here. Unless `config.timed`, it gets just as many steps as ours.
    """
    ratio = pace() / time_ten(recipe, faces) if config.timed else 1.0
    steps = max(round(share * config.steps[place] * ratio), 2)
    return replace(recipe, steps=steps, period=-(-steps // config.periods))


def begun(recipe: Recipe, checkpoint: Path) -> Recipe | None:
    """The recipe with as many steps as a killed training set out to make; None if there is none."""
    state = load_checkpoint(checkpoint, "gan")
    return state and replace(recipe, steps=state["recipe"]["steps"], period=state["recipe"]["period"])


def look(generator: nn.Module, real: np.ndarray, recipe: Recipe, config: Config) -> dict[str, float]:
    """A quick judgement of a generator that is still learning, and how much its images differ from one another.

    `real` are features of real faces.
    """
    latents = draw_latents(config.watched, recipe.latent, generator=torch.Generator().manual_seed(config.seed))
    images = draw(generator, latents)
    fake = extract_features(images)
    precision, recall = precision_recall(real, fake)
    spread = float(images.std(axis=0).mean())
    return {"kid": mmd(real, fake), "precision": precision, "recall": recall, "spread": spread}


def write_sheet(path: Path, samples: np.ndarray) -> None:
    """Samples (rows, columns, S, S, 3) as one JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(join_tiles(samples)).save(buffer, "JPEG", quality=85)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())


def read_sheet(path: Path, side: int) -> np.ndarray:
    """The samples of `write_sheet`, (rows, SHOWN, S, S, 3)."""
    with Image.open(path) as image:
        sheet = np.asarray(image.convert("RGB"))
    return sheet.reshape(-1, side, SHOWN, side, 3).swapaxes(1, 2)


def row_at(history: list[dict], steps: int) -> dict:
    """The last row of a history by then; the first, if none was."""
    return next((row for row in reversed(history) if row["step"] <= steps), history[0])


def minutes_of(history: list[dict]) -> float:
    """How long the steps of a training took."""
    return sum(row["seconds"] for row in history) / 60
