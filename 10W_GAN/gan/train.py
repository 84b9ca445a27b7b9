"""The game of two networks: one step in two blocks, the loop around it, the average of what the generator was."""

import copy
import hashlib
import resource
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.utils import get_total_norm
from torch.optim.swa_utils import update_bn
from tqdm import tqdm

from coursework.checkpoints import load_checkpoint, save_checkpoint
from coursework.runtime import build_accelerator, device_name, half_precision
from gan.augment import augment
from gan.graphs import can_replay, replayed
from gan.losses import LOSSES, gradient_penalty, r1_penalty, swap_labels
from gan.models import pick
from gan.recipe import Recipe, build_discriminator, build_generator, build_optimizer

SHOWN = 8  # latents that are followed through a training


def train_step(players: dict[str, nn.Module], optimizers: dict, batches: list[torch.Tensor], recipe: Recipe, backward):
    """One step of both; `batches` of real images, as many as the discriminator is to learn from first.

    Returns what it cost both, how far they can be told apart and how long the gradients were, without a gradient.
    """
    generator, discriminator = players["generator"], players["discriminator"]
    loss_d, loss_g = LOSSES[recipe.loss]
    alter = augment if recipe.augmented else nn.Identity()

    for real in batches:  # the discriminator: real ones up, generated ones down
        fake = generator(draw_latents(len(real), recipe.latent, real.device))
        shown_real, shown_fake = alter(real), alter(fake.detach())
        said_real, said_fake = discriminator(shown_real), discriminator(shown_fake)
        cost_d = loss_d(*swap_labels(said_real, said_fake, recipe.swapped), recipe.smooth)
        cost_d = cost_d + penalties(discriminator, shown_real, shown_fake, recipe)
        optimizers["discriminator"].zero_grad()
        backward(cost_d)
        optimizers["discriminator"].step()

    for turn in range(recipe.steps_g):  # the generator: generated ones up
        if turn:
            fake = generator(draw_latents(len(real), recipe.latent, real.device))
        with frozen(discriminator):
            cost_g = loss_g(discriminator(alter(fake)))
        optimizers["generator"].zero_grad()
        backward(cost_g)
        optimizers["generator"].step()

    costs = {"cost_d": cost_d.detach(), "cost_g": cost_g.detach(), "told_apart": told_apart(said_real, said_fake)}
    return costs | {f"gradient_{name[0]}": gradient_length(model) for name, model in players.items()}


@contextmanager
def frozen(model: nn.Module):
    """The model passes gradients on, but keeps none for itself, while it is called inside."""
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in learnt:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in learnt:
            weight.requires_grad_(True)


def gradient_length(model: nn.Module) -> torch.Tensor:
    """The length of the gradient that a model has learnt from last."""
    return get_total_norm([weight.grad for weight in model.parameters() if weight.grad is not None])


def penalties(discriminator: nn.Module, real: torch.Tensor, fake: torch.Tensor, recipe: Recipe) -> torch.Tensor | float:
    """What the discriminator pays for its slope, as far as the recipe asks for it."""
    cost = 0.0
    if recipe.r1:
        cost = cost + recipe.r1 * r1_penalty(discriminator, real)
    if recipe.slope:
        cost = cost + recipe.slope * gradient_penalty(discriminator, real, fake)
    return cost


@torch.no_grad()
def told_apart(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """How often a real image has a higher logit than a generated one, of all pairs; 0.5 if it is guessing."""
    first, second = (said.flatten(1).mean(dim=1) for said in (real, fake))
    return (first[:, None] > second).float().mean()


def draw_latents(number: int, size: int, device="cpu", generator: torch.Generator | None = None) -> torch.Tensor:
    """Latents from a normal distribution, (number, size); of a generator, which is one of the CPU's, alike anywhere."""
    place = "cpu" if generator else device
    return torch.randn(number, size, generator=generator, device=place).to(device)


def bring_near(images: np.ndarray, device: torch.device) -> np.ndarray | torch.Tensor:
    """The images in the GPU's memory, if they fit into a quarter of what is free there; else as they are."""
    if device.type != "cuda" or images.nbytes > torch.cuda.mem_get_info(device)[0] / 4:
        return images
    return torch.from_numpy(np.array(images)).to(device)


def draw_batch(images: np.ndarray | torch.Tensor, size: int, device) -> torch.Tensor:
    """Real images, bytes (n, S, S, 3), drawn at random, half of them mirrored: float (size, 3, S, S) in [-1, 1]."""
    near = torch.is_tensor(images)
    place = images.device if near else "cpu"
    rows = torch.randint(len(images), (size,), device=place)
    batch = images[rows] if near else torch.from_numpy(np.ascontiguousarray(images[rows.numpy()]))
    batch = batch.permute(0, 3, 1, 2)  # is channels_last as it lies
    mirrored = torch.rand(size, 1, 1, 1, device=place) < 0.5
    return torch.where(mirrored, batch.flip(3), batch).to(device).float() / 127.5 - 1


@torch.no_grad()
def update_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """Move every number of `average` towards the model's: average = decay · average + (1 - decay) · model.

    Source: Karras et al. 2018, section 4.2 (decay 0.999), arXiv:1710.10196.
    """
    for kept, now in zip(average.parameters(), model.parameters(), strict=True):
        kept.lerp_(now, 1 - decay)
    for kept, now in zip(average.buffers(), model.buffers(), strict=True):
        if now.is_floating_point():  # what batch norms have measured
            kept.lerp_(now, 1 - decay)
        else:
            kept.copy_(now)


def fit(
    recipe: Recipe,
    images: np.ndarray,
    checkpoint: Path | None = None,
    watch: Callable[[nn.Module], dict] | None = None,
    start: dict[str, torch.Tensor] | None = None,
) -> tuple[nn.Module, list[dict], np.ndarray]:
    """Train a pair on images, bytes (n, S, S, 3). Returns generator, history and samples.

    The generator is the average if there is one. The history has a dict a period; `watch` adds to it what it makes of
    the generator. Samples, bytes (periods, SHOWN, S, S, 3), are of the same latents throughout. `start` are weights of
    a generator, of which those that fit are taken. A killed training goes on from the last finished period of its
    `checkpoint`, and ends with the same weights, bit for bit on a CPU; whoever has kept them removes it.
    Raises: ValueError for images that do not fit, a checkpoint of another training, a loss that is no number.
    """
    check_data(images, recipe)
    accelerator = build_accelerator(half_precision())
    torch.manual_seed(recipe.seed)
    bare = {"generator": build_generator(recipe), "discriminator": build_discriminator(recipe)}
    take_over(bare["generator"], start or {})
    average = copy.deepcopy(bare["generator"]).to(accelerator.device)
    rates = {"generator": recipe.rate_g, "discriminator": recipe.rate_d}
    bare_optimizers = {name: build_optimizer(recipe, model, rates[name]) for name, model in bare.items()}
    players = {name: accelerator.prepare(model) for name, model in bare.items()}
    optimizers = {name: accelerator.prepare(optimizer) for name, optimizer in bare_optimizers.items()}
    step = partial(train_step, players, optimizers, recipe=recipe, backward=accelerator.backward)
    step = replayed(step) if can_replay(recipe, accelerator) else step
    whose = {"recipe": asdict(recipe), "images": fingerprint(images)}
    history, samples = go_on(checkpoint, whose, bare, average, bare_optimizers)
    images = bring_near(images, accelerator.device)
    for period in tqdm(range(len(history), -(-recipe.steps // recipe.period)), desc="training", leave=False):
        # So a resumed period is the same, and several processes draw other batches.
        torch.manual_seed(recipe.seed * 100_003 + period + 7_919 * accelerator.process_index)
        row = train_period(step, players, optimizers, average, images, recipe, period, accelerator)
        shown = average if recipe.ema else bare["generator"]
        history.append(row | (watch(shown) if watch else {}))
        samples.append(torch.from_numpy(follow(shown, recipe)))
        if checkpoint and accelerator.is_main_process:
            states = {name: part.state_dict() for name, part in (*bare.items(), ("average", average))}
            steps = {name: optimizer.state_dict() for name, optimizer in bare_optimizers.items()}
            state = {**whose, "models": states, "optimizers": steps, "history": history, "samples": samples}
            save_checkpoint(checkpoint, {"key": "gan", **state})
    finished = settle(average if recipe.ema else bare["generator"], recipe)
    return finished.to("cpu").eval(), history, torch.stack(samples).numpy()


def take_over(generator: nn.Module, start: dict[str, torch.Tensor]) -> None:
    """Give a generator those weights that have its names and shapes: of a smaller side, all but the last layers."""
    own = generator.state_dict()
    fitting = {name: value for name, value in start.items() if name in own and own[name].shape == value.shape}
    generator.load_state_dict(fitting, strict=False)


def go_on(checkpoint: Path | None, whose: dict, models: dict, average: nn.Module, optimizers: dict):
    """Put back what a killed training left; history and samples so far, empty for a new one.

    Raises: ValueError that names what differs if it was another training that was killed.
    """
    state = load_checkpoint(checkpoint, "gan") if checkpoint else None
    if state is None:
        return [], []
    theirs, ours = state["recipe"], whose["recipe"]
    other = [f"{name} {theirs.get(name)!r}, now {ours[name]!r}" for name in ours if theirs.get(name) != ours[name]]
    other += ["other images"] if state["images"] != whose["images"] else []
    if other:
        what = f"{checkpoint.name} is of a training that differs: {'; '.join(other[:4])}"
        raise ValueError(f"{what}; delete {checkpoint.name} to begin anew, or set things as they were")
    for name, model in (*models.items(), ("average", average)):
        model.load_state_dict(state["models"][name])
    for name, optimizer in optimizers.items():
        optimizer.load_state_dict(state["optimizers"][name])
    return state["history"], state["samples"]


def train_period(step, players, optimizers, average, images, recipe: Recipe, period: int, accelerator) -> dict:
    """Some calls of `step`; returns the means of what they cost, and how the pair is doing at the end.

    Raises: ValueError if a loss is not finite.
    """
    totals, waiting, started = {}, 0.0, time.perf_counter()
    for model in players.values():
        model.train()
    first = period * recipe.period
    steps = range(first, min(first + recipe.period, recipe.steps))
    for number in steps:
        asked = time.perf_counter()
        batches = [draw_batch(images, recipe.batch, accelerator.device) for _ in range(recipe.steps_d)]
        waiting += time.perf_counter() - asked
        set_rates(optimizers, recipe, number)
        found = step(batches)
        update_average(average, accelerator.unwrap_model(players["generator"]), ema_decay(recipe, number))
        for name, value in found.items():
            totals[name] = totals.get(name, 0) + value
    row = {name: (total / len(steps)).item() for name, total in totals.items()}
    if not np.isfinite([row["cost_d"], row["cost_g"]]).all():
        costs = f"discriminator {row['cost_d']}, generator {row['cost_g']}"
        raise ValueError(f"a loss is no number by step {steps[-1] + 1} ({costs}); lower rate_d and rate_g")
    seconds = time.perf_counter() - started
    spent = {"seconds": seconds, "waiting": waiting, "megabytes": peak_megabytes(), "device": device_name()}
    return {"step": steps[-1] + 1, **row, **spent}


def peak_megabytes() -> float:
    """The most memory that this process has held so far; of the GPU, if it computes there."""
    if torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def set_rates(optimizers: dict, recipe: Recipe, step: int) -> None:
    """Rates as the recipe has them, or falling in a straight line in the last part of the training."""
    left = (recipe.steps - step) / max((1 - recipe.falling) * recipe.steps, 1e-9)
    for name, rate in (("generator", recipe.rate_g), ("discriminator", recipe.rate_d)):
        for group in optimizers[name].param_groups:
            group["lr"] = rate * min(1.0, left)


def ema_decay(recipe: Recipe, step: int) -> float:
    """The recipe's decay, less at the beginning, when there is nothing yet that would be worth keeping."""
    return min(recipe.ema, (1 + step) / (10 + step))


@torch.no_grad()
def follow(generator: nn.Module, recipe: Recipe) -> np.ndarray:
    """What it makes of the latents that are followed, bytes (SHOWN, S, S, 3)."""
    generator.eval()
    latents = draw_latents(SHOWN, recipe.latent, generator=torch.Generator().manual_seed(recipe.seed))
    return to_bytes(generator(latents.to(next(generator.parameters()).device)))


def to_bytes(images: torch.Tensor) -> np.ndarray:
    """Generated images (N, 3, S, S) in [-1, 1] as bytes (N, S, S, 3)."""
    return ((images.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).cpu().numpy()


def settle(generator: nn.Module, recipe: Recipe) -> nn.Module:
    """Measure a finished generator's batch norms anew: what they have measured is of weights that have moved on."""
    torch.manual_seed(recipe.seed)
    device = next(generator.parameters()).device
    update_bn([draw_latents(recipe.batch, recipe.latent) for _ in range(50)], generator, device=device)
    return generator


def check_data(images: np.ndarray, recipe: Recipe) -> None:
    """Raise ValueError unless the images are bytes of the recipe's side, and a batch or more."""
    expected = (recipe.side, recipe.side, 3)
    if images.ndim != 4 or images.shape[1:] != expected or images.dtype != np.uint8:
        found = f"{images.dtype} of shape {images.shape}"
        raise ValueError(f"images are {found}; expected bytes (n, {recipe.side}, {recipe.side}, 3)")
    if len(images) < recipe.batch:
        raise ValueError(f"{len(images)} images are fewer than a batch of {recipe.batch}; take more, or set batch")
    pick("loss", LOSSES, recipe.loss)
    numbers = {"steps": recipe.steps, "steps_d": recipe.steps_d, "steps_g": recipe.steps_g}
    if min(numbers.values()) < 1:
        raise ValueError(f"{numbers}; all must be 1 or more")


def fingerprint(images: np.ndarray) -> str:
    """A hash of the images; they are read some at a time, as there may be gigabytes of them on the disk."""
    digest = hashlib.sha256(repr(images.shape).encode())
    for start in range(0, len(images), 256):
        digest.update(np.ascontiguousarray(images[start : start + 256]))
    return digest.hexdigest()[:16]
