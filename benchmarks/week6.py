"""6W: a training step of MobileNetV2 in the format that measuring chose, against the plain loop."""

from dataclasses import replace
from functools import cache

import numpy as np
import torch
from scipy import stats
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.cases import Case
from simpsons.config import CONFIGS
from simpsons.data import load_characters
from simpsons.experiments import precision
from simpsons.models import build_mobilenet
from simpsons.train import TrainConfig, fit

EPOCHS, STEPS, BATCH, SIDE = 5, 10, 32, 128
SEEDS = (0, 1, 2)
SETTING = f"MobileNetV2 from scratch, batch {BATCH}, {SIDE} pixels, {STEPS} steps, 42 synthetic characters"


@cache
def images():
    """As many images of the synthetic cast as one epoch of STEPS batches needs."""
    config = replace(CONFIGS["tiny"], characters=42, per_class=8, few=None, side=SIDE)
    return load_characters(config).train.sample(STEPS * BATCH, 0)


def train_ours(epochs: int = 1, seed: int = SEEDS[0]) -> float:
    """Our loop; returns the mean loss of the last epoch, ten steps."""
    torch.manual_seed(seed)
    config = TrainConfig(epochs, BATCH, adjustment=0.0, precision=precision(), seed=seed)
    return fit(build_mobilenet(42), images(), None, config, augmentation=None)[-1]["loss"]


def train_plain(epochs: int = 1, seed: int = SEEDS[0]) -> float:
    """The usual loop on the same batches: float32, channels first, `.item()` in each step."""
    torch.manual_seed(seed)
    model = build_mobilenet(42).to(memory_format=torch.contiguous_format).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=epochs * STEPS, pct_start=0.2)
    pixels = torch.from_numpy(images().images).permute(0, 3, 1, 2).contiguous()
    loader = DataLoader(TensorDataset(pixels, torch.from_numpy(images().labels)), BATCH, shuffle=True)
    for epoch in range(epochs):
        torch.manual_seed(seed * 1000 + epoch)
        losses = []
        for batch, labels in loader:
            loss = F.cross_entropy(model((batch.float() - 128) / 128), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return float(np.mean(losses))


def as_good(_ours: float, _plain: float) -> bool:
    """Whether the losses of both after fifty steps, over three seeds, do not differ measurably (Welch's test, 1 %)."""
    ours, plain = ([train(EPOCHS, seed) for seed in SEEDS] for train in (train_ours, train_plain))
    return stats.ttest_ind(ours, plain, equal_var=False).pvalue > 0.01


def build_cases() -> list[Case]:
    """The one case of this week."""
    return [Case("simpsons_train_step", "against the plain loop", SETTING, 1.3, train_ours, train_plain, as_good)]
