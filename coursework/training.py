"""The training loop of several weeks: epochs, the best weights, checkpoints, and several processes.

What a week teaches stays in the week: the step function, which computes the losses of a batch; the optimizer and its
learning rate; the validation metric that selects the best epoch.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import Accelerator
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader
from tqdm import tqdm

from coursework.checkpoints import load_checkpoint, pack, resume, save_checkpoint

Step = Callable[..., dict[str, torch.Tensor]]  # step(model, *batch): scalar losses by name; "loss" is minimised


def train_epoch(
    model: nn.Module,
    step: Step,
    loader: DataLoader,
    optimizer: Optimizer,
    scheduler: LRScheduler,
    accelerator: Accelerator,
    progress: tqdm,
) -> dict[str, float]:
    """Train for one epoch; returns the mean of each loss, the number of steps, and the time in seconds.

    `loader` yields batches as tuples of tensors; `step(model, *batch)` returns scalar losses by name. "loss" is
    minimised, others are only averaged. `scheduler` and `progress` advance at every step. "waiting" is the part of the
    "seconds" that passed until batches were loaded.
    """
    model.train()
    totals, waiting = {}, 0.0
    started = asked = time.perf_counter()
    for batch in loader:
        waiting += time.perf_counter() - asked
        losses = step(model, *batch)
        accelerator.backward(losses["loss"])
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
        for name, value in losses.items():
            totals[name] = totals.get(name, 0) + value.detach()  # no .item() here: it would wait for the GPU
        progress.update()
        asked = time.perf_counter()
    means = {name: (total / len(loader)).item() for name, total in totals.items()}
    return means | {"steps": len(loader), "seconds": time.perf_counter() - started, "waiting": waiting}


def train_model(
    model: nn.Module,
    loader: DataLoader,
    optimizer: Optimizer,
    build_scheduler: Callable[..., LRScheduler],
    begin_epoch: Callable[[int], Step],
    accelerator: Accelerator,
    *,
    epochs: int,
    seed: int,
    validate: Callable[[nn.Module], dict[str, float]] | None = None,
    score: Callable[[dict], float] | None = None,
    first_candidate: int = 0,
    checkpoint: Path | None = None,
    key: str = "",
    name: str = "training",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of its best epoch. Returns the history, one dict an epoch.

    `begin_epoch` is called with the number of each epoch, from 0, and returns the step function of that epoch;
    `build_scheduler(optimizer, steps=…)` builds the schedule of all steps. After each epoch, `validate(model)` returns
    metrics, which are added to the epoch's dict, and the epoch with the highest `score` of its dict is the best one.
    Epochs before the number `first_candidate` do not compete; without `score`, the last epoch is the best.
    With a `checkpoint`, a killed training resumes after its last finished epoch and ends with the same weights, bit for
    bit on a CPU, as an uninterrupted one; `key` identifies the training. At the end the checkpoint is removed.
    Raises: ValueError if the loss is not finite.
    """
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    steps = epochs * len(loader)
    scheduler = build_scheduler(optimizer.optimizer, steps=steps)
    bare = accelerator.unwrap_model(model)
    history, best = resume(load_checkpoint(checkpoint, key) if checkpoint else None, bare, optimizer, scheduler)
    with tqdm(total=steps, initial=len(history) * len(loader), desc=name, unit="step", leave=False) as progress:
        for epoch in range(len(history), epochs):
            step = begin_epoch(epoch)
            torch.manual_seed(seed * 1000 + epoch)  # order, augmentation and dropout: a resumed epoch repeats them
            row = train_epoch(model, step, loader, optimizer, scheduler, accelerator, progress)
            check_finite(row["loss"], epoch, scheduler)
            history.append(row | (validate(model) if validate else {}))
            if is_best(history, score, first_candidate):
                best = {name: value.detach().clone() for name, value in bare.state_dict().items()}
            if checkpoint and accelerator.is_main_process:
                save_checkpoint(checkpoint, pack(key, bare, optimizer, scheduler, history, best))
    bare.load_state_dict(best)
    if checkpoint and accelerator.is_main_process:
        checkpoint.unlink(missing_ok=True)
    return history


def check_finite(loss: float, epoch: int, scheduler: LRScheduler) -> None:
    """Raise ValueError if the mean loss of an epoch, counted from 0, is NaN or infinite."""
    if not math.isfinite(loss):
        lr = scheduler.get_last_lr()[0]
        raise ValueError(f"the loss is {loss} in epoch {epoch + 1}, at a learning rate of {lr:g}; use a lower one")


def is_best(history: list[dict], score: Callable[[dict], float] | None, first_candidate: int = 0) -> bool:
    """Whether the last epoch has the highest score so far, of those from number `first_candidate` on; ties count."""
    candidates = history[first_candidate:] or history[-1:]
    return score is None or score(history[-1]) >= max(map(score, candidates))
