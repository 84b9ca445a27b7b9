"""One training loop for every part of the week: epochs, the best by validation loss, resumed after a kill."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from coursework.checkpoints import load_checkpoint, pack, resume, save_checkpoint
from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle

Objective = Callable[..., dict[str, torch.Tensor]]  # of a model and a batch; "loss" is minimised


@dataclass(frozen=True)
class Plan:
    """How to train; `rate` is the highest of a one-cycle schedule."""

    epochs: int
    batch: int = 64
    rate: float = 2e-3
    precision: str = "no"
    seed: int = 0


def train_epoch(model, objective, loader, optimizer, schedule, accelerator, bar: tqdm) -> dict[str, float]:
    """One epoch of steps; returns the means of the objective's parts, and the seconds in all and spent waiting.

    Raises: ValueError if the loss is not finite.
    """
    model.train()
    totals, waiting = {}, 0.0
    started = asked = time.perf_counter()
    for batch in loader:
        waiting += time.perf_counter() - asked
        parts = objective(model, *batch)
        accelerator.backward(parts["loss"])
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        for name, value in parts.items():
            totals[name] = totals.get(name, 0) + value.detach()
        bar.update()
        asked = time.perf_counter()
    means = {name: (total / len(loader)).item() for name, total in totals.items()}
    if not np.isfinite(means["loss"]):
        raise ValueError(f"the loss is {means['loss']} at a rate of {schedule.get_last_lr()[0]:g}; lower the rate")
    return means | {"steps": len(loader), "seconds": time.perf_counter() - started, "waiting": waiting}


@torch.no_grad()  # not inference_mode, which several processes do not survive
def validate(
    model: nn.Module, objective: Objective, data: Dataset, accelerator=None, batch: int = 256
) -> dict[str, float]:
    """Means of the objective's parts over a data set; what is random in it is drawn alike each time."""
    accelerator = accelerator or build_accelerator()
    loader = accelerator.prepare(DataLoader(data, batch))
    model = model.to(accelerator.device).eval()
    totals, number = {}, 0
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for tensors in loader:
            size = len(tensors[0])
            for name, value in objective(model, *tensors).items():
                totals[name] = totals.get(name, 0) + value * size
            number += size
    sums = accelerator.reduce({name: torch.as_tensor(v) for name, v in (totals | {"number": number}).items()})
    count = sums.pop("number")
    return {name: (value / count).item() for name, value in sums.items()}


def fit(
    model: nn.Module,
    objective: Objective,
    train: Dataset,
    validation: Dataset,
    plan: Plan,
    checkpoint: Path | None = None,
    key: str = "",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the least validation loss. One dict an epoch.

    With a `checkpoint`, a killed training goes on from its last finished epoch and ends with the same weights, bit for
    bit on a CPU, as one that was never killed. The end removes the checkpoint.
    """
    accelerator = build_accelerator(plan.precision)
    loader = DataLoader(train, plan.batch, shuffle=True, drop_last=len(train) > plan.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-4)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    steps = plan.epochs * len(loader)
    schedule = one_cycle(optimizer.optimizer, plan.rate, steps, warm_up=0.15)
    bare = accelerator.unwrap_model(model)
    state = load_checkpoint(checkpoint, key) if checkpoint else None
    history, best = resume(state, bare, optimizer, schedule)
    with tqdm(total=steps, initial=len(history) * len(loader), desc="training", unit="step", leave=False) as bar:
        for epoch in range(len(history), plan.epochs):
            torch.manual_seed(plan.seed * 1000 + epoch)  # order and noise; so a resumed epoch is the same
            row = train_epoch(model, objective, loader, optimizer, schedule, accelerator, bar)
            found = validate(model, objective, validation, accelerator)
            history.append(row | {f"validation {name}": value for name, value in found.items()})
            if found["loss"] <= min(past["validation loss"] for past in history):
                best = {name: value.detach().clone() for name, value in bare.state_dict().items()}
            if checkpoint and accelerator.is_main_process:
                save_checkpoint(checkpoint, pack(key, bare, optimizer, schedule, history, best))
    bare.load_state_dict(best)
    if checkpoint and accelerator.is_main_process:
        checkpoint.unlink(missing_ok=True)
    return history
