"""How this week's networks are trained: the training step, the losses by epoch, the optimizer, the best epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path

import torch
from torch import nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader

from coursework.runtime import build_accelerator
from coursework.schedules import one_cycle
from coursework.training import Step, train_model
from segmentation.data import LesionData
from segmentation.evaluate import predict, scores
from segmentation.losses import bce_loss
from segmentation.transforms import AUGMENTATION, LesionDataset, normalise


@dataclass(frozen=True)
class TrainConfig:
    """Training settings; `lr` is the peak learning rate of a one-cycle schedule.

    In the first epochs, the fraction `warmup` of all, the loss is binary cross-entropy. `encoder_lr` is for networks
    with a pretrained encoder.
    """

    epochs: int
    batch_size: int = 16
    lr: float = 2e-3
    encoder_lr: float | None = None
    warmup: float = 0.2
    precision: str = "no"
    seed: int = 0


def training_step(model: nn.Module, images: torch.Tensor, masks: torch.Tensor, loss: Callable) -> dict:
    """The loss of a batch: images (N, 3, S, S), uint8, and masks (N, 1, S, S) of 0 and 1."""
    logits = model(normalise(images))  # (N, 1, S, S)
    return {"loss": loss(logits.float(), masks)}


def build_optimizer(model: nn.Module, lr: float, encoder_lr: float | None = None) -> Optimizer:
    """AdamW; with `encoder_lr`, the parameters of `model.encoder` have this learning rate."""
    if encoder_lr is None:
        return AdamW(model.parameters(), lr=lr, weight_decay=1e-2)
    encoder = list(model.encoder.parameters())
    inside = set(map(id, encoder))
    others = [weight for weight in model.parameters() if id(weight) not in inside]
    return AdamW([{"params": others, "lr": lr}, {"params": encoder, "lr": encoder_lr}], weight_decay=1e-2)


def build_schedule(optimizer: Optimizer, steps: int) -> LRScheduler:
    """One cycle: each learning rate rises to its peak in the first fifth of the steps, then falls to almost zero."""
    peaks = [group["lr"] for group in optimizer.param_groups]
    return one_cycle(optimizer, peaks, steps, warm_up=0.2)


def fit(
    model: nn.Module,
    train: LesionData,
    validation: LesionData | None,
    config: TrainConfig,
    loss: Callable,
    checkpoint: Path | None = None,
    key: str = "",
    *,
    step: Callable = training_step,
    augmentation: Callable | None = AUGMENTATION,
    name: str = "training",
) -> list[dict]:
    """Train `model` in place; it ends with the weights of the epoch with the highest validation IoU.

    Returns one dict per epoch. Without `validation`, the last epoch's weights are kept.
    """
    accelerator = build_accelerator(config.precision)
    dataset = LesionDataset(train, augmentation)
    loader = DataLoader(dataset, config.batch_size, shuffle=True, drop_last=len(dataset) > config.batch_size)

    def begin_epoch(epoch: int) -> Step:
        return partial(step, loss=bce_loss if epoch < config.warmup * config.epochs else loss)

    def validate(model: nn.Module) -> dict[str, float]:
        return scores(predict(model, validation, accelerator, config.batch_size, flips=False)[0])

    return train_model(
        model,
        loader,
        build_optimizer(model, config.lr, config.encoder_lr),
        build_schedule,
        begin_epoch,
        accelerator,
        epochs=config.epochs,
        seed=config.seed,
        validate=validate if validation is not None else None,
        score=itemgetter("iou") if validation is not None else None,
        checkpoint=checkpoint,
        key=key,
        name=name,
    )
