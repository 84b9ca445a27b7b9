"""6W: a training step of MobileNetV2 in the format that measuring chose, against the plain loop."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from torch.nn import functional as F

from benchmarks.cases import Case
from simpsons.config import CONFIGS
from simpsons.data import load_characters
from simpsons.models import build_model
from simpsons.stages import precision_for
from simpsons.train import TrainConfig, fit

EPOCHS, STEPS, BATCH, SIDE = 5, 10, 32, 128
SEEDS = (0, 1, 2)
SETTING = f"MobileNetV2 from scratch, batch {BATCH}, {SIDE} pixels, {STEPS} steps, 42 drawn characters"


@cache
def pictures():
    """As many pictures of the drawn cast as one epoch of STEPS batches needs."""
    config = replace(CONFIGS["tiny"], characters=42, per_class=8, side=SIDE)
    return load_characters(config).train.draw(STEPS * BATCH, 0)


def train_ours(epochs: int = 1, seed: int = SEEDS[0]) -> float:
    """Our loop; returns the mean loss of the last epoch, ten steps."""
    torch.manual_seed(seed)
    model = build_model("mobilenet_v2", 42, pretrained=False)
    precision = precision_for("mobilenet_v2")
    config = TrainConfig(epochs, BATCH, 1e-3, 0.0, augment=(), balance=0.0, precision=precision, seed=seed)
    return fit(model, pictures(), None, config)[-1]["loss"]


def train_plain(epochs: int = 1, seed: int = SEEDS[0]) -> float:
    """The loop that everybody writes, on the same batches: float32, planes one after the other, `.item()` each step."""
    torch.manual_seed(seed)
    model = build_model("mobilenet_v2", 42, pretrained=False).to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * STEPS, pct_start=0.2)
    for epoch in range(epochs):
        torch.manual_seed(seed * 1000 + epoch)
        order, losses = np.random.default_rng([seed, epoch]).permutation(STEPS * BATCH), []
        for rows in order.reshape(STEPS, BATCH):
            images = torch.from_numpy(pictures().images[rows]).permute(0, 3, 1, 2).contiguous().float() / 255
            loss = F.cross_entropy(model(images), torch.from_numpy(pictures().labels[rows]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return float(np.mean(losses))


def as_good(_ours: float, _plain: float) -> bool:
    """Whether the last ten of fifty steps of both, with the same seed, differ by less than a seed makes of one."""
    plain = [train_plain(EPOCHS, seed) for seed in SEEDS]
    return abs(train_ours(EPOCHS) - plain[0]) <= max(plain) - min(plain)


def build_cases() -> list[Case]:
    """The one case of this week."""
    return [Case("simpsons_train_step", "against the plain loop", SETTING, 1.3, train_ours, train_plain, as_good)]
