"""7W: a training step of U-Net in 16 bits, channels last, against the plain loop."""

from dataclasses import replace
from functools import cache, partial

import torch
from torch.utils.data import DataLoader
from tqdm import tqdm

from benchmarks.cases import Case
from coursework.runtime import build_accelerator, half_precision
from coursework.training import train_epoch
from segmentation.config import CONFIGS
from segmentation.data import load_lesions
from segmentation.evaluate import predict, scores
from segmentation.losses import bce_loss
from segmentation.models import UNet, build_model
from segmentation.train import segmentation_step
from segmentation.transforms import LesionSet

EPOCHS, STEPS, BATCH, SIDE, WIDTH, LR = 4, 10, 16, 128, 16, 2e-3
SEEDS = (0, 1, 2)
SETTING = f"U-Net of width {WIDTH}, batch {BATCH}, {SIDE} pixels, {STEPS} steps with cross-entropy, drawn lesions"


@cache
def lesions():
    """Drawn cases: as many as STEPS batches need, and some to judge on."""
    return load_lesions(replace(CONFIGS["tiny"], side=SIDE, parts=(STEPS * BATCH, 0, 40)))


def loader(seed: int) -> DataLoader:
    """The batches of both loops, in the same order."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(LesionSet(lesions().train), BATCH, shuffle=True, generator=order)


def optimise(model, epochs: int):
    """Optimiser and schedule of both loops."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-2)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=epochs * STEPS, pct_start=0.2)


def train_ours(epochs: int = 1, seed: int = SEEDS[0]):
    """Our loop; returns the network."""
    torch.manual_seed(seed)
    accelerator = build_accelerator(half_precision())
    model = build_model("unet", WIDTH)
    optimizer, schedule = optimise(model, epochs)
    model, optimizer, batches = accelerator.prepare(model, optimizer, loader(seed))
    step = partial(segmentation_step, loss=bce_loss)
    for _ in range(epochs):
        train_epoch(model, step, batches, optimizer, schedule, accelerator, tqdm(disable=True))
    return model


def train_plain(epochs: int = 1, seed: int = SEEDS[0]):
    """The loop that everybody writes: float32, planes one after the other, `.item()` each step; the network."""
    torch.manual_seed(seed)
    model = UNet(WIDTH).train()
    optimizer, schedule = optimise(model, epochs)
    batches, losses = loader(seed), []
    for _ in range(epochs):
        for images, masks in batches:
            loss = bce_loss(model(images.float() / 127.5 - 1), masks)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    return model


def judge(model) -> float:
    """Mean IoU on the cases that no training saw."""
    return scores(predict(model, lesions().test)[0])["iou"]


def as_good(_ours, _plain) -> bool:
    """Whether both end with an IoU that, with the same seed, differs by less than a seed makes of the plain loop."""
    plain = [judge(train_plain(EPOCHS, seed)) for seed in SEEDS]
    return abs(judge(train_ours(EPOCHS)) - plain[0]) <= max(plain) - min(plain)


def build_cases() -> list[Case]:
    """The one case of this week."""
    return [Case("segmentation_train_step", "against the plain loop", SETTING, 2.5, train_ours, train_plain, as_good)]
