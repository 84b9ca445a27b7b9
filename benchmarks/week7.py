"""7W: a training step of U-Net in bfloat16 where the processor has it, channels last, against the usual loop."""

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
from segmentation.models import UNet
from segmentation.train import training_step
from segmentation.transforms import LesionDataset

EPOCHS, STEPS, BATCH, SIDE, WIDTH, LR = 4, 10, 16, 128, 16, 2e-3
SEEDS = (0, 1, 2)
SETTING = f"U-Net of width {WIDTH}, batch {BATCH}, {SIDE} pixels, {STEPS} steps with cross-entropy, synthetic images"


@cache
def lesions():
    """Synthetic images: as many as STEPS batches need, and 40 for the evaluation."""
    return load_lesions(replace(CONFIGS["tiny"], few=None, image_size=SIDE, parts=(STEPS * BATCH, 1, 40)))


def loader(seed: int) -> DataLoader:
    """The batches of both loops, in the same order."""
    order = torch.Generator().manual_seed(seed)
    return DataLoader(LesionDataset(lesions().train), BATCH, shuffle=True, generator=order)


def optimise(model, epochs: int):
    """Optimizer and schedule of both loops."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR, weight_decay=1e-2)
    return optimizer, torch.optim.lr_scheduler.OneCycleLR(optimizer, LR, total_steps=epochs * STEPS, pct_start=0.2)


def train_ours(epochs: int = 1, seed: int = SEEDS[0]):
    """Our loop; returns the network."""
    torch.manual_seed(seed)
    accelerator = build_accelerator(half_precision())
    model = UNet(WIDTH).to(memory_format=torch.channels_last)
    optimizer, schedule = optimise(model, epochs)
    model, optimizer, batches = accelerator.prepare(model, optimizer, loader(seed))
    step = partial(training_step, loss=bce_loss)
    for _ in range(epochs):
        train_epoch(model, step, batches, optimizer, schedule, accelerator, tqdm(disable=True))
    return model


def train_plain(epochs: int = 1, seed: int = SEEDS[0]):
    """The usual loop: float32, channels first, `.item()` in each step; returns the network."""
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


def mean_iou(model) -> float:
    """Mean IoU on images that are not used for training."""
    return scores(predict(model, lesions().test)[0])["iou"]


def as_good(_ours, _plain) -> bool:
    """Whether both end with an IoU that, with the same seed, differs by less than a seed makes of the plain loop."""
    plain = [mean_iou(train_plain(EPOCHS, seed)) for seed in SEEDS]
    return abs(mean_iou(train_ours(EPOCHS)) - plain[0]) <= max(plain) - min(plain)


def build_cases() -> list[Case]:
    """The benchmark of this week."""
    return [Case("segmentation_train_step", "against the plain loop", SETTING, 2.5, train_ours, train_plain, as_good)]
