"""The training loop: epochs, the best of them by IoU on the validation part, resumed after a kill."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader
from tqdm import tqdm

from coursework.checkpoints import load_checkpoint, pack, resume, save_checkpoint
from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from segmentation.data import Lesions
from segmentation.evaluate import predict, scores
from segmentation.losses import LOSSES, bce_loss
from segmentation.transforms import LesionSet, build_augmentation, to_network


@dataclass(frozen=True)
class Plan:
    """How to train; `rate` is the highest of a one-cycle schedule, `warmup` the share of epochs with cross-entropy."""

    loss: str
    epochs: int
    batch: int = 16
    rate: float = 2e-3
    warmup: float = 0.2
    precision: str = "no"
    seed: int = 0

    def loss_of(self, epoch: int):
        """Cross-entropy at first, then the plan's loss. Raises ValueError for an unknown loss."""
        if self.loss not in LOSSES:
            raise ValueError(f"unknown loss {self.loss!r}; there are: {', '.join(LOSSES)}")
        return bce_loss if epoch < self.warmup * self.epochs else LOSSES[self.loss]


def train_epoch(model, criterion, loader, optimizer, schedule, accelerator) -> dict[str, float]:
    """One epoch of steps; returns the mean loss, and the seconds in all and spent waiting for pictures.

    Raises: ValueError if the loss is not finite.
    """
    model.train()
    total, waiting = torch.zeros((), device=accelerator.device), 0.0
    started = asked = time.perf_counter()
    for images, masks in loader:  # (N, 3, S, S) in [0, 255], (N, 1, S, S) of 0 and 1
        waiting += time.perf_counter() - asked
        logits = model(to_network(images))  # (N, 1, S, S), float32 whatever the precision
        loss = criterion(logits, masks)
        accelerator.backward(loss)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
        asked = time.perf_counter()
    mean = (total / len(loader)).item()
    if not np.isfinite(mean):
        raise ValueError(f"the loss is {mean} at a rate of {schedule.get_last_lr()[0]:g}; lower the rate")
    return {"loss": mean, "steps": len(loader), "seconds": time.perf_counter() - started, "waiting": waiting}


def fit(
    model: nn.Module, train: Lesions, validation: Lesions, plan: Plan, checkpoint: Path | None = None, key=""
) -> list[dict]:
    """Train `model` in place; it ends with the weights of its best epoch. Returns one dict an epoch.

    With a `checkpoint`, a killed training goes on from its last finished epoch and ends with the same weights, bit for
    bit on a CPU, as one that was never killed. The end removes the checkpoint.
    """
    accelerator = build_accelerator(plan.precision)
    shown = LesionSet(train, build_augmentation())
    loader = DataLoader(shown, plan.batch, shuffle=True, drop_last=len(shown) > plan.batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-2)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    steps = plan.epochs * len(loader)
    schedule = one_cycle(optimizer.optimizer, plan.rate, steps, warm_up=0.2)
    bare = accelerator.unwrap_model(model)
    state = load_checkpoint(checkpoint, key) if checkpoint else None
    history, best = resume(state, bare, optimizer, schedule)
    for epoch in tqdm(range(len(history), plan.epochs), desc=plan.loss, unit="epoch", leave=False):
        torch.manual_seed(plan.seed * 1000 + epoch)  # order and augmentation; so a resumed epoch is the same
        row = train_epoch(model, plan.loss_of(epoch), loader, optimizer, schedule, accelerator)
        history.append(row | scores(predict(model, validation, accelerator, plan.batch, mirrored=False)[0]))
        if history[-1]["iou"] >= max(past["iou"] for past in history):
            best = {name: value.detach().clone() for name, value in bare.state_dict().items()}
        if checkpoint and accelerator.is_main_process:
            save_checkpoint(checkpoint, pack(key, bare, optimizer, schedule, history, best))
    bare.load_state_dict(best)
    if checkpoint and accelerator.is_main_process:
        checkpoint.unlink(missing_ok=True)
    return history
