"""The training loop: epochs, the best of them by its F1 on the validation part, resumed after a kill."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler
from tqdm import tqdm

from coursework.checkpoints import load_checkpoint, pack, resume, save_checkpoint
from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from simpsons.augment import CHANGES, PictureSet, build_augmentation, to_network
from simpsons.data import Pictures
from simpsons.evaluate import even_f1, predict, scores


@dataclass(frozen=True)
class Plan:
    """How to train; `rate` is the highest of a one-cycle schedule.

    `balance` shows rare classes more often (see `EpochSampler`), `margin` asks of them to win by more (`TailLoss`).
    """

    epochs: int
    batch: int = 32
    rate: float = 1e-3
    smoothing: float = 0.1
    augment: tuple[str, ...] = tuple(CHANGES)
    balance: float = 1.0
    margin: float = 0.0
    precision: str = "no"
    seed: int = 42


class EpochSampler(Sampler):
    """Rows in random order. `balance` 0 shows every picture once an epoch, 1 every class equally often, by drawing.

    In between, a class with a hundred times the pictures is shown 100^(1 - balance) times as often. The epoch and the
    seed decide which rows are drawn.
    """

    def __init__(self, labels: np.ndarray, balance: float, seed: int):
        self.labels, self.balance, self.seed, self.epoch = labels, balance, seed, 0

    def __len__(self):
        return len(self.labels)

    def __iter__(self):
        rng = np.random.default_rng([self.seed, self.epoch])
        if self.balance == 0:
            return iter(rng.permutation(len(self.labels)).tolist())
        weights = (1 / np.bincount(self.labels)[self.labels]) ** self.balance
        return iter(rng.choice(len(self.labels), len(self.labels), p=weights / weights.sum()).tolist())


class TailLoss(nn.Module):
    """Cross-entropy with smoothed labels in which rare classes have to win by more.

    `margin` times the log of each class's share of the training pictures is added to its logit, as a handicap: a rare
    class starts behind, and so its logit learns to be as much higher. Source: Menon et al. 2021, arXiv:2007.07314.
    """

    def __init__(self, labels: np.ndarray, classes: int, margin: float, smoothing: float):
        super().__init__()
        counts = np.bincount(labels, minlength=classes).clip(min=1)
        self.register_buffer("handicap", margin * torch.from_numpy(np.log(counts / counts.sum())).float())
        self.smoothing = smoothing

    def forward(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(logits + self.handicap, labels, label_smoothing=self.smoothing)


def train_epoch(model, criterion, loader, optimizer, schedule, accelerator, bar: tqdm) -> dict[str, float]:
    """One epoch of steps; returns the mean loss, and the seconds in all and spent waiting for pictures.

    Raises: ValueError if the loss is not finite.
    """
    model.train()
    total, waiting = torch.zeros((), device=accelerator.device), 0.0
    started = asked = time.perf_counter()
    for images, labels in loader:  # (N, 3, S, S) in [0, 255], (N,)
        waiting += time.perf_counter() - asked
        logits = model(to_network(images))  # (N, classes), float32 whatever the precision
        loss = criterion(logits, labels)
        accelerator.backward(loss)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        total += loss.detach()
        bar.update()
        asked = time.perf_counter()
    mean = (total / len(loader)).item()
    if not np.isfinite(mean):
        raise ValueError(f"the loss is {mean} at a rate of {schedule.get_last_lr()[0]:g}; lower the rate")
    return {"loss": mean, "steps": len(loader), "seconds": time.perf_counter() - started, "waiting": waiting}


def fit(
    model: nn.Module, train: Pictures, validation: Pictures | None, plan: Plan, checkpoint: Path | None = None, key=""
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the best of its last epochs. Returns one dict an epoch.

    Without a validation part the last epoch counts. With a `checkpoint`, a killed training goes on from its last
    finished epoch and ends with the same weights, bit for bit on a CPU, as one that was never killed. The end
    removes the checkpoint.
    """
    accelerator = build_accelerator(plan.precision)
    sampler = EpochSampler(train.labels, plan.balance, plan.seed)
    shown = PictureSet(train.images, train.labels, build_augmentation(plan.augment))
    loader = DataLoader(shown, plan.batch, sampler=sampler, drop_last=len(shown) > plan.batch)
    learnt = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=plan.rate, weight_decay=0.02)
    criterion = TailLoss(train.labels, model.head[-1].out_features, plan.margin, plan.smoothing).to(accelerator.device)
    model, optimizer, loader = accelerator.prepare(model, optimizer, loader)
    steps = plan.epochs * len(loader)
    schedule = one_cycle(optimizer.optimizer, plan.rate, steps, warm_up=0.2)
    bare = accelerator.unwrap_model(model)
    state = load_checkpoint(checkpoint, key) if checkpoint else None
    history, best = resume(state, bare, optimizer, schedule)
    late = first_candidate(plan.epochs)
    with tqdm(total=steps, initial=len(history) * len(loader), desc="training", unit="step", leave=False) as bar:
        for epoch in range(len(history), plan.epochs):
            sampler.epoch = epoch
            torch.manual_seed(plan.seed * 1000 + epoch)  # augmentation and dropout; so a resumed epoch is the same
            row = train_epoch(model, criterion, loader, optimizer, schedule, accelerator, bar)
            if validation is not None:
                found = predict(model, validation, accelerator, plan.batch, mirrored=False)
                row |= scores(*found) | {"even_f1": even_f1(*found)}
            history.append(row)
            if validation is None or row["even_f1"] >= max(past["even_f1"] for past in history[late:] or [row]):
                best = {name: value.detach().clone() for name, value in bare.state_dict().items()}
            if checkpoint and accelerator.is_main_process:
                save_checkpoint(checkpoint, pack(key, bare, optimizer, schedule, history, best))
    bare.load_state_dict(best)
    if checkpoint and accelerator.is_main_process:
        checkpoint.unlink(missing_ok=True)
    return history


def first_candidate(epochs: int) -> int:
    """The number of the first epoch that may be the best: only the last third compete.

    Before, the rate is high and the weights still jump; and where the validation part has one picture of a class, a
    lucky jump would win.
    """
    return 2 * epochs // 3
